/**
 * The long form of a specification that `npm test` runs a sample of: `npm run test:fuzz` executes a million random byte strings in
 * every mode, `npm run test:decode` compares two million with iced-x86. A number after `--` replaces the million, a second one
 * the seed of the fuzzing.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { ensurePackages, repository } from './prepare.mjs';

const TESTS = {
  fuzz: { spec: 'src/machine/cpu/fuzz.spec.ts', count: 'PAGEWALK_FUZZ_STRINGS', seed: 'PAGEWALK_FUZZ_SEED' },
  decode: { spec: 'src/machine/cpu/decode/iced.spec.ts', count: 'PAGEWALK_DECODE_STRINGS' },
};
const [name, count = '1000000', seed = '1'] = process.argv.slice(2);
const test = TESTS[name];
if (test === undefined || !/^[1-9]\d*$/.test(count) || !/^\d+$/.test(seed)) {
  console.error(`usage: long-tests.mjs ${Object.keys(TESTS).join('|')} [STRINGS [SEED]]`);
  process.exit(2);
}

await ensurePackages();
const env = { ...process.env, [test.count]: count, ...(test.seed ? { [test.seed]: seed } : {}) };
const vitest = resolve(repository, 'node_modules/vitest/vitest.mjs');
const child = spawn(process.execPath, [vitest, 'run', '--testTimeout=3600000', test.spec], { cwd: repository, stdio: 'inherit', env });
child.on('exit', (code) => process.exit(code ?? 1));
