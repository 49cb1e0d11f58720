/**
 * Which DIMM is decoded where. With fixed assignment each slot's base was chosen when the board was made; with automatic
 * assignment the firmware reads the DIMMs' sizes (SPD) at power-on and packs them from 0, controller by controller, around the
 * windows below 4 GiB that devices need.
 */
import type { Interleave } from './interleave';
import { banksBySlot, stretches, type Stretch } from './memory-layout';
import { dimmPart, processorPart, type DimmPart } from './parts';
import type { Board } from './schema';
import { LEGACY_END, alignUp, deviceWindows } from './windows';

/** Assumed when the processor is not in the catalogue. */
const DEFAULT_ADDRESS_BITS = 36;
/** The architecture's limits (SDM vol. 1, 3.3.1; below 20 bits there would be no place for the real-mode megabyte). */
export const ADDRESS_BITS_RANGE = { least: 20, most: 52 } as const;

/** Suggested bases are multiples of this. */
const SUGGESTION_ALIGNMENT = 1024 ** 2;

/** A stretch of host-physical addresses that one DIMM answers, or several that take turns. */
export interface Placement {
  /** the DIMM, or the first of several */
  slot: string;
  slotIndex: number;
  part: DimmPart;
  base: number;
  /** first address behind */
  end: number;
  /** byte of the DIMM that answers at `base` */
  dimmOffset: number;
  /** the DIMMs that take turns here; absent where one answers alone */
  interleave?: Interleave;
}

/** `A1`, or `A1 + B1` where several take turns. */
export const placementName = ({ slot, interleave }: Pick<Placement, 'slot' | 'interleave'>): string =>
  interleave ? interleave.ways.map((way) => way.slot).join(' + ') : slot;

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
  const banks = banksBySlot(board);
  const result: Placement[] = [];
  board.slots.forEach((slot, slotIndex) => {
    const bank = banks.get(slot.id);
    // the other lanes of a bank answer where its first slot does
    if (bank === null || slot.base === undefined) return;
    const part = bank?.part ?? (slot.dimm === null ? undefined : dimmPart(slot.dimm));
    if (part === undefined || (bank && bank.slotIndex !== slotIndex)) return;
    const whole = bank?.bytes ?? part.bytes;
    const bytes = Math.min(whole, slot.window ?? whole);
    const placement = { slot: slot.id, slotIndex, part, base: slot.base, end: slot.base + bytes, dimmOffset: 0 };
    if (bytes > 0) result.push(bank?.interleave ? { ...placement, interleave: bank.interleave } : placement);
  });
  return result;
}

const FOUR_GIB = 2 ** 32;

/** Where memory ends below 4 GiB with automatic assignment: at the hole that the board keeps, or at the lowest device window. */
export function lowMemoryEnd(board: Board): number {
  const { windows, pciWindow } = deviceWindows(board);
  const asked = board.memoryHole?.base ?? FOUR_GIB;
  return Math.min(FOUR_GIB, asked, ...windows.flatMap(({ base }) => (base >= LEGACY_END ? base : [])), pciWindow?.base ?? FOUR_GIB);
}

function automatic(board: Board): Placement[] {
  const lowEnd = lowMemoryEnd(board);
  const hole = FOUR_GIB - lowEnd;
  // without remapping, the memory whose turn it would be under the hole is lost
  let lost = board.memoryHole?.remap === false ? hole : 0;
  const result: Placement[] = [];
  let next = 0;
  for (const stretch of stretches(board)) {
    let done = 0;
    while (done < stretch.bytes) {
      if (hole > 0 && next === lowEnd) {
        const skipped = Math.min(lost, stretch.bytes - done);
        done += skipped;
        lost -= skipped;
        if (lost === 0) next = FOUR_GIB;
        continue;
      }
      const room = hole > 0 && next < lowEnd ? lowEnd - next : Infinity;
      const bytes = Math.min(stretch.bytes - done, room);
      result.push(piece(stretch, done, next, bytes));
      done += bytes;
      next += bytes;
    }
  }
  return result;
}

/** `bytes` bytes of a stretch from `done` on, at `base`. */
function piece({ slot, slotIndex, part, dimmOffset, interleave }: Stretch, done: number, base: number, bytes: number): Placement {
  const placement = { slot, slotIndex, part, base, end: base + bytes };
  return interleave
    ? { ...placement, dimmOffset, interleave: { ...interleave, offset: interleave.offset + done } }
    : { ...placement, dimmOffset: dimmOffset + done };
}

/** Placements that stay where they are when each that begins in the middle of one that stays is moved away. */
export function staying(placed: readonly Placement[]): Placement[] {
  const sorted = [...placed].sort((a, b) => a.base - b.base || a.slotIndex - b.slotIndex);
  const result: Placement[] = [];
  for (const placement of sorted) if (placement.base >= (result.at(-1)?.end ?? 0)) result.push(placement);
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
    // DRAM may lie under the windows of the first megabyte: that is what they are for
    const above = windows.filter(({ base }) => base >= LEGACY_END);
    const busy = [...this.placed, ...above, ...(pciWindow ? [pciWindow] : [])].sort((a, b) => a.base - b.base);
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
  return new PlacementAdvisor(board, others).take(banksBySlot(board).get(slotId)?.bytes ?? part.bytes);
}
