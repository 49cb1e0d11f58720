/**
 * `npm run bench`: the guests of bench/guests on our processor and on other emulators, interleaved in one run, with medians,
 * spread and ratios. Every emulator must print the same checksums. Options: --json, --runs N (5), --guests alu,fib,…,
 * --engines interpreter,v86,…
 */
import { existsSync } from 'node:fs';
import { loadavg, cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages, repository, run, say } from '../build/prepare.mjs';
import { bochs, qemu } from './engines/external.mjs';
import { pagewalk, v86 } from './engines/node.mjs';
import { buildGuests, GUESTS } from './guests/build.mjs';
import { summarise } from './summary.mjs';
import { printTable } from './table.mjs';

/** In the order of the columns. */
const ENGINES = {
  interpreter: pagewalk('interpreter'),
  threaded: pagewalk('threaded'),
  compiled: pagewalk('compiled'),
  v86,
  qemu: qemu(false),
  qemuIcount: qemu(true),
  bochs,
};

function usage(text) {
  say(text);
  process.exit(2);
}

function chosen(list, known, option) {
  const names = list === undefined ? known : list.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) usage(`${option}: there is no "${wrong}"; choose from ${known.join(', ')}.`);
  return names;
}

function options() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        runs: { type: 'string', default: '5' },
        guests: { type: 'string' },
        engines: { type: 'string' },
      },
    }));
  } catch (error) {
    usage(error.message);
  }
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) usage(`--runs ${values.runs}: expected a whole number from 1.`);
  return {
    json: values.json,
    runs,
    guests: chosen(values.guests, GUESTS, '--guests'),
    engines: chosen(values.engines, Object.keys(ENGINES), '--engines'),
  };
}

/** Only the benchmark needs v86: it is installed when the benchmark is first run. */
async function ensureV86() {
  if (existsSync(resolve(repository, 'bench/node_modules/v86/package.json'))) return;
  say('installing v86 for the benchmark (once)');
  const status = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: resolve(repository, 'bench') });
  if (status !== 0) say('v86 could not be installed: it is left out. Is the network there?');
}

const { json, runs, guests, engines } = options();
await ensurePackages();
if (engines.includes('v86')) await ensureV86();
const images = buildGuests(guests);

const available = [];
for (const name of engines) {
  if (await ENGINES[name].available()) available.push(name);
  else say(`${name} is not there: left out`);
}
if (!available.includes('interpreter') && !available.includes('compiled'))
  usage('--engines: interpreter or compiled must be among them, because they count the instructions.');

/** samples[engine][phase]: seconds of each run; `sums` and `counts` by phase */
const samples = Object.fromEntries(available.map((name) => [name, {}]));
const sums = {};
const counts = {};
let failures = 0;
const begun = loadavg()[0];
for (let round = 1; round <= runs; round++) {
  for (const guest of guests) {
    for (const name of available) {
      process.stderr.write(`\rrun ${round}/${runs}  ${guest.padEnd(4)} ${name.padEnd(12)}`);
      let phases;
      try {
        phases = await ENGINES[name].run(images[guest]);
      } catch (error) {
        process.stderr.write('\n');
        say(`${name} on ${guest}: ${error.message}`);
        failures++;
        continue;
      }
      for (const { phase: letter, seconds, checksum, instructions } of phases) {
        const phase = `${guest}.${letter}`;
        (samples[name][phase] ??= []).push(seconds);
        if (instructions !== undefined) counts[phase] ??= instructions;
        sums[phase] ??= { checksum, engine: name };
        if (sums[phase].checksum === checksum && counts[phase] === (instructions ?? counts[phase])) continue;
        process.stderr.write('\n');
        say(
          `${phase}: ${name} printed ${checksum || 'nothing'}, ${sums[phase].engine} ${sums[phase].checksum}; or their instruction counts differ`,
        );
        failures++;
      }
    }
  }
}
process.stderr.write('\r' + ' '.repeat(40) + '\r');

const summary = summarise(samples, counts, Object.keys(ENGINES));
const text = printTable(summary, available, { runs, cores: cpus().length, load: [begun, loadavg()[0]] });
if (json) {
  process.stderr.write(text);
  const phases = summary.phases.map(({ phase, mips }) => ({ phase, mips }));
  process.stdout.write(JSON.stringify({ phases, geomean: summary.geomean }, null, 2) + '\n');
} else process.stdout.write(text);
process.exitCode = failures > 0 ? 1 : 0;
