/** A worker that answers is kept; one that leaves, hangs or exhausts its heap is noticed, named and ended. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SessionLoss } from '../lab/shell-bridge';
import { startSession, type SessionHandle } from './session-host';

/** A worker without a session: echoes frames, answers beats, and does what a one-byte frame tells it. */
const WORKER = `
import { parentPort as port } from 'node:worker_threads';
port.on('message', (message) => {
  if (message === 'ping') return port.postMessage('pong');
  if (message[0] === 1) process.exit(0);
  if (message[0] === 2) for (;;) Math.sqrt(2);
  if (message[0] === 5) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message[1] * 100); return port.postMessage(message); }
  if (message[0] === 3) { const hoard = []; const fill = () => { for (let i = 0; i < 8; i++) hoard.push(Array.from({ length: 100000 }, (_, n) => n + 0.5)); setImmediate(fill); }; return fill(); }
  if (message[0] === 4) throw new Error('a mistake');
  port.postMessage(message);
});
port.postMessage('ready');
`;

describe('startSession', () => {
  let folder: string;
  let path: string;
  const handles: SessionHandle[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-host-'));
    path = join(folder, 'worker.mjs');
    writeFileSync(path, WORKER);
  });
  afterAll(async () => {
    await Promise.all(handles.map((handle) => handle.stop()));
    rmSync(folder, { recursive: true });
  });

  function start(heartbeat = 100): { handle: SessionHandle; frame: Promise<Uint8Array>; lost: Promise<SessionLoss> } {
    const frame = deferred<Uint8Array>();
    const lost = deferred<SessionLoss>();
    const handle = startSession({ workerPath: path, heartbeat, heapMegabytes: 64, onFrame: frame.resolve, onLost: lost.resolve });
    handles.push(handle);
    return { handle, frame: frame.promise, lost: lost.promise };
  }
  function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
    let resolve!: (value: T) => void;
    const promise = new Promise<T>((take) => void (resolve = take));
    return { promise, resolve };
  }

  it('relays frames undecoded and keeps a worker that answers', async () => {
    const { handle, frame, lost } = start();
    handle.send(new Uint8Array([9, 8, 7]));
    expect([...(await frame)]).toEqual([9, 8, 7]);
    let gone = false;
    void lost.then(() => (gone = true));
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(gone).toBe(false);
  });

  it.each([
    ['exited', 1],
    ['unresponsive', 2],
    ['out-of-heap', 3],
  ] as const)('reports %s', async (why, order) => {
    const { handle, lost } = start(order === 3 ? 2_000 : 100);
    handle.send(new Uint8Array([order]));
    expect(await lost).toBe(why);
  });

  it('waits for a worker that gets no processor time, and gives up at last', async () => {
    const { handle, frame, lost } = start();
    // silent for five beats without computing, as on a machine that has no time for it
    handle.send(new Uint8Array([5, 5]));
    expect([...(await frame)]).toEqual([5, 5]);
    handle.send(new Uint8Array([5, 100]));
    expect(await lost).toBe('unresponsive');
  });

  it('a mistake in the worker is a loss, and is logged for whoever looks', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { handle, lost } = start();
    handle.send(new Uint8Array([4]));
    expect(await lost).toBe('exited');
    expect(log).toHaveBeenCalled();
    log.mockRestore();
  });

  it('a stopped worker is not a lost one', async () => {
    const { handle, lost } = start();
    let gone = false;
    void lost.then(() => (gone = true));
    await handle.stop();
    handle.send(new Uint8Array([1]));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(gone).toBe(false);
  });
});
