/** The wire keeps bigint and bytes, lets nothing but commands through, and never piles views up. */
import { describe, expect, it } from 'vitest';
import { createSessionClient, frameCodec, serveSession, type FrameChannel, type SessionServer } from './channel';
import type { SessionCommands, SessionEvents, StatusView } from './protocol';

/** Two ends whose frames are delivered when the spec says so, or at once. */
function pair(): {
  a: FrameChannel;
  b: FrameChannel;
  frames: { toA: Uint8Array[]; toB: Uint8Array[] };
  deliver: { a: boolean; b: boolean };
} {
  const listeners: { a?: (f: Uint8Array) => void; b?: (f: Uint8Array) => void } = {};
  const frames = { toA: [] as Uint8Array[], toB: [] as Uint8Array[] };
  const deliver = { a: true, b: true };
  return {
    frames,
    deliver,
    a: {
      send: (f) => (frames.toB.push(f), deliver.b ? void queueMicrotask(() => listeners.b?.(f)) : undefined),
      onFrame: (l) => void (listeners.a = l),
    },
    b: {
      send: (f) => (frames.toA.push(f), deliver.a ? void queueMicrotask(() => listeners.a?.(f)) : undefined),
      onFrame: (l) => void (listeners.b = l),
    },
  };
}

const noEvents: SessionEvents = { view: () => {}, problems: () => {} };
const commands = (over: Partial<SessionCommands>): SessionCommands => over as SessionCommands;
const status = (instructions: number): StatusView => ({
  power: 'running', stop: null, stopDetail: null, instructions, ticks: instructions, inputs: 0, mips: 0, engine: null, currentVm: null, stoppedAt: null, poolBytes: 0, snapshots: 0,
}); // prettier-ignore

describe('frame codec', () => {
  it('keeps bigint of 64 bits, numbers beyond 2^32 and bytes', () => {
    const codec = frameCodec();
    const message = {
      small: 5n,
      wide: 0xffff_ffff_ffff_ffffn,
      number: 2 ** 40 + 1,
      bytes: new Uint8Array([1, 2, 255]),
      none: null,
      list: [1n, 'x'],
      text: '内存',
    };
    const back = codec.decode(codec.encode(message)) as typeof message;
    expect(back).toEqual(message);
    expect(back.bytes.constructor).toBe(Uint8Array);
    expect(typeof back.number).toBe('number');
  });

  it('refuses what is no message', () => {
    expect(() => frameCodec().decode(new Uint8Array([0x92, 1]))).toThrow();
    expect(() => frameCodec().decode(new Uint8Array([7]))).toThrow('one message');
  });
});

describe('session over a channel', () => {
  it('carries commands, results and rejections', async () => {
    const wire = pair();
    serveSession(wire.b, commands({ ping: async () => 42, stateHash: () => Promise.reject(new Error('no power')) }));
    const client = createSessionClient(wire.a, noEvents);
    expect(await client.session.ping()).toBe(42);
    await expect(client.session.stateHash()).rejects.toThrow('no power');
  });

  it('tells whoever asked of a refusal, and nobody else', async () => {
    const wire = pair();
    const told: Error[] = [];
    serveSession(wire.b, commands({ stateHash: () => Promise.reject(new Error('The power is off.')) }));
    const client = createSessionClient(wire.a, noEvents, (error) => told.push(error));
    await expect(client.session.stateHash()).rejects.toThrow('The power is off.');
    expect(told).toEqual([]);
  });

  it('an error brings its text in both languages', async () => {
    const wire = pair();
    const text = { en: 'The power is off.', 'zh-CN': '电源已关闭。' };
    serveSession(wire.b, commands({ stateHash: () => Promise.reject(Object.assign(new Error(text.en), { name: 'QueryError', text })) }));
    const client = createSessionClient(wire.a, noEvents);
    await expect(client.session.stateHash()).rejects.toMatchObject({ name: 'QueryError', text });
  });

  it('lets nothing through that is not a command', async () => {
    const wire = pair();
    serveSession(wire.b, Object.assign(commands({ ping: async () => 1 }), { secret: () => 'leaked' }));
    const client = createSessionClient(wire.a, noEvents);
    const any = client.session as unknown as Record<string, () => Promise<unknown>>;
    await expect(any['secret']!()).rejects.toThrow('not found');
    await expect(any['hasOwnProperty']!()).rejects.toThrow('not found');
  });

  it('keeps at most one of each view in flight and delivers the newest', async () => {
    const wire = pair();
    const seen: number[] = [];
    const server = serveSession(wire.b, commands({}));
    createSessionClient(wire.a, { ...noEvents, view: (_name, value) => void seen.push((value as StatusView).instructions) });
    for (let i = 1; i <= 100; i++) server.events.view('status', status(i));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen).toEqual([1, 100]);
    expect(wire.frames.toA).toHaveLength(2);
  });

  it('no answer overtakes the status that says what the command has switched', async () => {
    const wire = pair();
    const seen: string[] = [];
    const server: SessionServer = serveSession(
      wire.b,
      commands({
        powerOn: async () => {
          for (const power of ['off', 'off', 'paused', 'paused'] as const) server.events.view('status', { ...status(0), power });
          return { ok: true, problems: [] };
        },
      }),
    );
    const client = createSessionClient(wire.a, { ...noEvents, view: (_name, value) => void seen.push((value as StatusView).power) });
    await client.session.powerOn();
    expect(seen).toEqual(['off', 'paused']);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen).toEqual(['off', 'paused', 'paused']);
  });

  it('rejects pending calls when the session is lost', async () => {
    const wire = pair();
    serveSession(wire.b, commands({ run: () => new Promise(() => {}) }));
    const client = createSessionClient(wire.a, noEvents);
    const pending = client.session.run();
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.close(new Error('session lost'));
    await expect(pending).rejects.toThrow('session lost');
  });
});
