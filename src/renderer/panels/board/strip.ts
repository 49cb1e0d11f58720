/**
 * The geometry of the address strip: which range of host-physical addresses is drawn where. Proportional within a segment;
 * long stretches that nobody answers are folded when breaks are allowed; what has a name never gets too thin to read. Pure.
 */

export type StripKind = 'dram' | 'hole' | 'mmio' | 'reserved' | 'conflict';

export interface StripRange {
  base: number;
  bytes: number;
  kind: StripKind;
  /** slots that answer; two or more in a conflict */
  slots: readonly string[];
  label: string;
  /** how it came to lie here, said under its size */
  note?: string;
}

export interface StripBox extends StripRange {
  top: number;
  height: number;
  /** drawn with a zigzag: its height says nothing about its size */
  folded: boolean;
  /** the base is written beside the strip */
  tick: boolean;
}

export interface Strip {
  boxes: StripBox[];
  height: number;
  /** last address shown */
  last: number;
  mode: StripMode;
}

/** A part of the address space, first address and first behind. */
export interface StripWindow {
  from: number;
  to: number;
}

export type StripMode = 'scale' | 'breaks' | 'log';

const MIN_NAMED = 24;
const MIN_SCALE = 1;
const FOLDED = 56;
const TICK_DISTANCE = 13;
/** the smallest stretch that can be shown, and the grain of its edges: one page */
const PAGE = 4096;
/** more boxes than this are condensed: neighbours of one kind become one box */
const MAX_BOXES = 240;

/** Joins neighbours of the same kind until the strip has a drawable number of boxes. */
function condense(ranges: readonly StripRange[]): readonly StripRange[] {
  if (ranges.length <= MAX_BOXES) return ranges;
  const chunk = Math.ceil(ranges.length / MAX_BOXES);
  const joined: StripRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    const room = last !== undefined && last.slots.length + range.slots.length <= chunk;
    if (last && room && last.kind === range.kind && range.kind === 'dram') {
      joined[joined.length - 1] = {
        ...last,
        bytes: range.base + range.bytes - last.base,
        slots: [...last.slots, ...range.slots],
        label: `${last.slots[0]} … ${range.slots.at(-1)}`,
      };
    } else joined.push(range);
  }
  return joined;
}

/**
 * Lays out ranges that are ascending and without gaps. `available` is the height there is (px); the strip grows past it
 * when what has a name would not fit. `named` is the least height of a box with a name.
 */
export function layoutStrip(all: readonly StripRange[], available: number, mode: StripMode, named = MIN_NAMED): Strip {
  const ranges = condense(all);
  if (mode === 'log') return logarithmic(ranges, available);
  const largest = Math.max(0, ...ranges.filter((range) => range.kind === 'dram' || range.kind === 'conflict').map((range) => range.bytes));
  const folded = ranges.map((range) => mode === 'breaks' && range.kind === 'hole' && range.bytes > 2 * largest);
  const minimum = ranges.map((range, i) =>
    mode === 'scale' ? MIN_SCALE : folded[i] ? FOLDED : range.kind === 'hole' ? MIN_NAMED / 2 : named,
  );
  const height = Math.max(
    available,
    minimum.reduce((sum, px) => sum + px, 0),
  );

  // Give every box its minimum when its share would be less, and share the rest in proportion; repeat until nobody is short.
  const fixed = ranges.map((_, i) => folded[i] === true);
  const heights = minimum.slice();
  for (;;) {
    const rest = height - heights.reduce((sum, px, i) => sum + (fixed[i] ? px : 0), 0);
    const bytes = ranges.reduce((sum, range, i) => sum + (fixed[i] ? 0 : range.bytes), 0);
    let short = false;
    ranges.forEach((range, i) => {
      if (fixed[i]) return;
      const share = bytes > 0 ? (rest * range.bytes) / bytes : 0;
      if (share < minimum[i]!) {
        fixed[i] = true;
        short = true;
      } else heights[i] = share;
    });
    if (!short) break;
    ranges.forEach((_, i) => {
      if (!fixed[i]) heights[i] = minimum[i]!;
      else if (!folded[i]) heights[i] = minimum[i]!;
    });
  }

  const tops: number[] = [];
  let top = 0;
  for (const px of heights) {
    tops.push(top);
    top += px;
  }
  return finish(ranges, tops, heights, folded, mode);
}

/** As far down as there are doublings of a page: each range from the logarithm of its first address to that of its end. */
function logarithmic(ranges: readonly StripRange[], height: number): Strip {
  const first = ranges[0]?.base ?? 0;
  const last = ranges.at(-1);
  const whole = doublings((last ? last.base + last.bytes : 1) - first);
  const at = (address: number): number => (doublings(address - first) / whole) * height;
  const tops = ranges.map(({ base }) => at(base));
  const heights = ranges.map(({ base, bytes }) => at(base + bytes) - at(base));
  return finish(ranges, tops, heights, [], 'log');
}
const doublings = (bytes: number): number => Math.log2(1 + bytes / PAGE);

function finish(ranges: readonly StripRange[], tops: number[], heights: number[], folded: boolean[], mode: StripMode): Strip {
  // ticks: what has a name first, then holes where there is room left above and below
  const ticks = new Set<number>();
  const isFree = (i: number): boolean => [...ticks].every((other) => Math.abs(tops[other]! - tops[i]!) >= TICK_DISTANCE);
  ranges.forEach((range, i) => range.kind !== 'hole' && isFree(i) && ticks.add(i));
  ranges.forEach((range, i) => range.kind === 'hole' && isFree(i) && ticks.add(i));
  const boxes = ranges.map((range, i): StripBox => ({
    ...range,
    top: tops[i]!,
    height: heights[i]!,
    folded: folded[i] === true,
    tick: ticks.has(i),
  }));
  const end = ranges.at(-1);
  const top = tops.length > 0 ? tops.at(-1)! + heights.at(-1)! : 0;
  return { boxes, height: top, last: end ? end.base + end.bytes - 1 : 0, mode };
}

/** The address drawn at a height of the strip (px from its top), held to what the strip shows. */
export function addressAt(strip: Strip, y: number): number {
  const box = strip.boxes.find(({ top, height }) => y < top + height) ?? strip.boxes.at(-1);
  if (!box) return 0;
  const first = strip.boxes[0]!.base;
  const within =
    strip.mode === 'log'
      ? first + PAGE * (2 ** ((y / strip.height) * doublings(strip.last + 1 - first)) - 1) - box.base
      : box.height > 0
        ? ((y - box.top) / box.height) * box.bytes
        : 0;
  return box.base + Math.floor(Math.min(Math.max(within, 0), box.bytes - 1));
}

/** Where an address is drawn (px from the top of the strip); null when the strip does not show it. */
export function heightOf(strip: Strip, address: number): number | null {
  const box = strip.boxes.find(({ base, bytes }) => address >= base && address < base + bytes);
  if (!box) return null;
  if (strip.mode !== 'log') return box.top + ((address - box.base) / box.bytes) * box.height;
  const first = strip.boxes[0]!.base;
  return (doublings(address - first) / doublings(strip.last + 1 - first)) * strip.height;
}

/** The ranges as far as they lie in a window. */
export function cutTo(ranges: readonly StripRange[], { from, to }: StripWindow): StripRange[] {
  return ranges
    .filter(({ base, bytes }) => base < to && base + bytes > from)
    .map((range) => {
      const base = Math.max(range.base, from);
      return { ...range, base, bytes: Math.min(range.base + range.bytes, to) - base };
    });
}

/** A window `by` times as long with the same address at the same share of it, whole pages, inside [0, end). */
export function zoomWindow({ from, to }: StripWindow, around: number, by: number, end: number): StripWindow {
  const length = Math.min(end, Math.max(PAGE, Math.round(((to - from) * by) / PAGE) * PAGE));
  const share = to > from ? (around - from) / (to - from) : 0;
  const page = Math.floor(around / PAGE) * PAGE;
  const start = Math.floor((around - share * length) / PAGE) * PAGE;
  const held = Math.min(Math.max(0, page + PAGE - length, start), page, end - length);
  return { from: held, to: held + length };
}

/** A base that was dragged to `address`, on the roundest address that a pixel can tell: from a page up to the DIMM's own size. */
export function roundBase(address: number, bytesPerPixel: number, dimmBytes: number): number {
  const grain = Math.min(Math.max(PAGE, 2 ** Math.ceil(Math.log2(Math.max(1, bytesPerPixel * 4)))), Math.max(PAGE, dimmBytes));
  return Math.max(0, Math.round(address / grain) * grain);
}

/** Top and height of the frame around everything a slot answers; null when it answers nothing. */
export function frameOfSlot(strip: Strip, slot: string): { top: number; height: number } | null {
  const own = strip.boxes.filter((box) => box.slots.includes(slot));
  const first = own[0];
  const last = own.at(-1);
  return first && last ? { top: first.top, height: last.top + last.height - first.top } : null;
}

/** How the strip is drawn, in pixels but for the digits of its addresses. */
export interface StripMeasures {
  /** room for addresses left of the bar */
  ticks: number;
  bar: number;
  /** room for sizes and names right of it */
  aside: number;
  digits: number;
  /** from the top of the drawing to that of the strip */
  top: number;
}

/** Height of the letters of an address beside the strip, in pixels. */
export const tickSize = (digits: number): number => (digits > 12 ? 10.4 : digits > 8 ? 10.8 : 11.5);

/** How wide the parts of a strip are in a panel that is `width` wide: addresses whole, the bar and what stands beside it as there is room. */
export function stripWidths(width: number, digits: number): Pick<StripMeasures, 'ticks' | 'bar' | 'aside'> {
  const ticks = digits > 12 ? 144 : digits > 8 ? 118 : 92;
  const aside = Math.max(54, Math.min(72, width - ticks - 44));
  return { ticks, aside, bar: Math.max(42, Math.min(90, width - ticks - aside - 2)) };
}

/** A name wider than the bar stands beside it, over the size. */
export const isNameAside = ({ kind, label }: Pick<StripBox, 'kind' | 'label'>, bar: number): boolean =>
  kind !== 'conflict' && label.length * 6.6 + 8 > bar;

/** As much of a name as there is room for, in pixels; the whole of it is in the words of its box. */
export function cutName(label: string, room: number): string {
  const most = Math.max(3, Math.floor(room / 6));
  return label.length > most ? `${label.slice(0, most - 1)}…` : label;
}

/** So many boxes are drawn wherever they are. */
const FEW_BOXES = 48;
/** What is drawn of a long strip follows the scrolling in steps of so many pixels. */
export const SIGHT_STEP = 240;

/** Of many boxes those between a step before and two behind what is in sight, which begins at `from` and is `height` high. */
export const inSight = (boxes: readonly StripBox[], from: number, height: number): readonly StripBox[] =>
  boxes.length <= FEW_BOXES
    ? boxes
    : boxes.filter((box) => box.top + box.height > from - SIGHT_STEP && box.top < from + height + 2 * SIGHT_STEP);
