/**
 * The chipset's decode table as it stands: what the board wired, with device windows where they are now. Rebuilt when it is
 * next looked at after a window moved. Knows which frames are plain DRAM, answered by one DIMM alone from end to end, and which
 * are read-only memory.
 */
import { PAGE_SIZE } from '../address';
import { composeRanges, rangeAt, type AddressMap, type AddressRange } from '../board/address-map';
import type { MmioWindow } from '../board/windows';
import type { Bus } from './bus';

/** Frames [first, end). */
interface FrameRun {
  first: number;
  end: number;
}

export class DecodeTable {
  private decoded: AddressRange[] = [];
  private stale = true;
  /** runs of plain DRAM, ascending, and the one that answered last */
  private plain: FrameRun[] = [];
  private last: FrameRun = { first: 0, end: 0 };
  /** runs of read-only memory: whole frames of a ROM */
  private readOnly: FrameRun[] = [];
  private readonly reserved: { base: number; end: number } | undefined;

  constructor(
    private readonly map: AddressMap,
    private readonly bus: Bus,
  ) {
    const kept = map.ranges.filter(({ kind }) => kind === 'reserved');
    // the window for BARs is one stretch, however many BARs lie in it
    this.reserved = kept[0] && { base: kept[0].base, end: kept.at(-1)!.end };
    bus.onChange(() => {
      this.stale = true;
      this.last = { first: 0, end: 0 };
    });
  }

  get physicalAddressBits(): number {
    return this.map.physicalAddressBits;
  }

  /** Ranges ascend and cover the whole space. */
  ranges(): readonly AddressRange[] {
    if (this.stale) this.decode();
    return this.decoded;
  }

  /** The range that holds an address; undefined beyond the address lines. */
  at(address: number): AddressRange | undefined {
    return rangeAt(this.ranges(), address);
  }

  /** As `at`, with its position in the table. */
  entryAt(address: number): { index: number; range: AddressRange } | undefined {
    const range = this.at(address);
    return range && { index: this.decoded.indexOf(range), range };
  }

  /** May the frame be read and written directly? */
  isPlain(frame: number): boolean {
    if (frame >= this.last.first && frame < this.last.end) return true;
    if (this.stale) this.decode();
    let low = 0;
    let high = this.plain.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const run = this.plain[middle]!;
      if (frame < run.first) high = middle - 1;
      else if (frame >= run.end) low = middle + 1;
      else {
        this.last = run;
        return true;
      }
    }
    return false;
  }

  /** May the frame be read directly, though not written? */
  isReadOnly(frame: number): boolean {
    if (this.stale) this.decode();
    return this.readOnly.some(({ first, end }) => frame >= first && frame < end);
  }

  private decode(): void {
    this.stale = false;
    const limit = 2 ** this.map.physicalAddressBits;
    const bases = new Map<string, number>();
    const windows: MmioWindow[] = [];
    for (const { device, region, base, size } of this.bus.memoryWindows()) {
      bases.set(`${device.id} ${region}`, base);
      if (base + size <= limit) windows.push(...visibleParts({ base, end: base + size, device: device.id, region }, windows));
    }
    windows.sort((a, b) => a.base - b.base);
    this.decoded = composeRanges(this.map.dram, windows, this.reserved, limit);
    this.plain = [];
    this.readOnly = [];
    for (const range of this.decoded) {
      // composeRanges sees visible parts only; offsets count from the window's true base
      if (range.device !== undefined) range.windowBase = bases.get(`${range.device} ${range.region}`);
      const contents = range.device !== undefined && this.bus.device(range.device)?.contents;
      if (range.kind !== 'dram' && !contents) continue;
      const first = Math.ceil(range.base / PAGE_SIZE);
      const end = Math.floor(range.end / PAGE_SIZE);
      if (end > first) (contents ? this.readOnly : this.plain).push({ first, end });
    }
  }
}

/** What is left of a window once those that answer first are cut out. */
function visibleParts(window: MmioWindow, before: readonly MmioWindow[]): MmioWindow[] {
  let parts = [window];
  for (const other of before) {
    parts = parts.flatMap((part) => {
      if (other.end <= part.base || other.base >= part.end) return [part];
      const left = part.base < other.base ? [{ ...part, end: other.base }] : [];
      const right = part.end > other.end ? [{ ...part, base: other.end }] : [];
      return [...left, ...right];
    });
  }
  return parts;
}
