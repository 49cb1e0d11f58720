/** Entry of the command line. */
import { resolve } from 'node:path';
import { useBranchHints } from '../host/branch-hints';
import { commandLine } from './command-line';
import { EXIT } from './streams';

const written = (stream: NodeJS.WriteStream) => (text: string | Uint8Array) => void stream.write(text);

// a reader that leaves early (| head) is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2));

/** sysexits' EX_SOFTWARE: a mistake of ours, not of the input's. */
const INTERNAL_ERROR = 70;

/** npm and the terminal may both tell of the same Ctrl-C: only one that comes later than this, in milliseconds, is a second one. */
const ONE_INTERRUPT = 500;

function interrupts(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  process.on('SIGINT', () => {
    if (controller.signal.aborted && performance.now() - first > ONE_INTERRUPT) process.exit(EXIT.interrupted);
    if (!controller.signal.aborted) first = performance.now();
    controller.abort();
  });
  return controller.signal;
}

useBranchHints();
try {
  process.exitCode = await commandLine(process.argv.slice(2), {
    out: written(process.stdout),
    err: written(process.stderr),
    input: () => process.stdin,
    interrupts,
    cwd: process.cwd(),
    resources: resolve(import.meta.dirname, '../../resources'),
    env: process.env,
  });
} catch (thrown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const detail = process.env['PAGEWALK_DEBUG'] === '1' ? error.stack : error.message;
  process.stderr.write(`pagewalk: internal error: ${detail}\n    Please report it; PAGEWALK_DEBUG=1 shows where it happened.\n`);
  process.exitCode = INTERNAL_ERROR;
}
