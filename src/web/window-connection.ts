/** One browser window: its session worker, and the calls of ShellBridge that a web host can answer. */
import type { RawData, WebSocket } from 'ws';
import { Autosaves } from '../host/files/autosave';
import { SettingsFile } from '../host/files/settings';
import { attempt } from '../host/files/shell-error';
import { listShippedLabs, openShippedLab } from '../host/files/shipped-labs';
import { labContent, settingsOf, shortText } from '../host/files/untrusted';
import { startSession, type SessionHandle } from '../host/session-host';
import { decodeText, encodeText, type WebCall } from '../lab/text-frames';

interface Places {
  worker: string;
  resources: string;
  data: string;
}

export class WindowConnection {
  private session: SessionHandle | null = null;
  private readonly autosaves: Autosaves;
  private readonly settings: SettingsFile;

  constructor(
    private readonly socket: WebSocket,
    private readonly places: Places,
  ) {
    this.autosaves = new Autosaves(places.data);
    this.settings = new SettingsFile(places.data);
    socket.on('message', (data: RawData, binary: boolean) => {
      if (binary) this.session?.send(new Uint8Array(data as Buffer));
      else void this.answer(String(data));
    });
    socket.on('close', () => this.endSession());
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
    autosave: (lab) => {
      const content = { ...labContent(lab), path: null };
      return attempt(content.name, async () => {
        await this.autosaves.write(content);
        return null;
      });
    },
    discardAutosave: () => this.autosaves.discard(),
    discardRecovered: () => this.autosaves.discardRecovered(),
    recovered: () => this.autosaves.recovered(),
    loadSettings: () => this.settings.load(),
    saveSettings: (settings) => this.settings.save(settingsOf(settings)),
  };
}
