/**
 * `npm run soak`: ten minutes (`--minutes N`) of guests that change their code and their page tables, in the compiled tier. Memory
 * at the end must be at most 1.1 times that of minute 2 (of a fifth of the time when that is less), and no compiled region may
 * have more than 8 KiB; else the exit status is 1. `--json` prints every sample.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ensurePackages, say } from '../build/prepare.mjs';
import { bundle } from './engines/bundle.mjs';
import { buildEndless, SOAKED } from './guests/build.mjs';
import { judge } from './soak-verdict.mjs';

/** What runs at the same time: guest and engine. */
const RUNS = [
  ['smc', 'compiled'],
  ['ptc', 'compiled'],
  ['soak', 'compiled'],
  ['soak', 'auto'],
];

function options() {
  try {
    const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, json: { type: 'boolean', default: false } } });
    const minutes = Number(values.minutes);
    if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes}: expected a number above 0.`);
    return { minutes, json: values.json };
  } catch (error) {
    say(error.message);
    process.exit(2);
  }
}

const { minutes, json } = options();
await ensurePackages();
const images = buildEndless(SOAKED);
const script = await bundle('soak');
const guests = RUNS.map(([guest, engine]) => `${guest}=${images[guest]}=${engine}`);
const child = spawn(process.execPath, ['--expose-gc', script, String(minutes), ...guests], { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = new Promise((done) => child.on('close', done));
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
const samples = [];
for await (const line of createInterface({ input: child.stdout })) {
  const sample = JSON.parse(line);
  samples.push(sample);
  if (json) continue;
  const { seconds, rss, pool, regions, regionBytes, compiled } = sample;
  console.log(
    `${String(seconds).padStart(4)} s  rss ${mebibytes(rss)} MiB  pool ${mebibytes(pool)} MiB  ${regions} regions of ${mebibytes(regionBytes)} MiB, ${compiled} compiled so far`,
  );
}
const status = await ended;
if (status !== 0) {
  say(`the guests ended with ${status}`);
  process.exit(1);
}
const verdict = judge(samples, minutes);
if (json) console.log(JSON.stringify({ samples, ...verdict }, null, 2));
else for (const line of verdict.text) console.log(line);
process.exitCode = verdict.passed ? 0 : 1;
