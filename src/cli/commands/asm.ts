/** `asm FILE [-o OUT] [-l LISTING]`: one program with what it includes, to flat bytes. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { assemble, listing } from '../../assembler';
import { readIncludedFiles } from '../included-files';
import { describeFailure } from '../../host/files/shell-error';
import { fileTooLarge, MAX_FILE_BYTES } from '../../lab/document/files';
import { error, hasErrors, text } from '../../lab/document/problem';
import type { Language } from '../../lab/protocol';
import { plainHex } from '../../machine/address';
import { problemsOfDiagnostics } from '../../lab/session/programs';
import { Failure, failure, formatProblems } from '../failure';
import { EXIT, type Surroundings } from '../streams';

export interface AsmOptions {
  out?: string;
  listing?: string;
}

async function write(path: string, shown: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (thrown) {
    const { code, message } = describeFailure(thrown, shown);
    throw new Failure([error(`asm-${code}`, message)]);
  }
}

/** Assembles; writes bytes (default: FILE with .bin) and, when asked, the listing. Exit 2 on errors in the source. */
export async function asm(file: string, options: AsmOptions, language: Language, surroundings: Surroundings): Promise<number> {
  const path = resolve(surroundings.cwd, file);
  let source: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) throw new Failure([fileTooLarge(file, size)]);
    source = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure(
      'asm-not-read',
      describeFailure(thrown, file).message,
      text('Give the path of an .asm file.', '请给出 .asm 文件的路径。'),
    );
  }
  const name = basename(path);
  const files = await readIncludedFiles(dirname(path), name, source);
  const assembly = assemble(files, name);
  const problems = problemsOfDiagnostics(assembly.diagnostics).map((problem) => (problem.file === name ? { ...problem, file } : problem));
  surroundings.err(formatProblems(problems, file, language));
  if (hasErrors(problems)) return EXIT.badInput;
  const out = options.out ?? file.replace(/\.[^./\\]*$/, '') + '.bin';
  await write(resolve(surroundings.cwd, out), out, assembly.bytes);
  if (options.listing !== undefined)
    await write(resolve(surroundings.cwd, options.listing), options.listing, listing(assembly, name, source) + '\n');
  const { length } = assembly.bytes;
  surroundings.out(
    language === 'en'
      ? `${out}: ${length} bytes from ${plainHex(assembly.origin)}\n`
      : `${out}：${length} 字节，起始于 ${plainHex(assembly.origin)}\n`,
  );
  return EXIT.ok;
}
