/** Bytes as a check's detail shows and compares them. */

/** `DE AD BE EF`, at most `limit` bytes and then how many more there are. */
export function hexBytes(bytes: Uint8Array, limit = 16): string {
  const shown = Array.from(bytes.subarray(0, limit), (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
  return bytes.length > limit ? `${shown} … (+${bytes.length - limit})` : shown;
}

/** `68 69 ("hi")`: with the text, where all of it is printable ASCII. */
export function shownBytes(bytes: Uint8Array): string {
  const printable = bytes.length > 0 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return printable ? `${hexBytes(bytes)} ("${String.fromCharCode(...bytes.subarray(0, 16))}")` : hexBytes(bytes);
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
