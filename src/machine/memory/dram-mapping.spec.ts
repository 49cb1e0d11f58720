import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dramAddress } from '../address';
import { DIMMS, dimmPart } from '../board/parts';
import { DramMapping, MAPPING_ORDERS } from './dram-mapping';

const part = fc.constantFrom(...DIMMS);
const order = fc.constantFrom(...MAPPING_ORDERS);

describe('DRAM mapping', () => {
  it('maps every byte of any DIMM to a cell that exists, and back', () => {
    fc.assert(
      fc.property(part, order, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), ({ geometry, bytes }, name, at) => {
        const mapping = new DramMapping(geometry, name);
        expect(mapping.bytes).toBe(bytes);
        for (const offset of [Math.floor(at * bytes), 0, bytes - 1]) {
          const cell = mapping.locate(dramAddress(offset));
          expect(mapping.offsetOf(cell)).toBe(offset);
          expect(cell.row).toBeLessThan(geometry.rows);
          expect(cell.column).toBeLessThan(geometry.columns);
          expect(cell.byte).toBeLessThan(geometry.busBytes);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('is one to one: a small DIMM visited cell by cell gives every offset once', () => {
    const geometry = { subchannels: 2, ranks: 2, bankGroups: 2, banks: 4, rows: 8, columns: 16, busBytes: 4 };
    for (const name of MAPPING_ORDERS) {
      const mapping = new DramMapping(geometry, name);
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
    const mapping = new DramMapping(dimmPart('ddr3-256m')!.geometry, 'ChRaBaRoCo');
    expect(mapping.locate(dramAddress(8192))).toMatchObject({ bank: 0, row: 1, column: 0 });
    expect(mapping.locate(dramAddress(8192 * 4096))).toMatchObject({ bank: 1, row: 0, column: 0 });
  });

  it('refuses what does not exist', () => {
    const mapping = new DramMapping(dimmPart('ddr3-256m')!.geometry);
    expect(() => mapping.locate(dramAddress(mapping.bytes))).toThrow(RangeError);
    expect(() => mapping.offsetOf({ subchannel: 0, rank: 1, bankGroup: 0, bank: 0, row: 0, column: 0, byte: 0 })).toThrow(/rank 1/);
  });
});
