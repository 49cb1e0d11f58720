/**
 * Extended page tables: four levels, written as bytes into host memory and walked there by the processor (SDM vol. 3, 29.3).
 * The VMM maps at 4 KiB grain, so that neighbouring guest pages may lie anywhere.
 */
import { PAGE_SIZE } from '../../machine/address';
import { EPT_POINTER_FLAGS } from '../../machine/cpu/ept';
import type { PhysicalMemory } from '../../machine/memory/physical-memory';
import { PageTables } from './page-tables';
import type { TableDifference } from './page-tables';
import { scanTables } from './table-scan';
import type { MappingRights, ReachablePage, Translation } from './translation';

const TABLE_BITS = 7;
const MEMORY_TYPE = { uncached: 0 << 3, writeBack: 6 << 3 } as const;
const PAGE_BIT = 0x80;
function eptBits({ readable, writable, executable, device }: MappingRights): number {
  return (readable ? 1 : 0) | (writable ? 2 : 0) | (executable ? 4 : 0) | (device ? MEMORY_TYPE.uncached : MEMORY_TYPE.writeBack);
}

export class EptTranslation implements Translation {
  readonly technique = 'ept';
  private readonly tables: PageTables;
  /** host frames that an entry may name */
  private readonly frames: number;

  constructor(
    private readonly memory: PhysicalMemory,
    physicalAddressBits: number,
    allocateFrame: () => number,
    saved?: readonly number[],
  ) {
    this.frames = 2 ** (physicalAddressBits - 12);
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

  reachableFrames(): ReachablePage[] {
    return scanTables(
      this.memory,
      this.tables.rootAddress,
      4,
      (low, target, level) => (!this.leadsOn(low, target, level) ? 'nothing' : isLeaf(low, level) ? 'page' : 'table'),
      this.tables.pageCount,
    );
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
    if (target >= this.frames) return false;
    if (!isLeaf(low, level)) return (low & 0xf8) === 0;
    const type = (low >> 3) & 7;
    return type !== 2 && type !== 3 && type !== 7 && (level === 1 || target % 512 ** (level - 1) === 0);
  }
}

const isLeaf = (low: number, level: number): boolean => level === 1 || ((low & PAGE_BIT) !== 0 && level <= 3);
