/** What the window itself shows: workspace, open file, palette, dialogs, notices. Nothing here is saved with a lab. */
import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { WorkspaceId } from '../docking/workspace';

export interface Notice {
  id: number;
  tone: 'neutral' | 'error' | 'held';
  /** a function where the words are to follow the language that is chosen later */
  text: string | (() => string);
  /** what to do about it */
  action?: { label: string | (() => string); perform: () => void };
}

export const noticeText = ({ text }: Pick<Notice, 'text'>): string => (typeof text === 'string' ? text : text());

export type DialogName = 'settings' | 'shortcuts' | 'about';
export type UnsavedAnswer = 'save' | 'discard' | 'cancel';

/** A place in a file, or a panel, that something asked to be shown. Consumers act on a new object, even an equal one. */
export interface RevealRequest {
  file: string;
  line: number;
  column: number;
}

const NOTICE_MS = 6_000;

export const useUi = defineStore('ui', () => {
  const workspace = ref<WorkspaceId>('labs');
  const palette = ref(false);
  const dialog = ref<DialogName | null>(null);
  const notices = shallowRef<readonly Notice[]>([]);
  const reveal = shallowRef<RevealRequest | null>(null);
  /** panel of the current workspace to bring to the front; replaced by a new object for each request */
  const panel = shallowRef<{ id: string } | null>(null);
  /** line and column of the cursor in the editor, for the status bar */
  const cursor = shallowRef<{ line: number; column: number } | null>(null);

  let nextId = 1;
  /** Errors stay until dismissed; everything else leaves by itself. What is said again takes the place of what was said before. */
  function notify(notice: Omit<Notice, 'id'>): number {
    const id = nextId++;
    const words = noticeText(notice);
    const others = notices.value.filter((other) => other.tone !== notice.tone || noticeText(other) !== words);
    notices.value = [...others.slice(-3), { ...notice, id }];
    if (notice.tone !== 'error') setTimeout(() => dismiss(id), NOTICE_MS);
    return id;
  }
  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id);
  }
  /** Another lab is open: what went wrong with the one before is over. */
  function dismissErrors(): void {
    notices.value = notices.value.filter(({ tone }) => tone !== 'error');
  }
  function go(target: WorkspaceId, panelId?: string): void {
    workspace.value = target;
    if (panelId) panel.value = { id: panelId };
  }
  function showSource(file: string, line = 1, column = 1): void {
    workspace.value = 'programs';
    reveal.value = { file, line, column };
  }

  /** the question whether to save what is about to be dropped, while it is open */
  const unsavedQuestion = shallowRef<{ name: string; answer: (answer: UnsavedAnswer) => void } | null>(null);
  /** Asks; a second question while one is open cancels. */
  function askUnsaved(name: string): Promise<UnsavedAnswer> {
    if (unsavedQuestion.value) return Promise.resolve('cancel');
    return new Promise((answered) => {
      unsavedQuestion.value = {
        name,
        answer: (answer) => {
          unsavedQuestion.value = null;
          answered(answer);
        },
      };
    });
  }

  return {
    workspace,
    palette,
    dialog,
    notices,
    reveal,
    panel,
    cursor,
    unsavedQuestion,
    notify,
    dismiss,
    dismissErrors,
    go,
    showSource,
    askUnsaved,
  };
});
