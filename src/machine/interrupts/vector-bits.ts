/** One bit for each of 256 vectors, in eight words: requests, services, trigger modes. */

export const set = (bits: Uint32Array, vector: number): void => void (bits[vector >> 5]! |= 1 << (vector & 31));
export const clear = (bits: Uint32Array, vector: number): void => void (bits[vector >> 5]! &= ~(1 << (vector & 31)));
export const has = (bits: Uint32Array, vector: number): boolean => (bits[vector >> 5]! & (1 << (vector & 31))) !== 0;

/** The highest vector whose bit is set, or -1. */
export function highest(bits: Uint32Array): number {
  for (let word = 7; word >= 0; word--) if (bits[word] !== 0) return word * 32 + 31 - Math.clz32(bits[word]!);
  return -1;
}
