/** The main process's side of ShellBridge: every call is checked for its sender and its arguments before anything happens. */
import { app, dialog, ipcMain, nativeTheme, type BrowserWindow, type IpcMainInvokeEvent, type WebContents } from 'electron';
import { basename, resolve } from 'node:path';
import { Autosaves } from '../host/files/autosave';
import { labName, readLab, writeLab } from '../host/files/lab-folder';
import { RecentLabs } from '../host/files/recent-labs';
import { SettingsFile } from '../host/files/settings';
import { attempt } from '../host/files/shell-error';
import { listShippedLabs, openShippedLab } from '../host/files/shipped-labs';
import { documentState, labContent, languageOf, labPath, settingsOf, shortText } from '../host/files/untrusted';
import type { Language } from '../lab/protocol';
import { CHANNEL, SHELL_CALLS, type ShellCall } from './channels';
import { WINDOW_ORIGIN } from './app-protocol';
import { places } from './places';
import { overlayColours } from './title-bar';

interface ShellHooks {
  window(): BrowserWindow | null;
  connectSession(): void;
  setUnsaved(unsaved: boolean): void;
  answerClose(answer: 'save' | 'discard' | 'cancel'): void;
  ready(): void;
  reloadMenu(language: Language): void;
}

const DIALOG_TEXT = {
  en: { open: 'Open a lab', save: 'Save the lab', filter: 'Pagewalk labs' },
  'zh-CN': { open: '打开实验', save: '保存实验', filter: 'Pagewalk 实验' },
} as const;

export class ShellServer {
  private readonly autosaves = new Autosaves(places.data());
  private readonly settings = new SettingsFile(places.data());
  private readonly recent = new RecentLabs(places.data());
  private language: Language = 'en';
  private contents: WebContents | null = null;
  /** paths the user chose in a dialog, opened before, or was offered back: the page may name no others */
  private readonly granted = new Set<string>();

  constructor(private readonly hooks: ShellHooks) {}

  listen(contents: WebContents): void {
    this.contents = contents;
    ipcMain.handle(CHANNEL.call, (event, method: unknown, ...args: unknown[]) => {
      if (!this.trusted(event)) throw new Error('refused: not the window of this application');
      if (!SHELL_CALLS.includes(method as ShellCall)) throw new Error('refused: no such call');
      return this.calls[method as ShellCall](...args);
    });
  }

  close(): void {
    ipcMain.removeHandler(CHANNEL.call);
    this.contents = null;
  }

  /** The user named this lab outside the page: on the command line, or to a second start. */
  grant(path: string): void {
    this.granted.add(path);
  }

  discardAutosave(): Promise<void> {
    return this.autosaves.discard();
  }

  private trusted(event: IpcMainInvokeEvent): boolean {
    const frame = event.senderFrame;
    if (event.sender !== this.contents || frame === null || frame.parent !== null) return false;
    const development = process.env['ELECTRON_RENDERER_URL'];
    return frame.url.startsWith(`${WINDOW_ORIGIN}/`) || (development !== undefined && frame.url.startsWith(development));
  }

  private async open(path: string) {
    const result = await attempt(basename(path), () => readLab(path, false));
    if (result.ok) {
      this.granted.add(path);
      app.addRecentDocument(path);
      await this.recent.add(path).catch(() => undefined);
    }
    return result;
  }

  private async openDialog() {
    const text = DIALOG_TEXT[this.language];
    const window = this.hooks.window();
    if (!window) return null;
    const { canceled, filePaths } = await dialog.showOpenDialog(window, {
      title: text.open,
      filters: [{ name: text.filter, extensions: ['yaml', 'yml'] }],
      properties: ['openFile'],
    });
    const [path] = filePaths;
    return canceled || path === undefined ? null : this.open(path);
  }

  private async save(lab: unknown, saveAs: unknown) {
    const content = await attempt('lab', () => labContent(lab));
    if (!content.ok) return content;
    const { path: known, name, yaml, files } = content.value;
    let path = known !== null && this.granted.has(known) && saveAs !== true ? known : null;
    if (path === null) {
      const text = DIALOG_TEXT[this.language];
      const window = this.hooks.window();
      if (!window) return null;
      const { canceled, filePath } = await dialog.showSaveDialog(window, {
        title: text.save,
        defaultPath: `${name}.lab.yaml`,
        filters: [{ name: text.filter, extensions: ['lab.yaml', 'yaml'] }],
      });
      if (canceled || !filePath) return null;
      path = resolve(/\.ya?ml$/i.test(filePath) ? filePath : `${filePath}.lab.yaml`);
    }
    const target = path;
    const result = await attempt(basename(target), async () => {
      await writeLab(target, yaml, files);
      return { path: target, name: labName(target) };
    });
    if (result.ok) {
      this.granted.add(target);
      await this.recent.add(target).catch(() => undefined);
      await this.autosaves.discard().catch(() => undefined);
    }
    return result;
  }

  private readonly calls: Record<ShellCall, (...args: unknown[]) => unknown> = {
    connectSession: () => this.hooks.connectSession(),
    listShipped: () => listShippedLabs(places.resources),
    openShipped: (name) => attempt(shortText(name), () => openShippedLab(places.resources, shortText(name))),
    openDialog: () => this.openDialog(),
    openPath: async (path) => {
      const asked = labPath(path);
      const known = this.granted.has(asked) || (await this.recent.list()).some((recent) => recent.path === asked);
      return known ? this.open(asked) : attempt(basename(asked), () => Promise.reject(Object.assign(new Error(), { code: 'EACCES' })));
    },
    save: (lab, saveAs) => this.save(lab, saveAs),
    recents: () => this.recent.list(),
    autosave: (lab) =>
      attempt('autosave', async () => {
        const content = labContent(lab);
        const path = content.path !== null && this.granted.has(content.path) ? content.path : null;
        await this.autosaves.write({ ...content, path });
        return null;
      }),
    discardAutosave: () => this.autosaves.discard(),
    discardRecovered: () => this.autosaves.discardRecovered(),
    recovered: async () => {
      const labs = await this.autosaves.recovered();
      for (const { path } of labs) if (path !== null) this.granted.add(path);
      return labs;
    },
    loadSettings: () => this.settings.load(),
    saveSettings: (settings) => this.settings.save(settingsOf(settings)),
    setDocumentState: (state) => {
      const { name, path, unsaved } = documentState(state);
      const window = this.hooks.window();
      window?.setTitle(`${unsaved ? '● ' : ''}${name} - Pagewalk`);
      window?.setDocumentEdited(unsaved);
      window?.setRepresentedFilename(path !== null && this.granted.has(path) ? path : '');
      this.hooks.setUnsaved(unsaved);
    },
    setLanguage: (language) => {
      this.language = languageOf(language);
      this.hooks.reloadMenu(this.language);
    },
    setTheme: (theme) => {
      const dark = theme === 'dark';
      nativeTheme.themeSource = dark ? 'dark' : 'light';
      if (process.platform !== 'darwin') this.hooks.window()?.setTitleBarOverlay(overlayColours(dark));
    },
    answerClose: (answer) => {
      if (answer === 'save' || answer === 'discard' || answer === 'cancel') this.hooks.answerClose(answer);
    },
    ready: () => this.hooks.ready(),
  };
}
