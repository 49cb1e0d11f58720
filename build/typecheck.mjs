/** `npm run typecheck`: the core (no DOM), the window (DOM) and the e2e specs (both), each with its own configuration, side by side. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { ensurePackages, repository } from './prepare.mjs';

await ensurePackages();
const run = (project) =>
  new Promise((done) => {
    const child = spawn(resolve(repository, 'node_modules/.bin/vue-tsc'), ['--noEmit', '-p', project], {
      cwd: repository,
      stdio: 'inherit',
    });
    child.on('exit', (code) => done(code === 0));
  });
const results = await Promise.all(['tsconfig.node.json', 'tsconfig.renderer.json', 'tsconfig.e2e.json'].map(run));
process.exit(results.every(Boolean) ? 0 : 1);
