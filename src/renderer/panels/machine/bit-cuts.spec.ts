import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutAddress, FOUR_LEVEL, TWO_LEVEL } from './bit-cuts';

describe('bit cuts', () => {
  it('cuts a linear address for two-level paging', () => {
    expect(cutAddress(0x0040_5010n, TWO_LEVEL).map((cut) => cut.value)).toEqual([1n, 5n, 0x10n]);
  });

  it('leaves 22 bits of offset for a 4 MiB page', () => {
    const cuts = cutAddress(0x0040_5010n, TWO_LEVEL, 'pde');
    expect(cuts.map((cut) => [cut.high, cut.low])).toEqual([
      [31, 22],
      [21, 0],
    ]);
    expect(cuts[1]?.value).toBe(0x5010n);
  });

  it('loses no bit: the fields joined again are the address', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 48n) - 1n), fc.constantFrom(undefined, 'ept-pdpte', 'ept-pde', 'ept-pte'), (address, last) => {
        const cuts = cutAddress(address, FOUR_LEVEL, last);
        expect(cuts.reduce((sum, cut) => sum | (cut.value << BigInt(cut.low)), 0n)).toBe(address);
        expect(cuts[0]?.high).toBe(47);
        expect(cuts.at(-1)?.low).toBe(0);
      }),
    );
  });
});
