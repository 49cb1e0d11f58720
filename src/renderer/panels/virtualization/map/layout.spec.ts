import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guestAt, guestX, hostAt, hostBoxes, hostX, layoutMemoryMap } from './layout';

const MIB = 1024 ** 2;
const SLOTS = [0, 1, 2, 3].map((i) => ({ slot: `S${i}`, base: i * 256 * MIB, bytes: 256 * MIB }));
const VMS = [
  { id: 'attacker', index: 0, memoryBytes: 64 * MIB },
  { id: 'victim', index: 1, memoryBytes: 64 * MIB },
];

describe('memory map', () => {
  it('gives equal VMs equal bars, and slots their share of the host bar', () => {
    const map = layoutMemoryMap(VMS, [], SLOTS, 10, 840);
    expect(map.bars[0]!.width).toBeCloseTo(map.bars[1]!.width);
    expect(map.host.map((segment) => Math.round(segment.width))).toEqual([210, 210, 210, 210]);
    expect(hostX(map.host, 0x1000_0000)).toBeCloseTo(10 + 210);
    expect(hostX(map.host, 0x4000_0000)).toBeNull();
  });

  it('finds the address at a place of a bar, and none beside the slots', () => {
    const apart = [SLOTS[0]!, { ...SLOTS[1]!, base: 512 * MIB }];
    const { bars, host } = layoutMemoryMap(VMS, [], apart, 10, 840);
    for (const address of [0, 100 * MIB, 512 * MIB, 700 * MIB])
      expect(hostAt(host, hostX(host, address)! + 0.01)! - address).toBeLessThan(MIB);
    expect(hostAt(host, host[1]!.x - 6)).toBeNull();
    expect(hostAt(host, 851)).toBeNull();
    const bar = bars[1]!;
    expect(guestAt(bar, guestX(bar, 32 * MIB))).toBe(32 * MIB);
    expect(guestAt(bar, bar.x - 5)).toBe(0);
    expect(guestAt(bar, bar.x + bar.width + 5)).toBeLessThan(64 * MIB);
  });

  it('splits a piece that reaches into the next slot', () => {
    const piece = { vm: 'victim', guest: 0, host: 252 * MIB, bytes: 8 * MIB, slots: ['S0', 'S1'] };
    const { bands } = layoutMemoryMap(VMS, [piece], SLOTS, 0, 800);
    expect(bands.map((band) => [band.guest / MIB, band.host / MIB, band.bytes / MIB])).toEqual([
      [0, 252, 4],
      [4, 256, 4],
    ]);
  });

  it('leaves room where nobody answers between two slots', () => {
    const apart = [SLOTS[0]!, { ...SLOTS[1]!, base: 512 * MIB }];
    const { host } = layoutMemoryMap(VMS, [], apart, 0, 800);
    expect(host.map((segment) => segment.afterGap)).toEqual([false, true]);
    expect(host[1]!.x).toBeCloseTo(host[0]!.width + 12);
  });

  it('joins pieces too thin to see, and loses no byte of any', () => {
    const pieces = Array.from({ length: 8_000 }, (_, i) => ({
      vm: 'attacker',
      guest: i * 4096,
      host: 0x100_0000 + i * 8192,
      bytes: 4096,
      slots: ['S0'],
    }));
    const { bands } = layoutMemoryMap(VMS, pieces, SLOTS, 0, 840);
    expect(bands.length).toBeLessThan(500);
    expect(bands.reduce((sum, band) => sum + band.bytes, 0)).toBe(8_000 * 4096);
    expect(bands.reduce((sum, band) => sum + band.pieces, 0)).toBe(8_000);
  });

  it('stays drawable when every page of a VM lies elsewhere, and still shows all that is backed', () => {
    const pieces = Array.from({ length: 16_384 }, (_, i) => ({
      vm: 'victim',
      guest: i * 4096,
      host: ((i * 7919) % 262_144) * 4096,
      bytes: 4096,
      slots: [],
    }));
    const { bands, backed } = layoutMemoryMap(VMS, pieces, SLOTS, 0, 840);
    expect(bands.length).toBeLessThanOrEqual(1_400);
    expect(backed).toHaveLength(1);
    expect(backed[0]!.bytes).toBe(64 * MIB);
  });

  it('draws what is owned: a hairline at least, neighbours of one colour as one box', () => {
    const { host } = layoutMemoryMap(VMS, [], SLOTS, 0, 840);
    const owner = { kind: 'preoccupied' } as const;
    const extents = Array.from({ length: 100 }, (_, i) => ({ base: i * 8192, bytes: 4096, owner }));
    expect(hostBoxes(host, extents, () => 'grey')).toHaveLength(1);
    const apart = hostBoxes(host, [extents[0]!, { base: 0x3000_0000, bytes: 4096, owner }], () => 'grey');
    expect(apart.map((box) => [Math.round(box.x), box.width])).toEqual([
      [0, 1],
      [630, 1],
    ]);
  });

  it('keeps every band inside its bars', () => {
    const page = fc.record({
      vm: fc.constantFrom('attacker', 'victim'),
      guest: fc.nat(16_000),
      host: fc.nat(262_000),
      bytes: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(fc.array(page, { maxLength: 60 }), (raw) => {
        const pieces = raw.map((p) => ({
          vm: p.vm,
          guest: p.guest * 4096,
          host: p.host * 4096,
          bytes: Math.min(p.bytes, 16_384 - p.guest) * 4096,
          slots: [],
        }));
        const map = layoutMemoryMap(VMS, pieces, SLOTS, 5, 700);
        for (const band of map.bands) {
          const bar = map.bars.find((candidate) => candidate.id === band.vm)!;
          expect(band.guestX).toBeGreaterThanOrEqual(bar.x - 0.001);
          expect(band.guestX + band.guestWidth).toBeLessThanOrEqual(bar.x + bar.width + 0.001);
          expect(band.hostX).toBeGreaterThanOrEqual(4.999);
          expect(band.hostX + band.hostWidth).toBeLessThanOrEqual(705.001);
        }
      }),
    );
  });
});
