/** Errors of the file system as a shell reports them: a code, and a sentence in both languages that says what to do. */
import type { ShellError, ShellResult } from '../../lab/shell-bridge';

export class ShellFailure extends Error {
  constructor(readonly error: ShellError) {
    super(error.message.en);
    this.name = 'ShellFailure';
  }
}

/** Turns whatever a file operation threw into a ShellError. `path` is what the user knows the file by. */
export function describeFailure(thrown: unknown, path: string): ShellError {
  if (thrown instanceof ShellFailure) return thrown.error;
  const code = (thrown as NodeJS.ErrnoException | null)?.code ?? '';
  switch (code) {
    case 'ENOENT':
      return {
        code: 'not-found',
        message: { en: `${path} does not exist. It may have been moved or renamed.`, 'zh-CN': `${path} 不存在，可能已被移动或改名。` },
      };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        code: 'not-permitted',
        message: {
          en: `${path} may not be accessed. Choose another folder, or change its permissions.`,
          'zh-CN': `没有访问 ${path} 的权限。请选择其他文件夹，或修改其权限。`,
        },
      };
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        code: 'disk-full',
        message: {
          en: `The disk is full, ${path} was not written; the version before is untouched. Free some space and save again.`,
          'zh-CN': `磁盘已满，${path} 未写入，原文件保持不变。请释放空间后重新保存。`,
        },
      };
    case 'EISDIR':
    case 'ENOTDIR':
      return {
        code: 'not-a-lab',
        message: {
          en: `${path} is not a lab file. Open a file named NAME.lab.yaml.`,
          'zh-CN': `${path} 不是实验文件。请打开名为 NAME.lab.yaml 的文件。`,
        },
      };
    default:
      return {
        code: 'io',
        message: {
          en: `${path} could not be read or written (${code || 'unknown error'}).`,
          'zh-CN': `无法读写 ${path}（${code || '未知错误'}）。`,
        },
      };
  }
}

/** Runs a file operation and gives its result or its described failure. Rejects only with the TypeError of an argument that no window of ours sends. */
export async function attempt<T>(path: string, operation: () => T | Promise<T>): Promise<ShellResult<T>> {
  try {
    return { ok: true, value: await operation() };
  } catch (thrown) {
    if (thrown instanceof TypeError) throw thrown;
    return { ok: false, error: describeFailure(thrown, path) };
  }
}
