/**
 * What a crash leaves behind. An autosave is one JSON file: beside the lab it belongs to (`.NAME.lab.yaml.autosave`), or in
 * the user's data folder for a lab without a place. The data folder keeps a list of those that exist; a clean close or a
 * save removes them.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LabFiles } from '../../lab/protocol';
import type { RecoveredLab } from '../../lab/shell-bridge';
import { writeAtomically } from './atomic-write';

export interface AutosavedLab {
  path: string | null;
  name: string;
  yaml: string;
  files: LabFiles;
}

interface Stored {
  path: string | null;
  name: string;
  yaml: string;
  texts: Record<string, string>;
  binaries: Record<string, string>;
}

const MAX_AUTOSAVE_BYTES = 200_000_000;

export class Autosaves {
  private readonly index: string;
  /** written by this run */
  private readonly mine = new Set<string>();
  /** left by an earlier run and offered back */
  private readonly offered = new Set<string>();

  /**
   * `data`: the user's data folder for Pagewalk. `live`: what all windows of this process have written and still own; a window's autosave
   * is offered to no other one while it is open.
   */
  constructor(
    data: string,
    private readonly live: Set<string> = new Set(),
  ) {
    this.index = join(data, 'autosaves');
  }

  /** The window is gone: what it has autosaved may be offered to the next one. */
  leave(): void {
    for (const pointer of this.mine) this.live.delete(pointer);
    this.mine.clear();
  }

  /** Where a lab's pointer lies; a second window on a lab of the same name has one of its own. */
  private keyOf(lab: AutosavedLab): string {
    for (let copy = 1; ; copy++) {
      const key = createHash('sha256')
        .update(`${lab.path ?? `unnamed ${lab.name}`}${copy === 1 ? '' : ` ${copy}`}`)
        .digest('hex')
        .slice(0, 32);
      const pointer = this.pointerOf(key);
      if (this.mine.has(pointer) || !this.live.has(pointer)) return key;
    }
  }

  private pointerOf(key: string): string {
    return join(this.index, `${key}.json`);
  }

  /** Throws the file system's error when neither place can be written. */
  async write(lab: AutosavedLab): Promise<void> {
    const stored: Stored = { path: lab.path, name: lab.name, yaml: lab.yaml, texts: {}, binaries: {} };
    for (const [name, content] of Object.entries(lab.files)) {
      if (typeof content === 'string') stored.texts[name] = content;
      else stored.binaries[name] = Buffer.from(content).toString('base64');
    }
    const text = JSON.stringify(stored);
    const key = this.keyOf(lab);
    const pointer = this.pointerOf(key);
    this.mine.add(pointer);
    this.live.add(pointer);
    const own = join(this.index, `${key}.autosave`);
    let place = own;
    if (lab.path !== null) {
      const beside = join(dirname(lab.path), `.${basename(lab.path)}.autosave`);
      place = await writeAtomically(beside, text).then(
        () => beside,
        () => own,
      );
    }
    await mkdir(this.index, { recursive: true });
    if (place === own) await writeAtomically(own, text);
    await writeAtomically(pointer, JSON.stringify({ place }));
    this.offered.delete(pointer);
  }

  /** Removes what this run wrote: after a save, or a close that drops the changes. What is still offered back stays. */
  async discard(): Promise<void> {
    for (const pointer of this.mine) {
      await this.remove(pointer);
      this.live.delete(pointer);
    }
    this.mine.clear();
  }

  /** Removes what was offered back and not wanted. */
  async discardRecovered(): Promise<void> {
    for (const pointer of this.offered) await this.remove(pointer);
    this.offered.clear();
  }

  /** Labs that an earlier run left, newest first. Unreadable ones are dropped. */
  async recovered(): Promise<RecoveredLab[]> {
    const pointers = (await readdir(this.index).catch(() => [])).filter((name) => name.endsWith('.json'));
    const found: RecoveredLab[] = [];
    for (const name of pointers) {
      const pointer = join(this.index, name);
      if (this.mine.has(pointer) || this.live.has(pointer)) continue;
      try {
        const { place } = JSON.parse(await readFile(pointer, 'utf8')) as { place: string };
        const facts = await stat(place);
        if (facts.size > MAX_AUTOSAVE_BYTES || !place.endsWith('.autosave')) throw new Error('not an autosave');
        const stored = JSON.parse(await readFile(place, 'utf8')) as Stored;
        const files: LabFiles = { ...stored.texts };
        for (const [file, base64] of Object.entries(stored.binaries)) files[file] = new Uint8Array(Buffer.from(base64, 'base64'));
        found.push({ path: stored.path, name: stored.name, yaml: stored.yaml, files, shipped: false, savedAt: facts.mtimeMs });
        this.offered.add(pointer);
      } catch {
        await this.remove(pointer);
      }
    }
    return found.sort((a, b) => b.savedAt - a.savedAt);
  }

  private async remove(pointer: string): Promise<void> {
    try {
      const { place } = JSON.parse(await readFile(pointer, 'utf8')) as { place: string };
      if (place.endsWith('.autosave')) await rm(place, { force: true });
    } catch {
      // a pointer that cannot be read points at nothing
    }
    await rm(pointer, { force: true });
  }
}
