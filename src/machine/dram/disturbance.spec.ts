import { describe, expect, it } from 'vitest';
import { dramTimings } from '../board/dram-timings';
import { dimmPart } from '../board/parts';
import { Disturbance, type DisturbanceOptions, type Flip } from './disturbance';

const timings = dramTimings(dimmPart('ddr4-8g')!);
const options: DisturbanceOptions = { seed: 1, slotIndex: 0, threshold: 1000, reach: 1, trr: 0, rows: 65_536, rowBytes: 8192, timings };
const TRC = timings.tRAS + timings.tRP;

/** Activates rows in turn, `rounds` times each, as fast as the bank can. */
function hammer(disturbance: Disturbance, rows: number[], rounds: number, from = 0): Flip[] {
  const flips: Flip[] = [];
  let now = from;
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      flips.push(...disturbance.activated(3, row, now));
      now += TRC;
    }
  }
  return flips;
}

describe('disturbance', () => {
  it('flips the weakest cell of the row between two aggressors at the threshold, not before', () => {
    expect(hammer(new Disturbance(options), [100, 102], 499).filter(({ row }) => row === 101)).toEqual([]);
    const flips = hammer(new Disturbance(options), [100, 102], 500).filter(({ row }) => row === 101);
    expect(flips).toHaveLength(1);
    expect(flips[0]).toMatchObject({ bank: 3, row: 101, activations: 1000 });
    expect(flips[0]!.bit).toBeLessThan(8192 * 8);
  });

  it('is the same for the same seed, and another with another seed, slot or row', () => {
    const cell = (changed: Partial<DisturbanceOptions>, row = 100): string => {
      const [flip] = hammer(new Disturbance({ ...options, ...changed }), [row, row + 2], 500);
      return `${flip!.bit} ${flip!.to}`;
    };
    expect(cell({})).toBe(cell({}));
    expect(new Set([cell({}), cell({ seed: 2 }), cell({ slotIndex: 1 }), cell({}, 200)]).size).toBe(4);
  });

  it('puts the first and the third weak cell of a row into one 64-bit word, never on the same bit', () => {
    for (let row = 10; row < 2000; row += 10) {
      const flips = hammer(new Disturbance({ ...options, threshold: 10 }), [row, row + 2], 10).filter((flip) => flip.row === row + 1);
      expect(Math.floor(flips[2]!.bit / 64)).toBe(Math.floor(flips[0]!.bit / 64));
      expect(flips[2]!.bit).not.toBe(flips[0]!.bit);
    }
  });

  it('begins anew when the victim is opened itself, or refreshed', () => {
    expect(hammer(new Disturbance(options), [100, 101, 102], 3000).filter(({ row }) => row === 101)).toEqual([]);
    const disturbance = new Disturbance(options);
    hammer(disturbance, [100, 102], 499);
    // a window later the row has been refreshed
    expect(hammer(disturbance, [100, 102], 499, timings.refreshWindow)).toEqual([]);
  });

  it('reaches the second row at a quarter of the strength', () => {
    const near = hammer(new Disturbance(options), [40_000], 5000).map(({ row }) => row);
    expect(new Set(near)).toEqual(new Set([39_999, 40_001]));
    const far = hammer(new Disturbance({ ...options, reach: 2 }), [40_000], 4000).filter(({ row }) => row === 40_002);
    expect(far).toHaveLength(1);
  });

  it('is held by TRR with a counter for each aggressor, and not by TRR with too few', () => {
    const guarded = new Disturbance({ ...options, trr: 4 });
    expect(hammer(guarded, [100, 102], 5000)).toEqual([]);
    expect(guarded.refreshed).toBeGreaterThan(0);
    // more aggressors in turn than counters: all counters are always being lowered (many-sided hammering)
    const many = Array.from({ length: 10 }, (_, index) => 100 + 2 * index);
    expect(hammer(new Disturbance({ ...options, trr: 4 }), many, 5000).length).toBeGreaterThan(0);
    expect(hammer(new Disturbance({ ...options, trr: 16 }), many, 5000)).toEqual([]);
  });

  it('goes on from what was saved', () => {
    const whole = hammer(new Disturbance(options), [100, 102], 1000);
    const first = new Disturbance(options);
    const before = hammer(first, [100, 102], 300);
    const second = new Disturbance(options);
    second.load(structuredClone(first.save()));
    expect([...before, ...hammer(second, [100, 102], 700, 600 * TRC)]).toEqual(whole);
  });
});
