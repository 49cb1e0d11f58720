/** The bytes a check expects, as a lab writes them: `de ad be ef` (hex pairs), a list of numbers, or text. */

/**
 * Hex pairs, with or without spaces or underscores between them, are bytes; `text:…` and whatever is not hex pairs is UTF-8.
 * Numbers in a list are bytes 0 to 255 (larger ones are cut to their low byte).
 */
export function expectedBytes(value: string | readonly number[]): Uint8Array {
  if (typeof value !== 'string') return Uint8Array.from(value);
  if (value.startsWith('text:')) return new TextEncoder().encode(value.slice(5));
  const hex = value.replace(/^0x/i, '').replaceAll(/[\s_]/g, '');
  if (hex.length > 0 && hex.length % 2 === 0 && /^[0-9a-f]+$/i.test(hex)) {
    return Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
  }
  return new TextEncoder().encode(value);
}

/** `DE AD BE EF`, at most `limit` bytes and then how many more there are. */
export function hexBytes(bytes: Uint8Array, limit = 16): string {
  const shown = Array.from(bytes.subarray(0, limit), (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
  return bytes.length > limit ? `${shown} … (+${bytes.length - limit})` : shown;
}

/** Position of the first byte in which the two differ, or -1. Arrays of equal length. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

export function countDifferences(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}
