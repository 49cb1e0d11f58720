/**
 * Counts by bank and row, in a window that begins empty. Every activation looks one up, so they lie side by side, in stretches of
 * neighbouring rows that are there once one of them was counted.
 */

/** Rows of a stretch, as a power of two. */
const SHIFT = 8;
const ROWS = 1 << SHIFT;

export class RowTable {
  /** by bank and stretch: where its counts begin, 0 when there are none */
  private readonly places: Int32Array;
  private readonly perBank: number;
  /** the first stretch is nobody's */
  private counts = new Int32Array(16 * ROWS);
  private used = ROWS;

  /** @param rows of each bank */
  constructor(banks: number, rows: number) {
    this.perBank = Math.ceil(rows / ROWS);
    this.places = new Int32Array(banks * this.perBank);
  }

  /** Adds one to a row's count, and returns it. */
  increment(bank: number, row: number): number {
    const stretch = bank * this.perBank + (row >> SHIFT);
    const place = this.places[stretch]! || this.begin(stretch);
    return (this.counts[place + (row & (ROWS - 1))]! += 1);
  }

  /** 0 for a row that was not counted. */
  get(bank: number, row: number): number {
    const place = this.places[bank * this.perBank + (row >> SHIFT)]!;
    return place === 0 ? 0 : this.counts[place + (row & (ROWS - 1))]!;
  }

  set(bank: number, row: number, count: number): void {
    const stretch = bank * this.perBank + (row >> SHIFT);
    const place = this.places[stretch]! || this.begin(stretch);
    this.counts[place + (row & (ROWS - 1))] = count;
  }

  /** What was counted, by bank and then row; `only` of one bank. */
  *entries(only?: number): IterableIterator<[bank: number, row: number, count: number]> {
    const { places, perBank, counts } = this;
    const [from, to] = only === undefined ? [0, places.length] : [only * perBank, (only + 1) * perBank];
    for (let stretch = from; stretch < to; stretch++) {
      const place = places[stretch]!;
      if (place === 0) continue;
      const bank = Math.floor(stretch / perBank);
      for (let index = 0; index < ROWS; index++) {
        const count = counts[place + index]!;
        if (count !== 0) yield [bank, (stretch % perBank) * ROWS + index, count];
      }
    }
  }

  clear(): void {
    this.places.fill(0);
    this.counts.fill(0, 0, this.used);
    this.used = ROWS;
  }

  /** Where the counts of a stretch are from now on. */
  private begin(stretch: number): number {
    const place = this.used;
    if (place === this.counts.length) {
      const more = new Int32Array(this.counts.length * 2);
      more.set(this.counts);
      this.counts = more;
    }
    this.used += ROWS;
    this.places[stretch] = place;
    return place;
  }
}
