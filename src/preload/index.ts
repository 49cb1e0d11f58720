/** The one bridge between the window and the main process: ShellBridge, frozen by contextBridge. Nothing else crosses. */
import { contextBridge, ipcRenderer } from 'electron';
import type { SessionChannel, SessionLoss, ShellBridge } from '../lab/shell-bridge';
import { CHANNEL, type ShellCall } from '../main/channels';

const call = (method: ShellCall, ...args: unknown[]): Promise<never> => ipcRenderer.invoke(CHANNEL.call, method, ...args) as Promise<never>;
/** For calls that have no answer; a refusal shows in the console only. */
const tell = (method: ShellCall, ...args: unknown[]): void => void call(method, ...args).catch(console.error);

/** The part of the DOM's MessagePort that is used here; this script is built without the DOM's types. */
interface FramePort {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(frame: Uint8Array): void;
}

function nextSessionPort(): Promise<FramePort> {
  return new Promise((found) => ipcRenderer.once(CHANNEL.sessionPort, (event) => found(event.ports[0] as unknown as FramePort)));
}

async function connectSession(): Promise<SessionChannel> {
  const arriving = nextSessionPort();
  await call('connectSession');
  const port = await arriving;
  let listener: ((frame: Uint8Array) => void) | null = null;
  const early: Uint8Array[] = [];
  port.onmessage = ({ data }) => {
    if (!(data instanceof Uint8Array)) return;
    if (listener) listener(data);
    else early.push(data);
  };
  return {
    send: (frame) => port.postMessage(frame),
    onFrame: (next) => {
      listener = next;
      for (const frame of early.splice(0)) next(frame);
    },
  };
}

const bridge: ShellBridge = {
  kind: 'electron',
  platform: process.platform,
  connectSession,
  onSessionLost: (listener) => void ipcRenderer.on(CHANNEL.sessionLost, (_event, why: SessionLoss) => listener(why)),
  listShipped: () => call('listShipped'),
  openShipped: (name) => call('openShipped', name),
  openDialog: () => call('openDialog'),
  openPath: (path) => call('openPath', path),
  save: (lab, saveAs) => call('save', lab, saveAs),
  recents: () => call('recents'),
  autosave: (lab) => call('autosave', lab),
  discardAutosave: () => call('discardAutosave'),
  discardRecovered: () => call('discardRecovered'),
  recovered: () => call('recovered'),
  loadSettings: () => call('loadSettings'),
  saveSettings: (settings) => call('saveSettings', settings),
  setDocumentState: (state) => tell('setDocumentState', state),
  setLanguage: (language) => tell('setLanguage', language),
  setTheme: (theme) => tell('setTheme', theme),
  ready: () => tell('ready'),
  onAction: (listener) => void ipcRenderer.on(CHANNEL.action, (_event, action: string, argument?: string) => listener(action, argument)),
  onCloseRequested: (listener) => void ipcRenderer.on(CHANNEL.closeRequested, () => listener()),
  answerClose: (answer) => tell('answerClose', answer),
};

contextBridge.exposeInMainWorld('pagewalk', bridge);
