/** `npm run pagewalk -- …`: the command line, built first when its sources are newer. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { ensureBuilt, ensurePackages, repository } from './prepare.mjs';

await ensurePackages();
await ensureBuilt('main');
const child = spawn(process.execPath, [resolve(repository, 'out/main/cli.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: process.env.INIT_CWD ?? process.cwd(),
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
