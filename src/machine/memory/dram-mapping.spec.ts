import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dramAddress } from '../address';
import { ALL_DIMMS, dimmPart } from '../board/parts';
import { DramMapping, MAPPING_ORDERS } from './dram-mapping';

const part = fc.constantFrom(...ALL_DIMMS);
const options = fc.record({
  order: fc.constantFrom(...MAPPING_ORDERS),
  rankInterleave: fc.constantFrom(undefined, 64, 4096, 262_144),
  hash: fc.boolean(),
});

describe('DRAM mapping', () => {
  it('maps every byte of any DIMM to a cell that exists, and back', () => {
    fc.assert(
      fc.property(part, options, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), ({ geometry, bytes }, chosen, at) => {
        const mapping = new DramMapping(geometry, chosen);
        expect(mapping.bytes).toBe(bytes);
        for (const offset of [Math.floor(at * bytes), 0, bytes - 1]) {
          const cell = mapping.locate(dramAddress(offset));
          expect(mapping.offsetOf(cell)).toBe(offset);
          expect(cell.row).toBeLessThan(geometry.rows);
          expect(cell.column).toBeLessThan(geometry.columns);
          expect(cell.byte).toBeLessThan(geometry.busBytes);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is one to one: a small DIMM visited cell by cell gives every offset once', () => {
    const geometry = { subchannels: 2, ranks: 2, bankGroups: 2, banks: 4, rows: 8, columns: 16, busBytes: 4 };
    const every = MAPPING_ORDERS.flatMap((order) =>
      [undefined, 64, 128].flatMap((rankInterleave) => [false, true].map((hash) => ({ order, rankInterleave, hash }))),
    );
    for (const chosen of every) {
      const mapping = new DramMapping(geometry, chosen);
      const seen = new Set<string>();
      for (let offset = 0; offset < mapping.bytes; offset++) seen.add(JSON.stringify(mapping.locate(dramAddress(offset))));
      expect(seen.size).toBe(mapping.bytes);
    }
  });

  it('puts the first and last byte of the default DIMM in the first and last row, rank by rank', () => {
    const { geometry, bytes } = dimmPart('ddr3-256m')!;
    const mapping = new DramMapping(geometry);
    expect(mapping.locate(dramAddress(0))).toEqual({ subchannel: 0, rank: 0, bankGroup: 0, bank: 0, row: 0, column: 0, byte: 0 });
    expect(mapping.locate(dramAddress(bytes - 1))).toEqual({
      subchannel: 0,
      rank: 0,
      bankGroup: 0,
      bank: 7,
      row: 4095,
      column: 1023,
      byte: 7,
    });
    // 8 KiB make one row of one bank; the next 8 KiB are the next bank's
    expect(mapping.locate(dramAddress(8192))).toMatchObject({ bank: 1, row: 0, column: 0 });
    expect(mapping.locate(dramAddress(8192 * 8))).toMatchObject({ bank: 0, row: 1, column: 0 });
  });

  it('fills a bank row by row in the other order', () => {
    const mapping = new DramMapping(dimmPart('ddr3-256m')!.geometry, { order: 'ChRaBaRoCo' });
    expect(mapping.locate(dramAddress(8192))).toMatchObject({ bank: 0, row: 1, column: 0 });
    expect(mapping.locate(dramAddress(8192 * 4096))).toMatchObject({ bank: 1, row: 0, column: 0 });
  });

  it('lets ranks, subchannels and hashed banks take their turns', () => {
    const two = dimmPart('ddr4-16g')!.geometry;
    const ranks = new DramMapping(two, { rankInterleave: 4096 });
    expect([0, 4095, 4096, 8192].map((offset) => ranks.locate(dramAddress(offset)).rank)).toEqual([0, 0, 1, 0]);
    const halves = new DramMapping(dimmPart('ddr5-16g')!.geometry);
    expect([0, 63, 64, 128].map((offset) => halves.locate(dramAddress(offset)).subchannel)).toEqual([0, 0, 1, 0]);
    const plain = new DramMapping(two, { order: 'ChRaBaRoCo' });
    const hashed = new DramMapping(two, { order: 'ChRaBaRoCo', hash: true });
    const banks = (mapping: DramMapping) =>
      [0, 1, 2, 3, 4].map((row) => mapping.locate(dramAddress(row * 8192))).map(({ bankGroup, bank }) => bankGroup * 4 + bank);
    expect(banks(plain)).toEqual([0, 0, 0, 0, 0]);
    expect(banks(hashed)).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses what does not exist', () => {
    const mapping = new DramMapping(dimmPart('ddr3-256m')!.geometry);
    expect(() => mapping.locate(dramAddress(mapping.bytes))).toThrow(RangeError);
    expect(() => mapping.offsetOf({ subchannel: 0, rank: 1, bankGroup: 0, bank: 0, row: 0, column: 0, byte: 0 })).toThrow(/rank 1/);
  });
});
