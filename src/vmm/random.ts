/**
 * A small seeded generator (mulberry32), so that whatever the VMM scatters is scattered the same way in every run. Not for
 * secrets that anyone should not guess.
 */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 ≤ value < 1 */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, 0 ≤ value < bound. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
}
