/**
 * One guest page table as it lies in memory now (SDM vol. 3, 4.3 and 4.4). Entries that follow one another with the same flags and map
 * one stretch of memory are one row, so an identity map of a thousand pages stays readable. Reading observes nothing.
 */
import type { TranslationContext } from '../../machine/cpu/explain';
import { pagingEnabled } from '../../machine/cpu/paging-registers';
import type { PageEntryView, PageTableView } from '../protocol';

/** Physical memory of the guest (of the machine where there is none); null where nothing is. */
export interface GuestMemory {
  read(guest: number, length: number): Uint8Array | null;
  host(guest: number): number | null;
}

const CR4_PSE = 1 << 4;
const CR4_PAE = 1 << 5;
const P = 1;
const PS = 1 << 7;
const FLAG_BITS: readonly (readonly [string, number])[] = [['P', 0], ['W', 1], ['U', 2], ['A', 5], ['D', 6], ['PS', 7], ['G', 8]]; // prettier-ignore

interface Level {
  structure: PageEntryView['structure'];
  /** linear bytes that one entry covers */
  span: number;
  count: number;
}
const LEGACY: readonly Level[] = [
  { structure: 'pde', span: 2 ** 22, count: 1024 },
  { structure: 'pte', span: 4096, count: 1024 },
];
const PAE: readonly Level[] = [
  { structure: 'pdpte', span: 2 ** 30, count: 4 },
  { structure: 'pde', span: 2 ** 21, count: 512 },
  { structure: 'pte', span: 4096, count: 512 },
];

interface Entry extends PageEntryView {
  /** address bits and flags apart, to tell whether the next entry goes on */
  lowFlags: number;
}

/** Bits 12 up, and for PSE-36 bits 13 to 20 of a 4 MiB page as address bits 32 to 39. */
function target(level: Level, low: number, high: number, wide: boolean, large: boolean): number {
  const frame = (high & 0xf_ffff) * 2 ** 32 + ((low & 0xffff_f000) >>> 0);
  if (!large) return frame;
  if (wide) return frame - (frame % level.span);
  return ((low >>> 13) & 0xff) * 2 ** 32 + ((low & 0xffc0_0000) >>> 0);
}

function flagsOf(level: Level, low: number, high: number, wide: boolean, leaf: boolean): { name: string; set: boolean }[] {
  const shown = FLAG_BITS.filter(([name]) => {
    if (level.structure === 'pdpte') return name === 'P';
    if (name === 'PS') return level.structure === 'pde';
    return (name !== 'D' && name !== 'G') || leaf;
  });
  const flags = shown.map(([name, bit]) => ({ name, set: ((low >>> bit) & 1) === 1 }));
  if (wide && level.structure !== 'pdpte') flags.push({ name: 'NX', set: high >>> 31 === 1 });
  return flags;
}

/**
 * The table that `path` (indices from the root) leads to; the root for an empty path. Null when paging is off, or when the path does not
 * lead to a table.
 */
export function pageTable(context: TranslationContext, memory: GuestMemory, path: readonly number[]): PageTableView | null {
  if (!pagingEnabled(context)) return null;
  const wide = (context.cr4 & CR4_PAE) !== 0;
  const large = wide || (context.cr4 & CR4_PSE) !== 0;
  const levels = wide ? PAE : LEGACY;
  const size = wide ? 8 : 4;
  let at = wide ? context.cr3 & 0xffff_ffe0 : context.cr3 & 0xffff_f000;
  at >>>= 0;
  let linear = 0;
  const decode = (level: Level, table: number, bytes: DataView, index: number, from: number): Entry => {
    const registers = level.structure === 'pdpte';
    const low = registers ? context.pdpte[index * 2]! >>> 0 : bytes.getUint32(index * size, true);
    const high = registers ? context.pdpte[index * 2 + 1]! >>> 0 : wide ? bytes.getUint32(index * size + 4, true) : 0;
    const isLarge = level.structure === 'pde' && large && (low & PS) !== 0;
    const leaf = level.structure === 'pte' || isLarge;
    return {
      structure: level.structure,
      first: index,
      count: 1,
      linear: BigInt(from + index * level.span),
      at: BigInt(table + index * size),
      value: BigInt(low) | (BigInt(high) << 32n),
      entryBytes: size,
      target: BigInt(target(level, low, high, wide, isLarge)),
      leads: leaf ? 'page' : 'table',
      pageBytes: level.span,
      present: (low & P) !== 0,
      flags: flagsOf(level, low, high, wide, leaf),
      lowFlags: low & 0xfff,
    };
  };
  const bytesOf = (level: Level, table: number): DataView | null => {
    if (level.structure === 'pdpte') return new DataView(new ArrayBuffer(0));
    const bytes = memory.read(table, level.count * size);
    return bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  for (const [depth, index] of path.entries()) {
    const level = levels[depth];
    const bytes = level && bytesOf(level, at);
    if (!level || !bytes || depth + 1 >= levels.length || index < 0 || index >= level.count) return null;
    const entry = decode(level, at, bytes, index, linear);
    if (!entry.present || entry.leads !== 'table') return null;
    linear = Number(entry.linear);
    at = Number(entry.target);
  }
  const level = levels[path.length]!;
  const bytes = bytesOf(level, at);
  const head = { format: wide ? ('pae' as const) : ('32-bit' as const), path: [...path], at: BigInt(at), host: memory.host(at) };
  if (!bytes) return { ...head, entries: [], empty: 0, readable: false };
  const entries: PageEntryView[] = [];
  let empty = 0;
  let previous: Entry | null = null;
  let run: PageEntryView | null = null;
  for (let index = 0; index < level.count; index++) {
    const entry = decode(level, at, bytes, index, linear);
    if (entry.value === 0n) {
      empty++;
      previous = null;
      continue;
    }
    const goesOn: boolean =
      previous !== null &&
      run !== null &&
      entry.present &&
      entry.leads === 'page' &&
      previous.leads === 'page' &&
      entry.lowFlags === previous.lowFlags &&
      entry.value >> 63n === previous.value >> 63n &&
      entry.target === previous.target + BigInt(level.span);
    if (goesOn) run!.count++;
    else {
      const { lowFlags: _, ...shown } = entry;
      run = shown;
      entries.push(run);
    }
    previous = entry;
  }
  return { ...head, entries, empty, readable: true };
}
