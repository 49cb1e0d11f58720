/**
 * Which DIMM is decoded where. With fixed assignment each slot's base was chosen when the board was made; with automatic
 * assignment the firmware reads the DIMMs' sizes (SPD) at power-on and packs them from 0 in slot order, around the windows
 * below 4 GiB that devices need.
 */
import { dimmPart, processorPart, type DimmPart } from './parts';
import type { Board } from './schema';
import { alignUp, deviceWindows } from './windows';

/** Assumed when the processor is not in the catalogue. */
export const DEFAULT_ADDRESS_BITS = 36;
/** The architecture's limits (SDM vol. 1, 3.3.1; below 20 bits there would be no place for the real-mode megabyte). */
export const ADDRESS_BITS_RANGE = { least: 20, most: 52 } as const;

const FOUR_GIB = 2 ** 32;
/** Suggested bases are multiples of this. */
const SUGGESTION_ALIGNMENT = 1024 ** 2;

/** A stretch of host-physical addresses that one DIMM answers. */
export interface Placement {
  slot: string;
  slotIndex: number;
  part: DimmPart;
  base: number;
  /** first address behind */
  end: number;
  /** byte of the DIMM that answers at `base` */
  dimmOffset: number;
}

/** Width of host-physical addresses on this board, clamped to what the architecture allows. */
export function addressBits(board: Board): number {
  const bits = board.physicalAddressBits ?? processorPart(board.processor)?.physicalAddressBits ?? DEFAULT_ADDRESS_BITS;
  return Math.min(Math.max(bits, ADDRESS_BITS_RANGE.least), ADDRESS_BITS_RANGE.most);
}

/** Every placement, in slot order. Slots without a known DIMM, or (fixed) without a base, have none. */
export function placements(board: Board): Placement[] {
  return board.assignment === 'automatic' ? automatic(board) : fixed(board);
}

function fixed(board: Board): Placement[] {
  const result: Placement[] = [];
  board.slots.forEach((slot, slotIndex) => {
    const part = slot.dimm === null ? undefined : dimmPart(slot.dimm);
    if (part === undefined || slot.base === undefined) return;
    const bytes = Math.min(part.bytes, slot.window ?? part.bytes);
    if (bytes > 0) result.push({ slot: slot.id, slotIndex, part, base: slot.base, end: slot.base + bytes, dimmOffset: 0 });
  });
  return result;
}

function automatic(board: Board): Placement[] {
  const { windows, pciWindow } = deviceWindows(board);
  const lowEnd = Math.min(FOUR_GIB, ...windows.map((window) => window.base), pciWindow?.base ?? FOUR_GIB);
  const result: Placement[] = [];
  let next = 0;
  board.slots.forEach((slot, slotIndex) => {
    const part = slot.dimm === null ? undefined : dimmPart(slot.dimm);
    if (part === undefined) return;
    let dimmOffset = 0;
    while (dimmOffset < part.bytes) {
      const room = next < lowEnd && lowEnd < FOUR_GIB ? lowEnd - next : Infinity;
      const bytes = Math.min(part.bytes - dimmOffset, room);
      result.push({ slot: slot.id, slotIndex, part, base: next, end: next + bytes, dimmOffset });
      dimmOffset += bytes;
      next += bytes;
      if (next === lowEnd) next = FOUR_GIB;
    }
  });
  return result;
}

/** Offers free places one after another: two suggestions never overlap, and none lies over a placement or a device. */
export class PlacementAdvisor {
  private readonly gaps: { base: number; end: number }[] = [];

  constructor(
    board: Board,
    private readonly placed: readonly Placement[] = placements(board),
  ) {
    const limit = 2 ** addressBits(board);
    const { windows, pciWindow } = deviceWindows(board);
    const busy = [...this.placed, ...windows, ...(pciWindow ? [pciWindow] : [])].sort((a, b) => a.base - b.base);
    let next = 0;
    for (const { base, end } of busy) {
      if (base > next && next < limit) this.gaps.push({ base: next, end: Math.min(base, limit) });
      next = Math.max(next, end);
    }
    if (next < limit) this.gaps.push({ base: next, end: limit });
  }

  /** The lowest free base for `bytes`, a multiple of 1 MiB, or undefined when no gap is large enough. Takes the place. */
  take(bytes: number): number | undefined {
    for (const [index, gap] of this.gaps.entries()) {
      const base = alignUp(gap.base, SUGGESTION_ALIGNMENT);
      if (base + bytes > gap.end) continue;
      const rest = base + bytes < gap.end ? [{ base: base + bytes, end: gap.end }] : [];
      const before = base > gap.base ? [{ base: gap.base, end: base }] : [];
      this.gaps.splice(index, 1, ...before, ...rest);
      return base;
    }
    return undefined;
  }
}

/** Where the DIMM in `slot` would fit if it were lifted out, for "move to 0x3000_0000". Undefined when there is no room or no DIMM. */
export function suggestBase(board: Board, slotId: string): number | undefined {
  const slot = board.slots.find(({ id }) => id === slotId);
  const part = slot?.dimm == null ? undefined : dimmPart(slot.dimm);
  if (part === undefined) return undefined;
  const others = placements(board).filter((placement) => placement.slot !== slotId);
  return new PlacementAdvisor(board, others).take(part.bytes);
}
