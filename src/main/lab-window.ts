/** The window: created locked down, bound to one session worker, closed only when nothing is lost. */
import { BrowserWindow, MessageChannelMain, nativeTheme, type MessagePortMain } from 'electron';
import type { SessionLoss } from '../lab/shell-bridge';
import { startSession, type SessionHandle } from '../host/session-host';
import { WINDOW_URL } from './app-protocol';
import { CHANNEL } from './channels';
import { applyMenu } from './menu';
import { places } from './places';
import { ShellServer } from './shell-server';
import { overlayColours } from './title-bar';
import { initialSize, loadWindowState, saveWindowState } from './window-state';

export class LabWindow {
  private window: BrowserWindow | null = null;
  private session: SessionHandle | null = null;
  private port: MessagePortMain | null = null;
  private readonly shell: ShellServer;
  private unsaved = false;
  private mayClose = false;
  /** a lab asked for from outside before the page listens */
  private waitingLab: string | null;
  private pageReady = false;

  constructor(lab: string | null) {
    this.waitingLab = lab;
    this.shell = new ShellServer({
      window: () => this.window,
      connectSession: () => this.connectSession(),
      setUnsaved: (unsaved) => (this.unsaved = unsaved),
      answerClose: (answer) => void this.answerClose(answer),
      ready: () => this.ready(),
      reloadMenu: (language) => applyMenu(language, (action) => this.action(action)),
    });
    applyMenu('en', (action) => this.action(action));
    void this.create();
  }

  /** Brings the window to the front, with another lab when one is given. */
  show(lab: string | null): void {
    if (!this.window) return;
    if (this.window.isMinimized()) this.window.restore();
    this.window.focus();
    if (lab === null) return;
    this.shell.grant(lab);
    if (this.pageReady) this.action('file.openPath', lab);
    else this.waitingLab = lab;
  }

  /** For Ctrl-C in the terminal: what is unsaved stays in its autosave. */
  closeAtOnce(): void {
    this.mayClose = true;
    this.window?.close();
  }

  private async create(): Promise<void> {
    const state = await loadWindowState();
    const dark = nativeTheme.shouldUseDarkColors;
    const window = new BrowserWindow({
      ...initialSize(state),
      minWidth: 960,
      minHeight: 600,
      show: false,
      title: 'Pagewalk',
      icon: places.icon,
      backgroundColor: dark ? '#121418' : '#eceef1',
      titleBarStyle: 'hidden',
      ...(process.platform === 'darwin' ? {} : { titleBarOverlay: overlayColours(dark) }),
      webPreferences: {
        preload: places.preload,
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        webSecurity: true,
        spellcheck: false,
      },
    });
    this.window = window;
    if (state.maximized) window.maximize();
    this.shell.listen(window.webContents);
    window.once('ready-to-show', () => window.show());
    window.on('close', (event) => this.onClose(event));
    window.on('closed', () => this.onClosed());
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      // the page is gone, the autosave is not: load it again, it will offer the lab back
      if (reason !== 'clean-exit' && !window.isDestroyed()) window.reload();
    });
    window.webContents.on('did-start-navigation', (details) => {
      if (details.isMainFrame && !details.isSameDocument) this.endSession();
    });
    await window.loadURL(process.env['ELECTRON_RENDERER_URL'] ?? WINDOW_URL);
  }

  private action(action: string, argument?: string): void {
    this.window?.webContents.send(CHANNEL.action, action, argument);
  }

  private ready(): void {
    this.pageReady = true;
    if (this.waitingLab !== null) {
      this.shell.grant(this.waitingLab);
      this.action('file.openPath', this.waitingLab);
    }
    this.waitingLab = null;
  }

  /** A fresh worker for the page; the one before, if any, is ended. */
  private connectSession(): void {
    const window = this.window;
    if (!window) return;
    this.endSession();
    const { port1, port2 } = new MessageChannelMain();
    const session = startSession({
      workerPath: places.worker,
      onFrame: (frame) => port1.postMessage(frame),
      onLost: (why: SessionLoss) => {
        if (this.session !== session) return;
        this.endSession();
        if (!window.isDestroyed()) window.webContents.send(CHANNEL.sessionLost, why);
      },
    });
    port1.on('message', ({ data }) => {
      if (data instanceof Uint8Array) session.send(data);
    });
    port1.start();
    this.session = session;
    this.port = port1;
    window.webContents.postMessage(CHANNEL.sessionPort, null, [port2]);
  }

  private endSession(): void {
    const session = this.session;
    this.session = null;
    this.port?.close();
    this.port = null;
    if (session) void session.stop();
  }

  private onClose(event: Electron.Event): void {
    const window = this.window!;
    if (this.unsaved && !this.mayClose && !window.webContents.isCrashed()) {
      event.preventDefault();
      window.webContents.send(CHANNEL.closeRequested);
      return;
    }
    void saveWindowState(window);
  }

  private onClosed(): void {
    this.endSession();
    this.shell.close();
    this.window = null;
  }

  private async answerClose(answer: 'save' | 'discard' | 'cancel'): Promise<void> {
    if (answer === 'cancel') return;
    // `save` is answered by the page once it has saved
    if (answer === 'discard') await this.shell.discardAutosave();
    this.mayClose = true;
    this.window?.close();
  }
}
