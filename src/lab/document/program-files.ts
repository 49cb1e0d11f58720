/** The files of a lab, and those that a program of it names. */
import type { LabFiles } from '../protocol';
import type { LabDocument, Program } from './schema';

/** A program's files; the first is the one that is loaded or assembled. */
export const programFiles = (program: Program): string[] => {
  const listed = 'files' in program && program.files ? program.files : [];
  return program.file === undefined ? listed : [program.file, ...listed.filter((path) => path !== program.file)];
};

/** The folder's files with the lab's inline ones over them. */
export const allFiles = (document: LabDocument, files: LabFiles): LabFiles => ({ ...files, ...(document.files ?? {}) });
