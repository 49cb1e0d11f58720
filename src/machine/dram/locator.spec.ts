import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { addressMap } from '../board/address-map';
import { boardSchema } from '../board/schema';
import { randomBoard } from '../board/random-board.spec-support';
import { MemoryController } from '../memory/memory-controller';
import { DramLocator, bankAt, bankNumber } from './locator';

const orders = ['RoBaRaCoCh', 'RoRaBaCoCh', 'RoRaCoBaCh', 'ChRaBaRoCo'] as const;
const controllers = fc.record({
  order: fc.constantFrom(...orders),
  hash: fc.constantFrom('none' as const, 'xor' as const),
  channelInterleave: fc.constantFrom(undefined, 64, 4096),
  rankInterleave: fc.constantFrom(undefined, 256, 65_536),
  split: fc.boolean(),
});

describe('DRAM locator', () => {
  it('finds the bank and row that the memory controller explains, on any board and with any order', () => {
    let held = 0;
    fc.assert(
      fc.property(randomBoard, controllers, fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (drawn, wires, at) => {
        const { split, ...options } = wires;
        const ids = drawn.slots.map(({ id }) => id).slice(0, 4);
        const channels = split ? ids.map((id) => [id]) : ids.length > 0 ? [ids] : [];
        const board = { ...drawn, controllers: channels.length > 0 ? [{ id: 'mc', channels, banks: [], ...options }] : [] };
        const { dram } = addressMap(board);
        const controller = new MemoryController(board, dram);
        const locator = new DramLocator(board, dram);
        for (const part of at) {
          const range = dram[Math.floor(part * dram.length)];
          if (!range) continue;
          const address = range.base + Math.floor(((part * 1e6) % 1) * (range.end - range.base));
          const cells = controller.locateAll(hostPhysical(address)).map(({ cell }) => cell);
          expect(locator.answers(address)).toBe(cells.length);
          if (locator.holdsFrame(address)) {
            expect(cells.length).toBe(1);
            // as touch-code.ts has it: the frame's share, and those of the low bits
            locator.locate(address - (address % 4096), 0);
            const { module, bank, row } = locator;
            const [low, high] = [address % 256, 256 + (Math.floor(address / 256) % 16)];
            locator.locate(address, 0);
            expect(locator.module).toBe(module);
            expect(locator.bank).toBe(module.firstBank + ((bank - module.firstBank) ^ module.bankOf[low]! ^ module.bankOf[high]!));
            expect(locator.row).toBe(row ^ module.rowOf[low]! ^ module.rowOf[high]!);
            held++;
          }
          cells.forEach((cell, answer) => {
            locator.locate(address, answer);
            const { module } = locator;
            expect(module.slot).toBe(cell.slot);
            expect(locator.row).toBe(cell.row);
            expect(locator.bank - module.firstBank).toBe(bankNumber(module.part, cell));
            expect(bankAt(module.part, locator.bank - module.firstBank)).toEqual({
              subchannel: cell.subchannel,
              rank: cell.rank,
              bankGroup: cell.bankGroup,
              bank: cell.bank,
            });
          });
        }
      }),
      { numRuns: 200 },
    );
    expect(held).toBeGreaterThan(100);
  });

  it('opens the row in all four SIMMs of a bank', () => {
    const board = boardSchema.parse({
      slots: ['S0', 'S1', 'S2', 'S3'].map((id) => ({ id, base: 0, dimm: 'simm30-256k' })),
      controllers: [{ id: 'mc', banks: [['S0', 'S1', 'S2', 'S3']] }],
    });
    const locator = new DramLocator(board, addressMap(board).dram);
    const slots = [];
    expect(locator.answers(0x1_2346)).toBe(4);
    for (let answer = 0; answer < 4; answer++) {
      locator.locate(0x1_2346, answer);
      slots.push(locator.module.slot);
      expect(locator.row).toBe((0x1_2346 >> 2) >> 9);
    }
    expect(slots).toEqual(['S0', 'S1', 'S2', 'S3']);
  });

  it('finds nothing where there is no DRAM', () => {
    const board = boardSchema.parse({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }] });
    expect(new DramLocator(board, addressMap(board).dram).answers(0x1000_0000)).toBe(0);
  });
});
