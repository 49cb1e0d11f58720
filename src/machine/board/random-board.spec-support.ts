/** Any board that the schema lets through, sensible or not: for property tests. */
import fc from 'fast-check';
import { MAPPING_ORDERS } from './mapping-orders';
import { ALL_DIMMS, DIMMS } from './parts';
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

const LARGE_DIMMS = ALL_DIMMS.filter(({ technology }) => technology !== 'SIMM');
const wires = fc.record({
  channels: fc.array(fc.array(fc.option(fc.constantFrom(...LARGE_DIMMS), { freq: 8 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 8,
  }),
  order: fc.constantFrom(...MAPPING_ORDERS),
  hash: fc.constantFrom('none' as const, 'xor' as const),
  channelInterleave: fc.constantFrom(undefined, 64, 256, 4096, 262_144),
  rankInterleave: fc.constantFrom(undefined, 64, 8192, 262_144),
});

/**
 * Boards whose bases the firmware assigns, wired in every way there is: one to three controllers with any order, interleaving and
 * hashing, modules of any generation, size, ranks and subchannels, unequal and missing ones, under a hole for devices or not.
 */
export const wiredBoard: fc.Arbitrary<Board> = fc
  .record({
    controllers: fc.array(wires, { minLength: 1, maxLength: 3 }),
    hole: fc.option(fc.record({ base: fc.integer({ min: 256, max: 0xf_ffff }).map((page) => page * 4096), remap: fc.boolean() }), {
      nil: undefined,
    }),
    iommu: fc.boolean(),
  })
  .map(({ controllers, hole, iommu }): Board => {
    const named = controllers.map(({ channels }, number) =>
      channels.map((slots, channel) => slots.map((part, slot) => ({ id: `M${number}C${channel}S${slot}`, dimm: part?.id ?? null }))),
    );
    return {
      processor: 'p6',
      assignment: 'automatic',
      physicalAddressBits: 52,
      controllers: controllers.map((options, number) => ({
        id: `mc${number}`,
        ...options,
        channels: named[number]!.map((slots) => slots.map(({ id }) => id)),
        banks: [],
      })),
      slots: named.flat(2),
      devices: [],
      iommu: { present: iommu, enabled: false },
      ...(hole ? { memoryHole: hole } : {}),
    };
  });

/** Old boards: banks of two or four SIMMs side by side, one behind the other, with lanes pulled and banks of unequal modules. */
export const simmBoard: fc.Arbitrary<Board> = fc
  .record({
    lanes: fc.constantFrom(2, 4),
    banks: fc.array(
      fc.record({ dimm: fc.constantFrom('simm30-256k', 'simm30-1m', 'simm30-4m'), pulled: fc.option(fc.nat(15), { freq: 3 }) }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    assignment: fc.constantFrom('fixed' as const, 'automatic' as const),
  })
  .map(({ lanes, banks, assignment }): Board => {
    const slots = banks.flatMap(({ dimm, pulled }, bank) =>
      Array.from({ length: lanes }, (_, lane) => ({
        id: `B${bank}L${lane}`,
        dimm: pulled === lane ? null : dimm,
        ...(assignment === 'fixed' && lane === 0 ? { base: bank * 16 * MIB } : {}),
      })),
    );
    const wired = banks.map((_, bank) => Array.from({ length: lanes }, (__, lane) => `B${bank}L${lane}`));
    return {
      processor: '386',
      assignment,
      controllers: [{ id: 'mc0', channels: [], banks: wired, order: 'RoBaRaCoCh', hash: 'none' }],
      slots,
      devices: [],
    };
  });

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
