/** One browser window: its session worker, and the calls of ShellBridge that a web host can answer. */
import { basename } from 'node:path';
import type { RawData, WebSocket } from 'ws';
import { Autosaves } from '../host/files/autosave';
import { readLab } from '../host/files/lab-folder';
import { SettingsFile } from '../host/files/settings';
import { attempt } from '../host/files/shell-error';
import { listShippedLabs, openShippedLab } from '../host/files/shipped-labs';
import { labContent, settingsOf, shortText } from '../host/files/untrusted';
import { startSession, type SessionHandle } from '../host/session-host';
import { decodeText, encodeText, type WebCall } from '../lab/text-frames';

export interface Places {
  worker: string;
  resources: string;
  /** folder for settings and autosaves */
  data: string;
  /** the lab named at the start, the one path that a window may open */
  lab?: string;
}

export class WindowConnection {
  private session: SessionHandle | null = null;
  private readonly autosaves: Autosaves;
  private readonly settings: SettingsFile;

  constructor(
    private readonly socket: WebSocket,
    private readonly places: Places,
    /** of all windows of this host */
    liveAutosaves: Set<string>,
  ) {
    this.autosaves = new Autosaves(places.data, liveAutosaves);
    this.settings = new SettingsFile(places.data);
    socket.on('message', (data: RawData, binary: boolean) => {
      if (binary) this.session?.send(new Uint8Array(data as Buffer));
      else void this.answer(String(data));
    });
    socket.on('close', () => {
      this.endSession();
      this.autosaves.leave();
    });
    socket.on('error', () => socket.terminate());
  }

  async close(): Promise<void> {
    this.endSession();
    this.socket.close(1001);
  }

  private endSession(): void {
    const session = this.session;
    this.session = null;
    if (session) void session.stop();
  }

  private connectSession(): null {
    this.endSession();
    const session = startSession({
      workerPath: this.places.worker,
      onFrame: (frame) => {
        if (this.session === session && this.socket.readyState === this.socket.OPEN) this.socket.send(frame);
      },
      onLost: (why) => {
        if (this.session !== session) return;
        this.endSession();
        this.tell('sessionLost', why);
      },
    });
    this.session = session;
    return null;
  }

  private tell(event: string, argument: unknown): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(encodeText({ event, argument }));
  }

  private async answer(text: string): Promise<void> {
    let call: WebCall;
    try {
      call = decodeText(text);
    } catch {
      this.socket.close(1003, 'not a call');
      return;
    }
    const method = Object.hasOwn(this.calls, call.method) ? this.calls[call.method] : undefined;
    try {
      if (!method) throw new Error(`no call is named ${call.method}`);
      this.reply({ id: call.id, result: (await method(...call.args)) ?? null });
    } catch (thrown) {
      this.reply({ id: call.id, error: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  }

  private reply(message: object): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(encodeText(message));
  }

  private readonly calls: Partial<Record<string, (...args: unknown[]) => unknown>> = {
    connectSession: () => this.connectSession(),
    listShipped: () => listShippedLabs(this.places.resources),
    openShipped: (name) => attempt(shortText(name), () => openShippedLab(this.places.resources, shortText(name))),
    namedLab: () => this.places.lab,
    openPath: (path) =>
      attempt(basename(String(path)), async () => {
        const { lab } = this.places;
        if (lab === undefined || path !== lab) throw Object.assign(new Error(), { code: 'EACCES' });
        // saving is a download: the file itself is never written
        return { ...(await readLab(lab, false)), path: null };
      }),
    autosave: (lab) =>
      attempt('autosave', async () => {
        await this.autosaves.write({ ...labContent(lab), path: null });
        return null;
      }),
    discardAutosave: () => this.autosaves.discard(),
    discardRecovered: () => this.autosaves.discardRecovered(),
    recovered: () => this.autosaves.recovered(),
    loadSettings: () => this.settings.load(),
    saveSettings: (settings) => this.settings.save(settingsOf(settings)),
  };
}
