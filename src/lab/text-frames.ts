/**
 * Text frames between the window and the web host: JSON, with bytes as `{ "$bytes": base64 }`. A call is
 * `{ id, method, args }`, its answer `{ id, result }` or `{ id, error }`, an event `{ event, argument }`. Runs in both.
 */

export interface WebCall {
  id: number;
  method: string;
  args: unknown[];
}
export type WebAnswer = { id: number; result: unknown } | { id: number; error: string } | { event: string; argument: unknown };

const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += CHUNK) text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  return btoa(text);
}

function fromBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function encodeText(message: object): string {
  return JSON.stringify(message, (_key, value: unknown) => (value instanceof Uint8Array ? { $bytes: toBase64(value) } : value));
}

function parse(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (value !== null && typeof value === 'object' && '$bytes' in value && typeof value.$bytes === 'string')
      return fromBase64(value.$bytes);
    return value;
  });
}

/** Throws TypeError or SyntaxError on anything that is not a call. */
export function decodeText(text: string): WebCall {
  const call = parse(text) as Partial<WebCall> | null;
  if (
    call === null ||
    typeof call !== 'object' ||
    !Number.isInteger(call.id) ||
    typeof call.method !== 'string' ||
    !Array.isArray(call.args)
  ) {
    throw new TypeError('not a call');
  }
  return call as WebCall;
}

/** Throws on what is no JSON object. */
export function decodeAnswer(text: string): WebAnswer {
  const answer = parse(text);
  if (answer === null || typeof answer !== 'object') throw new TypeError('not an answer');
  return answer as WebAnswer;
}
