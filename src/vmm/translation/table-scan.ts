/**
 * Reads radix tables in memory as hardware would, wherever they lead: an overwritten entry may point at a table the VMM never
 * wrote. For audits: it leaves no trace, and it is bounded.
 */
import { hostPhysical, PAGE_SIZE } from '../../machine/address';
import type { PhysicalMemory } from '../../machine/memory/physical-memory';
import type { ReachablePage } from './translation';

/** Tables that a scan looks at unless told: few enough that wild pointers cost no more than a moment. */
const MOST_TABLES = 16_384;
/** Bits 51:32 of an entry are its upper word's low 20; the lowest of them is worth this many frames. */
const UPPER_BITS = 2 ** 20;

/** What hardware makes of an entry: nothing there (or refused as malformed), a further table, or a page. */
export type EntryMeaning = 'nothing' | 'table' | 'page';
/** `low` are the entry's low 32 bits, `frame` the frame number in it, level 1 maps 4 KiB. */
export type EntryReader = (low: number, frame: number, level: number) => EntryMeaning;

/**
 * Everything that the tables from `root` on map, by guest frame; stretches that continue on both sides are one. `known` are the
 * tables that their owner has written: as many wild ones again are followed.
 */
export function scanTables(memory: PhysicalMemory, root: number, levels: number, meaningOf: EntryReader, known = 0): ReachablePage[] {
  const pages: ReachablePage[] = [];
  /** a table's address is a multiple of 4096, so that its level fits in */
  const seen = new Set<number>();
  const most = Math.max(MOST_TABLES, 2 * known);
  const visit = (table: number, level: number, firstGuest: number): void => {
    // a table met twice at one level maps the same host frames again
    if (seen.has(table + level) || seen.size >= most) return;
    seen.add(table + level);
    const bytes = memory.peek(hostPhysical(table), PAGE_SIZE);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const span = 512 ** (level - 1);
    for (let index = 0; index < 512; index++) {
      const low = view.getUint32(index * 8, true);
      const frame = (view.getUint32(index * 8 + 4, true) % UPPER_BITS) * UPPER_BITS + (low >>> 12);
      const meaning = meaningOf(low, frame, level);
      if (meaning === 'nothing') continue;
      const guest = firstGuest + index * span;
      if (meaning === 'page') append(pages, { guest, host: frame, count: span, entryAddress: table + index * 8 });
      else visit(frame * PAGE_SIZE, level - 1, guest);
    }
  };
  visit(root, levels, 0);
  return pages;
}

function append(pages: ReachablePage[], page: ReachablePage): void {
  const last = pages.at(-1);
  if (last && last.guest + last.count === page.guest && last.host + last.count === page.host) last.count += page.count;
  else pages.push(page);
}
