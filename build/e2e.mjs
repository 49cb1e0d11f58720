/**
 * `npm run test:e2e`: the labs through the command line, then the journeys in Chromium and in Electron. Where there is no display
 * Electron gets virtual ones, one for each worker. `--all` runs every spec in both shells; `--package EXECUTABLE` drives a packaged
 * application instead of the checkout; other arguments go to Playwright.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { findElectron, noDisplay, XVFB } from './electron-runtime.mjs';
import { ensureBuilt, ensurePackages, repository, say } from './prepare.mjs';

await ensurePackages();
await ensureBuilt('main', 'preload', 'renderer');
const args = process.argv.slice(2);
const all = args.includes('--all');
const packageAt = args.indexOf('--package');
const packaged = packageAt < 0 ? undefined : args.splice(packageAt, 2)[1];
const found = packaged ? { runtime: { executable: packaged } } : await findElectron({ download: false });
const { runtime, reason } = found.runtime && noDisplay() ? { reason: noDisplay() } : found;
const env = {
  ...process.env,
  PAGEWALK_E2E_ALL: all ? '1' : '',
  PAGEWALK_ELECTRON: packaged ? '' : (runtime?.executable ?? ''),
  PAGEWALK_PACKAGED: packaged ?? '',
  PAGEWALK_ELECTRON_REASON: reason ?? '',
};

/** `-displayfd` lets the server choose a free display and says which. */
function startDisplay() {
  return new Promise((ready) => {
    const server = spawn(XVFB, ['-displayfd', '3', '-screen', '0', '1920x1080x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    server.on('error', () => ready(undefined));
    server.stdio[3].once('data', (chunk) => ready({ server, display: `:${String(chunk).trim()}` }));
  });
}

let virtual;
if (runtime && process.platform === 'linux' && !process.env.DISPLAY && existsSync(XVFB)) {
  // a packaged application is driven without dragging, on one display; else each worker starts its own (e2e/shells.ts)
  if (!packaged) env.PAGEWALK_XVFB = XVFB;
  else virtual = await startDisplay();
  if (virtual) env.DISPLAY = virtual.display;
}
if (!runtime) say(`THE ELECTRON HALF IS SKIPPED: ${reason}`);

const child = spawn(
  resolve(repository, 'node_modules/.bin/playwright'),
  [
    'test',
    '--config',
    'e2e/playwright.config.ts',
    ...(packaged ? ['--project', 'package'] : []),
    ...args.filter((argument) => argument !== '--all'),
  ],
  { cwd: repository, stdio: ['ignore', 'inherit', 'inherit'], env },
);
child.on('exit', (code) => {
  virtual?.server.kill();
  process.exit(code ?? 1);
});
