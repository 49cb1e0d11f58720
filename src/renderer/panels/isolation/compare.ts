/** A target's bytes before and after as rows of sixteen; only rows that changed, or the first when none did. Pure. */
import type { RangeComparison } from '../../../lab/protocol';

export interface DiffRow {
  address: number;
  before: Uint8Array;
  after: Uint8Array;
  /** which bytes differ */
  changed: boolean[];
}

const ROW = 16;
const MOST_ROWS = 3;

export function diffRows(target: Pick<RangeComparison, 'windowBase' | 'before' | 'after'>, width = ROW): DiffRow[] {
  const rows: DiffRow[] = [];
  for (let at = 0; at < target.before.length; at += width) {
    const before = target.before.subarray(at, at + width);
    const after = target.after.subarray(at, at + width);
    rows.push({ address: target.windowBase + at, before, after, changed: Array.from(before, (byte, i) => byte !== after[i]) });
  }
  const changed = rows.filter((row) => row.changed.includes(true));
  return changed.length > 0 ? changed.slice(0, MOST_ROWS) : rows.slice(0, 1);
}
