/** `serve [--port N]`: starts the web host, which lies beside the command line, and waits for it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { text } from '../../lab/document/problem';
import type { Language } from '../../lab/protocol';
import { failure } from '../failure';
import type { Surroundings } from '../streams';

/** Resolves with the web host's exit status. Ctrl-C reaches both, and ends both. */
export async function serve(port: number | undefined, _language: Language, { cwd }: Surroundings): Promise<number> {
  const host = fileURLToPath(new URL('./web.js', import.meta.url));
  if (!existsSync(host))
    throw failure(
      'serve-not-built',
      text('The web host has not been built.', 'Web 主机尚未构建。'),
      text('Run npm run build first.', '请先运行 npm run build。'),
    );
  const child = spawn(process.execPath, [host, ...(port === undefined ? [] : ['--port', String(port)])], { cwd, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((done) => child.on('exit', (code) => done(code ?? 0)));
}
