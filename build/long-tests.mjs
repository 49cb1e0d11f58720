/**
 * The long form of a specification that `npm test` runs a sample of: `npm run test:oracle` compares a hundred thousand random
 * programs with QEMU and Bochs, in two processes, `npm run test:fuzz` executes a million random byte strings in every mode, `npm run test:decode`
 * compares two million with iced-x86. `--cases N` replaces the number, `--seed N` the seed; plain numbers after `--` do so too.
 * `npm run test:oracle -- --record SUITE` (or `all`) asks Bochs about a systematic suite again and keeps what it says.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages, repository } from './prepare.mjs';

const suites = 'src/machine/cpu/oracle/suites';
const TESTS = {
  oracle: {
    spec: 'src/machine/cpu/oracle/programs/programs.spec.ts',
    also: [suites, 'src/machine/cpu/compile/forms.spec.ts'],
    count: 'PAGEWALK_ORACLE_CASES',
    many: '100000',
    seed: 'PAGEWALK_ORACLE_SEED',
  },
  fuzz: {
    spec: 'src/machine/cpu/fuzz.spec.ts',
    also: ['src/machine/cpu/processor-fuzz.spec.ts'],
    count: 'PAGEWALK_FUZZ_STRINGS',
    many: '1000000',
    seed: 'PAGEWALK_FUZZ_SEED',
  },
  decode: { spec: 'src/machine/cpu/decode/iced.spec.ts', count: 'PAGEWALK_DECODE_STRINGS', many: '1000000' },
};
const usage = () => {
  console.error(`usage: long-tests.mjs ${Object.keys(TESTS).join('|')} [--cases N] [--seed N] [--record SUITE|all]`);
  process.exit(2);
};
let parsed;
try {
  parsed = parseArgs({
    allowPositionals: true,
    options: { cases: { type: 'string' }, seed: { type: 'string' }, record: { type: 'string' } },
  });
} catch {
  usage();
}
const [name, first, second] = parsed.positionals;
const test = TESTS[name] ?? usage();
const count = parsed.values.cases ?? first ?? test.many;
const seed = parsed.values.seed ?? second;
if (!/^[1-9]\d*$/.test(count) || (seed !== undefined && !/^\d+$/.test(seed))) usage();

const { record } = parsed.values;
if (record !== undefined && name !== 'oracle') usage();

await ensurePackages();
const specs = record === undefined ? [test.spec, ...(test.also ?? [])] : [`${suites}/suites.spec.ts`];
const asked = record === undefined ? { [test.count]: count } : { PAGEWALK_ORACLE_RECORD: record };
const env = { ...process.env, ...asked, ...(test.seed && seed !== undefined ? { [test.seed]: seed } : {}) };
const vitest = resolve(repository, 'node_modules/vitest/vitest.mjs');
/** Runs some of the specs; @returns whether they pass */
const run = (files, more = {}) =>
  new Promise((done) => {
    const args = [vitest, 'run', '--testTimeout=3600000', ...files];
    const child = spawn(process.execPath, args, { cwd: repository, stdio: 'inherit', env: { ...env, ...more } });
    child.on('exit', (code) => done(code === 0));
  });
// two processes share the random programs, and one goes on with the suites: ours takes most of the time, and only one processor
const shares = name === 'oracle' && record === undefined ? 2 : 1;
const share = (index) => ({ PAGEWALK_ORACLE_SHARE: `${index}/${shares}` });
const runs = shares === 1 ? [run(specs)] : [run(specs, share(0)), run([test.spec], share(1))];
const passed = (await Promise.all(runs)).every((one) => one);
if (shares > 1) console.log(passed ? 'no difference in either share' : 'there are differences: see above');
process.exit(passed ? 0 : 1);
