/**
 * Activations of each row in the refresh window that is running: what disturbance depends on, and the heat of rows. Sparse:
 * only rows that were activated are here, and a new window begins empty.
 */
import { RowTable } from './row-table';

/** Rows of one bank at most: a key is bank × this + row. */
export const ROWS_LIMIT = 2 ** 20;

export interface SavedRowCounts {
  window: number;
  counts: [key: number, count: number][];
  most: number;
}

export class RowCounts {
  /** most activations that one row had within one window, since power-on */
  most = 0;
  private window = 0;
  /** picoseconds: when it begins, and when the next does */
  private from = 0;
  private until: number;
  private readonly counts: RowTable;

  /**
   * @param windowLength of a refresh window, picoseconds
   * @param banks of the module, and rows of each
   */
  constructor(
    private readonly windowLength: number,
    banks: number,
    rows: number,
  ) {
    this.until = windowLength;
    this.counts = new RowTable(banks, rows);
  }

  /** Bank within the module. Returns the row's activations in this window. */
  activated(bank: number, row: number, now: number): number {
    if (now < this.from || now >= this.until) this.begin(Math.floor(now / this.windowLength));
    const count = this.counts.increment(bank, row);
    if (count > this.most) this.most = count;
    return count;
  }

  /**
   * As many `activated` as follow each other in a list of pairs of bank (over all modules) and row, from one pair up to another.
   * Returns the first pair that is another module's, or `to`.
   */
  activatedAll(pairs: Int32Array, from: number, to: number, module: { firstBank: number; banks: number; now: number }): number {
    const { firstBank, banks, now } = module;
    const { counts } = this;
    if (now < this.from || now >= this.until) this.begin(Math.floor(now / this.windowLength));
    let { most } = this;
    let pair = from;
    for (; pair < to; pair++) {
      const bank = pairs[pair * 2]! - firstBank;
      if (bank < 0 || bank >= banks) break;
      const count = counts.increment(bank, pairs[pair * 2 + 1]!);
      if (count > most) most = count;
    }
    this.most = most;
    return pair;
  }

  private begin(window: number): void {
    if (window !== this.window) this.counts.clear();
    this.window = window;
    this.from = window * this.windowLength;
    this.until = (window + 1) * this.windowLength;
  }

  /** Activations of a row in the window that is running. */
  of(bank: number, row: number): number {
    return this.counts.get(bank, row);
  }

  /** The rows with the most activations in this window, most first; `bank` narrows. Ties: lowest bank and row first. */
  hottest(count: number, bank?: number): { bank: number; row: number; count: number }[] {
    const rows = [...this.counts.entries(bank)].map(([of, row, activations]) => ({ bank: of, row, count: activations }));
    return rows.sort((a, b) => b.count - a.count || a.bank - b.bank || a.row - b.row).slice(0, count);
  }

  /** Activations in this window of a bank's rows, added up over `stretches` equal stretches of its `rows`. */
  heat(bank: number, rows: number, stretches: number): number[] {
    const heat = new Array<number>(stretches).fill(0);
    for (const [of, row, activations] of this.counts.entries()) if (of === bank) heat[Math.floor((row * stretches) / rows)]! += activations;
    return heat;
  }

  save(): SavedRowCounts {
    const counts = [...this.counts.entries()].map(([bank, row, count]): [number, number] => [bank * ROWS_LIMIT + row, count]);
    return { window: this.window, counts, most: this.most };
  }

  load({ window, counts, most }: SavedRowCounts): void {
    this.counts.clear();
    this.begin(window);
    for (const [key, count] of counts) this.counts.set(Math.floor(key / ROWS_LIMIT), key % ROWS_LIMIT, count);
    this.most = most;
  }

  reset(): void {
    this.load({ window: 0, counts: [], most: 0 });
  }
}
