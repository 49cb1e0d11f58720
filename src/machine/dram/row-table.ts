/**
 * Counts by row, in a window that begins empty: an open-addressed table of keys and counts, side by side, because every
 * activation looks one up. It grows with the rows that are in it.
 */

const FREE = -1;
const SMALLEST = 64;
/** spreads neighbouring keys over the table (Knuth's multiplicative hashing) */
const SPREAD = 0x9e37_79b1;

const empty = (entries: number): Int32Array => {
  const words = new Int32Array(entries * 2);
  for (let at = 0; at < words.length; at += 2) words[at] = FREE;
  return words;
};

export class RowTable {
  /** pairs of key and count */
  private words = empty(SMALLEST);
  private used = 0;

  /** Adds one to a key's count (both are 0 to 2^31 - 1), and returns it. */
  increment(key: number): number {
    let at = this.find(key);
    if (this.words[at] === FREE) {
      if (this.used * 4 >= this.words.length) {
        this.grow();
        at = this.find(key);
      }
      this.words[at] = key;
      this.used++;
    }
    return (this.words[at + 1]! += 1);
  }

  /** 0 for a key that is not there. */
  get(key: number): number {
    return this.words[this.find(key) + 1]!;
  }

  set(key: number, count: number): void {
    this.increment(key);
    this.words[this.find(key) + 1] = count;
  }

  /** In no particular order. */
  *entries(): IterableIterator<[key: number, count: number]> {
    const { words } = this;
    for (let at = 0; at < words.length; at += 2) if (words[at] !== FREE) yield [words[at]!, words[at + 1]!];
  }

  clear(): void {
    this.words = empty(this.words.length >> 1);
    this.used = 0;
  }

  /** Word of a key, or of the free place where it would be. */
  private find(key: number): number {
    const { words } = this;
    const mask = words.length - 1;
    let at = (Math.imul(key, SPREAD) >>> 11) & mask & ~1;
    for (; words[at] !== key && words[at] !== FREE; at = (at + 2) & mask);
    return at;
  }

  private grow(): void {
    const { words } = this;
    this.words = empty(words.length);
    for (let from = 0; from < words.length; from += 2) {
      if (words[from] === FREE) continue;
      const at = this.find(words[from]!);
      this.words[at] = words[from]!;
      this.words[at + 1] = words[from + 1]!;
    }
  }
}
