import { describe, expect, it } from 'vitest';
import { hostPhysical } from './address';
import { boardSchema } from './board/schema';
import { Machine } from './machine';

const slots = [
  { id: 'A1', base: 0, dimm: 'ddr3-256m' },
  { id: 'A2', base: 0x1000_0000, dimm: null, window: 0x1000_0000, hotPlug: true },
];
const machineOf = (memory: object | undefined, more: object = {}) =>
  new Machine(boardSchema.parse({ slots, ...(memory ? { memory } : {}), ...more }), { poolLimit: 64 * 1024 ** 2 });

describe('the memory model of a machine', () => {
  it('is not there until it is asked for, and goes again', () => {
    const machine = machineOf(undefined);
    expect(machine.memory.dram).toBeUndefined();
    machine.memory.counting = true;
    machine.memory.touch(0x1234, 4, false);
    expect(machine.memory.dram!.countsOf(0)).toEqual({ hits: 0, misses: 1, conflicts: 0, writes: 0 });
    machine.memory.counting = false;
    expect(machine.memory.dram).toBeUndefined();
    expect(machineOf({ timing: true }).memory.dram).toBeDefined();
  });

  it('counts nothing where no DRAM answers, and a device on the same banks', () => {
    const machine = machineOf({ timing: true });
    machine.memory.touch(0x1000_0000, 4, true);
    machine.memory.touch(0xfec0_0000, 4, false);
    machine.memory.dma(0x1000, 256, true);
    machine.memory.touch(0x1100, 4, false);
    expect(machine.memory.dram!.countsOf(0)).toEqual({ hits: 4, misses: 1, conflicts: 0, writes: 4 });
    // four bursts are in front of the processor's access, which does not wait for its data
    expect(machine.ticks).toBe(0);
  });

  it('knows a module that was plugged in, and keeps what the others had', () => {
    const machine = machineOf(undefined);
    machine.memory.counting = true;
    machine.memory.touch(0, 4, true);
    const after = { ...machine.board, slots: [machine.board.slots[0]!, { ...machine.board.slots[1]!, dimm: 'ddr3-256m' }] };
    machine.hotPlug([{ kind: 'dimm', slot: 'A2', dimm: 'ddr3-256m' }], after);
    machine.memory.touch(0x1000_0000, 4, false);
    machine.memory.touch(4, 4, false);
    const { dram } = machine.memory;
    expect(dram!.locator.modules.map(({ slot }) => slot)).toEqual(['A1', 'A2']);
    expect(dram!.countsOf(0)).toEqual({ hits: 1, misses: 1, conflicts: 0, writes: 1 });
    expect(dram!.countsOf(8)).toEqual({ hits: 0, misses: 1, conflicts: 0, writes: 0 });
  });

  it('flips bits of a neighbouring row where they lie in memory, and repairs them where there is ECC', () => {
    const row = 0x2000;
    const flipped = (ecc: boolean) => {
      const machine = machineOf(
        { disturbance: true, seed: 3 },
        { slots: [{ ...slots[0], ecc, rowThreshold: 50 }], controllers: [{ id: 'mc', channels: [['A1']], order: 'ChRaBaRoCo' }] },
      );
      machine.platform.writeBytes(0x1_0000, new Uint8Array(0x10 * row).fill(0xa5));
      for (let round = 0; round < 80; round++)
        for (const at of [8, 10, 12, 14]) machine.memory.touch(0x1_0000 + (at - 8 + 1) * row, 4, false);
      const before = machine.chipset.peek(hostPhysical(0x1_0000), 0x10 * row).filter((byte) => byte !== 0xa5).length;
      // whoever reads it all
      for (let at = 0; at < 0x10 * row; at += 8) machine.memory.touch(0x1_0000 + at, 4, false);
      const left = machine.chipset.peek(hostPhysical(0x1_0000), 0x10 * row).filter((byte) => byte !== 0xa5).length;
      return { before, left, errors: machine.memory.dram!.errors(machine.memory.dram!.locator.modules[0]!) };
    };
    const plain = flipped(false);
    expect(plain.before).toBeGreaterThan(0);
    expect(plain.left).toBe(plain.before);
    expect(plain.errors.flips).toBeGreaterThanOrEqual(plain.before);
    const corrected = flipped(true);
    expect(corrected.before).toBe(plain.before);
    expect(corrected.left).toBeLessThan(corrected.before);
    expect(corrected.errors.corrected).toBeGreaterThan(0);
  });
});
