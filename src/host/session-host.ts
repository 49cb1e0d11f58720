/**
 * The side that starts a session's worker, relays its frames undecoded, and notices when it is lost: it left, it exhausted its heap, or
 * it no longer answers its heartbeat. A lost worker is ended; the caller starts another. Used by Electron's main process and by the web host.
 */
import { Worker } from 'node:worker_threads';
import type { SessionLoss } from '../lab/shell-bridge';
import { isFrame, PING, PONG, READY } from './worker-messages';

export interface SessionOptions {
  /** the bundled lab-worker */
  workerPath: string;
  onFrame(frame: Uint8Array): void;
  /** called once, and never after `stop` */
  onLost(why: SessionLoss): void;
  /** ms between heartbeats; the worker is lost when two in a row stay unanswered */
  heartbeat?: number;
  /** ms a worker may take until it first answers */
  startLimit?: number;
  /** MiB of JavaScript heap; guest memory lies outside it */
  heapMegabytes?: number;
}

export interface SessionHandle {
  /** Passes a frame to the worker. Ignored once it is lost or stopped. */
  send(frame: Uint8Array): void;
  /** Ends the worker; resolves when it is gone. */
  stop(): Promise<void>;
}

const HEARTBEAT_MS = 2_000;
const START_LIMIT_MS = 30_000;
const HEAP_MEGABYTES = 2_048;
/** A small heap makes the test of its exhaustion quick. */
const TEST_HEAP_MEGABYTES = 256;

export function startSession(options: SessionOptions): SessionHandle {
  const { workerPath, onFrame, onLost, heartbeat = HEARTBEAT_MS, startLimit = START_LIMIT_MS } = options;
  const heap = options.heapMegabytes ?? (process.env['PAGEWALK_TEST'] === '1' ? TEST_HEAP_MEGABYTES : HEAP_MEGABYTES);
  const worker = new Worker(workerPath, { resourceLimits: { maxOldGenerationSizeMb: heap }, name: 'pagewalk session' });
  let over = false;
  let ready = false;
  let unanswered = 0;
  let outOfHeap = false;
  const startedAt = Date.now();

  const end = (): Promise<number> => {
    over = true;
    clearInterval(timer);
    return worker.terminate();
  };
  const lost = (why: SessionLoss): void => {
    if (over) return;
    void end();
    onLost(why);
  };
  const timer = setInterval(() => {
    if (!ready) {
      if (Date.now() - startedAt > startLimit) lost('unresponsive');
      return;
    }
    if (unanswered >= 2) return lost('unresponsive');
    unanswered++;
    worker.postMessage(PING);
  }, heartbeat);
  timer.unref();

  worker.on('message', (message: unknown) => {
    if (over) return;
    if (message === READY) ready = true;
    else if (message === PONG) unanswered = 0;
    else if (isFrame(message)) {
      // a frame is as good a sign of life as a heartbeat
      unanswered = 0;
      onFrame(message);
    }
  });
  worker.on('error', (error: NodeJS.ErrnoException) => {
    outOfHeap = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    if (!outOfHeap && !over) console.error(`the session's worker failed: ${error.stack ?? error.message}`);
    lost(outOfHeap ? 'out-of-heap' : 'exited');
  });
  worker.on('exit', () => lost(outOfHeap ? 'out-of-heap' : 'exited'));

  return {
    send(frame) {
      if (over) return;
      // a view of a larger buffer (Node's Buffer pool) is copied, anything else handed over
      const whole =
        frame.byteOffset === 0 && frame.byteLength === frame.buffer.byteLength ? new Uint8Array(frame.buffer) : new Uint8Array(frame);
      worker.postMessage(whole, whole.buffer instanceof ArrayBuffer ? [whole.buffer] : []);
    },
    async stop() {
      await end();
    },
  };
}
