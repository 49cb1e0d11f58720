import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowTable } from './row-table';

describe('RowTable', () => {
  it('counts as a map does, also when keys collide and after it was cleared', () => {
    // few distinct keys, some of them a power of two apart, and enough to make it grow
    const key = fc.oneof(
      fc.nat(300),
      fc.nat(300).map((n) => n * 2 ** 20),
      fc.nat(2 ** 31 - 1),
    );
    fc.assert(
      fc.property(fc.array(fc.array(key, { maxLength: 400 }), { maxLength: 3 }), (windows) => {
        const table = new RowTable();
        for (const keys of windows) {
          const model = new Map<number, number>();
          table.clear();
          for (const each of keys) {
            model.set(each, (model.get(each) ?? 0) + 1);
            expect(table.increment(each)).toBe(model.get(each));
          }
          expect(new Map(table.entries())).toEqual(model);
          expect(table.get(12_345_678)).toBe(model.get(12_345_678) ?? 0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('keeps what is set', () => {
    const table = new RowTable();
    table.set(7, 41);
    expect(table.increment(7)).toBe(42);
    table.set(7, 3);
    expect([...table.entries()]).toEqual([[7, 3]]);
  });
});
