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
  /**
   * ms between heartbeats; the worker is lost when two in a row stay unanswered while this process was computing, or ten whatever it did: on a
   * busy machine a worker that is only waiting for a processor is not taken for one that hangs
   */
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
/** Part of two heartbeats that the process must have computed for a silent worker to count as hanging. */
const COMPUTING = 0.75;
const LONGEST_SILENCE = 10;
const HEAP_MEGABYTES = 2_048;
/** A small heap makes the test of its exhaustion quick. */
const TEST_HEAP_MEGABYTES = 256;

/** ms of processor time that all threads of this process have used since. */
function computedSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

export function startSession(options: SessionOptions): SessionHandle {
  const { workerPath, onFrame, onLost, heartbeat = HEARTBEAT_MS, startLimit = START_LIMIT_MS } = options;
  const heap = options.heapMegabytes ?? (process.env['PAGEWALK_TEST'] === '1' ? TEST_HEAP_MEGABYTES : HEAP_MEGABYTES);
  const worker = new Worker(workerPath, { resourceLimits: { maxOldGenerationSizeMb: heap }, name: 'pagewalk session' });
  let over = false;
  let ready = false;
  let unanswered = 0;
  /** when the first of the unanswered beats was sent, in processor time */
  let askedAt = process.cpuUsage();
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
    if (unanswered >= LONGEST_SILENCE || (unanswered >= 2 && computedSince(askedAt) >= COMPUTING * 2 * heartbeat))
      return lost('unresponsive');
    if (unanswered === 0) askedAt = process.cpuUsage();
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
