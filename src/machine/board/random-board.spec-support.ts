/** Any board that the schema lets through, sensible or not: for property tests. */
import fc from 'fast-check';
import { DIMMS } from './parts';
import type { Board } from './schema';

const MIB = 1024 ** 2;
const base = fc.oneof(
  fc.integer({ min: 0, max: 96 }).map((index) => index * 64 * MIB),
  fc.integer({ min: 0, max: 2 ** 36 }),
  fc.integer({ min: 0xf000, max: 0xfff0 }).map((high) => high * 65_536),
);
const slot = fc.record({
  base: fc.option(base, { nil: undefined, freq: 6 }),
  window: fc.option(
    fc.integer({ min: 0, max: 64 }).map((index) => index * 32 * MIB),
    { nil: undefined, freq: 4 },
  ),
  dimm: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...DIMMS.map(({ id }) => id)) },
    { weight: 1, arbitrary: fc.constantFrom(null, 'ddr9-1g') },
  ),
});

export const randomBoard: fc.Arbitrary<Board> = fc
  .record({
    slots: fc.array(slot, { maxLength: 7 }),
    assignment: fc.constantFrom('fixed' as const, 'automatic' as const),
    bits: fc.option(fc.integer({ min: 20, max: 40 }), { nil: undefined }),
    iommu: fc.boolean(),
    devices: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ slots, assignment, bits, iommu, devices }) => ({
    processor: 'p6-virtualization',
    assignment,
    physicalAddressBits: bits,
    slots: slots.map((drawn, index) => ({ id: `S${index}`, ...drawn })),
    devices: Array.from({ length: devices }, (_, index) => ({ id: `dma${index}`, kind: 'edu' })),
    iommu: { present: iommu, enabled: iommu },
  }));
