/**
 * `npm run bench:drag`: what working on a board of 200 parts costs, from Chromium's own trace: script and layout of each frame in
 * processor time, and the longest task; opening it, dragging one part, at the edge of the canvas (where the view moves along), and all
 * parts together, letting go, undo, zoom, moving the view, selecting with a box, typing in the inspector, removing a controller. CHROMIUM names the browser. It reports; nothing fails
 * by time. On a virtual machine processor time has in it what other guests took: compare runs, and take the least disturbed.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from '@playwright/test';
import { ensureBuilt, ensurePackages } from '../build/prepare.mjs';

const repository = resolve(import.meta.dirname, '..');
const SLOTS = 128;
const DEVICES = 64;
const FRAMES = 60;
const FRAME_MS = 17;
/** script, and what the browser does before it paints: style, layout, the tree for painting, what is under the pointer */
const WORK = new Set([
  'FunctionCall', 'EvaluateScript', 'FireAnimationFrame', 'EventDispatch', 'RunMicrotasks', 'TimerFire', 'MinorGC', 'MajorGC',
  'Layout', 'UpdateLayoutTree', 'PrePaint', 'HitTest',
]); // prettier-ignore
/** painting, reported beside it */
const PAINT = new Set(['Paint', 'Layerize']);

/** 200 parts: processor, firmware, IOMMU, legacy I/O, root, three controllers, slots and devices. */
function labOf() {
  const slots = Array.from({ length: SLOTS }, (_, i) => `    - { id: S${i}, dimm: ddr3-256m }`);
  const third = Math.ceil(SLOTS / 4);
  const controllers = [0, 1, 2].map((n) => {
    const own = Array.from({ length: Math.min(third, 32) }, (_, i) => `S${n * 32 + i}`);
    const channels = Array.from({ length: 8 }, (_, i) => `[${own.slice(i * 4, i * 4 + 4).join(', ')}]`);
    return `    - { id: mc${n}, channels: [${channels.join(', ')}] }`;
  });
  const devices = Array.from({ length: DEVICES }, (_, i) => `    - { id: d${i}, kind: dma-contiguous }`);
  return [
    'format: pagewalk.lab/1', 'title: Two hundred parts', 'board:', '  processor: p6-server', '  assignment: automatic', '  controllers:', ...controllers,
    '  slots:', ...slots, '  iommu: { present: true, enabled: true }', '  devices:', ...devices, 'machine: { program: main.asm }', 'files: { main.asm: hlt }', '',
  ].join('\n'); // prettier-ignore
}

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

/** Processor time where the trace has it: other programs on the machine do not count. */
const timeOf = ({ tdur, dur }) => tdur ?? dur;

const last = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** What the renderer's main thread did, split at the frames: milliseconds of work and of painting, and the longest task. */
function costs(events) {
  const calls = new Map();
  for (const { ph, name, pid, tid } of events)
    if (ph === 'X' && name === 'FunctionCall') calls.set(`${pid}/${tid}`, (calls.get(`${pid}/${tid}`) ?? 0) + 1);
  const [busiest] = [...calls].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (!busiest) throw new Error('the trace has no script');
  const own = events.filter(({ pid, tid, ph }) => ph === 'X' && `${pid}/${tid}` === busiest).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  /** the outermost events of these names: what is inside them is part of them */
  const outermost = (names) => {
    let end = -Infinity;
    return own.filter(({ name, ts, dur }) => {
      if (!names.has(name) || ts < end) return false;
      end = ts + dur;
      return true;
    });
  };
  const commits = own.filter(({ name }) => name === 'Commit').map(({ ts }) => ts);
  const perFrame = (names) => {
    const work = outermost(names);
    return commits
      .slice(1)
      .map((to, i) => work.filter(({ ts }) => ts >= commits[i] && ts < to).reduce((sum, event) => sum + timeOf(event), 0) / 1000)
      .sort((a, b) => a - b);
  };
  const tasks = own.filter(({ name }) => name === 'RunTask' || name === 'ThreadControllerImpl::RunTask').map((task) => timeOf(task) / 1000);
  return { frames: Math.max(0, commits.length - 1), work: perFrame(WORK), paint: perFrame(PAINT), longest: Math.max(0, ...tasks) };
}

async function measure(page, browser, name, act) {
  await browser.startTracing(page, { categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'toplevel', '__metadata', 'blink.user_timing'] }); // prettier-ignore
  await act();
  const trace = await browser.stopTracing();
  const { traceEvents } = JSON.parse(String(trace));
  if (process.env.KEEP_TRACE) await writeFile(join(process.env.KEEP_TRACE, `${name.replaceAll(' ', '-')}.json`), trace);
  const { frames, work, paint, longest } = costs(traceEvents);
  const ms = (value) => `${value.toFixed(1).padStart(6)} ms`;
  const three = (sorted) => `${ms(last(sorted, 0.5))} median, ${ms(last(sorted, 0.95))} 95%, ${ms(last(sorted, 1))} most`;
  console.log(`${name}: ${frames} frames, longest task ${ms(longest)}`);
  if (frames > 2) console.log(`  script and layout a frame ${three(work)}\n  painting a frame          ${three(paint)}`);
}

await ensurePackages();
await ensureBuilt('main', 'renderer');
const folder = await mkdtemp(join(tmpdir(), 'pagewalk-drag-'));
const lab = join(folder, 'parts.lab.yaml');
await writeFile(lab, labOf());
const { host, address } = await startHost(lab, folder);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const page = await (await browser.newContext({ viewport: { width: 1680, height: 1000 }, locale: 'en-US' })).newPage();
  await page.goto(address);
  await page.locator('main[data-workspace] [role=region]').first().waitFor();
  await page.keyboard.press('Control+2');
  await page.waitForTimeout(1500);
  await measure(page, browser, 'opening the board', async () => {
    await page.keyboard.press('Control+1');
    await page.locator('[data-part^="slot:"]').first().waitFor();
    await page.waitForTimeout(1500);
  });
  const parts = await page.locator('[data-part]').count();
  console.log(`${parts} parts drawn`);
  const frames = async (act) => {
    for (let i = 0; i < FRAMES; i++) {
      await act(i);
      await new Promise((done) => setTimeout(done, FRAME_MS));
    }
  };
  const drag = async (node) => {
    const box = await page.locator(`[data-part="${node}"]`).boundingBox();
    const [x, y] = [box.x + box.width / 2, box.y + box.height - 4];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await frames((i) => page.mouse.move(x + 40 * Math.sin(i / 9) + i / 4, y + 30 * Math.cos(i / 7)));
  };
  const release = async () => {
    await page.mouse.up();
    await page.waitForTimeout(800);
  };
  await measure(page, browser, 'dragging a slot for the first time', () => drag('slot:S22'));
  await measure(page, browser, 'letting it go', release);
  await measure(page, browser, 'dragging another slot', () => drag('slot:S24'));
  await measure(page, browser, 'letting that go', release);
  await measure(page, browser, 'undoing it', async () => {
    await page.keyboard.press('Control+z');
    await page.waitForTimeout(800);
  });
  await measure(page, browser, 'dragging a slot at the edge', () => drag('slot:S28'));
  await measure(page, browser, 'letting it go there', release);
  const { x: left, y: top, width, height } = await page.locator('.cv').boundingBox();
  await measure(page, browser, 'zooming', async () => {
    await page.mouse.move(left + width / 2, top + height / 3);
    await frames((i) => page.mouse.wheel(0, i % 30 < 15 ? -60 : 60));
    await page.waitForTimeout(300);
  });
  await measure(page, browser, 'moving the view', async () => {
    await page.mouse.move(left + width / 2, top + height - 60);
    await page.mouse.down();
    await frames((i) => page.mouse.move(left + width / 2 + 80 * Math.sin(i / 9), top + height - 60 - i));
    await page.mouse.up();
    await page.waitForTimeout(300);
  });
  await page.locator('[data-part="slot:S40"]').focus();
  await page.keyboard.press('0');
  await page.waitForTimeout(300);
  await measure(page, browser, 'selecting with a box', async () => {
    await page.keyboard.down('Shift');
    await page.mouse.move(left + 2, top + height - 60);
    await page.mouse.down();
    await frames((i) => page.mouse.move(left + 2 + (i * width) / FRAMES, top + height - 60 - (i * (height - 70)) / FRAMES));
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await page.waitForTimeout(300);
  });
  await page.locator('[data-part="slot:S41"]').click();
  await page.waitForTimeout(300);
  await measure(page, browser, 'choosing another slot', async () => {
    await page.locator('[data-part="slot:S42"]').click();
    await page.waitForTimeout(500);
  });
  const threshold = page.locator('[data-panel="inspector"] input[placeholder*="generation"]');
  await threshold.click();
  await measure(page, browser, 'typing in the inspector', async () => {
    await page.keyboard.type('48000', { delay: 40 });
    await page.keyboard.press('Enter');
    await page.waitForTimeout(800);
  });
  await page.locator('[data-part="slot:S42"]').focus();
  await measure(page, browser, 'undoing that', async () => {
    await page.keyboard.press('Control+z');
    await page.waitForTimeout(800);
  });
  await page.locator('[data-part="controller:mc0"]').focus();
  await measure(page, browser, 'removing a controller with 32 slots', async () => {
    await page.keyboard.press('Delete');
    await page.waitForTimeout(1200);
  });
  await measure(page, browser, 'bringing it back', async () => {
    await page.keyboard.press('Control+z');
    await page.waitForTimeout(1500);
  });
  await page.locator('[data-part="slot:S40"]').focus();
  await page.keyboard.press('Control+a');
  await page.waitForTimeout(300);
  await measure(page, browser, 'dragging all of them', () => drag('slot:S40'));
  await measure(page, browser, 'letting all go', release);
} finally {
  await browser.close();
  host.kill();
  await rm(folder, { recursive: true, force: true });
}
