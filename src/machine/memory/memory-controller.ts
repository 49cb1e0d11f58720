/**
 * The memory controller: from a host-physical address to the slot, and to the cell in that slot's DIMM, by the address map's
 * DRAM ranges and the DIMM's geometry.
 */
import { dramAddress, type DramAddress, type HostPhysicalAddress } from '../address';
import { rangeAt, type Claim, type DramRange } from '../board/address-map';
import { dimmPart } from '../board/parts';
import type { Board } from '../board/schema';
import type { Cell, JourneyRecorder } from '../journey/journey';
import { DEFAULT_MAPPING, DramMapping, type MappingOrder } from './dram-mapping';

export interface LocatedCell {
  cell: Cell;
  slotIndex: number;
  dimmOffset: DramAddress;
  order: MappingOrder;
}

export class MemoryController {
  private readonly mappings = new Map<number, DramMapping>();

  /** `dram`: the board's ranges (addressMap(board).dram), devices not regarded. */
  constructor(
    board: Board,
    private readonly dram: readonly DramRange[],
    order: MappingOrder = DEFAULT_MAPPING,
  ) {
    board.slots.forEach(({ dimm }, index) => {
      const part = dimm === null ? undefined : dimmPart(dimm);
      if (part) this.mappings.set(index, new DramMapping(part.geometry, order));
    });
  }

  /** Every cell that answers at an address: one, none, or several in a conflict. */
  locateAll(address: HostPhysicalAddress): LocatedCell[] {
    const range = rangeAt(this.dram, address);
    return range ? range.claims.map((claim) => this.cellOf(claim, address - range.base)) : [];
  }

  /** The cell that answers (in a conflict: the first), or undefined where there is no DRAM. */
  locate(address: HostPhysicalAddress): LocatedCell | undefined {
    return this.locateAll(address)[0];
  }

  /** As locate, and records the step from host-physical to the DIMM. */
  explain(address: HostPhysicalAddress, recorder: JourneyRecorder): LocatedCell | undefined {
    const found = this.locateAll(address);
    for (const { cell, dimmOffset, order } of found) {
      const { slot, subchannel, rank, bankGroup, bank, row, column, byte } = cell;
      recorder.step({
        room: 'memory-controller',
        from: { space: 'host', address: BigInt(address) },
        to: { space: 'dram', address: BigInt(dimmOffset) },
        structure: 'dram-mapping',
        fields: { order, slot, dimmOffset: BigInt(dimmOffset), subchannel, rank, bankGroup, bank, row, column, byte },
        checks: [],
        cached: false,
      });
    }
    return found[0];
  }

  private cellOf(claim: Claim, distance: number): LocatedCell {
    const mapping = this.mappings.get(claim.slotIndex)!;
    const dimmOffset = dramAddress(claim.dimmOffset + distance);
    // boards of today have one channel; the board's controllers will say which
    const cell: Cell = { channel: 0, slot: claim.slot, ...mapping.locate(dimmOffset) };
    return { cell, slotIndex: claim.slotIndex, dimmOffset, order: mapping.order };
  }
}
