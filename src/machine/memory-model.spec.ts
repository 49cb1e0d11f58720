import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { hostPhysical } from './address';
import { boardSchema } from './board/schema';
import type { Engine } from './cpu/engine';
import { applyProcessorStart, protectedModeStart } from './firmware/processor-start';
import { GLOBAL, REGISTER } from './iommu/registers';
import { Machine } from './machine';

const slots = [
  { id: 'A1', base: 0, dimm: 'ddr3-256m' },
  { id: 'A2', base: 0x1000_0000, dimm: null, window: 0x1000_0000, hotPlug: true },
];
const machineOf = (memory: object | undefined, more: object = {}, engine?: Engine) =>
  new Machine(boardSchema.parse({ slots, ...(memory ? { memory } : {}), ...more }), { poolLimit: 64 * 1024 ** 2, engine });

describe('the memory model of a machine', () => {
  it('is not there until it is asked for, and goes again', () => {
    const machine = machineOf(undefined);
    expect(machine.memory.dram).toBeUndefined();
    machine.memory.observe = 'exact';
    machine.memory.touch(0x1234, 4, false);
    expect(machine.memory.dram!.countsOf(0)).toEqual({ hits: 0, misses: 1, conflicts: 0, writes: 0 });
    machine.memory.observe = 'off';
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

  it('counts the table entries that the IOMMU reads for a device, until it has them cached', () => {
    const machine = machineOf({ timing: true }, { iommu: { present: true }, devices: [{ id: 'dma0', kind: 'edu' }] });
    const { iommu, memory } = machine;
    const word = (address: number, value: number): void =>
      machine.platform.writeBytes(address, Uint8Array.of(value & 255, value >> 8, 0, 0, 0, 0, 0, 0));
    // root, context (39 bits: three levels), and one table on every level
    word(0x1000, 0x2001);
    word(0x2000 + (4 << 3) * 16, 0x3001);
    word(0x2000 + (4 << 3) * 16 + 8, 0x0101);
    for (const table of [0x3000, 0x4000, 0x5000]) word(table, table + 0x1003);
    iommu!.write('registers', REGISTER.rootTableAddress, 4, 0x1000);
    iommu!.write('registers', REGISTER.globalCommand, 4, GLOBAL.setRootTable);
    iommu!.write('registers', REGISTER.globalCommand, 4, GLOBAL.translation);
    const seen = vi.spyOn(memory, 'dma');
    const request = { kind: 'read', address: 0x10, addressType: 'untranslated', requester: 4 << 3, length: 4 } as const;
    iommu!.explainIova(4 << 3, 0x10, 'read', { step: () => undefined } as never);
    expect(seen).not.toHaveBeenCalled();
    expect(iommu!.handle(request)).toMatchObject({ outcome: 'accept', request: { address: 0x6010 } });
    expect(seen.mock.calls).toEqual([
      [0x1000, 16, false],
      [0x2000 + 32 * 16, 16, false],
      [0x3000, 8, false],
      [0x4000, 8, false],
      [0x5000, 8, false],
    ]);
    iommu!.handle(request);
    expect(seen).toHaveBeenCalledTimes(5);
    const counts = Array.from({ length: 8 }, (_, bank) => memory.dram!.countsOf(bank));
    expect(counts.reduce((sum, { hits, misses, conflicts }) => sum + hits + misses + conflicts, 0)).toBe(5);
  });

  it('knows a module that was plugged in, and keeps what the others had', () => {
    const machine = machineOf(undefined);
    machine.memory.observe = 'exact';
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

  it('goes on in time when a module is plugged or unplugged beside others: their rows stay open, the bus stays busy', () => {
    const at = (slot: 'A2' | null) => [slots[0]!, { ...slots[1]!, dimm: slot && 'ddr3-256m' }];
    const pull = (machine: Machine) =>
      machine.hotPlug([{ kind: 'dimm', slot: 'A2', dimm: null }], {
        ...machine.board,
        slots: boardSchema.parse({ slots: at(null) }).slots,
      });
    const steps = (machine: Machine, between: () => void) => {
      machine.memory.dma(0x4000, 4096, true);
      machine.memory.touch(0x1000, 4, false);
      between();
      // behind what the device and the processor have on the bus; one more than may be outstanding
      for (let i = 0; i < 9; i++) machine.memory.touch(0x1000 + i * 64, 4, false);
      return { ticks: machine.ticks, counts: machine.memory.dram!.countsOf(0), row: machine.memory.dram!.openRow(0) };
    };
    const timed = () => machineOf({ timing: true }, { slots: at('A2') });
    const [alone, pulled] = [timed(), timed()];
    const wanted = steps(alone, () => undefined);
    expect(wanted.ticks).toBeGreaterThan(0);
    expect(steps(pulled, () => pull(pulled))).toEqual(wanted);
    // plugged again: no row is open in it, whatever was before
    pulled.memory.touch(0x1000_0000, 4, false);
    expect(pulled.memory.dram!.locator.modules).toHaveLength(1);
    pulled.hotPlug([{ kind: 'dimm', slot: 'A2', dimm: 'ddr3-256m' }], {
      ...pulled.board,
      slots: boardSchema.parse({ slots: at('A2') }).slots,
    });
    pulled.memory.touch(0x1000_0000, 4, false);
    expect(pulled.memory.dram!.countsOf(8)).toEqual({ hits: 0, misses: 1, conflicts: 0, writes: 0 });
  });

  it('forgets the wrong bits of a module with ECC that was pulled', () => {
    const hot = { ...slots[0], ecc: true, rowThreshold: 50, hotPlug: true, window: 0x1000_0000 };
    const machine = machineOf(
      { disturbance: true, seed: 3 },
      { slots: [hot], controllers: [{ id: 'mc', channels: [['A1']], order: 'ChRaBaRoCo' }] },
    );
    for (let round = 0; round < 80; round++) for (const row of [8, 10, 12, 14]) machine.memory.touch(row * 0x2000, 4, false);
    const flips = () => machine.memory.dram!.save().ledger.length;
    expect(flips()).toBeGreaterThan(0);
    for (const dimm of [null, 'ddr3-256m'])
      machine.hotPlug([{ kind: 'dimm', slot: 'A1', dimm }], { ...machine.board, slots: [{ ...machine.board.slots[0]!, dimm }] });
    expect(flips()).toBe(0);
    expect(machine.memory.dram!.errors(machine.memory.dram!.locator.modules[0]!)).toMatchObject({ flips: 0, corrected: 0 });
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

  it('sees every access of a program where it ends, in order, however long the slices are', () => {
    const words = (values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
    const ROUNDS = 50;
    const runs = [1, 7, 100_000].map((budget) => {
      // threaded code is held against this by cpu/threaded/observed.spec.ts
      const machine = machineOf({ timing: true }, {}, 'interpreter');
      // identical, but for linear 5000, which is frame 9
      machine.platform.writeBytes(0x1000, words([0x2003]));
      machine.platform.writeBytes(0x2000, words(Array.from({ length: 1024 }, (_, page) => ((page === 5 ? 9 : page) << 12) | 3)));
      // mov eax, 1000; mov cr3, eax; mov eax, cr0; bts eax, 31; mov cr0, eax
      const on = [0xb8, 0, 0x10, 0, 0, 0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0f, 0xba, 0xe8, 31, 0x0f, 0x22, 0xc0];
      // mov eax, [5010]; mov [5ffe], eax; inc ebx; cmp ebx, ROUNDS; jb; hlt
      const loop = [0xa1, 0x10, 0x50, 0, 0, 0xa3, 0xfe, 0x5f, 0, 0, 0x43, 0x83, 0xfb, ROUNDS, 0x72, -16, 0xf4];
      machine.platform.writeBytes(0x10_0000, Uint8Array.from([...on, ...loop]));
      const { state } = machine.processor;
      const bytes = new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length);
      applyProcessorStart(bytes, protectedModeStart(0x10_0000, { RSP: 0x8000 }, null));
      machine.processor.stateReplaced();
      const touch = vi.spyOn(machine.memory, 'touch');
      for (let left = 6 + 5 * ROUNDS; left > 0;) left -= machine.run(Math.min(budget, left)).executed;
      const hash = createHash('sha256');
      for (const chunk of machine.stateChunks()) hash.update(chunk);
      return { seen: [...touch.mock.calls], ticks: machine.ticks, hash: hash.digest('hex') };
    });
    const ofProgram = runs[0]!.seen.filter(([address]) => address >= 0x3000);
    const round = [
      [0x9010, 4, false],
      [0x9ffe, 1, true],
      [0x6000, 1, true],
    ];
    expect(ofProgram).toEqual(Array.from({ length: ROUNDS }, () => round).flat());
    expect(runs[0]!.seen.length).toBeGreaterThan(ofProgram.length);
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });
});
