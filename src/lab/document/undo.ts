/**
 * Undo for everything a lab consists of: its YAML and its program files. Each step keeps only what it replaced, so that undoing restores
 * every byte, comments included. Changes of one typing (same merge key) become one step.
 */
import type { CanvasLayout } from '../../machine/board/canvas';
import type { LabFiles } from '../protocol';

/** What an editor holds at one moment. */
export interface LabContent {
  readonly yaml: string;
  readonly files: LabFiles;
}

/** Replaces `removed` at `offset` by `inserted`. */
interface TextChange {
  kind: 'text';
  /** null: the YAML itself */
  file: string | null;
  offset: number;
  removed: string;
  inserted: string;
}

/** A file that came, went, or is binary. */
interface FileChange {
  kind: 'file';
  file: string;
  before: string | Uint8Array | undefined;
  after: string | Uint8Array | undefined;
}

type Change = TextChange | FileChange;

/** The board's layout on both sides of a step that changed nothing else. */
export interface LayoutStep {
  before: CanvasLayout | undefined;
  after: CanvasLayout | undefined;
}

interface Step<Label> {
  label: Label;
  mergeKey: string | null;
  changes: Change[];
  layout: LayoutStep | null;
}

/** What an editor goes back or forth to. */
export interface Restored {
  content: LabContent;
  /** null when more than the layout is another */
  layout: { canvas: CanvasLayout | undefined } | null;
}

function textChange(file: string | null, before: string, after: string): TextChange {
  let start = 0;
  const shorter = Math.min(before.length, after.length);
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return {
    kind: 'text',
    file,
    offset: start,
    removed: before.slice(start, before.length - end),
    inserted: after.slice(start, after.length - end),
  };
}

function difference(before: LabContent, after: LabContent): Change[] {
  const changes: Change[] = [];
  if (before.yaml !== after.yaml) changes.push(textChange(null, before.yaml, after.yaml));
  for (const file of new Set([...Object.keys(before.files), ...Object.keys(after.files)])) {
    const old = before.files[file];
    const now = after.files[file];
    if (old === now) continue;
    changes.push(
      typeof old === 'string' && typeof now === 'string' ? textChange(file, old, now) : { kind: 'file', file, before: old, after: now },
    );
  }
  return changes;
}

const splice = (source: string, offset: number, out: string, into: string): string =>
  source.slice(0, offset) + into + source.slice(offset + out.length);

function replay(content: LabContent, changes: readonly Change[], direction: 'undo' | 'redo'): LabContent {
  let yaml = content.yaml;
  const files: LabFiles = { ...content.files };
  for (const change of direction === 'undo' ? [...changes].reverse() : changes) {
    if (change.kind === 'file') {
      const value = direction === 'undo' ? change.before : change.after;
      if (value === undefined) delete files[change.file];
      else files[change.file] = value;
      continue;
    }
    const [out, into] = direction === 'undo' ? [change.inserted, change.removed] : [change.removed, change.inserted];
    if (change.file === null) yaml = splice(yaml, change.offset, out, into);
    else files[change.file] = splice(String(files[change.file]), change.offset, out, into);
  }
  return { yaml, files };
}

/** Steps forgotten beyond this, oldest first. */
const MAX_STEPS = 1_000;

/** The undo and redo stacks. It holds no content: the caller passes in what it has and takes what comes out. */
export class UndoHistory<Label> {
  private done: Step<Label>[] = [];
  private undone: Step<Label>[] = [];

  get undoLabel(): Label | null {
    return this.done.at(-1)?.label ?? null;
  }

  get redoLabel(): Label | null {
    return this.undone.at(-1)?.label ?? null;
  }

  /**
   * Remembers the step from `before` to `after`. Equal content is no step. A non-null `mergeKey` joins it to the last step when that has
   * the same. `layout` is given when nothing but the board's layout changes.
   */
  record(before: LabContent, after: LabContent, label: Label, mergeKey: string | null = null, layout: LayoutStep | null = null): void {
    const changes = difference(before, after);
    if (changes.length === 0) return;
    const last = this.done.at(-1);
    if (last && mergeKey !== null && last.mergeKey === mergeKey && this.undone.length === 0) {
      last.changes.push(...changes);
      last.layout = last.layout && layout && { before: last.layout.before, after: layout.after };
    } else this.done.push({ label, mergeKey, changes, layout });
    this.undone = [];
    if (this.done.length > MAX_STEPS) this.done.shift();
  }

  /** Ends the merging: the next change is a step of its own. */
  seal(): void {
    const last = this.done.at(-1);
    if (last) last.mergeKey = null;
  }

  /** The content before the last step, or null when there is none. */
  undo(content: LabContent): Restored | null {
    const step = this.done.pop();
    if (!step) return null;
    this.undone.push(step);
    return { content: replay(content, step.changes, 'undo'), layout: step.layout && { canvas: step.layout.before } };
  }

  redo(content: LabContent): Restored | null {
    const step = this.undone.pop();
    if (!step) return null;
    this.done.push({ ...step, mergeKey: null });
    return { content: replay(content, step.changes, 'redo'), layout: step.layout && { canvas: step.layout.after } };
  }

  clear(): void {
    this.done = [];
    this.undone = [];
  }
}
