/**
 * A host that has been running for a while: part of its memory is taken before the first VM. What is free lies scattered in
 * small holes, fewer of them at the bottom than at the top, as a first-fit allocator leaves it; so a VM of some size gets its
 * memory from several DIMMs, and neighbouring guest pages lie far apart. The seed decides where.
 */
import { PAGE_SIZE } from '../../machine/address';
import { Random } from '../random';
import type { FrameRun } from './frame-ownership';

/** Memory is looked at in blocks; each has at most one hole. Small boards get blocks of 128 KiB, large ones at most this many. */
const MOST_BLOCKS = 8192;
const SMALLEST_BLOCK_FRAMES = 32;
/** How much more of the free memory lies at the top: the free share grows with this power of the position. */
const STEEPEST = 3;

/**
 * The runs that are taken, ascending: `fraction` (0 to 0.95) of all frames, exact to a few frames.
 * @param dram stretches of DRAM in bytes, ascending, multiples of 4096
 */
export function preoccupiedRuns(dram: readonly { base: number; bytes: number }[], fraction: number, seed: number): FrameRun[] {
  if (fraction <= 0) return [];
  const total = dram.reduce((sum, { bytes }) => sum + bytes / PAGE_SIZE, 0);
  const blockFrames = Math.max(SMALLEST_BLOCK_FRAMES, Math.ceil(total / MOST_BLOCKS));
  const random = new Random(seed);
  const free = 1 - fraction;
  // the largest exponent for which no block would need more holes than it has frames
  const steepness = Math.min(STEEPEST, fraction / free);
  const freeUpTo = (position: number): number => free * total * (position / total) ** (steepness + 1);
  const runs: FrameRun[] = [];
  let seen = 0;
  let given = 0;
  for (const { base, bytes } of dram) {
    const end = (base + bytes) / PAGE_SIZE;
    for (let start = base / PAGE_SIZE; start < end; start += blockFrames) {
      const frames = Math.min(blockFrames, end - start);
      seen += frames;
      const hole = Math.min(frames, Math.round(freeUpTo(seen) - given));
      given += hole;
      const offset = random.below(frames - hole + 1);
      push(runs, start, offset);
      push(runs, start + offset + hole, frames - hole - offset);
    }
  }
  return runs;
}

function push(runs: FrameRun[], first: number, count: number): void {
  if (count === 0) return;
  const last = runs.at(-1);
  if (last && last.first + last.count === first) last.count += count;
  else runs.push({ first, count });
}
