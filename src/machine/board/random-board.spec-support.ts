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

/** Bridges plugged into each other and devices into them, sensibly or not. */
export const randomTopology: fc.Arbitrary<Board> = fc
  .record({
    bridges: fc.array(
      fc.record({ kind: fc.constantFrom('root-port' as const, 'switch' as const, 'pci-bridge' as const), above: fc.nat(9), port: fc.nat(3), ports: fc.integer({ min: 1, max: 4 }), hotPlug: fc.boolean() }),
      { maxLength: 8 },
    ),
    devices: fc.array(fc.record({ kind: fc.constantFrom('edu', 'dma-scatter'), above: fc.nat(10), port: fc.nat(3) }), { maxLength: 8 }),
  })
  .map(({ bridges, devices }): Board => {
    const port = (above: number, number: number): string | undefined => {
      const target = bridges[above];
      return target && (target.kind === 'switch' ? `b${above}.${number}` : `b${above}`);
    };
    return {
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
      bridges: bridges.map(({ kind, above, port: number, ports, hotPlug }, index) => ({
        id: `b${index}`,
        kind,
        hotPlug,
        ...(kind === 'switch' ? { ports } : {}),
        ...(kind === 'root-port' ? {} : { parent: port(above, number) }),
      })),
      devices: devices.map(({ kind, above, port: number }, index) => ({ id: `d${index}`, kind, parent: port(above, number) })),
    };
  }); // prettier-ignore
