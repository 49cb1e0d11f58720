import { describe, expect, it } from 'vitest';
import { boardSchema, parseAddress, parseSize } from './schema';

describe('board schema', () => {
  it('reads addresses and sizes as people write them', () => {
    expect(['0x10_0000', '1_048_576', 1048576, 1048576n, ' 0X100000 '].map(parseAddress)).toEqual(Array(5).fill(0x10_0000));
    for (const bad of ['', '0x', '-1', '1.5', 'ten', '0x1G', -1, 1.5, 2n ** 53n, '0x20000000000000', null, {}, true])
      expect(parseAddress(bad)).toBeUndefined();
    expect(['64 MiB', '64MiB', '67108864', 0x400_0000].map(parseSize)).toEqual(Array(4).fill(0x400_0000));
    expect([parseSize('1 B'), parseSize('3 KiB'), parseSize('2 GiB'), parseSize('1 TiB')]).toEqual([1, 3072, 2 ** 31, 2 ** 40]);
    for (const bad of ['64 MB', 'MiB', '64 mib', '1.5 GiB', '99999999999 TiB']) expect(parseSize(bad)).toBeUndefined();
  });

  it('fills in what a short drawing leaves out', () => {
    expect(boardSchema.parse({ slots: [{ id: 'A1' }], iommu: {} })).toEqual({
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', dimm: null }],
      devices: [],
      iommu: { present: false, enabled: false },
    });
  });

  it('reads a layout: whole coordinates, groups with or without a name', () => {
    const canvas = { places: { 'slot:A1': [364n, -12.4] }, groups: [{ id: 'g1', parts: ['slot:A1'] }] };
    expect(boardSchema.parse({ canvas }).canvas).toEqual({
      places: { 'slot:A1': [364, -12] },
      groups: [{ id: 'g1', name: '', parts: ['slot:A1'] }],
    });
  });

  it('takes a processor that YAML has read as a number, and a TLB of its own', () => {
    expect([386, 386n, '386'].map((processor) => boardSchema.parse({ processor }).processor)).toEqual(['386', '386', '386']);
    expect(boardSchema.parse({ tlb: { entries: 4n } }).tlb).toEqual({ entries: 4 });
    expect(boardSchema.safeParse({ tlb: { ways: 4 } }).success).toBe(false);
  });

  it.each([
    ['an unknown key', { slots: [], colour: 'green' }],
    ['an unknown key in a slot', { slots: [{ id: 'A1', size: 1 }] }],
    ['a name with a space', { slots: [{ id: 'A 1' }] }],
    ['a name that is too long', { slots: [{ id: 'A'.repeat(33) }] }],
    ['a base that is no address', { slots: [{ id: 'A1', base: 'low' }] }],
    ['a PCI address that is none', { devices: [{ id: 'd', kind: 'edu', at: '4' }] }],
    ['too many slots', { slots: Array.from({ length: 2_049 }, (_, index) => ({ id: `S${index}` })) }],
    ['another assignment', { assignment: 'by-hand' }],
    ['a list for a board', []],
    ['a place far away', { canvas: { places: { 'slot:A1': [0, 10n ** 20n] } } }],
    ['a place without height', { canvas: { places: { 'slot:A1': [0] } } }],
  ])('refuses %s', (_what, drawing) => {
    expect(boardSchema.safeParse(drawing).success).toBe(false);
  });
});
