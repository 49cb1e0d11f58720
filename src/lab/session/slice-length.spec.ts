/** Slices take some milliseconds, shrink at once when code gets slow, and have bounds. */
import { describe, expect, it } from 'vitest';
import { SliceLength } from './slice-length';

/** Runs slices at so many instructions a millisecond; gives the instructions of the last. */
function run(slice: SliceLength, speed: number, slices: number): number {
  for (let count = 0; count < slices; count++) slice.took(slice.instructions / speed, slice.instructions);
  return slice.instructions;
}

describe('SliceLength', () => {
  it('comes to slices of 16 ms', () => expect(run(new SliceLength(), 100_000, 30)).toBeCloseTo(1_600_000, -2));

  it('has an upper and a lower bound', () => {
    expect(run(new SliceLength(), 2_000_000, 30)).toBe(10_000_000);
    expect(run(new SliceLength(), 1, 30)).toBe(1_000);
  });

  it('is short again after one slice of slow code', () => {
    const slice = new SliceLength();
    run(slice, 1_000_000, 30);
    expect(run(slice, 5_000, 1)).toBe(80_000);
  });

  it('learns nothing from a slice that ended at once', () => {
    const slice = new SliceLength();
    slice.took(3, 10);
    expect(slice.instructions).toBe(10_000);
  });
});
