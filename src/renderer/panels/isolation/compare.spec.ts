import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffRows } from './compare';

describe('before and after', () => {
  it('shows the first row when nothing changed', () => {
    const bytes = new Uint8Array(64).fill(7);
    const rows = diffRows({ windowBase: 0x5000, before: bytes, after: bytes });
    expect(rows.map((row) => [row.address, row.changed.includes(true)])).toEqual([[0x5000, false]]);
  });

  it('shows only rows that changed, with exactly the changed bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat(63), fc.integer({ min: 1, max: 255 }), (before, at, flip) => {
        const after = before.slice();
        after[at] = after[at]! ^ flip;
        const rows = diffRows({ windowBase: 0, before, after });
        expect(rows).toHaveLength(1);
        expect(rows[0]!.address).toBe(at - (at % 16));
        expect(rows[0]!.changed.indexOf(true)).toBe(at % 16);
        expect(rows[0]!.changed.filter(Boolean)).toHaveLength(1);
      }),
    );
  });
});
