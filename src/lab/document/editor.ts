/**
 * A lab being edited: YAML text and files, what they mean, what is wrong with them, and the way back. No framework: the window's store
 * wraps one of these and shows its state. Every edit gives a new, consistent state or leaves everything as it was.
 */
import { canvasSchema, type CanvasLayout } from '../../machine/board/canvas';
import type { LabFiles, Problem } from '../protocol';
import { checkFiles, isSafePath } from './files';
import { countLines, layoutLines, layoutLinesIn, withLayout, type LayoutLines } from './layout-text';
import { loadLab, type LoadedLab } from './load';
import { applyPatches, type Patch } from './patches';
import { error, hasErrors, text, type Text } from './problem';
import { UndoHistory, type LabContent, type LayoutStep, type Restored } from './undo';
import type { LabDocument } from './schema';

export type EditOutcome = { applied: true } | { applied: false; problems: Problem[] };

const APPLIED: EditOutcome = { applied: true };
/** Characters; a text near the largest that is read goes through the checks of its size. */
const LARGE_TEXT = 1_000_000;

export class LabEditor {
  private content: LabContent;
  private loaded: LoadedLab;
  private saved: LabContent;
  private readonly history = new UndoHistory<Text>();
  /** where the board's layout stands in the text; undefined until it is asked for, null where it cannot be told */
  private layout: LayoutLines | null | undefined;
  private meant = 0;

  /** `files` are the folder's, by path relative to it. A text that is no lab is held too, so that it can be mended. */
  constructor(yaml: string, files: LabFiles) {
    this.content = { yaml, files: { ...files } };
    this.saved = this.content;
    this.loaded = loadLab(yaml, this.content.files);
  }

  get yaml(): string {
    return this.content.yaml;
  }

  /** Treat as read-only; every edit makes a new object. */
  get files(): LabFiles {
    return this.content.files;
  }

  /** null while the text is no lab */
  get document(): LabDocument | null {
    return this.loaded.document;
  }

  get problems(): readonly Problem[] {
    return this.loaded.problems;
  }

  /** Could it be powered on, as far as the document tells? */
  get runnable(): boolean {
    return this.loaded.document !== null && !hasErrors(this.loaded.problems);
  }

  /** Grows with every change but one of the board's layout, which changes nothing of what the lab does. */
  get meaning(): number {
    return this.meant;
  }

  get unsaved(): boolean {
    const { yaml, files } = this.content;
    if (yaml !== this.saved.yaml) return true;
    const names = Object.keys(files);
    return names.length !== Object.keys(this.saved.files).length || names.some((name) => files[name] !== this.saved.files[name]);
  }

  get undoLabel(): Text | null {
    return this.history.undoLabel;
  }

  get redoLabel(): Text | null {
    return this.history.redoLabel;
  }

  /** Applies patches as one undo step. Refused, with nothing changed, when a path is unknown or the result is no lab any more. */
  patch(patches: readonly Patch[], label: Text, mergeKey: string | null = null): EditOutcome {
    if (this.arrange(patches, label, mergeKey)) return APPLIED;
    const { yaml, files } = this.content;
    const own = this.loaded.source?.text === yaml ? this.loaded.source : undefined;
    const outcome = applyPatches(yaml, patches, own);
    const next = outcome.ok ? loadLab(outcome.yaml, files) : null;
    // a document that could be read must stay readable; one that could not may be mended step by step
    if (!outcome.ok || !next || (!next.document && this.loaded.document)) {
      // what was read has been used up
      if (own) this.loaded = loadLab(yaml, files);
      return { applied: false, problems: outcome.ok ? (next?.problems ?? []) : outcome.problems };
    }
    this.take({ yaml: outcome.yaml, files }, label, mergeKey, next);
    return APPLIED;
  }

  /** The YAML edited as text. Any text is taken. */
  setYaml(yaml: string, label: Text, mergeKey: string | null = 'yaml'): void {
    this.take({ yaml, files: this.content.files }, label, mergeKey);
  }

  /** Writes a file of the lab (new or not); `mergeKey` joins the keystrokes of one typing. A file that the lab carries inline is changed there. */
  setFile(path: string, value: string | Uint8Array, label: Text, mergeKey: string | null = `file:${path}`): EditOutcome {
    if (typeof value === 'string' && this.document?.files && Object.hasOwn(this.document.files, path)) {
      return this.patch([{ op: 'set', path: ['files', path], value }], label, mergeKey);
    }
    const files = { ...this.content.files, [path]: value };
    const bad = checkFiles({ [path]: value });
    if (bad.length > 0) return { applied: false, problems: bad };
    this.take({ yaml: this.content.yaml, files }, label, mergeKey);
    return APPLIED;
  }

  removeFile(path: string, label: Text): EditOutcome {
    if (this.document?.files && Object.hasOwn(this.document.files, path))
      return this.patch([{ op: 'remove', path: ['files', path] }], label);
    const files = { ...this.content.files };
    delete files[path];
    this.take({ yaml: this.content.yaml, files }, label, null);
    return APPLIED;
  }

  /** Renames a file and, with it, every program that names it. */
  renameFile(from: string, to: string, label: Text): EditOutcome {
    const inline = this.document?.files ?? {};
    const exists = Object.hasOwn(this.content.files, to) || Object.hasOwn(inline, to);
    if (!isSafePath(to) || exists) {
      const message = exists
        ? text(`There already is a file ${to}.`, `已有文件 ${to}。`)
        : text(`${to} is not a path inside the lab.`, `${to} 不是实验文件夹内的路径。`);
      return {
        applied: false,
        problems: [
          error(exists ? 'lab-file-exists' : 'lab-unsafe-path', message, text('Choose another name.', '请换一个名称。'), { file: to }),
        ],
      };
    }
    const patches: Patch[] = [];
    const rename = (base: (string | number)[], program: { file?: string | undefined; files?: string[] } | undefined): void => {
      if (!program) return;
      if (program.file === from) patches.push({ op: 'set', path: this.isShortProgram(base) ? base : [...base, 'file'], value: to });
      program.files?.forEach((name, index) => name === from && patches.push({ op: 'set', path: [...base, 'files', index], value: to }));
    };
    rename(['machine', 'program'], this.document?.machine?.program);
    this.document?.vms?.forEach((vm, index) => rename(['vms', index, 'program'], vm.program));
    if (Object.hasOwn(inline, from))
      patches.push({ op: 'set', path: ['files', to], value: inline[from]! }, { op: 'remove', path: ['files', from] });
    const outcome = applyPatches(this.content.yaml, patches);
    if (!outcome.ok) return { applied: false, problems: outcome.problems };
    const files: LabFiles = {};
    for (const [name, value] of Object.entries(this.content.files)) files[name === from ? to : name] = value;
    this.take({ yaml: outcome.yaml, files }, label, null);
    return APPLIED;
  }

  /** False when there is nothing to undo. */
  undo(): boolean {
    return this.restore(this.history.undo(this.content));
  }

  redo(): boolean {
    return this.restore(this.history.redo(this.content));
  }

  /** The next change begins a new undo step (the editor lost focus, a pause in typing). */
  seal(): void {
    this.history.seal();
  }

  /** What is here now is what lies on disk. */
  markSaved(): void {
    this.saved = this.content;
    this.history.seal();
  }

  private isShortProgram(path: readonly (string | number)[]): boolean {
    const value = path.reduce<unknown>(
      (here, key) => (here !== null && typeof here === 'object' ? (here as Record<string | number, unknown>)[key] : undefined),
      this.loaded.source?.data,
    );
    return typeof value === 'string';
  }

  private take(next: LabContent, label: Text, mergeKey: string | null, loaded?: LoadedLab): void {
    this.history.record(this.content, next, label, mergeKey);
    this.load(next, loaded);
  }

  private load(content: LabContent, loaded = loadLab(content.yaml, content.files)): void {
    this.content = content;
    this.loaded = loaded;
    this.layout = undefined;
    this.meant++;
  }

  private restore(back: Restored | null): boolean {
    if (!back) return false;
    const lines = back.layout && this.layoutLines() && layoutLinesIn(back.content.yaml, this.content.yaml, this.layoutLines()!);
    if (back.layout && lines) this.relay(back.content, back.layout.canvas, lines);
    else this.load(back.content);
    return true;
  }

  /** Patches that are nothing but another layout of the board: as one step, without reading the lab anew. False when they are more. */
  private arrange(patches: readonly Patch[], label: Text, mergeKey: string | null): boolean {
    const [patch] = patches;
    const path = typeof patch?.path === 'string' ? patch.path.split('.') : patch?.path;
    if (patches.length !== 1 || !patch || patch.op === 'insert' || path?.length !== 2 || path[0] !== 'board' || path[1] !== 'canvas') return false;
    const lines = this.content.yaml.length < LARGE_TEXT && this.document ? this.layoutLines() : null;
    const value = patch.op === 'set' ? patch.value : undefined;
    const canvas = value === undefined ? { success: true as const, data: undefined } : canvasSchema.safeParse(value);
    if (!lines || !canvas.success) return false;
    const written = withLayout(this.content.yaml, lines, value);
    const next: LabContent = { yaml: written.text, files: this.content.files };
    const step: LayoutStep = { before: this.document?.board.canvas, after: canvas.data };
    this.history.record(this.content, next, label, mergeKey, step);
    this.relay(next, canvas.data, written.lines);
    return true;
  } // prettier-ignore

  private layoutLines(): LayoutLines | null {
    const { source } = this.loaded;
    if (this.layout === undefined) this.layout = source?.text === this.content.yaml ? layoutLines(source) : null;
    return this.layout;
  }

  /** Takes a text that differs in the lines of the layout: the document is the same but for that, problems move with their lines. */
  private relay(content: LabContent, canvas: CanvasLayout | undefined, lines: LayoutLines): void {
    const { document, problems, source } = this.loaded;
    const { yaml } = this.content;
    const tail = content.yaml.length - lines.end;
    const first = countLines(yaml, 0, lines.start) + 1;
    const more = countLines(content.yaml, lines.start, lines.end) - countLines(yaml, lines.start, yaml.length - tail);
    const { canvas: _, ...board } = document!.board;
    this.loaded = {
      document: { ...document!, board: canvas ? { ...board, canvas } : board },
      problems: more === 0 ? problems : problems.map((problem) => lower(problem, first, more)),
      // its data is of use still; where things stand in the text, it no longer knows
      source,
    };
    this.content = content;
    this.layout = lines;
  }
}

/** A problem of the lab file at or after a line, so many lines further down. */
function lower(problem: Problem, from: number, by: number): Problem {
  if (problem.file !== undefined || problem.line === undefined || problem.line < from) return problem;
  return { ...problem, line: problem.line + by, ...(problem.endLine === undefined ? {} : { endLine: problem.endLine + by }) };
}
