import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeGate, decodeSegment, encodeGate, encodeSegment, segmentAllows, withinLimit } from './segmentation';

describe('descriptors', () => {
  it('decode what the manual’s figure says', () => {
    // base 0x12345678, limit 0xABCDE pages, 32-bit readable code, DPL 3, present
    expect(decodeSegment(0x5678_bcde, 0x12ca_fa34)).toEqual({ base: 0x1234_5678, limit: 0xabcd_efff, attributes: 0xc0fa });
    expect(decodeSegment(0xffff_0000 | 0xffff, 0x0000_9300)).toEqual({ base: 0xffff, limit: 0xffff, attributes: 0x93 });
    expect(decodeGate(0x0008_1234, 0xdead_ec05)).toEqual({ selector: 8, offset: 0xdead_1234, parameters: 5, attributes: 0xec });
    expect(decodeGate(0x0008_1234, 0xdead_e405).offset).toBe(0x1234);
  });

  it('encode and decode are inverse', () => {
    const attributes = fc.nat(0xff).chain((low) => fc.nat(0xf).map((high) => low | (high << 12)));
    const descriptor = fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xf_ffff), attributes).map(([base, raw, attr]) => ({
      base,
      limit: attr & 0x8000 ? ((raw << 12) | 0xfff) >>> 0 : raw,
      attributes: attr,
    }));
    fc.assert(
      fc.property(descriptor, (value) => {
        expect(decodeSegment(...encodeSegment(value))).toEqual(value);
      }),
    );
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (low, high) => {
        expect(encodeSegment(decodeSegment(low, high))).toEqual([low, high]);
      }),
    );
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(0xffff_ffff),
        fc.nat(31),
        fc.constantFrom(0x84, 0x8c, 0xee, 0x86),
        (selector, offset, parameters, attr) => {
          const wide = (attr & 8) !== 0;
          const gate = { selector, offset: wide ? offset : offset & 0xffff, parameters, attributes: attr };
          expect(decodeGate(...encodeGate(gate))).toEqual(gate);
        },
      ),
    );
  });

  it('refuse a limit that the granularity cannot say', () => {
    expect(() => encodeSegment({ base: 0, limit: 0x10_0000, attributes: 0x92 })).toThrow(RangeError);
    expect(() => encodeSegment({ base: 0, limit: 0x10_0000, attributes: 0x8092 })).toThrow(RangeError);
  });
});

describe('limits', () => {
  it('end with the last byte, and never wrap', () => {
    expect(withinLimit(0x93, 0xffff, 0xfffc, 4)).toBe(true);
    expect(withinLimit(0x93, 0xffff, 0xfffd, 4)).toBe(false);
    expect(withinLimit(0x93, 0, 0, 1)).toBe(true);
    expect(withinLimit(0x93, 0, 0, 2)).toBe(false);
    expect(withinLimit(0xc093, 0xffff_ffff, 0xffff_fffc, 4)).toBe(true);
    expect(withinLimit(0xc093, 0xffff_ffff, 0xffff_fffd, 4)).toBe(false);
  });

  it('of expand-down segments are the first offset that is not valid', () => {
    for (const [attributes, upper] of [[0x97, 0xffff], [0x4097, 0xffff_ffff]] as const) {
      expect(withinLimit(attributes, 0xfff, 0xfff, 1)).toBe(false);
      expect(withinLimit(attributes, 0xfff, 0x1000, 1)).toBe(true);
      expect(withinLimit(attributes, 0xfff, upper - 3, 4)).toBe(true);
      expect(withinLimit(attributes, 0xfff, upper - 2, 4)).toBe(false);
    } // prettier-ignore
  });

  it('agree with counting bytes, for small segments of every type', () => {
    for (let type = 0; type < 16; type++) {
      const attributes = 0x90 | type;
      for (const limit of [0, 3, 7]) {
        for (let offset = 0; offset < 12; offset++) {
          for (const size of [1, 2, 4]) {
            const down = (type & 12) === 4;
            const bytes = Array.from({ length: size }, (_, index) => offset + index);
            const inside = bytes.every((byte) => (down ? byte > limit : byte <= limit));
            const code = type >= 8;
            const readable = code ? (type & 2) !== 0 : true;
            const writable = !code && (type & 2) !== 0;
            expect(segmentAllows(attributes, limit, offset, size, false, false)).toBe(inside && readable);
            expect(segmentAllows(attributes, limit, offset, size, true, false)).toBe(inside && writable);
            expect(segmentAllows(attributes, limit, offset, size, true, true)).toBe(inside);
            expect(segmentAllows(attributes | 0x1_0000, limit, offset, size, false, false)).toBe(false);
          }
        }
      }
    }
  });
});
