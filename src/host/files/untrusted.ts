/** Arguments that come from the window, which is not trusted: each is taken apart and checked, or refused with TypeError. */
import { isAbsolute } from 'node:path';
import { MAX_FILE_BYTES, MAX_FILE_COUNT, MAX_LAB_BYTES, MAX_TOTAL_BYTES } from '../../lab/document/files';
import type { LabFiles, Language } from '../../lab/protocol';
import type { Settings } from '../../lab/shell-bridge';
import type { AutosavedLab } from './autosave';
import { fileTooLarge, labTooLarge } from './lab-folder';

function record(value: unknown, what: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${what} must be an object`);
  return value as Record<string, unknown>;
}

export function shortText(value: unknown): string {
  if (typeof value !== 'string' || value.length > 200) throw new TypeError('expected a short text');
  return value;
}

export function labPath(value: unknown): string {
  if (typeof value !== 'string' || value.length > 4096 || !isAbsolute(value) || !/\.ya?ml$/i.test(value)) {
    throw new TypeError('expected the full path of a lab file');
  }
  return value;
}

export const languageOf = (value: unknown): Language => (value === 'zh-CN' ? 'zh-CN' : 'en');

export function settingsOf(value: unknown): Settings {
  return record(value, 'settings');
}

export function documentState(value: unknown): { name: string; path: string | null; unsaved: boolean } {
  const { name, path, unsaved } = record(value, 'document state');
  return { name: shortText(name), path: typeof path === 'string' ? path : null, unsaved: unsaved === true };
}

/**
 * A lab's content as the window sends it for saving: names stay inside the lab, sizes inside the limits. A lab that has grown too large is
 * the user's doing and refused with ShellFailure; everything else that is wrong, with TypeError.
 */
export function labContent(value: unknown): AutosavedLab {
  const { path, name, yaml, files } = record(value, 'lab');
  if (typeof yaml !== 'string') throw new TypeError('a lab is text');
  if (yaml.length > MAX_LAB_BYTES) throw fileTooLarge(shortText(name), MAX_LAB_BYTES);
  const checked: LabFiles = {};
  const entries = Object.entries(record(files ?? {}, 'files'));
  if (entries.length > MAX_FILE_COUNT) throw labTooLarge();
  let total = 0;
  for (const [file, content] of entries) {
    if (file.length > 1000 || isAbsolute(file) || file.includes('\\') || file.includes('\0') || file.split('/').includes('..')) {
      throw new TypeError('a file name leads out of the lab');
    }
    if (typeof content !== 'string' && !(content instanceof Uint8Array)) throw new TypeError('a file is text or bytes');
    if (content.length > MAX_FILE_BYTES) throw fileTooLarge(file, MAX_FILE_BYTES);
    total += content.length;
    if (total > MAX_TOTAL_BYTES) throw labTooLarge();
    checked[file] = content;
  }
  return { path: path === null || path === undefined ? null : labPath(path), name: fileName(name), yaml, files: checked };
}

/** A name usable as a file name: what is not allowed in one becomes a dash. */
function fileName(value: unknown): string {
  const name = shortText(value)
    .replace(/[\\/:*?"<>|\u0000-\u001f]/g, '-')
    .replace(/^\.+/, '')
    .trim();
  return name === '' ? 'lab' : name;
}
