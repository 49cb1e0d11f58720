import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowTable } from './row-table';

const [BANKS, ROWS] = [5, 3000];

describe('RowTable', () => {
  it('counts as a map does, also in many places and after it was cleared', () => {
    // neighbours, rows at the edges of stretches, and enough stretches to make it grow
    const row = fc.oneof(fc.nat(3), fc.integer({ min: 254, max: 258 }), fc.nat(ROWS - 1), fc.constant(ROWS - 1));
    const place = fc.tuple(fc.nat(BANKS - 1), row);
    fc.assert(
      fc.property(fc.array(fc.array(place, { maxLength: 400 }), { maxLength: 3 }), (windows) => {
        const table = new RowTable(BANKS, ROWS);
        for (const places of windows) {
          const model = new Map<number, number>();
          table.clear();
          for (const [bank, row] of places) {
            const key = bank * ROWS + row;
            model.set(key, (model.get(key) ?? 0) + 1);
            expect(table.increment(bank, row)).toBe(model.get(key));
          }
          const expected = [...model].sort(([a], [b]) => a - b).map(([key, count]) => [Math.floor(key / ROWS), key % ROWS, count]);
          expect([...table.entries()]).toEqual(expected);
          expect([...table.entries(3)]).toEqual(expected.filter(([bank]) => bank === 3));
          expect(table.get(2, 1234)).toBe(model.get(2 * ROWS + 1234) ?? 0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('keeps what is set', () => {
    const table = new RowTable(2, 64);
    table.set(1, 7, 41);
    expect(table.increment(1, 7)).toBe(42);
    table.set(1, 7, 3);
    expect([...table.entries()]).toEqual([[1, 7, 3]]);
  });
});
