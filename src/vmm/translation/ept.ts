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
const PAGE_BIT = 0x80n;
/** Tables that an audit looks at: more than any VM of a lab has, few enough that a wild pointer costs no more than a moment. */
const MOST_TABLES = 16_384;
const ADDRESS = 0x000f_ffff_ffff_f000n;

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
        const entry = view.getBigUint64(index * 8, true);
        if (!this.leadsOn(entry, level)) continue;
        const target = Number((entry & ADDRESS) / 4096n);
        const guest = firstGuest + index * span;
        if (isLeaf(entry, level)) pages.push({ guest, host: target, count: span, entryAddress: table + index * 8 });
        else visit(target * PAGE_SIZE, level - 1, guest);
      }
    };
    visit(this.tables.rootAddress, 4, 0);
    return pages;
  }

  /** Present, and not misconfigured (SDM vol. 3, 29.3.3.1). */
  private leadsOn(entry: bigint, level: number): boolean {
    if ((entry & 7n) === 0n || (entry & 3n) === 2n) return false;
    if ((entry & ADDRESS) >> BigInt(this.physicalAddressBits)) return false;
    if (!isLeaf(entry, level)) return (entry & 0xf8n) === 0n;
    const type = Number((entry >> 3n) & 7n);
    const alignment = BigInt(512 ** (level - 1) * PAGE_SIZE - 1) & ADDRESS;
    return type !== 2 && type !== 3 && type !== 7 && (entry & alignment) === 0n;
  }
}

const isLeaf = (entry: bigint, level: number): boolean => level === 1 || ((entry & PAGE_BIT) !== 0n && level <= 3);
