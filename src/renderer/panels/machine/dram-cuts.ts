/**
 * The bit fields of an address inside a DIMM, for the default order row, bank, rank, column (low bits: byte, then column;
 * machine/memory's RoBaRaCoCh). Values come from the cell that the memory controller found, positions from the geometry.
 */
import type { DimmGeometry } from '../../../machine/board/parts';
import type { Cell } from '../../../machine/journey/journey';
import type { BitCut } from './bit-cuts';

/** High to low. Levels of one (no second rank, one bank group) have no bits and are left out. */
export function dramCuts(geometry: DimmGeometry, cell: Cell): BitCut[] {
  const lowToHigh: [name: string, count: number, value: number, index: boolean][] = [
    ['byte', geometry.busBytes, cell.byte, true],
    ['subchannel', geometry.subchannels, cell.subchannel, true],
    ['column', geometry.columns, cell.column, true],
    ['rank', geometry.ranks, cell.rank, true],
    ['bank', geometry.banks, cell.bank, true],
    ['group', geometry.bankGroups, cell.bankGroup, true],
    ['row', geometry.rows, cell.row, true],
  ];
  const cuts: BitCut[] = [];
  let low = 0;
  for (const [name, count, value, index] of lowToHigh) {
    const bits = Math.log2(count);
    if (bits === 0) continue;
    cuts.unshift({ name, high: low + bits - 1, low, value: BigInt(value), index });
    low += bits;
  }
  return cuts;
}
