import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dramAddress, hostPhysical } from '../address';
import { MemoryController } from '../memory/memory-controller';
import { addressMap, rangeAt } from './address-map';
import { distanceOf, wayAt, waysWithin, type Interleave } from './interleave';
import { ALL_DIMMS, DIMMS, isRefusal, makeDimm, refusedDimm, type ChipWidth } from './parts';
import { simmBoard, wiredBoard } from './random-board.spec-support';
import { checkBoard } from './rules';
import { boardSchema, type Board } from './schema';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const board = (drawing: object): Board => boardSchema.parse(drawing);
const codes = (drawing: Board) => checkBoard(drawing).map(({ code }) => code);
const controllerOf = (drawing: Board) => new MemoryController(drawing, addressMap(drawing).dram);
const dual = (over: object = {}, controller: object = {}) =>
  board({
    assignment: 'automatic',
    controllers: [{ id: 'mc0', channels: [['A1'], ['B1']], ...controller }],
    slots: ['A1', 'B1'].map((id) => ({ id, dimm: 'ddr3-256m' })),
    ...over,
  });

describe('modules from chips', () => {
  it.each(ALL_DIMMS.map((part) => [part.id, part] as const))('%s holds what its chips hold, in powers of two', (_id, part) => {
    const g = part.geometry;
    expect(Object.values(g).reduce((product: number, count: number) => product * count, 1)).toBe(part.bytes);
    expect((part.chips.count * part.chips.megabits * MIB) / 8).toBe(part.bytes);
    expect(Object.values(g).every((count) => Number.isInteger(Math.log2(count)))).toBe(true);
  });

  it('names every module of every generation once, up to 64 GiB', () => {
    expect(new Set(ALL_DIMMS.map(({ id }) => id)).size).toBe(ALL_DIMMS.length);
    expect(new Set(ALL_DIMMS.map(({ technology }) => technology)).size).toBe(7);
    expect(Math.max(...ALL_DIMMS.map(({ bytes }) => bytes))).toBe(64 * GIB);
    expect(DIMMS.filter(({ technology }) => technology === 'SIMM').map(({ bytes }) => bytes)).toEqual([256 * 1024, MIB, 4 * MIB]);
    const ddr5 = ALL_DIMMS.find(({ id }) => id === 'ddr5-16g-1rx8')!;
    expect(ddr5.geometry).toMatchObject({ subchannels: 2, bankGroups: 8, banks: 4, busBytes: 4 });
  });

  it.each([
    ['width', { technology: 'DDR4', bytes: 16 * GIB, ranks: 1, width: 32 as ChipWidth }],
    ['ranks', { technology: 'DDR5', bytes: 16 * GIB, ranks: 3, width: 8 }],
    ['ranks', { technology: 'SDR', bytes: 256 * MIB, ranks: 4, width: 8 }],
    ['size', { technology: 'DDR5', bytes: 128 * GIB, ranks: 2, width: 4 }],
    ['density', { technology: 'DDR3', bytes: 64 * GIB, ranks: 1, width: 16 }],
    ['density', { technology: 'DDR4', bytes: 12 * GIB, ranks: 1, width: 8 }],
    ['density', { technology: 'DDR4', bytes: 256 * MIB, ranks: 1, width: 8 }],
  ] as const)('refuses what no standard has: %s', (rule, wish) => {
    const made = makeDimm(wish);
    expect(isRefusal(made) && made.rule).toBe(rule);
  });

  it('says which rule a slot breaks', () => {
    expect(refusedDimm('ddr4-12g-1rx8')!.message.en).toBe(
      '12 GiB from 8 chips would need 12 Gbit each; JESD79-4D has 2 Gbit, 4 Gbit, 8 Gbit, 16 Gbit.',
    );
    expect(refusedDimm('ddr3-256m')).toBeUndefined();
    expect(refusedDimm('memory')).toBeUndefined();
    expect(refusedDimm('ddr3-128m')).toBeUndefined();
  });

  it.each([
    ['DDR4 x32', 'JESD79-4D has no x32 chips: DDR4 chips are x4, x8, x16.'],
    ['ddr5 4 ranks', 'A DDR5 module has 1 or 2 ranks, not 4.'],
    ['ddr4 16 GiB 1rx16', '16 GiB from 4 chips would need 32 Gbit each; JESD79-4D has 2 Gbit, 4 Gbit, 8 Gbit, 16 Gbit.'],
    [
      'DDR5-24G',
      '24 GiB from 8 chips would need 24 Gbit each; JESD79-5C has such chips, but this catalogue only those of a power of two: 8 Gbit, 16 Gbit, 32 Gbit.',
    ],
    ['ddr3 128g', 'A module of this catalogue has at most 64 GiB.'],
    ['simm 2m', '2 MiB from 8 chips would need 2 Mbit each; JEDEC 30-pin SIMM has 256 kbit, 1 Mbit, 4 Mbit.'],
    ['ddr4 16 gib', undefined],
    ['ddr4', undefined],
    ['sdr bogus', undefined],
    ['ddr6 16g', undefined],
  ])('what is looked for as "%s" breaks the rule: %s', (search, rule) => {
    expect(refusedDimm(search)?.message.en).toBe(rule);
    const issue = checkBoard(board({ slots: [{ id: 'A1', base: 0, dimm: 'ddr4-16g-3rx8' }] })).find(
      ({ code }) => code === 'board-unknown-dimm',
    );
    expect(issue!.message.en).toContain('1, 2 or 4 ranks, not 3');
  });
});

describe('interleaving', () => {
  it('is one to one, with and without hashing, for any number of ways', () => {
    const arbitrary = fc.record({
      ways: fc.integer({ min: 1, max: 8 }),
      block: fc.integer({ min: 0, max: 12 }),
      hash: fc.boolean(),
      turns: fc.integer({ min: 1, max: 5 }),
      start: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ ways, block, hash, turns, start }) => {
        const granularity = 2 ** block;
        const total = ways * granularity * turns;
        const offset = Math.min(start, total - 1);
        const interleave: Interleave = {
          ways: Array.from({ length: ways }, (_, slotIndex) => ({ slot: `S${slotIndex}`, slotIndex, dimmOffset: slotIndex * 1000 })),
          granularity,
          hash,
          offset,
        };
        const seen = new Set<string>();
        for (let distance = 0; distance < Math.min(total - offset, 3000); distance++) {
          const { way, dimmOffset } = wayAt(interleave, distance);
          expect(dimmOffset - way.dimmOffset).toBeLessThan(granularity * turns);
          seen.add(`${way.slotIndex} ${dimmOffset}`);
          expect(distanceOf(interleave, way.slotIndex, dimmOffset)).toBe(distance);
        }
        expect(seen.size).toBe(Math.min(total - offset, 3000));
      }),
      { numRuns: 60 },
    );
  });

  it('knows which modules a few bytes touch', () => {
    const ways = [0, 1].map((slotIndex) => ({ slot: `S${slotIndex}`, slotIndex, dimmOffset: 0 }));
    const interleave: Interleave = { ways, granularity: 64, hash: false, offset: 32 };
    expect([...waysWithin(interleave, 0, 32)].map(({ slot }) => slot)).toEqual(['S0']);
    expect([...waysWithin(interleave, 0, 33)].map(({ slot }) => slot)).toEqual(['S0', 'S1']);
  });
});

describe('any board with a controller', () => {
  it('maps every address to one cell and back: addresses → cells', () => {
    fc.assert(
      fc.property(
        wiredBoard,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { minLength: 4, maxLength: 4 }),
        (drawing, at) => {
          const { dram } = addressMap(drawing);
          const controller = new MemoryController(drawing, dram);
          const asked = dram.flatMap(({ base, end }) => [base, end - 1, ...at.map((part) => base + Math.floor(part * (end - base)))]);
          // one comparison a board: an expectation costs far more than what is looked up
          const back = asked.map((address) => controller.locateAll(hostPhysical(address)).map(({ cell }) => controller.addressOf(cell)));
          expect(back).toEqual(asked.map((address) => [address]));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('maps the lanes of SIMMs one to one, whatever is pulled', () => {
    fc.assert(
      fc.property(
        simmBoard,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { minLength: 6, maxLength: 6 }),
        (drawing, at) => {
          const { dram } = addressMap(drawing);
          const controller = new MemoryController(drawing, dram);
          const asked = dram.flatMap(({ base, end }) => [base, end - 1, ...at.map((part) => base + Math.floor(part * (end - base)))]);
          const back = asked.map((address) => controller.locateAll(hostPhysical(address)).map(({ cell }) => controller.addressOf(cell)));
          expect(back).toEqual(asked.map((address) => [address]));
          // a bank without all its lanes answers nowhere
          const whole = drawing.controllers![0]!.banks.filter((bank) =>
            bank.every((id) => drawing.slots.find((slot) => slot.id === id)!.dimm !== null),
          );
          const parts = whole.flatMap((bank) =>
            bank.map((id) => ALL_DIMMS.find((part) => part.id === drawing.slots.find((slot) => slot.id === id)!.dimm)!),
          );
          expect(dram.reduce((sum, { base, end }) => sum + end - base, 0)).toBe(parts.reduce((sum, { bytes }) => sum + bytes, 0));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives every byte of every DIMM one address, unless the hole takes it: cells → addresses', () => {
    fc.assert(
      fc.property(wiredBoard, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (drawing, at) => {
        const { dram } = addressMap(drawing);
        const plugged = drawing.slots.reduce((sum, { dimm }) => sum + (ALL_DIMMS.find(({ id }) => id === dimm)?.bytes ?? 0), 0);
        const placed = dram.reduce((sum, { base, end }) => sum + end - base, 0);
        if (drawing.memoryHole?.remap !== false) expect(placed).toBe(plugged);
        else expect(plugged - placed).toBeLessThanOrEqual(2 ** 32 - Math.min(drawing.memoryHole.base, 0xfed9_0000));
        const controller = new MemoryController(drawing, dram);
        for (const { slot } of drawing.slots.map(({ id }) => ({ slot: id }))) {
          const index = drawing.slots.findIndex(({ id }) => id === slot);
          const part = ALL_DIMMS.find(({ id }) => id === drawing.slots[index]!.dimm);
          if (!part) continue;
          const cell = controller.cellAt(index, dramAddress(Math.floor(at * part.bytes)))!;
          const address = controller.addressOf(cell);
          if (address === undefined) expect(drawing.memoryHole?.remap).toBe(false);
          else expect(controller.locate(address)!.cell).toEqual(cell);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('layouts by hand', () => {
  it('lets two equal channels take turns in blocks of 64 bytes', () => {
    const drawing = dual();
    const { ranges } = addressMap(drawing);
    expect(ranges.map(({ base, end, kind, slots }) => [base, end, kind, slots.join()]).slice(0, 1)).toEqual([
      [0, 512 * MIB, 'dram', 'A1,B1'],
    ]);
    const controller = controllerOf(drawing);
    const found = [0, 63, 64, 128].map((address) => controller.locate(hostPhysical(address))!.cell);
    expect(found.map(({ channel, slot, column, byte }) => [channel, slot, column, byte])).toEqual([
      [0, 'A1', 0, 0],
      [0, 'A1', 7, 7],
      [1, 'B1', 0, 0],
      [0, 'A1', 8, 0],
    ]);
    expect(checkBoard(drawing)).toEqual([]);
  });

  it('interleaves the common part of unequal channels, the rest follows', () => {
    const drawing = dual({
      slots: [
        { id: 'A1', dimm: 'ddr3-256m' },
        { id: 'B1', dimm: 'ddr3-1g' },
      ],
    });
    const { ranges } = addressMap(drawing);
    expect(ranges.slice(0, 2).map(({ base, end, slots }) => [base, end, slots.join()])).toEqual([
      [0, 512 * MIB, 'A1,B1'],
      [512 * MIB, 1280 * MIB, 'B1'],
    ]);
    expect(ranges[1]!.claims[0]!.dimmOffset).toBe(256 * MIB);
  });

  it('fills one channel after the other when the order says so', () => {
    const { ranges } = addressMap(dual({}, { order: 'ChRaBaRoCo' }));
    expect(ranges.slice(0, 2).map(({ slots }) => slots)).toEqual([['A1'], ['B1']]);
  });

  it('reads four SIMMs side by side as one bank of a 32-bit bus', () => {
    const slots = ['S0', 'S1', 'S2', 'S3'].map((id, lane) => ({ id, dimm: 'simm30-256k', ...(lane === 0 ? { base: 0 } : {}) }));
    const drawing = board({ controllers: [{ id: 'mc0', banks: [['S0', 'S1', 'S2', 'S3']] }], slots });
    expect(checkBoard(drawing)).toEqual([]);
    const map = addressMap(drawing);
    expect(map.ranges[0]).toMatchObject({ base: 0, end: MIB, kind: 'dram', slots: ['S0', 'S1', 'S2', 'S3'] });
    const controller = controllerOf(drawing);
    expect([0, 1, 2, 3, 4].map((address) => controller.locate(hostPhysical(address))!.cell.slot)).toEqual(['S0', 'S1', 'S2', 'S3', 'S0']);
    const pulled = { ...drawing, slots: drawing.slots.map((slot, lane) => (lane === 2 ? { ...slot, dimm: null } : slot)) };
    expect(codes(pulled)).toContain('board-bank-incomplete');
    expect(addressMap(pulled).dram).toEqual([]);
  });

  it('keeps the hole and puts the memory under it above 4 GiB, or loses it', () => {
    const slots = [{ id: 'A1', dimm: 'ddr3-4g' }];
    const hole = (remap: boolean) => board({ assignment: 'automatic', slots, memoryHole: { base: 0xe000_0000, remap } });
    const outline = (drawing: Board) => addressMap(drawing).ranges.map(({ base, end, kind }) => [base, end, kind]);
    expect(outline(hole(true))).toEqual([
      [0, 0xe000_0000, 'dram'],
      [0xe000_0000, 4 * GIB, 'reserved'],
      [4 * GIB, 4 * GIB + 512 * MIB, 'dram'],
      [4 * GIB + 512 * MIB, 2 ** 36, 'hole'],
    ]);
    expect(outline(hole(false)).slice(0, 3)).toEqual([
      [0, 0xe000_0000, 'dram'],
      [0xe000_0000, 4 * GIB, 'reserved'],
      [4 * GIB, 2 ** 36, 'hole'],
    ]);
    expect(codes(hole(true))).toEqual([]);
    expect(checkBoard(hole(false))[0]!.message.en).toBe('512 MiB of the memory lie under the hole from 0xE000_0000 to 4 GiB and are lost.');
    expect(rangeAt(addressMap(hole(true)).ranges, 4 * GIB)!.claims[0]!.dimmOffset).toBe(0xe000_0000);
  });

  it.each([
    ['board-unknown-slot', dual({}, { channels: [['A1'], ['B1', 'Z9']] })],
    ['board-slot-wired-twice', dual({}, { channels: [['A1'], ['B1', 'A1']] })],
    [
      'board-mixed-memory',
      dual({
        slots: [
          { id: 'A1', dimm: 'ddr3-256m' },
          { id: 'B1', dimm: 'ddr4-4g' },
        ],
      }),
    ],
    ['board-bank-width', dual({}, { channels: [], banks: [['A1', 'B1', 'A1']] })],
    ['board-interleave-block', dual({}, { channelInterleave: 100 })],
    ['board-interleave-block', dual({}, { rankInterleave: '1 MiB' })],
    ['board-simm-alone', board({ slots: [{ id: 'A1', base: 0, dimm: 'simm30-1m' }] })],
    ['board-hole-base', dual({ memoryHole: { base: 5000 } })],
    ['board-hole-fixed', board({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }], memoryHole: { base: 0xc000_0000 } })],
  ])('%s is found, and the map is drawn all the same', (code, drawing) => {
    expect(codes(drawing)).toContain(code);
    expect(addressMap(drawing).ranges.length).toBeGreaterThan(0);
  });
});
