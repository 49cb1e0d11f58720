import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressMap, rangeAt, type AddressMap } from './address-map';
import { boardSchema, type Board } from './schema';
import { IOMMU_BASE } from './windows';
import { randomBoard, simmBoard, wiredBoard } from './random-board.spec-support';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const board = (drawing: object): Board => boardSchema.parse(drawing);
const four = (overrides: object = {}) =>
  board({
    slots: ['A1', 'A2', 'B1', 'B2'].map((id, index) => ({ id, base: index * 0x1000_0000, dimm: 'ddr3-256m' })),
    ...overrides,
  });
const outline = (map: AddressMap) => map.ranges.map(({ base, end, kind, slots }) => [base, end, kind, slots.join()]);

describe('address map', () => {
  it('shows the default board as one gigabyte of DRAM from 0 and nothing else', () => {
    expect(outline(addressMap(four()))).toEqual([
      [0, 0x1000_0000, 'dram', 'A1'],
      [0x1000_0000, 0x2000_0000, 'dram', 'A2'],
      [0x2000_0000, 0x3000_0000, 'dram', 'B1'],
      [0x3000_0000, 0x4000_0000, 'dram', 'B2'],
      [0x4000_0000, 2 ** 36, 'hole', ''],
    ]);
  });

  it('leaves a hole where a slot is empty, and closes it when the firmware assigns', () => {
    const slots = four().slots.map((slot, index) => (index === 0 ? { ...slot, dimm: null } : slot));
    expect(outline(addressMap(four({ slots }))).slice(0, 2)).toEqual([
      [0, 0x1000_0000, 'hole', ''],
      [0x1000_0000, 0x2000_0000, 'dram', 'A2'],
    ]);
    expect(outline(addressMap(four({ slots, assignment: 'automatic' })))).toEqual([
      [0, 0x1000_0000, 'dram', 'A2'],
      [0x1000_0000, 0x2000_0000, 'dram', 'B1'],
      [0x2000_0000, 0x3000_0000, 'dram', 'B2'],
      [0x3000_0000, 2 ** 36, 'hole', ''],
    ]);
  });

  it('names everyone who answers in a conflict, with the byte of each DIMM that does', () => {
    const map = addressMap(
      board({
        slots: [
          { id: 'A1', base: 0, dimm: 'ddr3-256m' },
          { id: 'A2', base: 0x0800_0000, dimm: 'ddr3-256m' },
        ],
      }),
    );
    expect(outline(map).slice(0, 3)).toEqual([
      [0, 0x0800_0000, 'dram', 'A1'],
      [0x0800_0000, 0x1000_0000, 'conflict', 'A1,A2'],
      [0x1000_0000, 0x1800_0000, 'dram', 'A2'],
    ]);
    expect(map.ranges[1]!.claims.map(({ slot, dimmOffset }) => [slot, dimmOffset])).toEqual([
      ['A1', 0x0800_0000],
      ['A2', 0],
    ]);
    expect(map.ranges[2]!.claims[0]!.dimmOffset).toBe(0x0800_0000);
  });

  it('gives the IOMMU and the devices their windows, over DRAM with fixed assignment', () => {
    const map = addressMap(
      board({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-4g' }], iommu: { present: true }, devices: [{ id: 'dma0', kind: 'edu' }] }),
    );
    expect(rangeAt(map.ranges, IOMMU_BASE)).toMatchObject({
      kind: 'mmio',
      device: 'iommu',
      base: IOMMU_BASE,
      end: IOMMU_BASE + 4096,
      slots: ['A1'],
    });
    expect(rangeAt(map.ranges, 0xfe00_0000)).toMatchObject({ kind: 'mmio', device: 'dma0', region: 'bar0', end: 0xfe10_0000 });
    expect(rangeAt(map.ranges, 0xfe10_0000)).toMatchObject({ kind: 'dram' });
  });

  it('puts automatically assigned memory around the device windows, the rest above 4 GiB', () => {
    const map = addressMap(
      board({
        assignment: 'automatic',
        slots: ['A1', 'B1'].map((id) => ({ id, dimm: 'ddr3-2g' })),
        iommu: { present: true },
        devices: [{ id: 'dma0', kind: 'edu' }],
      }),
    );
    expect(outline(map)).toEqual([
      [0, 2 * GIB, 'dram', 'A1'],
      [2 * GIB, 0xfe00_0000, 'dram', 'B1'],
      [0xfe00_0000, 0xfe10_0000, 'mmio', ''],
      [0xfe10_0000, 0xfec0_0000, 'reserved', ''],
      [0xfec0_0000, IOMMU_BASE, 'hole', ''],
      [IOMMU_BASE, IOMMU_BASE + 4096, 'mmio', ''],
      [IOMMU_BASE + 4096, 4 * GIB, 'hole', ''],
      [4 * GIB, 4 * GIB + 32 * MIB, 'dram', 'B1'],
      [4 * GIB + 32 * MIB, 2 ** 36, 'hole', ''],
    ]);
    expect(map.dram.at(-1)!.claims[0]!.dimmOffset).toBe(0xfe00_0000 - 2 * GIB);
    expect(map.ranges.filter(({ movedFrom }) => movedFrom !== undefined)).toMatchObject([{ base: 4 * GIB, movedFrom: 0xfe00_0000 }]);
  });

  it('passes 4 GiB in one piece when no device needs a window there', () => {
    const map = addressMap(board({ assignment: 'automatic', slots: [{ id: 'A1', dimm: 'ddr4-64g' }] }));
    expect(outline(map)).toEqual([[0, 2 ** 36, 'dram', 'A1']]);
    expect(map.ranges[0]!.movedFrom).toBeUndefined();
  });

  it('covers every address exactly once on any board, with the claims of the placements', () => {
    fc.assert(
      fc.property(randomBoard, (drawing) => {
        const map = addressMap(drawing);
        expect(map.ranges[0]!.base).toBe(0);
        expect(map.ranges.at(-1)!.end).toBe(2 ** map.physicalAddressBits);
        map.ranges.forEach((range, index) => {
          expect(range.end).toBeGreaterThan(range.base);
          if (index > 0) expect(range.base).toBe(map.ranges[index - 1]!.end);
          const answering = map.placements.filter(({ base, end }) => base <= range.base && end >= range.end);
          const touching = map.placements.filter(({ base, end }) => base < range.end && end > range.base);
          if (range.kind === 'mmio') return;
          expect(touching.length).toBe(answering.length);
          const expected = answering.map(({ slotIndex, base, dimmOffset }) => `${slotIndex}@${dimmOffset + range.base - base}`).sort();
          expect(range.claims.map(({ slotIndex, dimmOffset }) => `${slotIndex}@${dimmOffset}`).sort()).toEqual(expected);
          const kinds = expected.length === 0 ? ['hole', 'reserved'] : expected.length === 1 ? ['dram'] : ['conflict'];
          expect(kinds).toContain(range.kind);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('covers every address exactly once on boards wired in any way, with windows below 1 MiB, holes and any number of lines', () => {
    const more = fc.record({
      physicalAddressBits: fc.integer({ min: 20, max: 52 }),
      apic: fc.boolean(),
      kinds: fc.subarray(['vga-memory', 'rom', 'edu', 'dma-scatter']),
      board: fc.oneof({ weight: 3, arbitrary: wiredBoard }, { weight: 1, arbitrary: simmBoard }),
    });
    fc.assert(
      fc.property(more, ({ physicalAddressBits, apic, kinds, board: wired }) => {
        const devices = kinds.map((kind, index) => ({ id: `d${index}`, kind }));
        const { ranges, dram } = addressMap({ ...wired, physicalAddressBits, devices, apic: { present: apic } });
        const bounds = ranges.map(({ base }) => base);
        expect([...bounds, ranges.at(-1)!.end]).toEqual([0, ...ranges.map(({ end }) => end)]);
        expect(ranges.at(-1)!.end).toBe(2 ** physicalAddressBits);
        expect(ranges.every(({ base, end }) => end > base)).toBe(true);
        // what is DRAM in the map is DRAM below the windows, and the other way round
        const below = (address: number): boolean => rangeAt(dram, address) !== undefined;
        for (const { base, end, kind } of ranges)
          if (kind !== 'mmio') expect([below(base), below(end - 1)]).toEqual(Array(2).fill(kind === 'dram'));
      }),
      { numRuns: 500 },
    );
  });

  it('loses no byte of a DIMM when the firmware assigns and the lines reach', () => {
    fc.assert(
      fc.property(randomBoard, (drawing) => {
        const map = addressMap({ ...drawing, assignment: 'automatic', physicalAddressBits: 48 });
        const bytes = new Map<number, number>();
        for (const { claims, base, end, kind } of map.ranges) {
          expect(kind).not.toBe('conflict');
          for (const { slotIndex } of claims) bytes.set(slotIndex, (bytes.get(slotIndex) ?? 0) + end - base);
        }
        for (const { slotIndex, part } of map.placements) expect(bytes.get(slotIndex)).toBe(part.bytes);
      }),
      { numRuns: 200 },
    );
  });

  it('finds ranges by address, and none beyond the lines', () => {
    const map = addressMap(four());
    expect(rangeAt(map.ranges, 0x0fff_ffff)?.slots).toEqual(['A1']);
    expect(rangeAt(map.ranges, 0x1000_0000)?.slots).toEqual(['A2']);
    expect(rangeAt(map.ranges, 2 ** 36)).toBeUndefined();
    expect(rangeAt([], 0)).toBeUndefined();
  });
});
