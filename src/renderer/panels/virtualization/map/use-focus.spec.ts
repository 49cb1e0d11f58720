import { describe, expect, it } from 'vitest';
import { guestOf, hostOf } from './use-focus';

const PIECES = [
  { vm: 'a', guest: 0, host: 0x10_0000, bytes: 0x2000, slots: ['A1'] },
  { vm: 'a', guest: 0x2000, host: 0x40_0000, bytes: 0x1000, slots: ['A1'] },
  { vm: 'b', guest: 0, host: 0x50_0000, bytes: 0x1000, slots: ['A1'] },
];

describe('focus of the memory map', () => {
  it('follows a guest-physical address to its frame, VM by VM', () => {
    expect(hostOf(PIECES, 'a', 0x2010)).toBe(0x40_0010);
    expect(hostOf(PIECES, 'b', 0x10)).toBe(0x50_0010);
    expect(hostOf(PIECES, 'b', 0x1000)).toBeNull();
  });

  it('finds whose page a frame is', () => {
    expect(guestOf(PIECES, 0x10_1234)).toEqual({ vm: 'a', guest: 0x1234 });
    expect(guestOf(PIECES, 0x30_0000)).toBeNull();
  });
});
