/** The files of `boot`: what it reads whole, and what it writes while the machine runs. Whatever the file system says comes back as a problem. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeFailure } from '../../host/files/shell-error';
import { error, text, type Text } from '../../lab/document/problem';
import { Failure, failure } from '../failure';
import type { Surroundings } from '../streams';

const folder = (file: string): Text => text(`${file} is a folder, not a file.`, `${file} 是文件夹，不是文件。`);
const isFolder = (thrown: unknown): boolean => (thrown as NodeJS.ErrnoException | null)?.code === 'EISDIR';

/** A ROM or a kernel. Throws Failure when it cannot be read or has more than `largest` bytes. */
export async function readInput(file: string, largest: number, { cwd }: Surroundings): Promise<Uint8Array> {
  try {
    const path = resolve(cwd, file);
    const { size } = await stat(path);
    if (size > largest)
      throw failure(
        'boot-file-too-large',
        text(`${file} has ${size} bytes; at most ${largest} are read.`, `${file} 有 ${size} 字节；最多读取 ${largest} 字节。`),
        text('Give the ROM or kernel itself.', '请给出 ROM 或内核文件本身。'),
      );
    return new Uint8Array(await readFile(path));
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw failure(
      'boot-not-read',
      isFolder(thrown) ? folder(file) : describeFailure(thrown, file).message,
      text('Give the path of a ROM or kernel.', '请给出 ROM 或内核文件的路径。'),
    );
  }
}

/** Does what may fail with a file that is written while the machine runs. Throws Failure then. */
export function writing<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const { code, message } = describeFailure(thrown, file);
    const full = text(
      `The disk is full: ${file} ends where there was no room left. Free some space and run it again.`,
      `磁盘已满：${file} 在空间用尽处中断。请释放空间后重新运行。`,
    );
    throw new Failure([error(`boot-${code}`, code === 'disk-full' ? full : isFolder(thrown) ? folder(file) : message)]);
  }
}
