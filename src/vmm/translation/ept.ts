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
const ADDRESS = 0x000f_ffff_ffff_f000n;

export function eptBits({ readable, writable, executable, device }: MappingRights): number {
  return (readable ? 1 : 0) | (writable ? 2 : 0) | (executable ? 4 : 0) | (device ? MEMORY_TYPE.uncached : MEMORY_TYPE.writeBack);
}

export class EptTranslation implements Translation {
  readonly technique = 'ept';
  private readonly tables: PageTables;

  constructor(
    private readonly memory: PhysicalMemory,
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
   * wrote. Bounded by the tables there can be: a table met twice at one level is followed once.
   */
  reachableFrames(): ReachablePage[] {
    const pages: ReachablePage[] = [];
    const visit = (table: number, level: number, firstGuest: number, seen: Set<string>): void => {
      if (seen.has(`${level}:${table}`)) return;
      seen.add(`${level}:${table}`);
      const bytes = this.memory.peek(hostPhysical(table), PAGE_SIZE);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const span = 512 ** (level - 1);
      for (let index = 0; index < 512; index++) {
        const entry = view.getBigUint64(index * 8, true);
        if ((entry & 7n) === 0n || (entry & 3n) === 2n) continue;
        const target = Number((entry & ADDRESS) / 4096n);
        const guest = firstGuest + index * span;
        if (level === 1 || (entry & PAGE_BIT && level <= 3))
          pages.push({ guest, host: target - (target % span), count: span, entryAddress: table + index * 8 });
        else visit(target * PAGE_SIZE, level - 1, guest, seen);
      }
    };
    visit(this.tables.rootAddress, 4, 0, new Set());
    return pages;
  }
}
