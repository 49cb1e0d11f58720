/** Entry of the command line. */
import { resolve } from 'node:path';
import { commandLine } from './command-line';

const written = (stream: NodeJS.WriteStream) => (text: string) => void stream.write(text);

// a reader that leaves early (| head) is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2));

process.exitCode = await commandLine(process.argv.slice(2), {
  out: written(process.stdout),
  err: written(process.stderr),
  cwd: process.cwd(),
  resources: resolve(import.meta.dirname, '../../resources'),
  env: process.env,
});
