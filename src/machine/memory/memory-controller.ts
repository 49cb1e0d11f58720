/**
 * The memory controllers: from a host-physical address to the slot, and to the cell in that slot's DIMM, by the address map's
 * DRAM ranges, the turns that interleaved DIMMs take, and the DIMM's geometry; and back.
 */
import { dramAddress, hostPhysical, type DramAddress, type HostPhysicalAddress } from '../address';
import { distanceIn, rangeAt, type Claim, type DramRange } from '../board/address-map';
import { wayAt } from '../board/interleave';
import { wiring } from '../board/memory-layout';
import { dimmPart } from '../board/parts';
import type { Board } from '../board/schema';
import type { Cell, JourneyRecorder } from '../journey/journey';
import { DramMapping, type MappingOrder } from './dram-mapping';
import { NoSuchCellError } from './no-such-cell';

export interface LocatedCell {
  cell: Cell;
  slotIndex: number;
  dimmOffset: DramAddress;
  order: MappingOrder;
}

export class MemoryController {
  private readonly modules = new Map<number, { slot: string; channel: number; mapping: DramMapping }>();

  /** `dram`: the board's ranges (addressMap(board).dram), devices not regarded. */
  constructor(
    board: Board,
    private readonly dram: readonly DramRange[],
  ) {
    this.fit(board);
  }

  /** Looks at the modules in the slots: at power-on, and when one was plugged or unplugged. */
  fit(board: Board): void {
    this.modules.clear();
    const wired = wiring(board);
    board.slots.forEach(({ id, dimm }, index) => {
      const part = dimm === null ? undefined : dimmPart(dimm);
      if (!part) return;
      const { channel, ...options } = wired[index]!;
      this.modules.set(index, { slot: id, channel, mapping: new DramMapping(part.geometry, options) });
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

  /** The cell of a DIMM's byte, wherever the DIMM answers; undefined for an empty slot. Throws RangeError beyond the DIMM's end. */
  cellAt(slotIndex: number, dimmOffset: DramAddress): Cell | undefined {
    const module = this.modules.get(slotIndex);
    return module && { channel: module.channel, slot: module.slot, ...module.mapping.locate(dimmOffset) };
  }

  /**
   * The inverse of locate: the lowest host-physical address of a cell; undefined for DRAM that no address reaches (cut off by its slot's
   * window, or lost under a hole). Throws NoSuchCellError when the board has no such cell.
   */
  addressOf(cell: Cell): HostPhysicalAddress | undefined {
    return this.placeOf(cell)?.address;
  }

  /** As addressOf, with the cell's place among the DIMMs that answer there: 0 unless several do. */
  placeOf(cell: Cell): { address: HostPhysicalAddress; layer: number } | undefined {
    const found = [...this.modules].find(([, { slot }]) => slot === cell.slot);
    if (!found) throw new NoSuchCellError(`slot ${cell.slot} holds no DIMM`, `插槽 ${cell.slot} 没有内存条`);
    const [slotIndex, { channel, mapping }] = found;
    if (cell.channel !== channel)
      throw new NoSuchCellError(
        `slot ${cell.slot} is on channel ${channel}, not ${cell.channel}`,
        `插槽 ${cell.slot} 在通道 ${channel} 上，而不是 ${cell.channel}`,
      );
    const dimmOffset = mapping.offsetOf(cell);
    for (const { base, end, claims } of this.dram) {
      for (const [layer, claim] of claims.entries()) {
        const distance = distanceIn(claim, slotIndex, dimmOffset, end - base);
        if (distance !== undefined) return { address: hostPhysical(base + distance), layer };
      }
    }
    return undefined;
  }

  /** As locate, and records the step from host-physical to the DIMM. */
  explain(address: HostPhysicalAddress, recorder: JourneyRecorder): LocatedCell | undefined {
    const found = this.locateAll(address);
    for (const { cell, dimmOffset, order } of found) {
      const { channel, slot, subchannel, rank, bankGroup, bank, row, column, byte } = cell;
      recorder.step({
        room: 'memory-controller',
        from: { space: 'host', address: BigInt(address) },
        to: { space: 'dram', address: BigInt(dimmOffset) },
        structure: 'dram-mapping',
        fields: { order, channel, slot, dimmOffset: BigInt(dimmOffset), subchannel, rank, bankGroup, bank, row, column, byte },
        checks: [],
        cached: false,
      });
    }
    return found[0];
  }

  private cellOf(claim: Claim, distance: number): LocatedCell {
    const { slotIndex, offset } = claim.interleave
      ? at(wayAt(claim.interleave, distance))
      : { slotIndex: claim.slotIndex, offset: claim.dimmOffset + distance };
    const dimmOffset = dramAddress(offset);
    return { cell: this.cellAt(slotIndex, dimmOffset)!, slotIndex, dimmOffset, order: this.modules.get(slotIndex)!.mapping.order };
  }
}

const at = ({ way, dimmOffset }: ReturnType<typeof wayAt>): { slotIndex: number; offset: number } => ({
  slotIndex: way.slotIndex,
  offset: dimmOffset,
});
