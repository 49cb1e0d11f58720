import { describe, expect, it } from 'vitest';
import { axisOf, pointsOf, tickLabel } from './plot';

const records = (...numbers: number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer);

describe('plots', () => {
  it('reads records, leaves out what has not been measured, and what is cut off', () => {
    expect(pointsOf(records(64, 5, 7, 128, 6, 8, 0, 0, 0, 256, 9), 2)).toEqual([
      { x: 64, y: [5, 7] },
      { x: 128, y: [6, 8] },
    ]);
    expect(pointsOf(new Uint8Array(3), 1)).toEqual([]);
  });

  it('has powers of two on a logarithmic axis whose values are some', () => {
    const axis = axisOf([64, 128, 65_536], 'log', 6);
    expect(axis.place(64)).toBe(0);
    expect(axis.place(65_536)).toBe(1);
    expect(axis.ticks.map(({ label }) => label)).toEqual(['64', '256', '1 Ki', '4 Ki', '16 Ki', '64 Ki']);
  });

  it('has round numbers from 0 on a linear axis, and at least one step', () => {
    const axis = axisOf([12_780, 25_480, 1320], 'linear', 6);
    expect(axis.ticks.map(({ label }) => label)).toEqual(['0', '5 k', '10 k', '15 k', '20 k', '25 k', '30 k']);
    expect(axis.place(15_000)).toBe(0.5);
    expect(axisOf([0], 'linear', 4).ticks.length).toBeGreaterThan(1);
    expect(axisOf([7], 'log', 4).place(7)).toBeGreaterThanOrEqual(0);
  });

  it('names sizes and thousands', () => {
    expect([tickLabel(1024, true), tickLabel(2500, false), tickLabel(0, false)]).toEqual(['1 Ki', '2.5 k', '0']);
  });
});
