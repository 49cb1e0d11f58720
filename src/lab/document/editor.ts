/**
 * A lab being edited: YAML text and files, what they mean, what is wrong with them, and the way back. No framework: the window's store
 * wraps one of these and shows its state. Every edit gives a new, consistent state or leaves everything as it was.
 */
import type { LabFiles, Problem } from '../protocol';
import { checkFiles, isSafePath } from './files';
import { loadLab, type LoadedLab } from './load';
import { applyPatches, type Patch } from './patches';
import { error, hasErrors, text, type Text } from './problem';
import { UndoHistory, type LabContent } from './undo';
import type { LabDocument } from './schema';

export type EditOutcome = { applied: true } | { applied: false; problems: Problem[] };

const APPLIED: EditOutcome = { applied: true };

export class LabEditor {
  private content: LabContent;
  private loaded: LoadedLab;
  private saved: LabContent;
  private readonly history = new UndoHistory<Text>();

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
    const outcome = applyPatches(this.content.yaml, patches);
    if (!outcome.ok) return { applied: false, problems: outcome.problems };
    const next = loadLab(outcome.yaml, this.content.files);
    // a document that could be read must stay readable; one that could not may be mended step by step
    if (!next.document && this.loaded.document) return { applied: false, problems: next.problems };
    this.take({ yaml: outcome.yaml, files: this.content.files }, label, mergeKey, next);
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
    this.content = next;
    this.loaded = loaded ?? loadLab(next.yaml, next.files);
  }

  private restore(content: LabContent | null): boolean {
    if (!content) return false;
    this.content = content;
    this.loaded = loadLab(content.yaml, content.files);
    return true;
  }
}
