import { describe, expect, it } from 'vitest';
import type { MemoryRange } from '../../../lab/protocol';
import { hexRows, hostOf, littleEndianBytes, pageAt, unitText, viewBase } from './hex-rows';

const range = (base: bigint, length: number): MemoryRange => ({
  base,
  bytes: Uint8Array.from({ length }, (_, i) => i & 0xff),
  present: new Uint8Array(length).fill(1),
  pages: [{ base: base - (base % 4096n) + 4096n, host: 0x2a4c_7000, slot: 'B1', owner: null }],
});

describe('hex view', () => {
  it('shows bytes, and little-endian units', () => {
    const one = hexRows(range(0x1000n, 16), 1, null)[0]!;
    expect(one.cells.map((cell) => cell.text).slice(0, 4)).toEqual(['00', '01', '02', '03']);
    const four = hexRows(range(0x1000n, 16), 4, null)[0]!;
    expect(four.cells.map((cell) => cell.text)).toEqual(['03020100', '07060504', '0B0A0908', '0F0E0D0C']);
  });

  it('leaves out what nobody answers', () => {
    const partly = range(0n, 16);
    partly.present.fill(0, 4, 8);
    const row = hexRows(partly, 4, null)[0]!;
    expect(row.cells.map((cell) => cell.absent)).toEqual([false, true, false, false]);
    expect(row.cells[1]!.text).toBe('········');
    expect(row.ascii).toHaveLength(16);
  });

  it('marks every unit that the access touches', () => {
    const row = hexRows(range(0x10n, 16), 4, { base: 0x13n, bytes: 2 })[0]!;
    expect(row.cells.map((cell) => cell.marked)).toEqual([true, true, false, false]);
  });

  it('marks what was written by hand by its host address, whatever the space', () => {
    const shown = range(0x1ff8n, 32);
    expect([hostOf(shown, 0x1ff8n), hostOf(shown, 0x2001n)]).toEqual([null, 0x2a4c_7001]);
    const rows = hexRows(shown, 2, null, new Set([0x2a4c_7001]));
    expect(rows.map((row) => row.cells.findIndex((cell) => cell.written))).toEqual([4, -1]);
  });

  it('gives a unit as digits and takes it back as bytes', () => {
    const shown = range(0x10n, 16);
    expect(unitText(shown, 0x14n, 4)).toBe('07060504');
    expect([...littleEndianBytes('07060504')]).toEqual([4, 5, 6, 7]);
    shown.present[5] = 0;
    expect([unitText(shown, 0x14n, 4), unitText(shown, 0xfn, 1), unitText(shown, 0x1dn, 4)]).toEqual([null, null, null]);
  });

  it('knows the page of a row', () => {
    const shown = range(0x1ff0n, 48);
    expect(hexRows(shown, 1, null).map((row) => row.page?.slot ?? null)).toEqual([null, 'B1', null]);
    expect(pageAt(shown, 0x2010n)?.host).toBe(0x2a4c_7000);
    expect(pageAt(shown, 0x1ff0n)).toBeNull();
  });

  it('keeps the view inside the space', () => {
    expect(viewBase(0n, 10, 32)).toBe(0n);
    expect(viewBase(0x19010n, 10, 32)).toBe(0x19000n);
    expect(viewBase(0xffff_ffffn, 10, 32)).toBe(0xffff_ff60n);
  });
});
