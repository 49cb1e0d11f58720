import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AddressRangeError,
  advance,
  dramAddress,
  formatAddress,
  frameOf,
  guestPhysical,
  hostPhysical,
  ioVirtual,
  linearAddress,
  PAGE_SIZE,
  plainHex,
} from './address';

describe('addresses', () => {
  it('take whole numbers from 0 to 2^53 - 1, and nothing else', () => {
    for (const make of [guestPhysical, hostPhysical, ioVirtual, dramAddress]) {
      expect(make(0)).toBe(0);
      expect(make(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
      for (const bad of [-1, 0.5, NaN, Infinity, 2 ** 53]) expect(() => make(bad)).toThrow(AddressRangeError);
    }
    expect(linearAddress(2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
    for (const bad of [-1, 2n ** 64n]) expect(() => linearAddress(bad)).toThrow(AddressRangeError);
  });

  it('advance with a check', () => {
    expect(advance(hostPhysical(0x1000), -0x1000)).toBe(0);
    expect(() => advance(hostPhysical(0x1000), -0x1001)).toThrow(AddressRangeError);
    expect(() => advance(hostPhysical(Number.MAX_SAFE_INTEGER), 1)).toThrow(AddressRangeError);
  });

  it('split into frame and offset and come back, beyond 32 bits too', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const address = hostPhysical(value);
        expect(frameOf(address) * PAGE_SIZE + (value % PAGE_SIZE)).toBe(value);
        expect(Number(formatAddress(value).replaceAll('_', ''))).toBe(value);
        expect(Number(plainHex(value))).toBe(value);
      }),
    );
  });

  it('are written in groups of four, upper case for people and plain for JSON', () => {
    expect([
      formatAddress(0),
      formatAddress(0x19010),
      formatAddress(0x1_0000_0000),
      formatAddress(0x10, 4),
      formatAddress(0xfedcn << 48n),
    ]).toEqual(['0x0000_0000', '0x0001_9010', '0x0001_0000_0000', '0x0010', '0xFEDC_0000_0000_0000']);
    expect(plainHex(0xfed9_0000)).toBe('0xfed90000');
  });
});
