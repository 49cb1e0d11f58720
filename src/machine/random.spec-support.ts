/** Seeded random numbers for specs: the same in every run. */

export type Next = () => number;

/** mulberry32, as unsigned 32-bit integers */
export function random(seed: number): Next {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

export const pick = <T>(next: Next, list: readonly T[]): T => list[next() % list.length]!;
