/** What may lie in a lab's folder: how large a file may be, and which paths stay inside. Applies before anything is read into the session. */
import type { LabFiles, Problem } from '../protocol';
import { error, text } from './problem';
import { pathSchema } from './schema';

/** The lab file itself, in bytes of UTF-8. */
export const MAX_LAB_BYTES = 5 * 1024 * 1024;
/** One program or binary. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** All files of a lab together. */
export const MAX_TOTAL_BYTES = 80 * 1024 * 1024;
export const MAX_FILE_COUNT = 256;

const encoder = new TextEncoder();

/** Length in bytes; texts count as UTF-8 (the quick bound first, so that a huge text is not encoded to find out). */
export function fileBytes(content: string | Uint8Array, limit = MAX_TOTAL_BYTES): number {
  if (typeof content !== 'string') return content.byteLength;
  return content.length > limit ? content.length : encoder.encode(content).byteLength;
}

/** Is it a relative path with forward slashes that cannot leave the folder? */
export const isSafePath = (path: string): boolean => path.length <= 512 && pathSchema.safeParse(path).success;

const mib = (bytes: number): string => `${Math.ceil(bytes / (1024 * 1024))} MiB`;

export function fileTooLarge(path: string, bytes: number): Problem {
  return error(
    'lab-file-too-large',
    text(
      `${path} has ${mib(bytes)}; a file of a lab may have at most ${mib(MAX_FILE_BYTES)}.`,
      `${path} 有 ${mib(bytes)}；实验中的一个文件最多 ${mib(MAX_FILE_BYTES)}。`,
    ),
    text('Use a smaller program, or let it build its data at run time.', '请换用较小的程序，或让程序在运行时生成数据。'),
    { file: path },
  );
}

/** Paths and sizes of a lab's files. Never throws. */
export function checkFiles(files: LabFiles): Problem[] {
  const problems: Problem[] = [];
  const entries = Object.entries(files);
  if (entries.length > MAX_FILE_COUNT) {
    problems.push(
      error(
        'lab-too-many-files',
        text(
          `The lab has ${entries.length} files; at most ${MAX_FILE_COUNT} are read.`,
          `实验有 ${entries.length} 个文件；最多读取 ${MAX_FILE_COUNT} 个。`,
        ),
        text('Remove files that no program uses.', '请删除没有程序使用的文件。'),
      ),
    );
  }
  let total = 0;
  for (const [path, content] of entries.slice(0, MAX_FILE_COUNT)) {
    if (!isSafePath(path)) {
      problems.push(
        error(
          'lab-unsafe-path',
          text(`${path} is not a path inside the lab.`, `${path} 不是实验文件夹内的路径。`),
          text('Use a relative path with forward slashes and without "..".', '请使用相对路径，用正斜杠，不含 “..”。'),
          { file: path },
        ),
      );
    }
    const bytes = fileBytes(content);
    total += bytes;
    if (bytes > MAX_FILE_BYTES) problems.push(fileTooLarge(path, bytes));
  }
  if (total > MAX_TOTAL_BYTES) {
    problems.push(
      error(
        'lab-files-too-large',
        text(
          `The lab's files have ${mib(total)} together; at most ${mib(MAX_TOTAL_BYTES)} are read.`,
          `实验的文件共 ${mib(total)}；最多读取 ${mib(MAX_TOTAL_BYTES)}。`,
        ),
        text('Use smaller files.', '请使用较小的文件。'),
      ),
    );
  }
  return problems;
}
