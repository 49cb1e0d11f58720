/** A lab's programs, assembled or taken as they are, before they are handed to the firmware. */
import { assemble, type Assembly, type Diagnostic } from '../../assembler';
import { formatAddress } from '../../machine/address';
import { defaultLoad } from '../../machine/firmware/flat';
import type { LabFiles, Problem } from '../protocol';
import { error, hasErrors, text, warning } from '../document/problem';
import type { LabDocument, Program } from '../document/schema';
import { allFiles, programFiles } from '../document/program-files';

/** The assembler's diagnostics as problems of the lab. */
export const problemsOfDiagnostics = (diagnostics: readonly Diagnostic[], vm?: string): Problem[] =>
  diagnostics.map(({ severity, code, message, file, line, column, endColumn }) => ({
    severity,
    code,
    message,
    file,
    line,
    column,
    endLine: line,
    endColumn,
    ...(vm !== undefined ? { vm } : {}),
  }));

const ASSEMBLY_SOURCE = /\.(asm|nasm|s)$/i;
const isAssembly = (path: string): boolean => ASSEMBLY_SOURCE.test(path);

/** A program ready to be loaded. */
export interface BuiltProgram {
  /** null: the bare machine's */
  vm: string | null;
  program: Program;
  file: string;
  bytes: Uint8Array;
  /** what it was assembled from; null for a binary */
  assembly: Assembly | null;
}

/** Symbols to assemble with, or the reason that they cannot be known. */
export type DefineResolver = (vm: string | null, program: Program) => { defines: Record<string, number> } | { problem: Problem };

/** The programs of a document with the VM each belongs to. */
export function programsOf(document: LabDocument): { vm: string | null; program: Program }[] {
  const list: { vm: string | null; program: Program }[] = [];
  if (document.machine) list.push({ vm: null, program: document.machine.program });
  for (const { id, program } of document.vms ?? []) if (program) list.push({ vm: id, program });
  return list;
}

/** `org` and the load address of a flat image are two numbers that must agree: every address in the code counts from the first. */
function originWarning(program: Program, { ok, origin, originPlace }: Assembly, where: { vm?: string }): Problem | null {
  const options: Partial<Extract<Program, { load?: unknown }>> = program;
  if (!ok || !originPlace || (options.format ?? 'flat') !== 'flat') return null;
  const load = options.load ?? defaultLoad(options.mode ?? 'real');
  if (load === origin) return null;
  const { file, line, column, endColumn } = originPlace;
  const [org, at] = [formatAddress(origin), formatAddress(load)];
  return warning(
    'asm-origin-differs',
    text(
      `org says ${org}, but the lab loads the program at ${at}: its addresses will be wrong.`,
      `org 是 ${org}，而实验把程序加载到 ${at}：其中的地址会出错。`,
    ),
    text(`Write org ${at}, or load: ${org} in the lab.`, `请写 org ${at}，或在实验中写 load: ${org}。`),
    { ...where, file, line, column, endLine: line, endColumn },
  );
}

/** Builds one program. Never throws; what the source has wrong comes back as problems with their places. */
export function buildProgram(
  document: LabDocument,
  files: LabFiles,
  vm: string | null,
  program: Program,
  resolve: DefineResolver,
): { built: BuiltProgram | null; problems: Problem[] } {
  const where = vm === null ? {} : { vm };
  const file = programFiles(program)[0];
  const available = allFiles(document, files);
  const content = file === undefined || !Object.hasOwn(available, file) ? undefined : available[file];
  if (file === undefined || content === undefined) {
    const message = text(`The program ${file ?? ''} is not in the lab's folder.`, `实验文件夹中没有程序 ${file ?? ''}。`);
    return {
      built: null,
      problems: [error('lab-missing-program', message, text('Add the file, or name another.', '请添加该文件，或改用其他文件。'), where)],
    };
  }
  if (!isAssembly(file)) {
    return {
      built: { vm, program, file, bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content, assembly: null },
      problems: [],
    };
  }
  const resolved = resolve(vm, program);
  if ('problem' in resolved) return { built: null, problems: [resolved.problem] };
  const assembly = assemble(available, file, { defines: resolved.defines });
  const problems = problemsOfDiagnostics(assembly.diagnostics, vm ?? undefined);
  const misplaced = originWarning(program, assembly, where);
  if (misplaced) problems.push(misplaced);
  return { built: hasErrors(problems) ? null : { vm, program, file, bytes: assembly.bytes, assembly }, problems };
}

/** Symbols that are numbers already; those that are known at power-on only get `unknown`, so that everything else can be judged before. */
function plainDefines(program: Program, unknown: number): Record<string, number> {
  const defines: Record<string, number> = {};
  if (!('defines' in program)) return defines;
  for (const [name, define] of Object.entries(program.defines ?? {})) defines[name] = typeof define === 'number' ? define : unknown;
  return defines;
}

/**
 * Builds every program of a lab before power-on: addresses that are known only then are taken as an address far up, so that sizes come out
 * as they will be.
 */
export function buildAll(document: LabDocument, files: LabFiles): { programs: BuiltProgram[]; problems: Problem[] } {
  const programs: BuiltProgram[] = [];
  const problems: Problem[] = [];
  for (const { vm, program } of programsOf(document)) {
    const result = buildProgram(document, files, vm, program, () => ({ defines: plainDefines(program, 0x1000_0000) }));
    problems.push(...result.problems);
    if (result.built) programs.push(result.built);
  }
  return { programs, problems };
}
