import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smallestEdit } from './text-edit';

const apply = (text: string, edit: ReturnType<typeof smallestEdit>): string =>
  edit ? text.slice(0, edit.offset) + edit.inserted + text.slice(edit.offset + edit.removed) : text;

describe('smallest edit', () => {
  it('gives the other text, whatever both are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (before, after) => {
        expect(apply(before, smallestEdit(before, after))).toBe(after);
      }),
    );
  });
  it('touches only what differs', () => {
    expect(smallestEdit('mov eax, 1\nhlt', 'mov ebx, 1\nhlt')).toEqual({ offset: 5, removed: 1, inserted: 'b' });
    expect(smallestEdit('aa', 'aaa')?.removed).toBe(0);
    expect(smallestEdit('same', 'same')).toBeNull();
  });
});
