/**
 * How many instructions a computer runs at full speed until its host looks up: as many as take some milliseconds. Every slice of a
 * VM ends with an exit, so it should not be shorter than it must; and the first after code has become slow may be as long as the
 * last, so it has an upper bound.
 */

/** A slice lasts about this long: commands wait for its end. */
const SLICE_MS = 16;
const SMALLEST = 1_000;
const LARGEST = 10_000_000;
/** Times shorter than this say nothing. */
const SHORTEST_MS = 0.5;

export class SliceLength {
  /** small at first: nothing is compiled yet, and a machine may be slow */
  instructions = 10_000;

  /** A slice of `executed` instructions took `ms`. One that ended at once says nothing. */
  took(ms: number, executed: number): void {
    if (executed < SMALLEST) return;
    const wanted = ms > SHORTEST_MS ? (executed / ms) * SLICE_MS : this.instructions * 2;
    // slower code shortens the next slice at once, faster code by and by
    const next = wanted < this.instructions ? wanted : (this.instructions + wanted) / 2;
    this.instructions = Math.round(Math.min(LARGEST, Math.max(SMALLEST, next)));
  }
}
