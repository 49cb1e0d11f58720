/** `npm start -- --web`, and wherever no Electron runtime is to be had: the same lab in a browser, on this machine only. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { serve } from './server';

const places = {
  renderer: resolve(import.meta.dirname, '../renderer'),
  worker: resolve(import.meta.dirname, 'lab-worker.js'),
  resources: resolve(import.meta.dirname, '../../resources'),
  data: process.env['PAGEWALK_DATA'] ?? join(homedir(), '.pagewalk'),
};

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

const asked = option('--port');
const lab = process.argv.slice(2).find((argument) => /\.ya?ml$/i.test(argument));
const port = asked === undefined ? 0 : Number(asked);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`--port ${asked}: expected a port from 0 (any that is free) to 65535`);
  process.exit(2);
}
try {
  const server = await serve({ ...places, port, ...(lab === undefined ? {} : { lab: resolve(lab) }) });
  console.log(`Pagewalk is open at ${server.address}`);
  console.log('The address holds a token for this start only. Ctrl-C ends it.');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
} catch (thrown) {
  const code = (thrown as NodeJS.ErrnoException).code;
  console.error(
    code === 'EADDRINUSE'
      ? `Port ${port} is in use: choose another with --port, or leave it out.`
      : `The web host could not start (${code ?? String(thrown)}).`,
  );
  process.exit(2);
}
