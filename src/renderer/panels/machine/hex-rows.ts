/** A range of memory as rows of a hex view: units of 1 to 8 bytes, text beside them, page borders with what lies behind the page. Pure. */
import type { MemoryRange } from '../../../lab/protocol';
import { littleEndian } from '../numbers';

export const ROW_BYTES = 16;
export type Unit = 1 | 2 | 4 | 8;

export interface HexCell {
  text: string;
  /** nothing is mapped or nobody answers at one of its bytes */
  absent: boolean;
  marked: boolean;
}

export interface HexRow {
  address: bigint;
  cells: HexCell[];
  ascii: string;
  /** the page that begins with this row */
  page: MemoryRange['pages'][number] | null;
}

/** `mark` is a stretch of addresses to light: the bytes of the access on screen. */
export function hexRows(range: MemoryRange, unit: Unit, mark: { base: bigint; bytes: number } | null): HexRow[] {
  const rows: HexRow[] = [];
  const pages = new Map(range.pages.map((page) => [page.base, page]));
  for (let at = 0; at < range.bytes.length; at += ROW_BYTES) {
    const address = range.base + BigInt(at);
    const cells: HexCell[] = [];
    for (let i = 0; i < ROW_BYTES; i += unit) {
      const bytes = range.bytes.subarray(at + i, at + i + unit);
      const absent = range.present.subarray(at + i, at + i + unit).some((present) => present === 0);
      const here = address + BigInt(i);
      const marked = mark !== null && here + BigInt(unit) > mark.base && here < mark.base + BigInt(mark.bytes);
      const digits = unit * 2;
      cells.push({
        absent,
        marked,
        text: absent ? '·'.repeat(digits) : littleEndian(bytes).toString(16).toUpperCase().padStart(digits, '0'),
      });
    }
    let ascii = '';
    for (let i = at; i < Math.min(at + ROW_BYTES, range.bytes.length); i += 1) {
      const byte = range.bytes[i]!;
      ascii += range.present[i] === 0 ? ' ' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    }
    rows.push({ address, cells, ascii, page: address % 4096n === 0n ? (pages.get(address) ?? null) : null });
  }
  return rows;
}

/** The page that holds an address, from a range's pages. */
export function pageAt(range: MemoryRange, address: bigint): MemoryRange['pages'][number] | null {
  return range.pages.findLast((page) => page.base <= address && address - page.base < 4096n) ?? null;
}

/** First row of a view of `rows` rows that shows `address` near its top, inside the space of `bits` bits. */
export function viewBase(address: bigint, rows: number, bits: number): bigint {
  const row = BigInt(ROW_BYTES);
  const last = (1n << BigInt(bits)) - row * BigInt(rows);
  const wanted = address - (address % row) - row;
  if (wanted < 0n) return 0n;
  return wanted > last ? (last < 0n ? 0n : last) : wanted;
}
