/**
 * Where an Electron runtime comes from, in this order: ELECTRON_OVERRIDE_DIST_PATH, node_modules/electron/dist, or the
 * installer of the electron package (`download: true`). The installer is given up after 30 s without progress.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { tmpdir, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { repository, say } from './prepare.mjs';

const EXECUTABLE = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform] ?? 'electron';
const WITHOUT_PROGRESS = 30_000;

function runtimeIn(folder) {
  const executable = join(folder, EXECUTABLE);
  if (!existsSync(executable)) return undefined;
  const version = join(folder, 'version');
  return { folder, executable, version: existsSync(version) ? readFileSync(version, 'utf8').trim().replace(/^v/, '') : 'unknown version' };
}

/** Bytes in the places the installer writes to: growing is progress. */
async function downloaded() {
  const caches = [
    process.env.electron_config_cache ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'electron'),
    join(homedir(), 'Library/Caches/electron'),
    join(process.env.LOCALAPPDATA ?? homedir(), 'electron/Cache'),
    resolve(repository, 'node_modules/electron/dist'),
  ];
  let bytes = 0;
  const count = async (folder, depth) => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth < 3) await count(path, depth + 1);
      else if (entry.isFile()) bytes += (await stat(path).catch(() => ({ size: 0 }))).size;
    }
  };
  for (const cache of caches) await count(cache, 0);
  for (const entry of await readdir(tmpdir()).catch(() => []))
    if (entry.startsWith('electron-download')) await count(join(tmpdir(), entry), 0);
  return bytes;
}

/** Runs `install-electron`. Resolves to a reason when it failed, undefined when it worked. */
function install() {
  return new Promise((done) => {
    say('fetching the Electron runtime (once; about 110 MB)');
    const child = spawn(process.execPath, [resolve(repository, 'node_modules/electron/install.js')], {
      cwd: repository,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let message = '';
    let seen = -1;
    let last = Date.now();
    let shown = 0;
    let over = false;
    const finish = (reason) => {
      if (over) return;
      over = true;
      clearInterval(watch);
      if (shown > 0) process.stderr.write('\n');
      done(reason);
    };
    const watch = setInterval(() => {
      void downloaded().then((bytes) => {
        if (over) return;
        if (bytes !== seen) {
          if (seen >= 0) {
            shown = bytes;
            process.stderr.write(`\rpagewalk: Electron runtime, ${(bytes / 1e6).toFixed(0)} MB`);
          }
          seen = bytes;
          last = Date.now();
        } else if (Date.now() - last > WITHOUT_PROGRESS) {
          child.kill('SIGKILL');
          finish('no progress for 30 s');
        }
      });
    }, 1000);
    child.stderr.on('data', (chunk) => (message = (message + chunk).slice(-4000)));
    child.on('error', (error) => finish(error.message));
    child.on('exit', (code) => {
      if (code === 0) return finish(undefined);
      const cause = /fetch failed/.test(message)
        ? 'the download server cannot be reached'
        : /\b(E[A-Z]{3,}|HTTPError[^\n]*|RequestError[^\n]*)/.exec(message)?.[0];
      finish(
        cause ??
          message
            .split('\n')
            .find((line) => line.trim() !== '')
            ?.trim() ??
          `the installer ended with ${code}`,
      );
    });
  });
}

/** `{ runtime }` or `{ reason }`. */
export async function findElectron({ download }) {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override) {
    const runtime = runtimeIn(resolve(override));
    return runtime ? { runtime } : { reason: `ELECTRON_OVERRIDE_DIST_PATH names ${override}, where there is no ${EXECUTABLE}` };
  }
  const own = resolve(repository, 'node_modules/electron/dist');
  const there = runtimeIn(own);
  if (there) return { runtime: there };
  if (!download) return { reason: 'no Electron runtime: set ELECTRON_OVERRIDE_DIST_PATH, or run npx install-electron' };
  const failure = await install();
  const runtime = failure === undefined ? runtimeIn(own) : undefined;
  return runtime
    ? { runtime }
    : { reason: `the Electron runtime could not be fetched (${failure ?? 'nothing was unpacked'}); it is tried again at the next start` };
}

export const XVFB = '/usr/bin/Xvfb';

/** Why no window can be opened by a test on this machine; undefined when one can. */
export function noDisplay() {
  if (process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY || existsSync(XVFB)) return undefined;
  return 'there is no display and no Xvfb (Debian: apt-get install xvfb)';
}

/** What the runtime must be started with on this machine, and why. */
export function electronFlags() {
  const root = process.platform === 'linux' && process.getuid?.() === 0;
  return root
    ? { flags: ['--no-sandbox'], note: 'running as root: Electron is started with --no-sandbox' }
    : { flags: [], note: undefined };
}
