/** The files that a program on disk includes, read like a lab's: inside its folder only. */
import { readProgramFiles } from '../host/files/lab-folder';
import { describeFailure } from '../host/files/shell-error';
import { error } from '../lab/document/problem';
import type { LabFiles } from '../lab/protocol';
import { Failure } from './failure';

/** `name` and what it includes, by path relative to `folder`. Throws Failure for a file that is too large or leads out. */
export async function readIncludedFiles(folder: string, name: string, source: string): Promise<LabFiles> {
  try {
    // a lab that names the program is all that the reader needs to follow its includes
    const files = await readProgramFiles(folder, `machine: { program: ${JSON.stringify(name)} }`);
    return { ...files, [name]: source };
  } catch (thrown) {
    const { code, message } = describeFailure(thrown, name);
    throw new Failure([error(`asm-${code}`, message)]);
  }
}
