/** The host that was running already: how much is taken, where the holes are, and that the seed alone decides. */
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../../machine/address';
import { FrameOwnership } from './frame-ownership';
import { preoccupiedRuns } from './preoccupied';

const GIB = [0, 1, 2, 3].map((slot) => ({ base: slot * 0x1000_0000, bytes: 0x1000_0000 }));
const frames = (runs: { count: number }[]): number => runs.reduce((sum, run) => sum + run.count, 0);

describe('preoccupied host memory', () => {
  it.each([0.1, 0.5, 0.75, 0.9, 0.95])('takes %f of a gigabyte, in disjoint ascending runs inside the DRAM', (fraction) => {
    const runs = preoccupiedRuns(GIB, fraction, 1);
    expect(frames(runs) / 262_144).toBeCloseTo(fraction, 3);
    let end = 0;
    for (const { first, count } of runs) {
      expect(first).toBeGreaterThanOrEqual(end);
      end = first + count;
    }
    expect(end * PAGE_SIZE).toBeLessThanOrEqual(0x4000_0000);
  });

  it('takes nothing of an empty fraction', () => {
    expect(preoccupiedRuns(GIB, 0, 1)).toEqual([]);
  });

  it('is decided by the seed', () => {
    expect(preoccupiedRuns(GIB, 0.75, 7)).toEqual(preoccupiedRuns(GIB, 0.75, 7));
    expect(preoccupiedRuns(GIB, 0.75, 7)).not.toEqual(preoccupiedRuns(GIB, 0.75, 8));
  });

  it('leaves so little low memory that a VM of a few MiB lies in two DIMMs, with neighbouring pages apart', () => {
    const ownership = new FrameOwnership(GIB);
    for (const { first, count } of preoccupiedRuns(GIB, 0.75, 1)) expect(ownership.take(first, count, { kind: 'preoccupied' })).toBe(true);
    const runs = ownership.allocate(1024, { kind: 'vm', vm: 'a' })!;
    expect(runs.length).toBeGreaterThan(100);
    const slots = new Set(runs.map(({ first }) => Math.floor((first * PAGE_SIZE) / 0x1000_0000)));
    expect([...slots]).toEqual([0, 1]);
  });

  it('stays small on a large board', () => {
    const runs = preoccupiedRuns([{ base: 0, bytes: 64 * 1024 ** 3 }], 0.5, 3);
    expect(runs.length).toBeLessThan(20_000);
    expect(frames(runs) / (64 * 262_144)).toBeCloseTo(0.5, 3);
  });
});
