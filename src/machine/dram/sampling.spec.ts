import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SAMPLING, sampledSlice } from './sampling';

const PERIOD = SAMPLING.every * SAMPLING.instructions;

describe('the slices that are observed while accesses are sampled', () => {
  it('are one in each period, as long as promised, and the same however a run is cut', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 20), fc.array(fc.integer({ min: 50_000, max: PERIOD >> 1 }), { minLength: 1 }), (period, cuts) => {
        let at = period * PERIOD;
        const end = at + PERIOD;
        let observed = 0;
        let begun = 0;
        let was = false;
        for (let cut = 0; at < end; cut++) {
          const slice = sampledSlice(at);
          expect(slice.left).toBeGreaterThan(0);
          // nothing changes before that
          expect(sampledSlice(at + slice.left - 1).observed).toBe(slice.observed);
          expect(sampledSlice(at + slice.left).observed).toBe(!slice.observed);
          // those that are observed are cut as well
          const most = cuts[cut % cuts.length]!;
          const run = Math.min(slice.left, slice.observed ? 500 + (most % 2000) : most, end - at);
          if (slice.observed && !was) begun++;
          if (slice.observed) observed += run;
          was = slice.observed;
          at += run;
        }
        expect([begun, observed]).toEqual([1, SAMPLING.instructions]);
      }),
      { numRuns: 30 },
    );
  });

  it('lie anywhere in their periods', () => {
    const quarters = [0, 0, 0, 0];
    for (let period = 0; period < 400; period++) quarters[Math.floor((sampledSlice(period * PERIOD).left / PERIOD) * 4)]!++;
    for (const count of quarters) expect(count).toBeGreaterThan(60);
  });
});
