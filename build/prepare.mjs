/**
 * What every command needs before it can do its work, with nothing but Node and npm on the machine: the npm packages, and
 * the built parts. Says in one line what it does and why; quiet when there is nothing to do.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isStale } from './stale.mjs';

export const repository = resolve(import.meta.dirname, '..');

export const say = (text) => process.stderr.write(`pagewalk: ${text}\n`);

/** Runs a command and gives its exit status. Output goes to standard error, so that a command's own output stays clean. */
export function run(command, args, options = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: repository,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32' && command === 'npm',
      ...options,
    });
    child.on('error', (error) => {
      say(`${command} could not be started: ${error.message}`);
      done(127);
    });
    child.on('exit', (code, signal) => done(code ?? (signal ? 1 : 0)));
  });
}

function checkNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    say(`Node ${process.versions.node} is too old: install Node 20 or newer.`);
    process.exit(2);
  }
}

/** Did the user run npm by hand? npm keeps what it installed in a lock file of its own; what is optional may be left out. */
async function isInstalled(wanted) {
  const installed = JSON.parse(await readFile(resolve(repository, 'node_modules/.package-lock.json'), 'utf8').catch(() => 'null'));
  if (!installed) return false;
  return Object.entries(JSON.parse(wanted).packages).every(([path, { integrity, optional }]) => {
    const there = installed.packages[path];
    return path === '' || (there ? there.integrity === integrity : optional === true);
  });
}

/** npm ci, unless the packages of this very lock file are there already. */
export async function ensurePackages() {
  checkNode();
  const wanted = await readFile(resolve(repository, 'package-lock.json'), 'utf8');
  const lock = createHash('sha256').update(wanted).digest('hex');
  const mark = resolve(repository, 'node_modules/.pagewalk-lock');
  if ((await readFile(mark, 'utf8').catch(() => '')) === lock) return;
  if (await isInstalled(wanted)) {
    await writeFile(mark, lock);
    return;
  }
  say('installing npm packages (once)');
  const status = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (status !== 0 || !existsSync(resolve(repository, 'node_modules/vite'))) {
    say('npm ci failed: the packages could not be installed. Is the network there? Run the command again once it is.');
    process.exit(1);
  }
  await writeFile(mark, lock);
}

/** Builds those of the parts that are older than their sources. */
export async function ensureBuilt(...parts) {
  const stale = [];
  for (const part of parts) if (await isStale(repository, part)) stale.push(part);
  if (stale.length === 0) return;
  say(`building ${stale.join(', ')}`);
  const status = await run(process.execPath, ['build/build.mjs', ...stale]);
  if (status !== 0) {
    say('the build failed; the messages above say where.');
    process.exit(1);
  }
}
