/**
 * What a shell (Electron's main process, or the web host) offers the window besides the session: files, recent labs,
 * settings, menus, closing. One typed bridge; both shells implement all of it. Types only.
 */
import type { LabFiles, Language } from './protocol';

export interface OpenedLab {
  /** null: shipped, new or recovered without a place of its own */
  path: string | null;
  /** file name without `.lab.yaml` */
  name: string;
  yaml: string;
  files: LabFiles;
  shipped: boolean;
}

export interface ShippedLab {
  name: string;
  yaml: string;
}

export interface RecoveredLab extends OpenedLab {
  /** when the autosave was written, ms since 1970 */
  savedAt: number;
}

export interface ShellError {
  /** `not-found`, `not-permitted`, `disk-full`, `too-large`, `outside-lab`, `not-a-lab`, `not-text`, `io` */
  code: string;
  message: Record<Language, string>;
}

export type ShellResult<T> = { ok: true; value: T } | { ok: false; error: ShellError };

/** Key → JSON value; window layout, theme, language, text size, recent choices. */
export type Settings = Record<string, unknown>;

export interface SessionChannel {
  send(frame: Uint8Array): void;
  onFrame(listener: (frame: Uint8Array) => void): void;
}

export type SessionLoss = 'exited' | 'unresponsive' | 'out-of-heap';

export interface ShellBridge {
  readonly kind: 'electron' | 'web';
  readonly platform: string;
  /** msgpack frames to and from the session's worker; one per window. Reconnecting after a loss gives a new worker. */
  connectSession(): Promise<SessionChannel>;
  /** the worker died or hung; the shell has ended it */
  onSessionLost(listener: (why: SessionLoss) => void): void;

  listShipped(): Promise<ShippedLab[]>;
  openShipped(name: string): Promise<ShellResult<OpenedLab>>;
  /** file dialog; null when the user cancelled */
  openDialog(): Promise<ShellResult<OpenedLab> | null>;
  openPath(path: string): Promise<ShellResult<OpenedLab>>;
  /**
   * atomic: writes beside and renames. Without a path, or with `saveAs`, a dialog asks; null when cancelled. The path is null where the shell
   * cannot know the place (a browser's download)
   */
  save(
    lab: { path: string | null; name: string; yaml: string; files: LabFiles },
    saveAs: boolean,
  ): Promise<ShellResult<{ path: string | null; name: string }> | null>;
  recents(): Promise<{ path: string; name: string }[]>;

  autosave(lab: { path: string | null; name: string; yaml: string; files: LabFiles }): Promise<ShellResult<null>>;
  /** what this run has autosaved; labs offered back stay */
  discardAutosave(): Promise<void>;
  /** the labs offered back that nobody wanted */
  discardRecovered(): Promise<void>;
  /** labs that a crashed run left behind */
  recovered(): Promise<RecoveredLab[]>;

  loadSettings(): Promise<Settings>;
  saveSettings(settings: Settings): Promise<void>;

  /** title bar, close prompt and the platform's edited mark */
  setDocumentState(state: { name: string; path: string | null; unsaved: boolean }): void;
  /** native menus in this language */
  setLanguage(language: Language): void;
  /** the window's frame follows the theme in force */
  setTheme(theme: 'light' | 'dark'): void;
  /** the page listens to actions now: a lab named on the command line arrives as the action `file.openPath` */
  ready(): void;
  /** application menu: the id of an action in renderer/actions */
  onAction(listener: (action: string, argument?: string) => void): void;
  /** the user wants to close with unsaved changes: the page asks, and answers */
  onCloseRequested(listener: () => void): void;
  /** `save` says that the page has saved and the window may close; `discard` drops the autosave too */
  answerClose(answer: 'save' | 'discard' | 'cancel'): void;
}
