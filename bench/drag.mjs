/**
 * `npm run bench:drag [-- WORD …]`: what working on a board of 200 parts, and watching a machine that runs, costs the window, act by act,
 * from Chromium's own trace: script and layout
 * of each frame in processor time, and the longest task with what it consists of. With words, only the acts that have one in their name.
 * `--rounds N` does each act so often (3) and shows the round with the least longest task: on a machine that is shared, processor time
 * has in it what others took of the caches and the clock. CHROMIUM names the browser, KEEP_TRACE a folder for the traces. It reports;
 * nothing fails by time.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from '@playwright/test';
import { ensureBuilt, ensurePackages } from '../build/prepare.mjs';
import { boardActs, boardLab } from './board-acts.mjs';
import { machineActs, machineLab, machinesActs, machinesLab } from './machine-acts.mjs';
import { costs, share } from './trace.mjs';

const repository = resolve(import.meta.dirname, '..');
const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'toplevel', '__metadata', 'blink.user_timing', 'v8'];
/** Tasks longer than this are named, in milliseconds. */
const LONG = 50;

async function startHost(lab, data) {
  const host = spawn(process.execPath, [join(repository, 'out/main/web.js'), lab], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PAGEWALK_DATA: data, PAGEWALK_TEST: '1' },
  });
  const address = await new Promise((found) => {
    let printed = '';
    host.stdout.on('data', (chunk) => {
      printed += String(chunk);
      const match = /http:\/\/127\.0\.0\.1:\d+\/\S*/.exec(printed);
      if (match) found(match[0]);
    });
  });
  return { host, address };
}

async function measure(page, browser, { name, prepare, act, restore }, round) {
  await prepare?.();
  await browser.startTracing(page, {
    categories: [...CATEGORIES, ...(process.env.PROFILE ? ['disabled-by-default-v8.cpu_profiler'] : [])],
  });
  // what samples begins with the first script
  if (process.env.PROFILE) await page.evaluate(() => 0);
  await act();
  const trace = await browser.stopTracing();
  await restore?.();
  const { traceEvents } = JSON.parse(String(trace));
  if (process.env.KEEP_TRACE) await writeFile(join(process.env.KEEP_TRACE, `${name.replaceAll(' ', '-')}.${round}.json`), trace);
  return costs(traceEvents);
}

const ms = (value) => `${value.toFixed(1)} ms`;
const spread = (sorted) => `${ms(share(sorted, 0.5))} median, ${ms(share(sorted, 0.95))} 95 %, ${ms(share(sorted, 1))} most`;
const told = (parts) =>
  Object.entries(parts)
    .filter(([, value]) => value >= 1)
    .map(([kind, value]) => `${kind} ${value.toFixed(0)}`)
    .join(', ');

/** @param rounds what each round of one act cost */
function report(name, rounds) {
  const longest = rounds.map(({ tasks }) => tasks[0]?.ms ?? 0);
  const best = rounds[longest.indexOf(Math.min(...longest))];
  const others = rounds.length > 1 ? ` (${longest.map((value) => value.toFixed(0)).join(', ')})` : '';
  console.log(`${name}: longest task ${ms(best.tasks[0]?.ms ?? 0)}${others}: ${told(best.tasks[0]?.parts ?? {})}`);
  for (const { ms: long, parts } of best.tasks.slice(1).filter((task) => task.ms > LONG)) console.log(`  also ${ms(long)}: ${told(parts)}`);
  if (best.frames > 20) {
    console.log(`  ${best.frames} frames; script and layout of one ${spread(best.work)}`);
    console.log(`  painting one ${spread(best.paint)}`);
  }
}

/** Opens a lab in a browser of its own, waits until so many parts are drawn, and does the acts that are asked for. */
async function visit({ name, text, acts, parts }, rounds) {
  const folder = await mkdtemp(join(tmpdir(), 'pagewalk-drag-'));
  const lab = join(folder, 'bench.lab.yaml');
  await writeFile(lab, text);
  const { host, address } = await startHost(lab, folder);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    const page = await (await browser.newContext({ viewport: { width: 1680, height: 1000 }, locale: 'en-US' })).newPage();
    await page.goto(address);
    await page.locator('main[data-workspace] [role=region]').first().waitFor();
    await page.keyboard.press('Control+1');
    await page.locator('[data-part^="slot:"]').first().waitFor();
    await page.waitForFunction((least) => document.querySelectorAll('[data-part]').length >= least, parts);
    await page.waitForTimeout(1500);
    console.log(`${name}; ${await page.locator('[data-part]').count()} parts drawn; load of the machine ${loadavg()[0].toFixed(1)}`);
    for (const act of acts(page)) {
      if (!isWanted(act)) continue;
      const each = [];
      for (let round = 0; round < rounds; round++) each.push(await measure(page, browser, act, round));
      report(act.name, each);
    }
  } finally {
    await browser.close();
    host.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

const { values, positionals: words } = parseArgs({ options: { rounds: { type: 'string', default: '3' } }, allowPositionals: true });
const isWanted = ({ name }) => words.length === 0 || words.some((word) => name.includes(word));
await ensurePackages();
await ensureBuilt('main', 'renderer');
const scenes = [
  { name: 'A board of 200 parts', text: boardLab(), acts: boardActs, parts: 200 },
  { name: 'A machine that runs', text: machineLab(), acts: machineActs, parts: 1 },
  { name: 'Two VMs that run', text: machinesLab(), acts: machinesActs, parts: 1 },
];
for (const scene of scenes) if (scene.acts(null).some(isWanted)) await visit(scene, Number(values.rounds));
