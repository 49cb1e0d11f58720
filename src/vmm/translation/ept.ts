/**
 * Extended page tables: four levels, written as bytes into host memory and walked there by the processor (SDM vol. 3, 29.3).
 * The VMM maps at 4 KiB grain, so that neighbouring guest pages may lie anywhere.
 */
import { hostPhysical, PAGE_SIZE } from '../../machine/address';
import { EPT_POINTER_FLAGS } from '../../machine/cpu/ept';
import type { PhysicalMemory } from '../../machine/memory/physical-memory';
import { PageTables } from './page-tables';
import type { TableDifference } from './page-tables';
import type { MappingRights, ReachablePage, Translation } from './translation';

const TABLE_BITS = 7;
const MEMORY_TYPE = { uncached: 0 << 3, writeBack: 6 << 3 } as const;
const PAGE_BIT = 0x80;
/** Bits 51:32 of an entry are its upper word's low 20; one of them is worth this many frames. */
const ADDRESS_HIGH = 2 ** 20;
const FRAMES_PER_HIGH = 2 ** 20;
/** Tables that an audit looks at: more than any VM of a lab has, few enough that a wild pointer costs no more than a moment. */
const MOST_TABLES = 16_384;

export function eptBits({ readable, writable, executable, device }: MappingRights): number {
  return (readable ? 1 : 0) | (writable ? 2 : 0) | (executable ? 4 : 0) | (device ? MEMORY_TYPE.uncached : MEMORY_TYPE.writeBack);
}

export class EptTranslation implements Translation {
  readonly technique = 'ept';
  private readonly tables: PageTables;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly physicalAddressBits: number,
    allocateFrame: () => number,
    saved?: readonly number[],
  ) {
    this.tables = new PageTables(memory, { levels: 4, tableBits: TABLE_BITS }, allocateFrame, saved);
  }

  get pointer(): number {
    return this.tables.rootAddress + EPT_POINTER_FLAGS;
  }

  get tableBytes(): number {
    return this.tables.pageCount * PAGE_SIZE;
  }

  map(guest: number, host: number, count: number, rights: MappingRights): void {
    this.tables.map(guest, host, count, eptBits(rights));
  }

  unmap(guest: number, count: number): void {
    this.tables.unmap(guest, count);
  }

  /** After loading a snapshot: the entry is in memory already, only the VMM's copy needs it. */
  expect(guest: number, host: number, count: number, rights: MappingRights): void {
    this.tables.expect(guest, host, count, eptBits(rights));
  }

  entryAddress(guestFrame: number): number {
    return this.tables.entryAddress(guestFrame);
  }

  ownsTable(hostFrame: number): boolean {
    return this.tables.has(hostFrame);
  }

  differences(hostFrame?: number): TableDifference[] {
    return this.tables.differences(hostFrame);
  }

  save(): number[] {
    return this.tables.save();
  }

  /**
   * Reads the tables as the processor would, wherever they lead: an overwritten entry may point at a table the VMM never
   * wrote. Entries that the processor would refuse as misconfigured lead nowhere. Bounded: a table met twice at one level is
   * followed once, and at most MOST_TABLES are looked at.
   */
  reachableFrames(): ReachablePage[] {
    const pages: ReachablePage[] = [];
    const seen = new Set<string>();
    const visit = (table: number, level: number, firstGuest: number): void => {
      if (seen.has(`${level}:${table}`) || seen.size >= MOST_TABLES) return;
      seen.add(`${level}:${table}`);
      const bytes = this.memory.peek(hostPhysical(table), PAGE_SIZE);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const span = 512 ** (level - 1);
      for (let index = 0; index < 512; index++) {
        const low = view.getUint32(index * 8, true);
        const high = view.getUint32(index * 8 + 4, true);
        const target = (high % ADDRESS_HIGH) * FRAMES_PER_HIGH + (low >>> 12);
        if (!this.leadsOn(low, target, level)) continue;
        const guest = firstGuest + index * span;
        if (isLeaf(low, level)) append(pages, { guest, host: target, count: span, entryAddress: table + index * 8 });
        else visit(target * PAGE_SIZE, level - 1, guest);
      }
    };
    visit(this.tables.rootAddress, 4, 0);
    return pages;
  }

  /** What an entry of a level (1 maps pages) makes of an access: nothing there, refused as malformed, or it leads somewhere. */
  meaningOf(entry: bigint, level: number): 'absent' | 'malformed' | 'leads' {
    const low = Number(entry & 0xffff_ffffn);
    const target = Number((entry >> 12n) & 0xff_ffff_ffffn);
    if ((low & 7) === 0) return 'absent';
    return this.leadsOn(low, target, level) ? 'leads' : 'malformed';
  }

  /** Present, and not misconfigured (SDM vol. 3, 29.3.3.1). `target` is the frame number in the entry. */
  private leadsOn(low: number, target: number, level: number): boolean {
    if ((low & 7) === 0 || (low & 3) === 2) return false;
    if (target >= 2 ** (this.physicalAddressBits - 12)) return false;
    if (!isLeaf(low, level)) return (low & 0xf8) === 0;
    const type = (low >> 3) & 7;
    return type !== 2 && type !== 3 && type !== 7 && target % 512 ** (level - 1) === 0;
  }
}

const isLeaf = (low: number, level: number): boolean => level === 1 || ((low & PAGE_BIT) !== 0 && level <= 3);

/** Pages that continue on both sides are one. */
function append(pages: ReachablePage[], page: ReachablePage): void {
  const last = pages.at(-1);
  if (last && last.guest + last.count === page.guest && last.host + last.count === page.host) last.count += page.count;
  else pages.push(page);
}
