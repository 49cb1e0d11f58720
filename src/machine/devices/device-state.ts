/**
 * How a device's state becomes bytes for snapshots and the state hash: one canonical form for all of them, so that the
 * same state always gives the same bytes. Fields keep the order in which the device names them; byte arrays are hex.
 */

/** Thrown when bytes are not the saved state of this kind of device, or of another version of it. */
export class DeviceStateError extends Error {
  constructor(kind: string, problem: string) {
    super(`cannot load the state of ${kind}: ${problem}`);
    this.name = 'DeviceStateError';
  }
}

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** State → canonical UTF-8 bytes, with the kind and version in front. Plain data: numbers, strings, booleans, null, bytes, lists, objects. */
export function encodeState(kind: string, version: number, state: object): Uint8Array {
  const text = JSON.stringify({ kind, version, state }, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value));
  return new TextEncoder().encode(text);
}

/** The inverse; byte arrays come back as hex strings (`fromHex`). Throws DeviceStateError on anything else. */
export function decodeState<T>(kind: string, version: number, bytes: Uint8Array): T {
  let parsed: { kind?: unknown; version?: unknown; state?: unknown };
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes)) as typeof parsed;
  } catch {
    throw new DeviceStateError(kind, 'the bytes are not a saved device state');
  }
  if (parsed.kind !== kind) throw new DeviceStateError(kind, `it was saved by ${String(parsed.kind)}`);
  if (parsed.version !== version) throw new DeviceStateError(kind, `version ${String(parsed.version)} is not ${version}`);
  return parsed.state as T;
}
