/** Arguments that come from the window, which is not trusted: each is taken apart and checked, or refused with TypeError. */
import { isAbsolute } from 'node:path';
import type { LabFiles, Language } from '../../lab/protocol';
import type { Settings } from '../../lab/shell-bridge';
import { MAX_FILE_BYTES, MAX_LAB_BYTES } from './lab-folder';
import type { AutosavedLab } from './autosave';

const MAX_FILES = 500;

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

/** A lab's content as the window sends it for saving: names stay inside the lab, sizes inside the limits. */
export function labContent(value: unknown): AutosavedLab {
  const { path, name, yaml, files } = record(value, 'lab');
  if (typeof yaml !== 'string' || yaml.length > MAX_LAB_BYTES) throw new TypeError('a lab is text of at most 5 MB');
  const checked: LabFiles = {};
  const entries = Object.entries(record(files ?? {}, 'files'));
  if (entries.length > MAX_FILES) throw new TypeError(`a lab has at most ${MAX_FILES} files`);
  for (const [file, content] of entries) {
    if (file.length > 1000 || isAbsolute(file) || file.includes('\\') || file.includes('\0') || file.split('/').includes('..')) {
      throw new TypeError('a file name leads out of the lab');
    }
    if (typeof content !== 'string' && !(content instanceof Uint8Array)) throw new TypeError('a file is text or bytes');
    if (content.length > MAX_FILE_BYTES) throw new TypeError('a file is larger than 16 MB');
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
