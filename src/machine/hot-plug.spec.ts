/** Plugging and unplugging with the power on: what answers, what is lost, what the guest can see of it, and what is refused. */
import { describe, expect, it } from 'vitest';
import { hostPhysical } from './address';
import { hotChanges } from './board/hot-plug';
import { checkBoard } from './board/rules';
import { boardSchema, type Board } from './board/schema';
import { DMA_REGISTERS, DMA_STATUS } from './devices/dma/dma';
import { applyProcessorStart, protectedModeStart } from './firmware/processor-start';
import { Machine } from './machine';

const MIB = 1024 ** 2;
const A2 = 256 * MIB;
const board = boardSchema.parse({
  slots: [
    { id: 'A1', base: 0, dimm: 'ddr3-256m' },
    { id: 'A2', base: A2, dimm: 'ddr3-256m', hotPlug: true },
  ],
  bridges: [
    { id: 'rp1', kind: 'root-port', hotPlug: true },
    { id: 'rp2', kind: 'root-port' },
  ],
  devices: [
    { id: 'dma0', kind: 'dma-contiguous', parent: 'rp1' },
    { id: 'dma1', kind: 'dma-contiguous', parent: 'rp2' },
  ],
});
const without = (dimm: string | null, devices: string[] = ['dma0', 'dma1']): Board => ({
  ...board,
  slots: board.slots.map((slot) => (slot.id === 'A2' ? { ...slot, dimm } : slot)),
  devices: board.devices.filter(({ id }) => devices.includes(id)),
});
const machineOf = (drawn = board) => new Machine(drawn, { poolLimit: 64 * MIB });
const change = (machine: Machine, after: Board) => machine.hotPlug(hotChanges(machine.board, after)!, after);
const at = hostPhysical;

describe('hot-plug of a DIMM', () => {
  it('unplugged: nobody answers, counted; plugged again: zeroes; the rest is untouched', () => {
    const machine = machineOf();
    const { chipset } = machine;
    chipset.write(at(A2 + 0x1000), 4, 0x1234_5678);
    chipset.write(at(0x1000), 4, 7);
    expect(checkBoard(board)).toEqual([]);
    change(machine, without(null));
    expect(chipset.entryAt(A2)!.range.kind).toBe('hole');
    expect(chipset.read(at(A2 + 0x1000), 4)).toBe(0xffff_ffff);
    chipset.write(at(A2 + 0x1000), 4, 1);
    expect(chipset.counters.unansweredMemory).toBe(2);
    expect([machine.controller.locate(at(A2)), chipset.read(at(0x1000), 4)]).toEqual([undefined, 7]);
    change(machine, without('ddr3-128m'));
    expect(chipset.read(at(A2 + 0x1000), 4)).toBe(0);
    expect(machine.controller.locate(at(A2))!.cell.slot).toBe('A2');
    expect([chipset.entryAt(A2 + 128 * MIB)!.range.kind, chipset.ranges().at(-1)!.end]).toEqual(['hole', 2 ** 36]);
    expect(machine.log.newest().filter(({ code }) => code === 'plugged' || code === 'unplugged')).toHaveLength(2);
  });

  it('a program that runs on the DIMM meets all ones: its code is gone, compiled or not', () => {
    for (const engine of ['interpreter', 'compiled'] as const) {
      const machine = new Machine(board, { poolLimit: 64 * MIB, engine });
      const { state } = machine.processor;
      // jmp $ in the second DIMM, run long enough to be compiled
      machine.chipset.writeBytes(at(A2), Uint8Array.of(0x40, 0xeb, 0xfd));
      const start = new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length);
      applyProcessorStart(start, protectedModeStart(A2, { RSP: 0x8000 }, null));
      machine.processor.stateReplaced();
      expect(machine.run(20_000).reason).toBe('budget');
      change(machine, without(null));
      // FF FF is no instruction: an exception without a table to go to
      expect(machine.run(1_000).reason).toBe('triple-fault');
    }
  });
});

describe('hot-plug of a device', () => {
  const portStatus = (machine: Machine): number => machine.pci.readRegister(0xe0, 0x58) >>> 16;

  it('unplugged in the middle of a transfer: registers answer all ones, no event comes, the port says so', () => {
    const machine = machineOf();
    const bar = machine.barOf('dma0')!;
    const store = (register: number, value: number) => machine.chipset.write(at(bar + register), 4, value);
    store(DMA_REGISTERS.address, 0x5000);
    store(DMA_REGISTERS.count, 0x3000);
    store(DMA_REGISTERS.seed, 0x55);
    store(DMA_REGISTERS.command, 3);
    machine.clock.advanceTo(machine.clock.nextEventTick());
    machine.serviceEvents();
    expect(machine.chipset.read(at(bar + DMA_REGISTERS.status), 4)).toBe(DMA_STATUS.busy);
    change(machine, without('ddr3-256m', ['dma1']));
    expect(machine.clock.pending().filter(({ device }) => device === 'dma0')).toEqual([]);
    expect(machine.chipset.read(at(bar + DMA_REGISTERS.status), 4)).toBe(0xffff_ffff);
    expect(machine.pci.readRegister(0x100, 0)).toBe(0xffff_ffff);
    expect(portStatus(machine)).toBe(0x08);
    // the request that was under way has written; the next one never comes
    expect([machine.chipset.read(at(0x5000), 4), machine.chipset.read(at(0x6000), 4)]).toEqual([0x55, 0]);
    expect(machine.barOf('dma1')).toBeDefined();
  });

  it('plugged: as after reset, reached once the guest has set its BAR inside the window of the port', () => {
    const machine = machineOf(without('ddr3-256m', ['dma1']));
    change(machine, board);
    expect([portStatus(machine), machine.barOf('dma0')]).toEqual([0x48, undefined]);
    machine.pci.writeRegister(0xe0, 0x58, 0x0008_0000);
    expect(portStatus(machine)).toBe(0x40);
    expect(machine.pci.readRegister(0x100, 0)).toBe(0x11f0_1234);
    const { base, end } = machine.pci.bridgeOf('rp1').forwarded;
    expect(end - base).toBe(2 * MIB);
    machine.pci.writeRegister(0x100, 0x10, base + 0x1000);
    machine.pci.writeRegister(0x100, 0x04, 6);
    expect(machine.barOf('dma0')).toBe(base + 0x1000);
    expect(machine.chipset.read(at(base + 0x1000), 4)).toBe(0x434d_4144);
    expect(machine.devices.dmaRequesters.get('dma0')).toBe(0x100);
  });
});

describe('what may change while the power is on', () => {
  it('DIMMs of slots and devices of ports that say so; nothing else', () => {
    expect(hotChanges(board, without(null, ['dma1']))).toEqual([
      { kind: 'dimm', slot: 'A2', dimm: null },
      { kind: 'device', id: 'dma0', plugged: false },
    ]);
    expect(hotChanges(board, board)).toEqual([]);
    expect(hotChanges(board, without('ddr3-256m', ['dma0']))).toBeNull();
    expect(hotChanges(board, { ...board, slots: board.slots.map((slot) => ({ ...slot, dimm: null })) })).toBeNull();
    expect(hotChanges(board, { ...board, processor: 'p6' })).toBeNull();
    expect(hotChanges(board, { ...board, slots: [...board.slots].reverse() })).toBeNull();
  });

  it.each([
    ['board-hot-plug-slot', { assignment: 'automatic', slots: [{ id: 'A1', dimm: 'ddr3-256m', hotPlug: true }] }],
    [
      'board-hot-plug-bus',
      { slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }], bridges: [{ id: 'br', kind: 'pci-bridge', hotPlug: true }] },
    ],
  ])('%s is reported', (code, drawing) => {
    expect(checkBoard(boardSchema.parse(drawing)).map((issue) => issue.code)).toContain(code);
  });
});
