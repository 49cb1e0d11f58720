/** For specs only: a shell whose session is a real channel to commands that the spec supplies, and which remembers what it was told. */
import { createPinia } from 'pinia';
import { createApp, type App } from 'vue';
import { serveSession, type SessionServer } from '../../lab/channel';
import type { SessionCommands } from '../../lab/protocol';
import type { OpenedLab, SessionChannel, SessionLoss, ShellBridge } from '../../lab/shell-bridge';
import { BRIDGE } from './bridge';
import { NEW_LAB_FILES, NEW_LAB_YAML } from './new-lab';

export const OPENED: OpenedLab = { path: '/labs/demo.lab.yaml', name: 'demo', yaml: NEW_LAB_YAML, files: NEW_LAB_FILES, shipped: false };

export class TestShell {
  readonly told: { call: string; value: unknown }[] = [];
  readonly servers: SessionServer[] = [];
  settings: Record<string, unknown> = {};
  saveAnswer: Awaited<ReturnType<ShellBridge['save']>> = { ok: true, value: { path: '/labs/saved.lab.yaml', name: 'saved' } };
  private lossListeners: ((why: SessionLoss) => void)[] = [];

  constructor(private readonly commands: Partial<SessionCommands> = {}) {}

  lose(why: SessionLoss): void {
    for (const listener of this.lossListeners) listener(why);
  }
  calls(name: string): unknown[] {
    return this.told.filter(({ call }) => call === name).map(({ value }) => value);
  }

  readonly bridge: ShellBridge = {
    kind: 'web',
    platform: 'test',
    connectSession: () => Promise.resolve(this.connect()),
    onSessionLost: (listener) => void this.lossListeners.push(listener),
    listShipped: () => Promise.resolve([]),
    openShipped: () => Promise.resolve({ ok: true, value: { ...OPENED, path: null, shipped: true } }),
    openDialog: () => Promise.resolve({ ok: true, value: OPENED }),
    openPath: (path) => Promise.resolve({ ok: true, value: { ...OPENED, path } }),
    save: (lab, saveAs) => {
      this.told.push({ call: 'save', value: { ...lab, saveAs } });
      return Promise.resolve(this.saveAnswer);
    },
    recents: () => Promise.resolve([]),
    autosave: (lab) => {
      this.told.push({ call: 'autosave', value: lab });
      return Promise.resolve({ ok: true, value: null });
    },
    discardRecovered: () => Promise.resolve(),
    discardAutosave: () => {
      this.told.push({ call: 'discardAutosave', value: null });
      return Promise.resolve();
    },
    recovered: () => Promise.resolve([]),
    loadSettings: () => Promise.resolve(this.settings),
    saveSettings: (settings) => {
      this.told.push({ call: 'saveSettings', value: settings });
      return Promise.resolve();
    },
    setDocumentState: (state) => void this.told.push({ call: 'setDocumentState', value: state }),
    setLanguage: () => {},
    setTheme: () => {},
    ready: () => {},
    onAction: () => {},
    onCloseRequested: () => {},
    answerClose: () => {},
  };

  private connect(): SessionChannel {
    let toWindow: (frame: Uint8Array) => void = () => {};
    let toWorker: (frame: Uint8Array) => void = () => {};
    const commands = { subscribe: () => Promise.resolve(), ...this.commands } as SessionCommands;
    this.servers.push(
      serveSession({ send: (frame) => queueMicrotask(() => toWindow(frame)), onFrame: (listener) => (toWorker = listener) }, commands),
    );
    return { send: (frame) => queueMicrotask(() => toWorker(frame)), onFrame: (listener) => (toWindow = listener) };
  }
}

/** An application with the shell provided and Pinia active; `use` runs a store's setup in it. */
export function withShell(shell: TestShell): { app: App; use: <T>(store: () => T) => T } {
  const app = createApp({});
  app.use(createPinia()).provide(BRIDGE, shell.bridge);
  return { app, use: (store) => app.runWithContext(store) };
}

/** Lets queued frames and promises settle. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};
