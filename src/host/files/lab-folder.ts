/**
 * A lab on disk: `NAME.lab.yaml` and the files it names beside it. Only files that the lab's programs refer to are read
 * (their `file` and `files`, and what these include), only inside the lab's folder, links followed and checked.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, relative, isAbsolute, sep } from 'node:path';
import { parseDocument } from 'yaml';
import { MAX_FILE_BYTES, MAX_FILE_COUNT, MAX_LAB_BYTES, MAX_TOTAL_BYTES } from '../../lab/document/files';
import type { LabFiles } from '../../lab/protocol';
import type { OpenedLab } from '../../lab/shell-bridge';
import { writeAtomically } from './atomic-write';
import { ShellFailure } from './shell-error';

const TEXT_NAME = /\.(asm|inc|s|nasm|txt|md|ya?ml|json|ld)$/i;
const INCLUDE = /^[ \t]*(?:%include|incbin)[ \t]+["'`]([^"'`\n]+)["'`]/gim;

export const labName = (path: string): string => basename(path).replace(/\.(lab\.)?ya?ml$/i, '');

const mebibytes = (bytes: number): number => Math.floor(bytes / 1024 ** 2);

export const fileTooLarge = (path: string, limit: number): ShellFailure =>
  new ShellFailure({
    code: 'too-large',
    message: {
      en: `${path} is larger than the ${mebibytes(limit)} MiB that a file may have. Give the lab a smaller one.`,
      'zh-CN': `${path} 超过单个文件的上限（${mebibytes(limit)} MiB）。请换用更小的文件。`,
    },
  });

export const labTooLarge = (): ShellFailure =>
  new ShellFailure({
    code: 'too-large',
    message: {
      en: `The lab has more than ${MAX_FILE_COUNT} files, or more than ${mebibytes(MAX_TOTAL_BYTES)} MiB in all. Take out what no program needs.`,
      'zh-CN': `实验的文件超过 ${MAX_FILE_COUNT} 个，或合计超过 ${mebibytes(MAX_TOTAL_BYTES)} MiB。请移除程序用不到的文件。`,
    },
  });

/** Text as it is read: UTF-8, a byte order mark dropped. Anything else would come back damaged when it is saved, so it is refused. */
function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ShellFailure({
      code: 'not-text',
      message: {
        en: `${name} is not UTF-8 text. Save it as UTF-8 in the editor it was written with; its letters would be lost otherwise.`,
        'zh-CN': `${name} 不是 UTF-8 文本。请在原编辑器中将其另存为 UTF-8，否则其中的文字会丢失。`,
      },
    });
  }
}

/** The file names that programs of a lab give, whatever else the text holds; a broken lab names none. */
export function programFiles(yaml: string): string[] {
  let root: unknown;
  try {
    root = parseDocument(yaml, { intAsBigInt: true, logLevel: 'silent' }).toJS({ maxAliasCount: 50 });
  } catch {
    return [];
  }
  const named = new Set<string>();
  const add = (value: unknown): void => {
    if (typeof value === 'string') named.add(value);
  };
  const program = (value: unknown): void => {
    add(value);
    if (value === null || typeof value !== 'object') return;
    const { file, files } = value as { file?: unknown; files?: unknown };
    add(file);
    if (Array.isArray(files)) files.forEach(add);
  };
  const lab = (root ?? {}) as { machine?: { program?: unknown }; vms?: unknown; files?: unknown };
  program(lab.machine?.program);
  if (Array.isArray(lab.vms)) for (const vm of lab.vms) program((vm as { program?: unknown } | null)?.program);
  const inline = new Set(lab.files !== null && typeof lab.files === 'object' ? Object.keys(lab.files) : []);
  return [...named].filter((name) => !inline.has(name));
}

/** The real path of a lab's file, or undefined when the name leads out of the folder. */
async function inside(folder: string, name: string): Promise<string | undefined> {
  if (isAbsolute(name) || name.includes('\\') || name.split('/').includes('..')) return undefined;
  const real = await realpath(join(folder, ...name.split('/')));
  const rest = relative(folder, real);
  return rest !== '' && !rest.startsWith('..' + sep) && rest !== '..' && !isAbsolute(rest) ? real : undefined;
}

/**
 * Reads the files that a lab's programs name, and what these include, as far as they exist: what is missing is for the
 * validator to report with its place. Throws ShellFailure `too-large`, `outside-lab` or `not-text`.
 */
export async function readProgramFiles(folder: string, yaml: string): Promise<LabFiles> {
  const root = await realpath(folder);
  const files: LabFiles = {};
  const waiting = programFiles(yaml);
  let total = 0;
  while (waiting.length > 0) {
    const name = waiting.shift()!;
    let real: string | undefined;
    try {
      real = await inside(root, name);
    } catch {
      continue;
    }
    if (real === undefined) {
      throw new ShellFailure({
        code: 'outside-lab',
        message: {
          en: `${name} leads out of the lab's folder. Copy the file into the folder and name it without "..".`,
          'zh-CN': `${name} 指向实验文件夹之外。请把该文件复制到实验文件夹中，并去掉路径中的 “..”。`,
        },
      });
    }
    const facts = await stat(real);
    if (!facts.isFile()) continue;
    if (facts.size > MAX_FILE_BYTES) throw fileTooLarge(name, MAX_FILE_BYTES);
    total += facts.size;
    if (total > MAX_TOTAL_BYTES || Object.keys(files).length >= MAX_FILE_COUNT) throw labTooLarge();
    const bytes = await readFile(real);
    if (!TEXT_NAME.test(name)) {
      files[name] = new Uint8Array(bytes);
      continue;
    }
    const text = decodeText(bytes, name);
    files[name] = text;
    for (const [, included] of text.matchAll(INCLUDE)) {
      waiting.push(posix.normalize(posix.join(posix.dirname(name), included!)), included!);
    }
  }
  return files;
}

/** Opens `NAME.lab.yaml` with its files. Throws the file system's errors and ShellFailure. */
export async function readLab(path: string, shipped: boolean): Promise<OpenedLab> {
  const facts = await stat(path);
  if (facts.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
  if (facts.size > MAX_LAB_BYTES) throw fileTooLarge(basename(path), MAX_LAB_BYTES);
  const yaml = decodeText(await readFile(path), basename(path));
  return { path: shipped ? null : path, name: labName(path), yaml, files: await readProgramFiles(dirname(path), yaml), shipped };
}

/** Saves the lab and its files, each atomically, the lab itself last: it never names a file that is not there yet. */
export async function writeLab(path: string, yaml: string, files: LabFiles): Promise<void> {
  const folder = dirname(path);
  for (const [name, content] of Object.entries(files)) {
    if (isAbsolute(name) || name.includes('\\') || name.split('/').includes('..')) continue;
    const target = join(folder, ...name.split('/'));
    const current = await readFile(target).catch(() => undefined);
    const wanted = Buffer.from(content);
    if (current === undefined || !current.equals(wanted)) await writeAtomically(target, wanted);
  }
  await writeAtomically(path, yaml);
}
