/**
 * How a byte of a DIMM is found in its chips: DIMM offset ⇄ subchannel, rank, bank group, bank, row, column and byte of the
 * bus. Orders are named as in Ramulator, from the most to the least significant part of the address. Works in mixed radix on
 * plain numbers, so it holds for DIMMs beyond 4 GiB.
 */
import { dramAddress, type DramAddress } from '../address';
import type { DimmGeometry } from '../board/parts';

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

/** Parts of an address, most significant first; the byte of the bus is always the least. */
const ORDERS = {
  /** neighbouring columns stay in an open row, then the ranks and banks take turns: good for streams */
  RoBaRaCoCh: ['row', 'bankGroup', 'bank', 'rank', 'column', 'subchannel'],
  /** a bank is filled row by row before the next one begins: good for seeing rows next to each other */
  ChRaBaRoCo: ['subchannel', 'rank', 'bankGroup', 'bank', 'row', 'column'],
} as const satisfies Record<string, readonly Exclude<Level, 'byte'>[]>;

export type MappingOrder = keyof typeof ORDERS;
export const MAPPING_ORDERS = Object.keys(ORDERS) as MappingOrder[];
export const DEFAULT_MAPPING: MappingOrder = 'RoBaRaCoCh';

const COUNTS: Record<Level, keyof DimmGeometry> = {
  subchannel: 'subchannels',
  rank: 'ranks',
  bankGroup: 'bankGroups',
  bank: 'banks',
  row: 'rows',
  column: 'columns',
  byte: 'busBytes',
};

export class DramMapping {
  /** least significant first */
  private readonly levels: readonly { level: Level; count: number }[];
  /** bytes of the DIMM */
  readonly bytes: number;

  constructor(
    geometry: DimmGeometry,
    readonly order: MappingOrder = DEFAULT_MAPPING,
  ) {
    const ascending: Level[] = ['byte', ...[...ORDERS[order]].reverse()];
    this.levels = ascending.map((level) => ({ level, count: geometry[COUNTS[level]] }));
    this.bytes = this.levels.reduce((product, { count }) => product * count, 1);
  }

  /** Throws RangeError beyond the end of the DIMM. */
  locate(offset: DramAddress): DimmCell {
    if (offset >= this.bytes) throw new RangeError(`offset ${offset} is beyond the ${this.bytes} bytes of the DIMM`);
    const cell: DimmCell = { subchannel: 0, rank: 0, bankGroup: 0, bank: 0, row: 0, column: 0, byte: 0 };
    let rest: number = offset;
    for (const { level, count } of this.levels) {
      cell[level] = rest % count;
      rest = Math.floor(rest / count);
    }
    return cell;
  }

  /** The inverse of `locate`. Throws RangeError when a part does not exist on this DIMM. */
  offsetOf(cell: DimmCell): DramAddress {
    let offset = 0;
    for (const { level, count } of [...this.levels].reverse()) {
      const value = cell[level];
      if (!Number.isInteger(value) || value < 0 || value >= count)
        throw new RangeError(`${level} ${value} does not exist: there are ${count}`);
      offset = offset * count + value;
    }
    return dramAddress(offset);
  }
}
