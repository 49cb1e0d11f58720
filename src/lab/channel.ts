/**
 * The two ends of a session's wire: birpc calls in msgpack frames over any channel that carries bytes (a worker's port,
 * an Electron port, a WebSocket). Runs in the browser and in Node. Every view is sent as a call and acknowledged, so that
 * a slow window never has more than one of each view on its way: the newest waiting one replaces the others.
 */
import { createBirpc, type BirpcReturn } from 'birpc';
import { Packr } from 'msgpackr/pack';
import type { SessionCommands, SessionEvents, StatusView, ViewName, Views } from './protocol';

/** What carries frames; the same shape as shell-bridge's SessionChannel. */
export interface FrameChannel {
  send(frame: Uint8Array): void;
  onFrame(listener: (frame: Uint8Array) => void): void;
}

/** Frames larger than this are refused on receipt: a lab's files are at most 80 MiB together (lab/document/files). */
const MAX_FRAME_BYTES = 96 * 1024 * 1024;

const packr = () => new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'bigint', useBigIntExtension: true });

/** Byte arrays arrive as plain Uint8Array with a buffer of their own in Node and in the browser alike. */
function plainBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = plainBytes(value[i]);
    return value;
  }
  if (value !== null && typeof value === 'object') {
    const record = value as Record<string, unknown>;
    for (const key of Object.keys(record)) {
      const inner = record[key];
      if (inner !== null && typeof inner === 'object') record[key] = plainBytes(inner);
    }
  }
  return value;
}

interface FrameCodec {
  encode(message: unknown): Uint8Array;
  decode(frame: Uint8Array): unknown;
}

/** An error that a command was rejected with: `text` when it is meant for people, in both languages. */
export interface SessionError extends Error {
  text?: { en: string; 'zh-CN': string };
}

/** An error crosses as its name, its message and its text for people; the other side's stack is nobody's business here. */
function packError(message: unknown): unknown {
  const error = (message as { e?: unknown }).e;
  return error instanceof Error
    ? { ...(message as object), e: { name: error.name, message: error.message, text: (error as SessionError).text } }
    : message;
}

function reviveError(message: object): object {
  const error = (message as { e?: { name?: unknown; message?: unknown; text?: SessionError['text'] } }).e;
  if (!error) return message;
  const revived: SessionError = Object.assign(new Error(String(error.message)), { name: String(error.name) });
  if (error.text) revived.text = error.text;
  return { ...message, e: revived };
}

/** msgpack with bigint and byte arrays. `decode` throws on a frame that is not one message object, or is too large. */
export function frameCodec(): FrameCodec {
  const codec = packr();
  return {
    // a copy of its own: msgpackr hands out slices of a shared buffer, and frames may be transferred
    encode: (message) => new Uint8Array(codec.pack(packError(message))),
    decode(frame) {
      if (frame.byteLength > MAX_FRAME_BYTES)
        throw new RangeError(`a frame of ${frame.byteLength} bytes is larger than ${MAX_FRAME_BYTES}`);
      const message: unknown = plainBytes(codec.unpack(frame));
      if (message === null || typeof message !== 'object') throw new TypeError('a frame must hold one message');
      return reviveError(message);
    },
  };
}

/** birpc needs the names of what may be called; nothing else on an object is reachable from the other side. */
const COMMANDS: Record<keyof SessionCommands, true> = {
  open: true, update: true, powerOn: true, powerOff: true, run: true, pause: true, step: true, stepOver: true, runTo: true, reset: true, setSpeed: true, setBreakpoints: true, setStopPoints: true, setObserve: true, explain: true, readMemory: true, writeMemory: true, disassemble: true, pageTable: true, linearSpaces: true, locate: true, findTransactions: true, evaluateChecks: true, selectVm: true, snapshot: true, restore: true, subscribe: true, stateHash: true, ping: true, misbehave: true,
}; // prettier-ignore
const COMMAND_NAMES = Object.keys(COMMANDS) as (keyof SessionCommands)[];

type RemoteEvents = { view(name: ViewName, value: unknown): void; problems: SessionEvents['problems'] };

export interface SessionClient {
  readonly session: Required<SessionCommands>;
  /** Pending and later calls reject with `reason`. */
  close(reason?: Error): void;
}

/** The window's end: `session` calls the worker, `events` receives what it says. A malformed frame is dropped and reported to `onError`. */
export function createSessionClient(
  channel: FrameChannel,
  events: SessionEvents,
  onError: (error: Error) => void = () => {},
): SessionClient {
  const codec = frameCodec();
  /** what commands were rejected with: whoever gave the command is told */
  const refusals = new WeakSet<Error>();
  const functions: RemoteEvents = {
    view: (name, value) => events.view(name, value as Views[typeof name]),
    problems: (problems) => events.problems(problems),
  };
  const rpc: BirpcReturn<Required<SessionCommands>, RemoteEvents> = createBirpc<Required<SessionCommands>, RemoteEvents>(functions, {
    post: (frame: Uint8Array) => channel.send(frame),
    on: (listener) => channel.onFrame(listener),
    serialize: (message) => codec.encode(message),
    deserialize(frame: Uint8Array) {
      const message = codec.decode(frame) as { e?: unknown };
      if (message.e instanceof Error) refusals.add(message.e);
      return message;
    },
    // a long power-on is no failure; a worker that hangs is found by its heartbeat
    timeout: -1,
    resolver: (name, resolved) => (name === 'view' || name === 'problems' ? resolved : undefined),
    onGeneralError: (error) => {
      if (!refusals.has(error)) onError(error);
      return false;
    },
  });
  return { session: rpc as unknown as Required<SessionCommands>, close: (reason) => rpc.$close(reason) };
}

export interface SessionServer {
  readonly events: SessionEvents;
  close(): void;
}

/**
 * The worker's end. `events.view` keeps at most one of each view in flight and the newest one waiting. A status with another power
 * state goes out at once: the answer to the command that switched must not overtake it, or the window would switch again.
 */
export function serveSession(channel: FrameChannel, commands: SessionCommands, onError: (error: Error) => void = () => {}): SessionServer {
  const codec = frameCodec();
  const functions: Record<string, (...args: never[]) => unknown> = Object.create(null) as Record<string, never>;
  for (const name of COMMAND_NAMES) {
    const command = commands[name] as ((...args: never[]) => unknown) | undefined;
    if (command) functions[name] = command.bind(commands) as (...args: never[]) => unknown;
  }
  const rpc = createBirpc<RemoteEvents, typeof functions>(functions, {
    post: (frame: Uint8Array) => channel.send(frame),
    on: (listener) => channel.onFrame(listener),
    serialize: (message) => codec.encode(message),
    deserialize: (frame: Uint8Array) => codec.decode(frame),
    bind: 'functions',
    timeout: -1,
    resolver: (name, resolved) => (Object.hasOwn(functions, name) ? resolved : undefined),
    onGeneralError: (error) => {
      onError(error);
      return true;
    },
  });
  const inFlight = new Map<ViewName, number>();
  const waiting = new Map<ViewName, unknown>();
  let power: StatusView['power'] | undefined;
  const switches = (name: ViewName, value: unknown): boolean => {
    if (name !== 'status') return false;
    const before = power;
    power = (value as StatusView).power;
    return power !== before;
  };
  const sendView = (name: ViewName, value: unknown): void => {
    inFlight.set(name, (inFlight.get(name) ?? 0) + 1);
    const settled = (): void => {
      const left = inFlight.get(name)! - 1;
      if (left > 0) inFlight.set(name, left);
      else inFlight.delete(name);
      if (left > 0 || !waiting.has(name)) return;
      const next = waiting.get(name);
      waiting.delete(name);
      sendView(name, next);
    };
    rpc.view(name, value).then(settled, settled);
  };
  return {
    events: {
      view(name, value) {
        const now = switches(name, value) || !inFlight.has(name);
        if (!now) {
          waiting.set(name, value);
          return;
        }
        waiting.delete(name);
        sendView(name, value);
      },
      problems: (problems) => void rpc.problems.asEvent(problems),
    },
    close: () => rpc.$close(),
  };
}
