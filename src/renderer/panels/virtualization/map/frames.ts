/** Who owns which host frame: lookup in the session's extents, and the window of frames that the zoomed grid shows. Pure. */
import type { FrameOwner, OwnedExtent } from '../../../../lab/protocol';

export const FRAME_BYTES = 4096;

/** Owner of the frame at a host-physical address, or null when it is free. `extents` ascend and do not overlap. */
export function ownerAt(extents: readonly OwnedExtent[], address: number): FrameOwner | null {
  let low = 0;
  let high = extents.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle]!;
    if (address < extent.base) high = middle - 1;
    else if (address >= extent.base + extent.bytes) low = middle + 1;
    else return extent.owner;
  }
  return null;
}

export interface GridFrame {
  address: number;
  owner: FrameOwner | null;
  /** false: no slot answers there */
  dram: boolean;
}

/** `count` frames of whole rows of `columns`, with `centre` (a host-physical address) in the middle row. */
export function frameWindow(
  extents: readonly OwnedExtent[],
  slots: readonly { base: number; bytes: number }[],
  centre: number,
  columns: number,
  rows: number,
): GridFrame[] {
  const row = columns * FRAME_BYTES;
  const end = slots.reduce((last, slot) => Math.max(last, slot.base + slot.bytes), 0);
  const latest = Math.max(0, Math.ceil(end / row) - rows);
  const first = Math.min(latest, Math.max(0, Math.floor(centre / row) - Math.floor(rows / 2)));
  return Array.from({ length: columns * rows }, (_, i) => {
    const address = first * row + i * FRAME_BYTES;
    const dram = slots.some((slot) => address >= slot.base && address < slot.base + slot.bytes);
    return { address, owner: dram ? ownerAt(extents, address) : null, dram };
  });
}
