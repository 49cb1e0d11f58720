/**
 * How a byte of a DIMM is found in its chips: DIMM offset ⇄ subchannel, rank, bank group, bank, row, column and byte of the
 * bus. Orders are named as in Ramulator, from the most to the least significant part of the address. Works in mixed radix on
 * plain numbers, so it holds for DIMMs beyond 4 GiB.
 */
import { dramAddress, type DramAddress } from '../address';
import { DEFAULT_MAPPING, MAPPING_LEVELS, type MappingOrder } from '../board/mapping-orders';
import type { DimmGeometry } from '../board/parts';
import { NoSuchCellError } from './no-such-cell';

export { DEFAULT_MAPPING, MAPPING_ORDERS, type MappingOrder } from '../board/mapping-orders';

/** Where in a DIMM. Every part counts from 0; absent levels are 0. */
export interface DimmCell {
  subchannel: number;
  rank: number;
  bankGroup: number;
  bank: number;
  row: number;
  column: number;
  /** byte of the bus, 0 to busBytes - 1 */
  byte: number;
}

type Level = keyof DimmCell;

const COUNTS: Record<Level, keyof DimmGeometry> = {
  subchannel: 'subchannels',
  rank: 'ranks',
  bankGroup: 'bankGroups',
  bank: 'banks',
  row: 'rows',
  column: 'columns',
  byte: 'busBytes',
};

/** A DDR5 burst: 16 transfers of 4 bytes on one subchannel (JESD79-5, BL16) before the other has its turn. */
const SUBCHANNEL_BLOCK = 64;

export interface MappingOptions {
  order?: MappingOrder;
  /** bytes in one rank before the next has its turn, a power of two; where the order puts the rank unless told */
  rankInterleave?: number | undefined;
  /** XOR the bank's number with the lowest bits of the row, so that neighbouring rows lie in different banks */
  hash?: boolean;
}

/** A level that is cut out of the middle of an offset: it changes every `block` bytes. */
interface Turn {
  level: Level;
  count: number;
  block: number;
}

export class DramMapping {
  readonly order: MappingOrder;
  /** bytes of the DIMM */
  readonly bytes: number;
  private readonly hash: boolean;
  /** cut out first, in this order */
  private readonly turns: readonly Turn[];
  /** the levels of what is left, least significant first */
  private readonly levels: readonly { level: Level; count: number }[];
  /** banks over all groups */
  private readonly banks: number;

  constructor(
    private readonly geometry: DimmGeometry,
    { order = DEFAULT_MAPPING, rankInterleave, hash = false }: MappingOptions = {},
  ) {
    this.order = order;
    this.hash = hash;
    this.banks = geometry.bankGroups * geometry.banks;
    this.bytes = Object.values(geometry).reduce((product: number, count: number) => product * count, 1);
    const turns: Turn[] = [];
    const { subchannels, ranks } = geometry;
    if (MAPPING_LEVELS[order].at(-1) === 'subchannel' && subchannels > 1)
      turns.push({ level: 'subchannel', count: subchannels, block: Math.min(SUBCHANNEL_BLOCK, this.bytes / subchannels) });
    if (rankInterleave !== undefined && ranks > 1)
      turns.push({ level: 'rank', count: ranks, block: Math.min(rankInterleave, this.bytes / subchannels / ranks) });
    this.turns = turns;
    const cut = new Set(turns.map(({ level }) => level));
    const ascending: Level[] = ['byte', ...[...MAPPING_LEVELS[order]].reverse()];
    this.levels = ascending.filter((level) => !cut.has(level)).map((level) => ({ level, count: geometry[COUNTS[level]] }));
  }

  /** Throws RangeError beyond the end of the DIMM. */
  locate(offset: DramAddress): DimmCell {
    if (offset >= this.bytes) throw new RangeError(`offset ${offset} is beyond the ${this.bytes} bytes of the DIMM`);
    const cell: DimmCell = { subchannel: 0, rank: 0, bankGroup: 0, bank: 0, row: 0, column: 0, byte: 0 };
    let rest: number = offset;
    for (const { level, count, block } of this.turns) {
      const number = Math.floor(rest / block);
      cell[level] = number % count;
      rest = Math.floor(number / count) * block + (rest % block);
    }
    for (const { level, count } of this.levels) {
      cell[level] = rest % count;
      rest = Math.floor(rest / count);
    }
    return this.hashed(cell);
  }

  /** The inverse of `locate`. Throws NoSuchCellError when a part does not exist on this DIMM. */
  offsetOf(cell: DimmCell): DramAddress {
    for (const [level, count] of Object.entries(COUNTS) as [Level, keyof DimmGeometry][]) {
      const value = cell[level];
      if (!Number.isInteger(value) || value < 0 || value >= this.geometry[count])
        throw new NoSuchCellError(
          `${level} ${value} does not exist: there are ${this.geometry[count]}`,
          `${level} ${value} 不存在：共有 ${this.geometry[count]} 个`,
        );
    }
    // XOR with the same row bits is its own inverse
    const plain = this.hashed({ ...cell });
    let offset = 0;
    for (const { level, count } of [...this.levels].reverse()) offset = offset * count + plain[level];
    for (const { level, count, block } of [...this.turns].reverse())
      offset = (Math.floor(offset / block) * count + plain[level]) * block + (offset % block);
    return dramAddress(offset);
  }

  private hashed(cell: DimmCell): DimmCell {
    if (!this.hash) return cell;
    const { banks } = this.geometry;
    const number = (cell.bankGroup * banks + cell.bank) ^ (cell.row % this.banks);
    cell.bankGroup = Math.floor(number / banks);
    cell.bank = number % banks;
    return cell;
  }
}
