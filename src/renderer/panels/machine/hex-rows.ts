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
  /** one of its bytes was written by hand */
  written: boolean;
}

export interface HexRow {
  address: bigint;
  cells: HexCell[];
  ascii: string;
  /** the page that begins with this row */
  page: MemoryRange['pages'][number] | null;
}

/**
 * @param mark a stretch of addresses to light: the bytes of the access on screen
 * @param written host addresses of bytes written by hand
 */
export function hexRows(
  range: MemoryRange,
  unit: Unit,
  mark: { base: bigint; bytes: number } | null,
  written: ReadonlySet<number> = new Set(),
): HexRow[] {
  const rows: HexRow[] = [];
  const pages = new Map(range.pages.map((page) => [page.base, page]));
  for (let at = 0; at < range.bytes.length; at += ROW_BYTES) {
    const address = range.base + BigInt(at);
    const cells: HexCell[] = [];
    for (let i = 0; i < ROW_BYTES; i += unit) {
      const here = address + BigInt(i);
      const text = unitText(range, here, unit);
      const marked = mark !== null && here + BigInt(unit) > mark.base && here < mark.base + BigInt(mark.bytes);
      const byHand =
        written.size > 0 &&
        Array.from({ length: unit }, (_, byte) => hostOf(range, here + BigInt(byte))).some((host) => host !== null && written.has(host));
      cells.push({ absent: text === null, marked, written: byHand, text: text ?? '·'.repeat(unit * 2) });
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

/** A unit's bytes as a number in hex; null where it is not in the range, or one of its bytes is not there. */
export function unitText(range: MemoryRange, address: bigint, unit: Unit): string | null {
  const at = Number(address - range.base);
  const present = range.present.subarray(at, at + unit);
  if (at < 0 || present.length < unit || present.includes(0)) return null;
  return littleEndian(range.bytes.subarray(at, at + unit))
    .toString(16)
    .toUpperCase()
    .padStart(unit * 2, '0');
}

/** The bytes of a number in memory order; two hex digits a byte. */
export const littleEndianBytes = (digits: string): Uint8Array =>
  Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16)).reverse();

/** The host address behind an address of the range, or null. */
export function hostOf(range: MemoryRange, address: bigint): number | null {
  const page = pageAt(range, address);
  return page?.host == null ? null : page.host + Number(address - page.base);
}
