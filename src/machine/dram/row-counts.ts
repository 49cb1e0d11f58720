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
  private readonly counts = new RowTable();

  /** @param windowLength of a refresh window, picoseconds */
  constructor(private readonly windowLength: number) {}

  /** Bank within the module. Returns the row's activations in this window. */
  activated(bank: number, row: number, now: number): number {
    const window = Math.floor(now / this.windowLength);
    if (window !== this.window) {
      this.window = window;
      this.counts.clear();
    }
    const count = this.counts.increment(bank * ROWS_LIMIT + row);
    if (count > this.most) this.most = count;
    return count;
  }

  /** Activations of a row in the window that is running. */
  of(bank: number, row: number): number {
    return this.counts.get(bank * ROWS_LIMIT + row);
  }

  /** The rows with the most activations in this window, most first; `bank` narrows. Ties: lowest bank and row first. */
  hottest(count: number, bank?: number): { bank: number; row: number; count: number }[] {
    const rows: { bank: number; row: number; count: number }[] = [];
    for (const [key, activations] of this.counts.entries()) {
      const of = Math.floor(key / ROWS_LIMIT);
      if (bank === undefined || of === bank) rows.push({ bank: of, row: key % ROWS_LIMIT, count: activations });
    }
    return rows.sort((a, b) => b.count - a.count || a.bank - b.bank || a.row - b.row).slice(0, count);
  }

  /** Activations in this window of a bank's rows, added up over `stretches` equal stretches of its `rows`. */
  heat(bank: number, rows: number, stretches: number): number[] {
    const heat = new Array<number>(stretches).fill(0);
    for (const [key, activations] of this.counts.entries())
      if (Math.floor(key / ROWS_LIMIT) === bank) heat[Math.floor(((key % ROWS_LIMIT) * stretches) / rows)]! += activations;
    return heat;
  }

  save(): SavedRowCounts {
    return { window: this.window, counts: [...this.counts.entries()].sort(([a], [b]) => a - b), most: this.most };
  }

  load({ window, counts, most }: SavedRowCounts): void {
    this.window = window;
    this.counts.clear();
    for (const [key, count] of counts) this.counts.set(key, count);
    this.most = most;
  }

  reset(): void {
    this.load({ window: 0, counts: [], most: 0 });
  }
}
