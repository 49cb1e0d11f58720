/** Electron's main process: one window on one lab. Owns files, dialogs and the menu; the session runs on a worker it starts. */
import { app, BrowserWindow } from 'electron';
import { resolve } from 'node:path';
import { serveWindow } from './app-protocol';
import { LabWindow } from './lab-window';
import { denyEverything } from './permissions';

/** The lab file given on the command line, if any. */
function labArgument(argv: readonly string[], cwd: string): string | null {
  const file = argv.slice(1).findLast((argument) => /\.ya?ml$/i.test(argument));
  return file === undefined ? null : resolve(cwd, file);
}

if (process.env['PAGEWALK_DATA']) app.setPath('userData', resolve(process.env['PAGEWALK_DATA'], 'electron'));
let window: LabWindow | null = null;

if (!app.requestSingleInstanceLock()) {
  console.error('Pagewalk is already open; its window has been brought to the front.');
  app.exit(0);
} else {
  app.on('second-instance', (_event, argv, cwd) => window?.show(labArgument(argv, cwd)));
  app.on('web-contents-created', (_event, contents) => denyEverything(contents));
  app.on('window-all-closed', () => app.quit());
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) window = new LabWindow(null);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => window?.closeAtOnce());
  void app.whenReady().then(() => {
    serveWindow();
    window = new LabWindow(labArgument(process.argv, process.cwd()));
  });
}
