/**
 * Geometry of the memory map: each VM's guest-physical space as a bar on top, host memory by slots below, and bands from each
 * piece to where it landed. All in pixels of the drawing; pure, so that thousands of pieces can be tested without a screen.
 */
import type { MappingPiece, OwnedExtent } from '../../../../lab/protocol';

export interface MapVm {
  id: string;
  index: number;
  memoryBytes: number;
}

export interface MapSlot {
  slot: string;
  base: number;
  bytes: number;
}

export interface VmBar extends MapVm {
  x: number;
  width: number;
}

export interface HostSegment {
  slot: string;
  base: number;
  bytes: number;
  x: number;
  width: number;
  /** addresses between the slot before and this one are answered by nobody */
  afterGap: boolean;
}

export interface Band {
  vm: string;
  index: number;
  guest: number;
  host: number;
  bytes: number;
  /** pieces this band stands for; more than one when they are too thin to draw apart */
  pieces: number;
  guestX: number;
  guestWidth: number;
  hostX: number;
  hostWidth: number;
}

/** A stretch of a VM's bar that has frames, however scattered they are. */
export interface Backed {
  vm: string;
  index: number;
  x: number;
  width: number;
  bytes: number;
}

export interface MemoryMap {
  bars: VmBar[];
  host: HostSegment[];
  bands: Band[];
  backed: Backed[];
}

const VM_GAP = 24;
const VM_MINIMUM = 96;
const HOST_GAP = 12;
/** bands thinner than this at both ends are joined with their neighbour when that lies next to them */
const THIN = 0.75;
const JOIN_DISTANCE = 2;
/** of more bands than this, hairlines are thinned out evenly: the picture stays the same, and the window stays quick */
const MOST_BANDS = 1_200;

/** Shares `total` among weights so that none is below `minimum`; weights may be zero. */
function share(weights: readonly number[], total: number, minimum: number): number[] {
  const floor = Math.min(minimum, total / Math.max(1, weights.length));
  const widths = weights.map(() => floor);
  const fixed = weights.map(() => false);
  for (;;) {
    const rest = total - widths.reduce((sum, width, i) => sum + (fixed[i] ? width : 0), 0);
    const weight = weights.reduce((sum, value, i) => sum + (fixed[i] ? 0 : value), 0);
    let short = false;
    weights.forEach((value, i) => {
      if (fixed[i]) return;
      const wanted = weight > 0 ? (rest * value) / weight : floor;
      if (wanted < floor) {
        fixed[i] = true;
        widths[i] = floor;
        short = true;
      } else widths[i] = wanted;
    });
    if (!short) return widths;
  }
}

/** x of a host-physical address in the host bar; null where no slot answers. */
export function hostX(host: readonly HostSegment[], address: number): number | null {
  const segment = host.find(({ base, bytes }) => address >= base && address < base + bytes);
  return segment ? segment.x + ((address - segment.base) / segment.bytes) * segment.width : null;
}

/** The host-physical address at an x of the host bar; null beside the slots. */
export function hostAt(host: readonly HostSegment[], x: number): number | null {
  const segment = host.find((candidate) => x >= candidate.x && x < candidate.x + candidate.width);
  return segment ? segment.base + Math.floor(((x - segment.x) / segment.width) * segment.bytes) : null;
}

/** x of a guest-physical address in its VM's bar. */
export const guestX = (bar: VmBar, address: number): number => bar.x + (address / Math.max(1, bar.memoryBytes)) * bar.width;

/** The guest-physical address at an x of a VM's bar: the nearest in it. */
export const guestAt = (bar: VmBar, x: number): number =>
  Math.floor(Math.min(0.999999, Math.max(0, (x - bar.x) / bar.width)) * bar.memoryBytes);

/** Lays everything out over `width` pixels, starting at x = `left`. */
export function layoutMemoryMap(
  vms: readonly MapVm[],
  pieces: readonly MappingPiece[],
  slots: readonly MapSlot[],
  left: number,
  width: number,
): MemoryMap {
  const vmWidths = share(
    vms.map((vm) => vm.memoryBytes),
    width - VM_GAP * Math.max(0, vms.length - 1),
    VM_MINIMUM,
  );
  let x = left;
  const bars = vms.map((vm, i): VmBar => {
    const bar = { id: vm.id, index: vm.index, memoryBytes: vm.memoryBytes, x, width: vmWidths[i]! };
    x += bar.width + VM_GAP;
    return bar;
  });

  const ordered = slots.filter((slot) => slot.bytes > 0).sort((a, b) => a.base - b.base);
  const gaps = ordered.filter((slot, i) => i > 0 && slot.base > ordered[i - 1]!.base + ordered[i - 1]!.bytes).length;
  const slotWidths = share(
    ordered.map((slot) => slot.bytes),
    width - gaps * HOST_GAP,
    24,
  );
  x = left;
  const host = ordered.map((slot, i): HostSegment => {
    const before = ordered[i - 1];
    const afterGap = before !== undefined && slot.base > before.base + before.bytes;
    if (afterGap) x += HOST_GAP;
    const segment = { ...slot, x, width: slotWidths[i]!, afterGap };
    x += segment.width;
    return segment;
  });

  const byVm = new Map(bars.map((bar) => [bar.id, bar]));
  const bands: Band[] = [];
  const backed: Backed[] = [];
  for (const piece of [...pieces].sort((a, b) => (a.vm === b.vm ? a.guest - b.guest : a.vm < b.vm ? -1 : 1))) {
    const bar = byVm.get(piece.vm);
    if (!bar) continue;
    const start = guestX(bar, piece.guest);
    const end = guestX(bar, piece.guest + piece.bytes);
    const before = backed.at(-1);
    if (before && before.vm === piece.vm && start - (before.x + before.width) < 0.1) {
      before.width = end - before.x;
      before.bytes += piece.bytes;
    } else backed.push({ vm: piece.vm, index: bar.index, x: start, width: end - start, bytes: piece.bytes });
    // a piece may reach from one slot into the next: one band for each
    for (const segment of host) {
      const from = Math.max(piece.host, segment.base);
      const to = Math.min(piece.host + piece.bytes, segment.base + segment.bytes);
      if (from >= to) continue;
      const guest = piece.guest + (from - piece.host);
      const bytes = to - from;
      const band: Band = {
        vm: piece.vm,
        index: bar.index,
        guest,
        host: from,
        bytes,
        pieces: 1,
        guestX: guestX(bar, guest),
        guestWidth: (bytes / Math.max(1, bar.memoryBytes)) * bar.width,
        hostX: segment.x + ((from - segment.base) / segment.bytes) * segment.width,
        hostWidth: (bytes / segment.bytes) * segment.width,
      };
      const last = bands.at(-1);
      if (last && joins(last, band)) {
        const end = Math.max(last.hostX + last.hostWidth, band.hostX + band.hostWidth);
        last.hostX = Math.min(last.hostX, band.hostX);
        last.hostWidth = end - last.hostX;
        last.guestWidth = band.guestX + band.guestWidth - last.guestX;
        last.bytes += band.bytes;
        last.pieces += 1;
      } else bands.push(band);
    }
  }
  return { bars, host, bands: thinOut(bands), backed };
}

function thinOut(bands: Band[]): Band[] {
  if (bands.length <= MOST_BANDS) return bands;
  const every = Math.ceil(bands.length / MOST_BANDS);
  return bands.filter((band, i) => i % every === 0 || band.guestWidth >= THIN || band.hostWidth >= THIN);
}

/** Too thin to be told apart, and neighbours at both ends. */
function joins(last: Band, next: Band): boolean {
  if (last.vm !== next.vm) return false;
  const thin = next.guestWidth < THIN && next.hostWidth < THIN;
  const nearGuest = Math.abs(next.guestX - (last.guestX + last.guestWidth)) < JOIN_DISTANCE;
  const nearHost = next.hostX >= last.hostX - JOIN_DISTANCE && next.hostX <= last.hostX + last.hostWidth + JOIN_DISTANCE;
  return thin && nearGuest && nearHost;
}

export interface HostBox {
  x: number;
  width: number;
  fill: string;
  extent: OwnedExtent;
}

/** Owned extents as boxes of the host bar. Hairlines stay visible; what is of one colour and less than a pixel apart is one box. */
export function hostBoxes(host: readonly HostSegment[], extents: readonly OwnedExtent[], fill: (extent: OwnedExtent) => string): HostBox[] {
  const boxes: HostBox[] = [];
  // what was taken before is the ground on which the rest is seen
  const ordered = [
    ...extents.filter((extent) => extent.owner.kind === 'preoccupied'),
    ...extents.filter((extent) => extent.owner.kind !== 'preoccupied'),
  ];
  for (const extent of ordered) {
    for (const segment of host) {
      const from = Math.max(extent.base, segment.base);
      const to = Math.min(extent.base + extent.bytes, segment.base + segment.bytes);
      if (from >= to) continue;
      const x = segment.x + ((from - segment.base) / segment.bytes) * segment.width;
      const width = Math.max(1, ((to - from) / segment.bytes) * segment.width);
      const colour = fill(extent);
      const last = boxes.at(-1);
      if (last && last.fill === colour && x - (last.x + last.width) < 0.5) last.width = Math.max(last.width, x + width - last.x);
      else boxes.push({ x, width, fill: colour, extent });
    }
  }
  return boxes;
}
