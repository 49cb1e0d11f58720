/**
 * The geometry of linear spaces drawn as strips over one axis, so that processes compare: which address is drawn where, each run as a
 * rectangle, and where two spaces differ. Pure.
 */
import type { LinearRunView, LinearSpaceView } from '../../../lab/protocol';
import type { StripWindow } from '../board/strip';

/**
 * `sizes`: every stretch gets room by the logarithm of its size, and what nobody maps is folded; `scale`: in proportion; `log`: by the
 * logarithm of the address.
 */
export type LinearMode = 'sizes' | 'scale' | 'log';

/** A stretch of the axis. */
export interface Piece {
  base: number;
  bytes: number;
  x: number;
  width: number;
  /** does any space map it? */
  mapped: boolean;
  /** drawn with a fold: its width says nothing about its size */
  folded: boolean;
}

export interface Axis {
  pieces: Piece[];
  width: number;
  mode: LinearMode;
  window: StripWindow;
}

export interface RunBox {
  x: number;
  width: number;
  run: LinearRunView;
  /** several runs, too narrow to tell apart */
  merged: number;
}

/** `same`: both map it to the same frames; `other`: to different ones; `here`, `there`: only one of them maps it. */
export type Difference = 'same' | 'other' | 'here' | 'there';
export interface DifferenceBox {
  x: number;
  width: number;
  kind: Difference;
}

export const WHOLE: StripWindow = { from: 0, to: 2 ** 32 };
const PAGE = 4096;
const FOLDED = 44;
const MOST_PIECES = 64;
const NARROWEST = 0.75;
const doublings = (bytes: number): number => Math.log2(1 + bytes / PAGE);

const first = (run: LinearRunView): number => Number(run.linear);
const behind = (run: LinearRunView): number => Number(run.linear) + run.bytes;

/** Where runs of any space begin and end inside the window; of too many, those with the largest neighbours. */
function bounds(spaces: readonly LinearSpaceView[], { from, to }: StripWindow): number[] {
  const all = new Set([from, to]);
  for (const { runs } of spaces) {
    for (const run of runs) for (const address of [first(run), behind(run)]) if (address > from && address < to) all.add(address);
  }
  const sorted = [...all].sort((a, b) => a - b);
  if (sorted.length <= MOST_PIECES) return sorted;
  const room = (index: number): number => Math.max(sorted[index]! - sorted[index - 1]!, sorted[index + 1]! - sorted[index]!);
  const inner = sorted.slice(1, -1).map((address, index) => ({ address, room: room(index + 1) }));
  inner.sort((a, b) => b.room - a.room);
  return [from, ...inner.slice(0, MOST_PIECES - 1).map(({ address }) => address), to].sort((a, b) => a - b);
}

/** Ascending, disjoint intervals that any space maps. */
function mappedAnywhere(spaces: readonly LinearSpaceView[]): { from: number; to: number }[] {
  const all = spaces.flatMap(({ runs }) => runs.map((run) => ({ from: first(run), to: behind(run) }))).sort((a, b) => a.from - b.from);
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of all) {
    const last = joined.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
}

/** Lays the window out over `width` pixels. */
export function layoutAxis(spaces: readonly LinearSpaceView[], width: number, mode: LinearMode, window: StripWindow = WHOLE): Axis {
  const at = bounds(spaces, window);
  const mapped = mappedAnywhere(spaces);
  const pieces = at.slice(0, -1).map((base, index): Piece => {
    const bytes = at[index + 1]! - base;
    const is = mapped.some(({ from, to }) => from < base + bytes && to > base);
    return { base, bytes, x: 0, width: 0, mapped: is, folded: mode === 'sizes' && !is };
  });
  const whole = doublings(window.to - window.from);
  if (mode === 'log') {
    for (const piece of pieces) {
      piece.x = (doublings(piece.base - window.from) / whole) * width;
      piece.width = (doublings(piece.base + piece.bytes - window.from) / whole) * width - piece.x;
    }
    return { pieces, width, mode, window };
  }
  const folds = pieces.filter(({ folded }) => folded).length;
  // with many folds they share at most half the width
  const fold = folds === 0 ? 0 : folds === pieces.length ? width / folds : Math.min(FOLDED, width / 2 / folds);
  const weigh = ({ bytes }: Piece): number => (mode === 'scale' ? bytes : 2 + doublings(bytes));
  const total = pieces.reduce((sum, piece) => sum + (piece.folded ? 0 : weigh(piece)), 0);
  const rest = width - fold * folds;
  let x = 0;
  for (const piece of pieces) {
    piece.x = x;
    piece.width = piece.folded ? fold : (rest * weigh(piece)) / total;
    x += piece.width;
  }
  return { pieces, width, mode, window };
}

/** Where an address is drawn, 0 to the axis's width; outside the window, its edge. */
export function xOf({ pieces, width, mode, window }: Axis, address: number): number {
  if (address <= window.from) return 0;
  if (address >= window.to) return width;
  if (mode === 'log') return (doublings(address - window.from) / doublings(window.to - window.from)) * width;
  const piece = pieces.find(({ base, bytes }) => address < base + bytes)!;
  return piece.x + ((address - piece.base) / piece.bytes) * piece.width;
}

/** The address drawn at `x`, inside the window. */
export function addressAtX({ pieces, width, mode, window }: Axis, x: number): number {
  const held = Math.min(Math.max(0, x), width);
  const piece = pieces.find((candidate) => held < candidate.x + candidate.width) ?? pieces.at(-1)!;
  const found =
    mode === 'log'
      ? window.from + PAGE * (2 ** ((held / width) * doublings(window.to - window.from)) - 1)
      : piece.base + (piece.width > 0 ? (held - piece.x) / piece.width : 0) * piece.bytes;
  return Math.min(Math.max(Math.floor(found), window.from), window.to - 1);
}

/** A space's runs as rectangles; those too narrow to tell apart are one. */
export function runBoxes(axis: Axis, { runs }: LinearSpaceView): RunBox[] {
  const boxes: RunBox[] = [];
  for (const run of runs) {
    if (behind(run) <= axis.window.from || first(run) >= axis.window.to) continue;
    const x = xOf(axis, first(run));
    const end = xOf(axis, behind(run));
    const last = boxes.at(-1);
    if (last && end - last.x < NARROWEST) {
      last.width = end - last.x;
      last.merged++;
    } else boxes.push({ x, width: Math.max(end - x, NARROWEST), run, merged: 1 });
  }
  return boxes;
}

/** What two spaces map differently, over the whole window; stretches that neither maps are left out. */
export function differences(axis: Axis, here: LinearSpaceView, there: LinearSpaceView): DifferenceBox[] {
  const edges = new Set<number>();
  for (const { runs } of [here, there]) for (const run of runs) edges.add(first(run)).add(behind(run));
  const sorted = [...edges].sort((a, b) => a - b);
  const boxes: DifferenceBox[] = [];
  const cursor = { here: 0, there: 0 };
  for (let index = 0; index + 1 < sorted.length; index++) {
    const from = sorted[index]!;
    const to = sorted[index + 1]!;
    if (to <= axis.window.from || from >= axis.window.to) continue;
    while (cursor.here < here.runs.length && behind(here.runs[cursor.here]!) <= from) cursor.here++;
    while (cursor.there < there.runs.length && behind(there.runs[cursor.there]!) <= from) cursor.there++;
    const one = covering(here.runs[cursor.here], from);
    const two = covering(there.runs[cursor.there], from);
    if (one === null && two === null) continue;
    const kind: Difference = one === null ? 'there' : two === null ? 'here' : one === two ? 'same' : 'other';
    const x = xOf(axis, from);
    const width = xOf(axis, to) - x;
    const last = boxes.at(-1);
    if (last && last.kind === kind && last.x + last.width >= x - 0.01) last.width = x + width - last.x;
    else boxes.push({ x, width: Math.max(width, NARROWEST), kind });
  }
  return boxes;
}

/** Where a run takes an address to; null when it does not hold it. */
const covering = (run: LinearRunView | undefined, address: number): number | null =>
  run && first(run) <= address && address < behind(run) ? Number(run.guest) + (address - first(run)) : null;

/** The run that holds an address. */
export const runAt = ({ runs }: LinearSpaceView, address: number): LinearRunView | undefined =>
  runs.find((run) => first(run) <= address && address < behind(run));

export interface Tick {
  base: number;
  x: number;
}

/** Addresses written above the strip, at least `room` pixels apart: where mapped pieces begin, then others, then quarters of the window. */
export function ticksOf(axis: Axis, room: number): Tick[] {
  const { pieces, window } = axis;
  const quarter = (window.to - window.from) / 4;
  const quarters = quarter % PAGE === 0 ? [1, 2, 3].map((index) => window.from + index * quarter) : [];
  const wanted: Tick[] = [
    ...pieces.filter(({ mapped }) => mapped),
    ...pieces.filter(({ mapped }) => !mapped),
    ...(axis.mode === 'scale' ? quarters.map((base) => ({ base, x: xOf(axis, base) })) : []),
  ];
  const chosen: Tick[] = [];
  for (const { base, x } of wanted) if (chosen.every((other) => Math.abs(other.x - x) >= room)) chosen.push({ base, x });
  return chosen.sort((a, b) => a.x - b.x);
}
