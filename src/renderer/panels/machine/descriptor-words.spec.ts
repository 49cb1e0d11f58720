import { describe, expect, it } from 'vitest';
import type { DescriptorView, SegmentView } from '../../../lab/protocol';
import { agrees, hiddenKind, segmentDpl, segmentFlags } from './descriptor-words';

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
  it('tells a hidden part that its descriptor no longer agrees with', () => {
    const held: SegmentView = { name: 'DS', selector: 0x14, base: 0x9000n, limit: 0xfff, attributes: 0x4093 };
    const entry = (base: bigint, limit: number, attributes: number): DescriptorView => ({
      index: 2, linear: 0n, bytes: new Uint8Array(8), kind: 'data', dpl: 0, present: true, segment: { base, limit, attributes },
    }); // prettier-ignore
    expect(agrees(held, entry(0x9000n, 0xfff, 0x4093))).toBe(true);
    expect(agrees(held, entry(0x9000n, 0xfff, 0x4092))).toBe(true);
    expect(agrees(held, entry(0xb000n, 0xfff, 0x4093))).toBe(false);
    expect(agrees(held, entry(0x9000n, 0xffe, 0x4093))).toBe(false);
    expect(agrees(held, entry(0x9000n, 0xfff, 0x4013))).toBe(false);
  });
});
