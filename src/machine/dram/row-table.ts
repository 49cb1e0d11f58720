/**
 * Counts by row, in a window that begins empty: an open-addressed table of keys and counts, because every activation looks
 * one up. It grows with the rows that are in it.
 */

const FREE = -1;
const SMALLEST = 64;
/** spreads neighbouring keys over the table (Knuth's multiplicative hashing) */
const SPREAD = 0x9e37_79b1;

export class RowTable {
  private keys = new Int32Array(SMALLEST).fill(FREE);
  private counts = new Float64Array(SMALLEST);
  private used = 0;

  /** Adds one to a key's count (keys are 0 to 2^31 - 1), and returns it. */
  increment(key: number): number {
    let at = this.find(key);
    if (this.keys[at] === FREE) {
      if (this.used * 2 >= this.keys.length) {
        this.grow();
        at = this.find(key);
      }
      this.keys[at] = key;
      this.used++;
    }
    const count = this.counts[at]! + 1;
    this.counts[at] = count;
    return count;
  }

  /** 0 for a key that is not there. */
  get(key: number): number {
    return this.counts[this.find(key)]!;
  }

  set(key: number, count: number): void {
    this.increment(key);
    this.counts[this.find(key)] = count;
  }

  /** In no particular order. */
  *entries(): IterableIterator<[key: number, count: number]> {
    for (let at = 0; at < this.keys.length; at++) if (this.keys[at] !== FREE) yield [this.keys[at]!, this.counts[at]!];
  }

  clear(): void {
    this.keys.fill(FREE);
    this.counts.fill(0);
    this.used = 0;
  }

  /** Where a key is, or the free place where it would be. */
  private find(key: number): number {
    const { keys } = this;
    const mask = keys.length - 1;
    let at = (Math.imul(key, SPREAD) >>> 12) & mask;
    for (; keys[at] !== key && keys[at] !== FREE; at = (at + 1) & mask);
    return at;
  }

  private grow(): void {
    const { keys, counts } = this;
    this.keys = new Int32Array(keys.length * 2).fill(FREE);
    this.counts = new Float64Array(keys.length * 2);
    for (let from = 0; from < keys.length; from++) {
      if (keys[from] === FREE) continue;
      const at = this.find(keys[from]!);
      this.keys[at] = keys[from]!;
      this.counts[at] = counts[from]!;
    }
  }
}
