/** The engines that run on this Node, each run in a process of its own: ours, bundled first, and v86. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { repository } from '../../build/prepare.mjs';
import { bundle } from './bundle.mjs';

const LIMIT_SECONDS = 600;

/** Runs a script; its last line is JSON. */
function answerOf(script, args) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_SECONDS * 1000);
    child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk) => (err += chunk));
    child.on('error', failed);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      if (signal) return failed(new Error(`not done after ${LIMIT_SECONDS} s`));
      if (code !== 0) return failed(new Error(`ended with ${code}: ${err.trim().split('\n').at(-1)}`));
      done(JSON.parse(out.trim().split('\n').at(-1)));
    });
  });
}

const clockOf = (cpu) => (cpu ? ['cpu'] : []);

export const v86 = {
  available: () => existsSync(resolve(repository, 'bench/node_modules/v86/package.json')),
  run: ({ image }, cpu) => answerOf(resolve(import.meta.dirname, 'v86.mjs'), [image, ...clockOf(cpu)]),
};

/** Our processor, bundled once a run: the script, and the tiers that it has. */
let ours;
const bundleOurs = async () => {
  const script = await bundle('pagewalk');
  return { script, tiers: await answerOf(script, []) };
};

/** One tier of ours. */
export const pagewalk = (engine) => ({
  async available() {
    ours ??= bundleOurs();
    return (await ours).tiers.includes(engine);
  },
  run: async ({ image }, cpu) => answerOf((await ours).script, [image, engine, ...clockOf(cpu)]),
});
