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
