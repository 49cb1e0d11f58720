/** The window's settings: one JSON file in the user's data folder. An unreadable file counts as empty. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../../lab/shell-bridge';
import { writeAtomically } from './atomic-write';

const MAX_SETTINGS_BYTES = 1_000_000;

export class SettingsFile {
  private readonly path: string;
  private writing: Promise<void> = Promise.resolve();

  constructor(data: string, name = 'settings.json') {
    this.path = join(data, name);
  }

  async load(): Promise<Settings> {
    try {
      const parsed: unknown = JSON.parse(await readFile(this.path, 'utf8'));
      return parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed) ? (parsed as Settings) : {};
    } catch {
      return {};
    }
  }

  /** Writes in the order of the calls. Settings that are too large are refused with RangeError. */
  save(settings: Settings): Promise<void> {
    const text = JSON.stringify(settings, null, 2);
    if (text.length > MAX_SETTINGS_BYTES) return Promise.reject(new RangeError('settings are larger than 1 MB'));
    this.writing = this.writing.catch(() => undefined).then(() => writeAtomically(this.path, text));
    return this.writing;
  }
}
