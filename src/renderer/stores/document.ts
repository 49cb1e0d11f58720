/**
 * The lab being edited. The window owns it: every change goes through a LabEditor (text, files, meaning, problems, undo),
 * and this store makes its state visible, opens and saves it through the shell, and autosaves 2 s after a change.
 */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { LabEditor, type EditOutcome } from '../../lab/document/editor';
import type { Patch } from '../../lab/document/patches';
import type { LabFiles, Language, Problem } from '../../lab/protocol';
import type { OpenedLab, ShellError, ShellResult } from '../../lab/shell-bridge';
import { useBridge } from './bridge';
import { NEW_LAB_FILES, NEW_LAB_YAML } from './new-lab';

export type Label = Record<Language, string>;
/** The lab file itself, in the list of files. */
export const LAB_FILE = 'lab.yaml';
const AUTOSAVE_DELAY_MS = 2_000;

const LABELS = {
  yaml: { en: 'Edit lab file', 'zh-CN': '编辑实验文件' },
  typing: { en: 'Typing', 'zh-CN': '输入' },
  addFile: { en: 'Add file', 'zh-CN': '添加文件' },
  removeFile: { en: 'Delete file', 'zh-CN': '删除文件' },
  renameFile: { en: 'Rename file', 'zh-CN': '重命名文件' },
} satisfies Record<string, Label>;

export const useDocument = defineStore('document', () => {
  const bridge = useBridge();
  let editor: LabEditor | null = null;
  /** grows with every change of any kind */
  const revision = ref(0);
  /** grows with every change but those of the board's layout, which only the canvas draws */
  const meaning = ref(0);
  /** grows when another lab is opened */
  const opened = ref(0);
  /** number of the newest wish to open something */
  let request = 0;
  const name = ref('');
  const path = ref<string | null>(null);
  const shipped = ref(false);
  /** the last refused edit, save or autosave, until the next one succeeds */
  const failure = shallowRef<ShellError | null>(null);
  const refused = shallowRef<readonly Problem[]>([]);

  const see = <T>(read: (lab: LabEditor) => T, otherwise: T) =>
    computed<T>(() => {
      void revision.value;
      return editor ? read(editor) : otherwise;
    });
  const isOpen = see(() => true, false);
  const yaml = see((lab) => lab.yaml, '');
  /** files of the lab's folder; those that the lab carries inline are in `allFiles` too */
  const files = see<LabFiles>((lab) => lab.files, {});
  const document = see((lab) => lab.document, null);
  const problems = see<readonly Problem[]>((lab) => lab.problems, []);
  const runnable = see((lab) => lab.runnable, false);
  /** recovered: what lies on disk is older than what was opened here */
  const newerThanDisk = ref(false);
  const unsaved = see((lab) => lab.unsaved || newerThanDisk.value, false);
  const undoLabel = see<Label | null>((lab) => lab.undoLabel, null);
  const redoLabel = see<Label | null>((lab) => lab.redoLabel, null);
  const allFiles = computed<LabFiles>(() => ({ ...files.value, ...document.value?.files }));
  const vmIndex = computed(() => new Map((document.value?.vms ?? []).map((vm, index) => [vm.id, index] as const)));

  let autosaveTimer: ReturnType<typeof setTimeout> | undefined;
  const content = (lab: LabEditor) => ({ path: path.value, name: name.value, yaml: lab.yaml, files: lab.files });

  async function autosave(): Promise<void> {
    clearTimeout(autosaveTimer);
    if (!editor) return;
    if (!unsaved.value) {
      await bridge.discardAutosave();
      return;
    }
    const result = await bridge.autosave(content(editor));
    failure.value = result.ok ? null : result.error;
  }

  function announce(): void {
    bridge.setDocumentState({ name: name.value, path: path.value, unsaved: unsaved.value });
  }
  let meant = 0;
  function changed(): void {
    revision.value++;
    if (editor && editor.meaning !== meant) meaning.value++;
    meant = editor?.meaning ?? 0;
    announce();
    clearTimeout(autosaveTimer);
    autosaveTimer = setTimeout(() => void autosave().catch(() => undefined), AUTOSAVE_DELAY_MS);
  }
  function settle(outcome: EditOutcome): EditOutcome {
    refused.value = outcome.applied ? [] : outcome.problems;
    if (outcome.applied) changed();
    return outcome;
  }

  /** Takes another lab; what was open is dropped (ask first). A text that is no lab is opened too, so that it can be mended. */
  function adopt(lab: OpenedLab): void {
    clearTimeout(autosaveTimer);
    editor = new LabEditor(lab.yaml, lab.files);
    name.value = lab.name;
    path.value = lab.path;
    shipped.value = lab.shipped;
    newerThanDisk.value = false;
    failure.value = null;
    refused.value = [];
    meant = editor.meaning;
    revision.value++;
    meaning.value++;
    opened.value++;
    announce();
  }
  /** What a crashed run left behind: unsaved from the start. */
  function adoptRecovered(lab: OpenedLab): void {
    request++;
    adopt(lab);
    newerThanDisk.value = true;
    changed();
  }
  function createNew(): void {
    request++;
    adopt({ path: null, name: 'untitled', yaml: NEW_LAB_YAML, files: NEW_LAB_FILES, shipped: false });
  }

  async function take(answer: Promise<ShellResult<OpenedLab> | null>): Promise<ShellResult<OpenedLab> | null> {
    const mine = ++request;
    const result = await answer;
    // what the user asked for last is what opens, however long the disk took for an earlier wish
    if (result?.ok && mine === request) adopt(result.value);
    return result;
  }
  const openShipped = (lab: string) => take(bridge.openShipped(lab));
  const openDialog = () => take(bridge.openDialog());
  const openPath = (file: string) => take(bridge.openPath(file));

  /** True when it is on disk; false when cancelled or refused (then `failure` says why). */
  async function save(saveAs = false): Promise<boolean> {
    if (!editor) return false;
    const lab = editor;
    const text = lab.yaml;
    const kept = lab.files;
    const result = await bridge.save(content(lab), saveAs);
    if (!result) return false;
    if (!result.ok) {
      failure.value = result.error;
      return false;
    }
    failure.value = null;
    path.value = result.value.path;
    name.value = result.value.name;
    shipped.value = false;
    // typing may have gone on while it was written
    if (lab.yaml === text && lab.files === kept) {
      clearTimeout(autosaveTimer);
      lab.markSaved();
      newerThanDisk.value = false;
      await bridge.discardAutosave().catch(() => undefined);
    }
    revision.value++;
    announce();
    return true;
  }

  /** One undo step. Refused edits change nothing and are in `refused`. Edits with the same `mergeKey` in a row become one step. */
  function patch(patches: readonly Patch[], label: Label, mergeKey: string | null = null): EditOutcome {
    if (!editor) return { applied: false, problems: [] };
    return settle(editor.patch(patches, label, mergeKey));
  }
  /** The text of a file, or of the lab itself (`lab.yaml`), after typing. */
  function setText(file: string, text: string): EditOutcome {
    if (!editor) return { applied: false, problems: [] };
    if (file === LAB_FILE) {
      editor.setYaml(text, LABELS.yaml);
      return settle({ applied: true });
    }
    return settle(editor.setFile(file, text, LABELS.typing));
  }
  function addFile(file: string, text: string | Uint8Array): EditOutcome {
    return editor ? settle(editor.setFile(file, text, LABELS.addFile, null)) : { applied: false, problems: [] };
  }
  function removeFile(file: string): EditOutcome {
    return editor ? settle(editor.removeFile(file, LABELS.removeFile)) : { applied: false, problems: [] };
  }
  function renameFile(from: string, to: string): EditOutcome {
    return editor ? settle(editor.renameFile(from, to, LABELS.renameFile)) : { applied: false, problems: [] };
  }
  function undo(): boolean {
    const done = editor?.undo() ?? false;
    if (done) changed();
    return done;
  }
  function redo(): boolean {
    const done = editor?.redo() ?? false;
    if (done) changed();
    return done;
  }
  /** The next keystroke begins a new undo step. */
  const seal = (): void => editor?.seal();

  return {
    revision, meaning, opened, name, path, shipped, failure, refused,
    isOpen, yaml, files, allFiles, document, problems, runnable, unsaved, undoLabel, redoLabel, vmIndex,
    adopt, adoptRecovered, createNew, openShipped, openDialog, openPath, save, autosave,
    patch, setText, addFile, removeFile, renameFile, undo, redo, seal,
  }; // prettier-ignore
});
