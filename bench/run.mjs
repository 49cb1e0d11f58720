/**
 * `npm run bench`: the guests of bench/guests on our processor and on other emulators, interleaved in one run, with medians,
 * spread and ratios. Every emulator must print the same phases and checksums. Options: --json, --runs N (5), --guests alu,fib,…,
 * --engines interpreter,v86,…, --vm (also as a VM under the VMM, and what EPT costs), --cpu (processor time instead of the wall's).
 * Engines `sampled` and `exact` are all tiers together while accesses to DRAM are sampled or all counted; an ordinary run has neither.
 */
import { existsSync } from 'node:fs';
import { loadavg, cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages, repository, run, say } from '../build/prepare.mjs';
import { hasProcessorTime } from './clock.mjs';
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
  vm: pagewalk('vm'),
  sampled: pagewalk('sampled'),
  exact: pagewalk('exact'),
  v86,
  qemu: qemu(false),
  qemuIcount: qemu(true),
  bochs,
};

/** Those of an ordinary run. */
const BARE = Object.keys(ENGINES).filter((name) => !['vm', 'sampled', 'exact'].includes(name));
/** Those that count instructions. */
const COUNTING = ['interpreter', 'threaded', 'compiled'];

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
        vm: { type: 'boolean', default: false },
        cpu: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    usage(error.message);
  }
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) usage(`--runs ${values.runs}: expected a whole number from 1.`);
  const engines = chosen(values.engines ?? (values.vm ? 'compiled' : BARE.join()), Object.keys(ENGINES), '--engines');
  if (values.vm && !engines.includes('vm')) engines.push('vm');
  if (values.cpu && !hasProcessorTime) usage('--cpu: processor time is read from /proc, which is not here.');
  return { json: values.json, cpu: values.cpu, runs, guests: chosen(values.guests, GUESTS, '--guests'), engines };
}

/** Only the benchmark needs v86: it is installed when the benchmark is first run. */
async function ensureV86() {
  if (existsSync(resolve(repository, 'bench/node_modules/v86/package.json'))) return;
  say('installing v86 for the benchmark (once)');
  const status = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: resolve(repository, 'bench') });
  if (status !== 0) say('v86 could not be installed: it is left out. Is the network there?');
}

const { json, cpu, runs, guests, engines } = options();
await ensurePackages();
if (engines.includes('v86')) await ensureV86();
const images = buildGuests(guests);

const available = [];
for (const name of engines) {
  if (await ENGINES[name].available()) available.push(name);
  else say(`${name} is not there: left out`);
}
if (!available.some((name) => COUNTING.includes(name)))
  usage(`--engines: ${COUNTING.join(' or ')} must be among them, because they count the instructions.`);

/** samples[engine][phase]: seconds of each run; checksums and counts by phase, and who printed them first */
const samples = Object.fromEntries(available.map((name) => [name, {}]));
const sums = {};
const counts = {};
const expected = {};
let failures = 0;

function complain(text) {
  process.stderr.write('\n');
  say(text);
  failures++;
}

/** Takes the phases that an engine printed for a guest, in comparison with what others printed. */
function take(name, guest, phases) {
  const letters = phases.map(({ phase }) => phase).join('');
  expected[guest] ??= { letters, engine: name };
  if (letters !== expected[guest].letters)
    return complain(`${guest}: ${name} printed the phases "${letters}", ${expected[guest].engine} "${expected[guest].letters}"`);
  for (const { phase: letter, seconds, checksum, instructions } of phases) {
    const phase = `${guest}.${letter}`;
    sums[phase] ??= { checksum, engine: name };
    if (instructions !== undefined) counts[phase] ??= { instructions, engine: name };
    if (sums[phase].checksum !== checksum)
      complain(`${phase}: ${name} printed ${checksum || 'nothing'}, ${sums[phase].engine} ${sums[phase].checksum}`);
    else if (instructions !== undefined && counts[phase].instructions !== instructions)
      complain(`${phase}: ${name} counted ${instructions} instructions, ${counts[phase].engine} ${counts[phase].instructions}`);
    else (samples[name][phase] ??= []).push(seconds);
  }
}

const begun = loadavg()[0];
for (let round = 1; round <= runs; round++) {
  for (const guest of guests) {
    for (const name of available) {
      if (process.stderr.isTTY) process.stderr.write(`\rrun ${round}/${runs}  ${guest.padEnd(4)} ${name.padEnd(12)}`);
      try {
        take(name, guest, await ENGINES[name].run(images[guest], cpu));
      } catch (error) {
        complain(`${name} on ${guest}: ${error.message}`);
      }
    }
  }
}
if (process.stderr.isTTY) process.stderr.write('\r' + ' '.repeat(40) + '\r');

const instructions = Object.fromEntries(Object.entries(counts).map(([phase, count]) => [phase, count.instructions]));
const summary = summarise(
  samples,
  instructions,
  Object.keys(ENGINES).filter((name) => BARE.includes(name) || engines.includes(name)),
);
const text = printTable(summary, available, { runs, cpu, cores: cpus().length, load: [begun, loadavg()[0]] });
if (json) {
  process.stderr.write(text);
  const phases = summary.phases.map(({ phase, mips }) => ({ phase, mips }));
  const { geomean, coldGeomean, eptCost } = summary;
  process.stdout.write(JSON.stringify({ phases, geomean, coldGeomean, ...(eptCost && { eptCost }) }, null, 2) + '\n');
} else process.stdout.write(text);
process.exitCode = failures > 0 ? 1 : 0;
