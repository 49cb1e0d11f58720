import { describe, expect, it } from 'vitest';
import { hiddenKind, segmentDpl, segmentFlags } from './descriptor-words';

const set = (attributes: number): string =>
  segmentFlags(attributes)
    .filter((flag) => flag.set)
    .map(({ name }) => name)
    .join('');

describe('hidden parts in words', () => {
  it('tells flat 32-bit code from a user data segment', () => {
    expect([hiddenKind(0xc09b), set(0xc09b), segmentDpl(0xc09b)]).toEqual(['code', 'PARDG', 0]);
    expect([hiddenKind(0xc0f2), set(0xc0f2), segmentDpl(0xc0f2)]).toEqual(['data', 'PWBG', 3]);
    expect(set(0x96)).toBe('PWE');
  });
  it('knows system segments and unusable ones', () => {
    expect(hiddenKind(0x82)).toBe('ldt');
    expect(hiddenKind(0x8b)).toBe('tss');
    expect(hiddenKind(0x1_0000)).toBe('unusable');
    expect(segmentFlags(0x1_0000)).toEqual([]);
  });
});
