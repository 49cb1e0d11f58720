/**
 * ShellBridge in a browser: one WebSocket to the web host on this machine. Binary frames are the session's, text frames are
 * calls. Opening and saving are the browser's own: a file chooser, and a download with the programs inline.
 */
import type { Language } from '../../lab/protocol';
import type { OpenedLab, SessionChannel, SessionLoss, ShellBridge, ShellError, ShellResult } from '../../lab/shell-bridge';
import { decodeAnswer, encodeText } from '../../lab/text-frames';
import { BridgeError } from './bridge-failure';
import { archiveLab, labFromFiles, type ChosenFile } from './lab-archive';

const TOKEN_KEY = 'pagewalk.token';
const MAX_CHOSEN_BYTES = 80 * 1024 * 1024;

/** The token of this start: from the address the host printed, then kept for reloads of this tab. */
function takeToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem(TOKEN_KEY, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return given ?? sessionStorage.getItem(TOKEN_KEY) ?? '';
}

const UNREACHABLE = new BridgeError({
  en: 'The Pagewalk host does not answer. Start it again with “npm start -- --web” and open the address it prints; each start has a token of its own.',
  'zh-CN': 'Pagewalk 主机没有应答。请用 “npm start -- --web” 重新启动，并打开它打印的地址；每次启动的令牌都不同。',
});

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** The socket with its calls; opens again on the next call after it was lost. */
class HostSocket {
  private socket: WebSocket | null = null;
  private opening: Promise<WebSocket> | null = null;
  private nextId = 1;
  private readonly waiting = new Map<number, Waiting>();
  onFrame: (frame: Uint8Array) => void = () => {};
  onEvent: (event: string, argument: unknown) => void = () => {};
  onClosed: () => void = () => {};

  constructor(private readonly token: string) {}

  private open(): Promise<WebSocket> {
    this.opening ??= new Promise<WebSocket>((opened, failed) => {
      const socket = new WebSocket(`ws://${location.host}/ws?token=${encodeURIComponent(this.token)}`);
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => {
        this.socket = socket;
        opened(socket);
      };
      socket.onclose = () => {
        const wasOpen = this.socket === socket;
        this.socket = null;
        this.opening = null;
        for (const { reject } of this.waiting.values()) reject(UNREACHABLE);
        this.waiting.clear();
        failed(UNREACHABLE);
        if (wasOpen) this.onClosed();
      };
      socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
        if (typeof data === 'string') this.receive(data);
        else this.onFrame(new Uint8Array(data));
      };
    });
    return this.opening;
  }

  private receive(text: string): void {
    const message = decodeAnswer(text);
    if ('event' in message) {
      this.onEvent(message.event, message.argument);
      return;
    }
    const call = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (!call) return;
    if ('error' in message) call.reject(new Error(message.error));
    else call.resolve(message.result);
  }

  async call(method: string, ...args: unknown[]): Promise<unknown> {
    const socket = await this.open();
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      socket.send(encodeText({ id, method, args }));
    });
  }

  send(frame: Uint8Array): void {
    this.socket?.send(frame as Uint8Array<ArrayBuffer>);
  }
}

const failure = (code: string, message: Record<Language, string>): { ok: false; error: ShellError } => ({
  ok: false,
  error: { code, message },
});

/** The browser's file chooser; null when it is cancelled. */
function chooseFiles(): Promise<File[] | null> {
  return new Promise((chosen) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.accept = '.yaml,.yml,.asm,.inc,.bin,.elf';
    input.onchange = () => chosen([...(input.files ?? [])]);
    input.oncancel = () => chosen(null);
    input.click();
  });
}

async function openChosen(files: readonly File[]): Promise<ShellResult<OpenedLab>> {
  if (files.reduce((sum, file) => sum + file.size, 0) > MAX_CHOSEN_BYTES) {
    return failure('too-large', {
      en: 'The chosen files have more than 80 MiB together. Choose fewer or smaller ones.',
      'zh-CN': '所选文件合计超过 80 MiB。请选择更少或更小的文件。',
    });
  }
  const read = await Promise.all(
    files.map(async (file): Promise<ChosenFile> => ({ path: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
  );
  const lab = labFromFiles(read);
  if (!lab) {
    return failure('not-a-lab', {
      en: 'No lab file is among the chosen files. Choose NAME.lab.yaml, together with its programs.',
      'zh-CN': '所选文件中没有实验文件。请选择 NAME.lab.yaml，并同时选择它的程序。',
    });
  }
  return { ok: true, value: { path: null, shipped: false, ...lab } };
}

function download(name: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content]));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // the download has its own reference by the next turn
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Connects to the host that served this page. Throws BridgeError when it does not answer or refuses the token. */
export async function connectWebBridge(): Promise<ShellBridge> {
  const host = new HostSocket(takeToken());
  let unsaved = false;
  let connected = 0;
  const listeners: ((action: string, argument?: string) => void)[] = [];
  const lost: ((why: SessionLoss) => void)[] = [];
  const tellLost = (why: SessionLoss): void => {
    connected++;
    for (const listener of lost) listener(why);
  };
  host.onEvent = (event, argument) => {
    if (event === 'sessionLost') tellLost(argument as SessionLoss);
  };
  host.onClosed = () => tellLost('exited');
  // opens the socket and proves the token
  const settings = (await host.call('loadSettings')) as Record<string, unknown>;

  window.addEventListener('beforeunload', (event) => {
    if (unsaved) event.preventDefault();
  });

  const call = <T>(method: string, ...args: unknown[]): Promise<T> => host.call(method, ...args) as Promise<T>;
  let firstSettings: Record<string, unknown> | null = settings;

  return {
    kind: 'web',
    platform: navigator.platform,
    async connectSession(): Promise<SessionChannel> {
      const mine = ++connected;
      const early: Uint8Array[] = [];
      let listener: ((frame: Uint8Array) => void) | null = null;
      host.onFrame = (frame) => {
        if (mine !== connected) return;
        if (listener) listener(frame);
        else early.push(frame);
      };
      await host.call('connectSession');
      return {
        send: (frame) => {
          if (mine === connected) host.send(frame);
        },
        onFrame: (next) => {
          listener = next;
          for (const frame of early.splice(0)) next(frame);
        },
      };
    },
    onSessionLost: (listener) => void lost.push(listener),
    listShipped: () => call('listShipped'),
    openShipped: (name) => call('openShipped', name),
    async openDialog() {
      const files = await chooseFiles();
      return files && files.length > 0 ? openChosen(files) : null;
    },
    openPath: (path) => call('openPath', path),
    async save(lab) {
      const { yaml, beside } = archiveLab(lab.yaml, lab.files);
      const file = `${lab.name}.lab.yaml`;
      download(file, yaml);
      for (const { path, bytes } of beside) download(path.slice(path.lastIndexOf('/') + 1), bytes as Uint8Array<ArrayBuffer>);
      await host.call('discardAutosave').catch(() => undefined);
      return { ok: true, value: { path: null, name: lab.name } };
    },
    recents: () => Promise.resolve([]),
    autosave: (lab) => call('autosave', lab),
    discardAutosave: () => call('discardAutosave'),
    discardRecovered: () => call('discardRecovered'),
    recovered: () => call('recovered'),
    async loadSettings() {
      const first = firstSettings;
      firstSettings = null;
      return first ?? call('loadSettings');
    },
    saveSettings: (next) => call('saveSettings', next),
    setDocumentState(state) {
      unsaved = state.unsaved;
      const title = `${state.unsaved ? '● ' : ''}${state.name} - Pagewalk`;
      // the browser tells everybody of a title that is set, even to what it was
      if (document.title !== title) document.title = title;
    },
    setLanguage: () => {},
    setTheme: () => {},
    ready() {
      const open = (path: string | null): void => {
        if (path !== null) for (const listener of listeners) listener('file.openPath', path);
      };
      call<string | null>('namedLab').then(open, () => undefined);
    },
    onAction: (listener) => void listeners.push(listener),
    onCloseRequested: () => {},
    answerClose: () => {},
  };
}
