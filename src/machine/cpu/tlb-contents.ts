/**
 * The TLB's architectural contents as bytes, for the state hash and for snapshots: canonical, so that they do not depend on
 * what has been forgotten. A header (statistics as doubles, sets, ways), the way of each set that is filled next, then records
 * {slot, page, flags, VPID, PCID, EPT root, guest frame, host frame}: entries by slot, code pages by context behind them.
 */
import type { CodePage } from './tlb-contexts';
import { TLB_FLAG, type TlbEntry, type TlbStatistics } from './tlb-entry';

const HEADER_BYTES = 40;
const RECORD_BYTES = 40;
/** Slot number of a code page. */
const CODE_SLOT = 0xffff_ffff;

/** An entry as `put` needs it; `slot` counts through all sets, way by way. */
export type StoredEntry = Pick<TlbEntry, 'page' | 'flags' | 'guestFrame' | 'hostFrame' | 'vpid' | 'eptRoot' | 'pcid'> & { slot: number };

export interface TlbContents {
  statistics: TlbStatistics;
  ways: number;
  /** one a set */
  nextWays: number[];
  entries: StoredEntry[];
  codePages: CodePage[];
}

export function encodeContents({ statistics, ways, nextWays, entries, codePages }: TlbContents): Uint8Array {
  const start = HEADER_BYTES + nextWays.length * 4;
  const bytes = new Uint8Array(start + (entries.length + codePages.length) * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, statistics.accesses, true);
  view.setFloat64(8, statistics.misses, true);
  view.setFloat64(16, statistics.evictions, true);
  view.setFloat64(24, statistics.tableReads, true);
  view.setUint32(32, nextWays.length, true);
  view.setUint32(36, ways, true);
  nextWays.forEach((way, set) => view.setUint32(HEADER_BYTES + set * 4, way, true));
  const codes = codePages.map(({ page, user, frame, ...context }): StoredEntry => {
    return { ...context, slot: CODE_SLOT, page, flags: user ? TLB_FLAG.user : 0, guestFrame: 0, hostFrame: frame };
  });
  [...entries, ...codes].forEach((entry, index) => {
    const at = start + index * RECORD_BYTES;
    view.setUint32(at, entry.slot, true);
    view.setUint32(at + 4, entry.page, true);
    view.setUint32(at + 8, entry.flags, true);
    view.setUint16(at + 12, entry.vpid, true);
    view.setUint16(at + 14, entry.pcid, true);
    view.setFloat64(at + 16, entry.eptRoot, true);
    view.setFloat64(at + 24, entry.guestFrame, true);
    view.setFloat64(at + 32, entry.hostFrame, true);
  });
  return bytes;
}

/** What `encodeContents` gave. RangeError when it is not of a TLB with so many sets and ways. */
export function decodeContents(bytes: Uint8Array, sets: number, ways: number): TlbContents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = HEADER_BYTES + sets * 4;
  if (bytes.length < start || view.getUint32(32, true) !== sets || view.getUint32(36, true) !== ways) {
    throw new RangeError(`these are not the contents of a TLB with ${sets} sets of ${ways} ways`);
  }
  const contents: TlbContents = {
    statistics: {
      accesses: view.getFloat64(0, true),
      misses: view.getFloat64(8, true),
      evictions: view.getFloat64(16, true),
      tableReads: view.getFloat64(24, true),
    },
    ways,
    nextWays: Array.from({ length: sets }, (_, set) => view.getUint32(HEADER_BYTES + set * 4, true) % ways),
    entries: [],
    codePages: [],
  };
  for (let at = start; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const slot = view.getUint32(at, true);
    const page = view.getUint32(at + 4, true);
    const flags = view.getUint32(at + 8, true);
    const context = { vpid: view.getUint16(at + 12, true), pcid: view.getUint16(at + 14, true), eptRoot: view.getFloat64(at + 16, true) };
    const guestFrame = view.getFloat64(at + 24, true);
    const hostFrame = view.getFloat64(at + 32, true);
    if (slot === CODE_SLOT) {
      contents.codePages.push({ ...context, page, user: (flags & TLB_FLAG.user) !== 0, frame: hostFrame });
      continue;
    }
    if (slot >= sets * ways) throw new RangeError(`this TLB has ${sets * ways} entries, no entry ${slot}`);
    contents.entries.push({ ...context, slot, page, flags, guestFrame, hostFrame });
  }
  return contents;
}
