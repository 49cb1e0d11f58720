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
}

export type StripMode = 'scale' | 'breaks';

const MIN_NAMED = 24;
const MIN_SCALE = 1;
const FOLDED = 56;
const TICK_DISTANCE = 13;
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
 * when what has a name would not fit.
 */
export function layoutStrip(all: readonly StripRange[], available: number, mode: StripMode): Strip {
  const ranges = condense(all);
  const largest = Math.max(0, ...ranges.filter((range) => range.kind === 'dram' || range.kind === 'conflict').map((range) => range.bytes));
  const folded = ranges.map((range) => mode === 'breaks' && range.kind === 'hole' && range.bytes > 2 * largest);
  const minimum = ranges.map((range, i) =>
    mode === 'scale' ? MIN_SCALE : folded[i] ? FOLDED : range.kind === 'hole' ? MIN_NAMED / 2 : MIN_NAMED,
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
  return { boxes, height: top, last: end ? end.base + end.bytes - 1 : 0 };
}

/** Top and height of the frame around everything a slot answers; null when it answers nothing. */
export function frameOfSlot(strip: Strip, slot: string): { top: number; height: number } | null {
  const own = strip.boxes.filter((box) => box.slots.includes(slot));
  const first = own[0];
  const last = own.at(-1);
  return first && last ? { top: first.top, height: last.top + last.height - first.top } : null;
}
