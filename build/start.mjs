/**
 * `npm start`: installs what is missing, builds what is stale, and opens the desktop window; or, where there is no Electron
 * runtime or no display (or with --web), serves the same lab to a browser. A lab file may be named.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { electronFlags, findElectron } from './electron-runtime.mjs';
import { ensureBuilt, ensurePackages, repository, say } from './prepare.mjs';

const args = process.argv.slice(2);
const web = args.includes('--web');
const from = process.env.INIT_CWD ?? process.cwd();
const rest = args
  .filter((argument) => argument !== '--web')
  .map((argument) => (/\.ya?ml$/i.test(argument) ? resolve(from, argument) : argument));
const display = process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);

/** Runs until the program ends; Ctrl-C reaches it, and ends this too. */
function supervise(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal));
  child.on('error', (error) => {
    say(`could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : (code ?? 1)));
}

function openBrowser(address) {
  const [command, ...before] = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...before, address], { stdio: 'ignore', detached: true });
  child.on('error', () => say('no browser could be opened; open the address above in one.'));
  child.unref();
}

function startWeb() {
  const child = spawn(process.execPath, [resolve(repository, 'out/main/web.js'), ...rest], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    if (printed === null) return;
    printed += chunk;
    const address = /http:\/\/127\.0\.0\.1:\d+\/\S+/.exec(printed)?.[0];
    if (address) {
      printed = null;
      if (display && process.env.PAGEWALK_NO_BROWSER !== '1') openBrowser(address);
    }
  });
  supervise(child);
}

await ensurePackages();
await ensureBuilt('main', 'preload', 'renderer');
if (web) startWeb();
else if (!display) {
  say('there is no display: the lab is served to a browser instead of opening a window');
  startWeb();
} else {
  const { runtime, reason } = await findElectron({ download: true });
  if (!runtime) {
    say(`${reason}. The lab is served to a browser instead.`);
    startWeb();
  } else {
    const { flags, note } = electronFlags();
    if (note) say(note);
    const environment = { ...process.env };
    delete environment.ELECTRON_RUN_AS_NODE;
    supervise(spawn(runtime.executable, [...flags, repository, ...rest], { stdio: 'inherit', env: environment }));
  }
}
