import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hostPhysical } from './address';
import { DEVICES } from './board/parts';
import { boardSchema } from './board/schema';
import { IOMMU_BASE, IOMMU_BYTES } from './board/windows';
import { POOL_RESERVED } from './cpu/state-layout';
import { applyProcessorStart, protectedModeStart, realModeStart } from './firmware/processor-start';
import { IOMMU_BASE as IOMMU_REGISTERS, IOMMU_SIZE } from './iommu/registers';
import type { Journey, JourneyStep } from './journey/journey';
import { BoardError } from './board-error';
import { Machine } from './machine';
import { MachineStateError } from './machine-state';

const CODE = 0x10_0000;
const BAR = 0xfe00_0000;
const slots = ['A1', 'A2', 'B1', 'B2'].map((id, index) => ({ id, base: index * 0x1000_0000, dimm: 'ddr3-256m' }));
const withDevice = { slots, devices: [{ id: 'dma0', kind: 'edu', at: '00:04.0', dmaMask: 64 }] };
const withIommu = { ...withDevice, iommu: { present: true, enabled: true } };

const machineOf = (drawing: object) => new Machine(boardSchema.parse(drawing), { poolLimit: 256 * 1024 ** 2 });
const le32 = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
/** mov dword [address], value */
const store = (address: number, value: number) => [0xc7, 0x05, ...le32(address), ...le32(value)];
/** mov eax, [address] */
const load = (address: number) => [0xa1, ...le32(address)];
const HLT = 0xf4;

function start32(machine: Machine, code: number[]): Machine {
  machine.platform.writeBytes(CODE, Uint8Array.from(code));
  const { state } = machine.processor;
  applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length), protectedModeStart(CODE, { RSP: 0x8000 }, null));
  machine.processor.stateReplaced();
  return machine;
}

function start16(machine: Machine, code: number[]): Machine {
  machine.platform.writeBytes(0x7c00, Uint8Array.from(code));
  const { state } = machine.processor;
  applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length), realModeStart(0x7c00, 0x7c00, 0));
  machine.processor.stateReplaced();
  return machine;
}

function hash(machine: Machine): string {
  const sum = createHash('sha256');
  for (const chunk of machine.stateChunks()) sum.update(chunk);
  return sum.digest('hex');
}

/** edu: `count` bytes from memory at `from` into the device, start */
const intoDevice = (from: number, count: number) => [
  ...store(BAR + 0x80, from),
  ...store(BAR + 0x88, 0x40000),
  ...store(BAR + 0x90, count),
  ...store(BAR + 0x98, 1),
];
const outOfDevice = (to: number, count: number) => [
  ...store(BAR + 0x80, 0x40000),
  ...store(BAR + 0x88, to),
  ...store(BAR + 0x90, count),
  ...store(BAR + 0x98, 3),
];
const peek32 = (machine: Machine, address: number) =>
  new DataView(machine.chipset.peek(hostPhysical(address), 4).buffer).getUint32(0, true);

describe('machine: programs on the bare board', () => {
  it('runs a program to its HLT: memory in two DIMMs, nobody past the end, every instruction counted', () => {
    const machine = start32(machineOf({ slots }), [
      ...store(0, 0x1111_1111),
      ...store(0x1000_0000, 0x2222_2222),
      ...load(0x4000_0000),
      HLT,
    ]);
    expect(machine.run(1000)).toEqual({ reason: 'halted', executed: 4 });
    expect(machine.instructions).toBe(4);
    expect(machine.ticks).toBe(4);
    expect(peek32(machine, 0)).toBe(0x1111_1111);
    expect(peek32(machine, 0x1000_0000)).toBe(0x2222_2222);
    expect(machine.processor.state.reg32(0)).toBe(0xffff_ffff);
    expect(machine.chipset.unansweredAt(0x4000_0000)).toBe(1);
    expect(machine.log.newest()).toMatchObject([{ kind: 'unanswered', at: 2, tick: 2, who: 'cpu', address: { address: 0x4000_0000 } }]);
  });

  it('stops at the budget, at breakpoints and at the exit port', () => {
    const machine = start32(machineOf({ slots }), [0x40, 0x40, 0x40, 0xe6, 0xf4, 0xeb, 0xfe]);
    machine.processor.setBreakpoints([CODE + 2]);
    expect(machine.run(1)).toEqual({ reason: 'budget', executed: 1 });
    expect(machine.run(100)).toEqual({ reason: 'breakpoint', executed: 1 });
    expect(machine.run(100, { passBreakpoint: true })).toEqual({ reason: 'exit-port', executed: 2 });
    expect(machine.exitPort.exitValue).toBe(3);
    expect(machine.run(100)).toEqual({ reason: 'exit-port', executed: 0 });
  });

  it('ends a jump into the void in a fault, not in a hang', () => {
    const machine = start32(machineOf({ slots }), [0xb8, ...le32(0x5000_0000), 0xff, 0xe0]);
    expect(machine.run(1000)).toEqual({ reason: 'triple-fault', executed: 2 });
    expect(machine.chipset.counters.unansweredMemory).toBeGreaterThan(0);
  });

  it('reports a triple fault', () => {
    const machine = start32(machineOf({ slots }), [0x0f, 0x0b]);
    expect(machine.run(100)).toEqual({ reason: 'triple-fault', executed: 0 });
  });

  it('ends a program whose fault handler faults for ever', () => {
    // interrupt 6 leads to the same undefined opcode again; the stack lies where it cannot overwrite the code
    const machine = start16(machineOf({ slots }), [0xb8, 0x00, 0x20, 0x8e, 0xd0, 0x0f, 0x0b]);
    machine.platform.writeBytes(6 * 4, Uint8Array.of(0x05, 0x7c, 0x00, 0x00));
    expect(machine.run(1_000_000)).toEqual({ reason: 'limit', executed: 2 });
  });

  it('pauses when the pool has no room left, and says so', () => {
    const fill = [0xbf, ...le32(0x20_0000), 0xc7, 0x07, 1, 0, 0, 0, 0x81, 0xc7, ...le32(4096), 0xeb, 0xf2];
    const machine = start32(new Machine(boardSchema.parse({ slots }), { poolLimit: POOL_RESERVED + 4 * 1024 ** 2 }), fill);
    expect(machine.run(10_000_000).reason).toBe('out-of-memory');
    expect(machine.frames.full).toBe(true);
  });

  it('prints on port 0xE9 and COM1', () => {
    const machine = start16(machineOf({ slots }), [0xb0, 0x41, 0xe6, 0xe9, 0xba, 0xf8, 0x03, 0xb0, 0x42, 0xee, HLT]);
    expect(machine.run(100).reason).toBe('halted');
    expect([...machine.debugPort.output]).toEqual([0x41]);
    expect([...machine.uart.output]).toEqual([0x42]);
  });

  it('delivers a device interrupt through the PIC to a real-mode handler', () => {
    const out = (port: number, value: number) => [0xb0, value, 0xe6, port];
    const setup = [...out(0x20, 0x11), ...out(0x21, 0x20), ...out(0x21, 4), ...out(0x21, 1), ...out(0x21, 0xef)];
    // sti; transmitter-empty interrupt on; wait for ever. The handler says what it is on 0xE9 and halts
    const machine = start16(machineOf({ slots }), [...setup, 0xfb, 0xba, 0xf9, 0x03, 0xb0, 0x02, 0xee, HLT, 0xeb, 0xfd]);
    machine.platform.writeBytes(0x24 * 4, Uint8Array.of(0x00, 0x06, 0x00, 0x00));
    machine.platform.writeBytes(0x600, Uint8Array.of(0xb0, 0x49, 0xe6, 0xe9, HLT));
    expect(machine.run(1000).reason).toBe('halted');
    expect([...machine.debugPort.output]).toEqual([0x49]);
    expect(machine.processor.delivered.map(({ vector, kind }) => [vector, kind])).toEqual([[0x24, 'external']]);
  });

  it('writes over its own code and runs what it wrote', () => {
    const code = [0xc6, 0x05, ...le32(CODE + 8), 0x43, 0x90, 0x40, HLT]; // mov byte [x], inc ebx; nop; x: inc eax
    const machine = start32(machineOf({ slots }), code);
    machine.run(100);
    expect([machine.processor.state.reg32(0), machine.processor.state.reg32(3)]).toEqual([0, 1]);
  });
});

describe('machine: DMA', () => {
  it('moves memory through the device while the processor waits, and the clock jumps to it', () => {
    const machine = start32(machineOf(withDevice), [...intoDevice(0x2000, 16), HLT, ...outOfDevice(0x3000_0000, 16), HLT]);
    machine.platform.writeBytes(
      0x2000,
      Uint8Array.from({ length: 16 }, (_, index) => index + 1),
    );
    const journeys: Journey[] = [];
    const before: number[] = [];
    machine.beforeDma(() => before.push(machine.chipset.peek(hostPhysical(0x3000_0000), 1)[0]!));
    machine.onDma(({ journey }) => journeys.push(journey));
    expect(machine.run(1000)).toEqual({ reason: 'halted', executed: 5 });
    expect(machine.ticks).toBeGreaterThan(100);
    machine.processor.state.activity = 0;
    machine.processor.stateReplaced();
    expect(machine.run(1000).reason).toBe('halted');
    expect([...machine.chipset.peek(hostPhysical(0x3000_0000), 16)]).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
    expect(before).toEqual([0, 0]);
    expect(journeys.map(({ end }) => end.kind === 'dram' && end.cell.slot)).toEqual(['A1', 'B2']);
    expect(journeys[1]!.access).toMatchObject({ requester: '00:04.0', kind: 'write' });
    const kinds = machine.log.newest().map(({ kind, who, data }) => `${kind}:${who}:${String(data?.['hop'] ?? '')}`);
    expect(kinds.filter((kind) => kind.startsWith('dma-read'))).toEqual([
      'dma-read:00:04.0:port',
      'dma-read:00:04.0:root-complex',
      'dma-read:00:04.0:chipset',
    ]);
    expect(kinds.filter((kind) => kind.startsWith('completion')).length).toBe(2);
  });

  it('lands at the same instruction whatever the slices are', () => {
    const program = [...intoDevice(0x2000, 4096), ...outOfDevice(0x9000, 4096), 0x43, 0xe9, ...le32(-6)];
    const results = [1, 7, 100_000].map((budget) => {
      const machine = start32(machineOf(withIommu), program);
      machine.platform.writeBytes(0x2000, new Uint8Array(4096).fill(0x5a));
      for (let left = 3000; left > 0;) left -= machine.run(Math.min(budget, left)).executed;
      return [machine.instructions, machine.ticks, hash(machine)];
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it('does not let a device through whose bus mastering is off', () => {
    const machine = start32(machineOf(withDevice), [...intoDevice(0x2000, 16), HLT]);
    machine.chipset.writePort(0xcf8, 4, 0x8000_2004);
    machine.chipset.writePort(0xcfc, 2, 0x0002);
    machine.run(1000);
    const rejected = machine.log.newest().filter(({ kind, outcome }) => kind === 'dma-read' && outcome === 'fault');
    expect(rejected.map(({ data }) => data?.['hop'])).toEqual(['port']);
  });

  it('lets the program move the BAR, and answers where it is', () => {
    const machine = machineOf(withDevice);
    expect(machine.barOf('dma0')).toBe(BAR);
    expect(machine.chipset.read(hostPhysical(BAR), 4)).toBe(0x0100_00ed);
    machine.chipset.writePort(0xcf8, 4, 0x8000_2010);
    machine.chipset.writePort(0xcfc, 4, 0xe000_0000);
    expect(machine.barOf('dma0')).toBe(0xe000_0000);
    expect(machine.chipset.read(hostPhysical(0xe000_0000), 4)).toBe(0x0100_00ed);
    expect(machine.chipset.read(hostPhysical(BAR), 4)).toBe(0xffff_ffff);
  });

  it('logs the instruction that wrote the register, also in the middle of a block and after chained ones', () => {
    const program = [0x43, ...store(BAR + 0x04, 1), 0x43, 0xeb, 0x00, 0x43, ...load(BAR), 0x90, 0xba, ...le32(0x80), 0xee, HLT];
    const machine = start32(machineOf(withDevice), program);
    machine.run(1000);
    expect(machine.log.newest().map(({ kind, linear, at }) => [kind, linear! - CODE, at])).toEqual([
      ['mmio-write', 1, 1],
      ['mmio-read', 15, 5],
      ['unanswered', 26, 8],
    ]);
  });

  it('has the IOMMU at its address, off until somebody turns it on', () => {
    const machine = machineOf(withIommu);
    expect(machine.chipset.read(hostPhysical(0xfed9_0000), 4)).not.toBe(0xffff_ffff);
    expect(machine.iommu!.enabled).toBe(false);
    expect(machineOf(withDevice).iommu).toBeUndefined();
    expect(machineOf(withDevice).chipset.read(hostPhysical(0xfed9_0000), 4)).toBe(0xffff_ffff);
  });
});

describe('machine: snapshots and the state hash', () => {
  const program = [...intoDevice(0x2000, 4096), ...outOfDevice(0x9000, 4096), 0x43, 0xe9, ...le32(-6)];
  const prepared = () => {
    const machine = start32(machineOf(withIommu), program);
    machine.platform.writeBytes(
      0x2000,
      Uint8Array.from({ length: 4096 }, (_, index) => index * 7),
    );
    return machine;
  };

  it('restores to the byte in mid-DMA, and goes on as before, also on another machine', () => {
    const machine = prepared();
    machine.run(50);
    const snapshot = structuredClone(machine.snapshot());
    const before = hash(machine);
    machine.run(500);
    const after = hash(machine);
    expect(after).not.toBe(before);
    const log = machine.log.newest();
    machine.restore(snapshot);
    expect(hash(machine)).toBe(before);
    machine.run(500);
    expect(hash(machine)).toBe(after);
    expect(machine.log.newest()).toEqual(log);
    const other = machineOf(withIommu);
    other.restore(snapshot);
    expect(hash(other)).toBe(before);
    other.run(500);
    expect(hash(other)).toBe(after);
  });

  it('restores interrupt lines that were pulled, whatever they are now', () => {
    const machine = machineOf(withDevice);
    const raise = (value: number) => machine.chipset.write(hostPhysical(BAR + 0x60), 4, value);
    const acknowledge = (value: number) => machine.chipset.write(hostPhysical(BAR + 0x64), 4, value);
    const quiet = machine.snapshot();
    raise(1);
    const pulled = machine.snapshot();
    expect(machine.interrupts.lines.save()).toEqual([[10, ['dma0']]]);
    acknowledge(1);
    machine.restore(pulled);
    expect(machine.snapshot().devices).toEqual(pulled.devices);
    expect(machine.interrupts.lines.save()).toEqual([[10, ['dma0']]]);
    machine.restore(quiet);
    expect(machine.snapshot().devices).toEqual(quiet.devices);
    expect(machine.interrupts.lines.save()).toEqual([]);
    machine.restore(pulled);
    acknowledge(1);
    expect(machine.interrupts.lines.save()).toEqual([]);
  });

  it('hashes memory, registers and devices, and nothing that is only looked at', () => {
    const machine = prepared();
    machine.run(20);
    const before = hash(machine);
    machine.explainHost(0x1234, { step: () => undefined });
    machine.chipset.peek(hostPhysical(0), 1 << 20);
    machine.chipset.readableFrame(0x3000);
    expect(hash(machine)).toBe(before);
    machine.platform.writeBytes(0x3f_0000, Uint8Array.of(1));
    expect(hash(machine)).not.toBe(before);
    machine.platform.writeBytes(0x3f_0000, Uint8Array.of(0));
    expect(hash(machine)).toBe(before);
    machine.processor.state.setReg32(3, 99);
    expect(hash(machine)).not.toBe(before);
  });

  it('refuses snapshots of other versions and boards, and stays as it was', () => {
    const machine = prepared();
    machine.run(20);
    const before = hash(machine);
    const snapshot = machine.snapshot();
    expect(() => machine.restore({ ...snapshot, format: 99 as 3 })).toThrow(MachineStateError);
    expect(() => machine.restore({ ...snapshot, stateLayout: 99 })).toThrow(/layout 99/);
    expect(() => machine.restore(machineOf({ slots }).snapshot())).toThrow(/other devices/);
    expect(hash(machine)).toBe(before);
  });

  it('is as new after a reset', () => {
    const fresh = hash(machineOf(withIommu));
    const machine = prepared();
    machine.run(300);
    machine.reset();
    expect(hash(machine)).toBe(fresh);
    expect(machine.instructions).toBe(0);
    expect(machine.log.total).toBe(0);
  });
});

describe('machine: explaining and the platform', () => {
  it('ends a Journey in the cell, in a register, or at nobody', () => {
    const machine = machineOf(withDevice);
    const rooms = (address: number) => {
      const steps: JourneyStep[] = [];
      const end = machine.explainHost(address, { step: (step) => steps.push(step) });
      return { end, rooms: steps.map(({ room }) => room) };
    };
    expect(rooms(0x1fff_ffff)).toMatchObject({
      rooms: ['chipset', 'memory-controller'],
      end: { kind: 'dram', cell: { slot: 'A2', row: 4095, column: 1023, byte: 7 } },
    });
    expect(rooms(BAR + 0x98)).toMatchObject({
      rooms: ['chipset'],
      end: { kind: 'register', device: 'dma0', region: 'bar0', offset: 0x98 },
    });
    expect(rooms(0x4000_0000)).toMatchObject({ rooms: ['chipset'], end: { kind: 'nobody', value: Uint8Array.of(255, 255, 255, 255) } });
    expect(rooms(2 ** 40)).toMatchObject({ end: { kind: 'nobody' } });
    expect(machine.log.total).toBe(0);
  });

  it('tells firmware where the DRAM is, and which slots hold a range', () => {
    const { platform } = machineOf({ slots: slots.map((slot, index) => (index === 1 ? { ...slot, dimm: null } : slot)) });
    expect(platform.memory).toEqual([
      { base: 0, bytes: 0x1000_0000, slots: ['A1'] },
      { base: 0x2000_0000, bytes: 0x2000_0000, slots: ['B1', 'B2'] },
    ]);
    expect(platform.assignment).toEqual({
      mode: 'fixed',
      slots: ['A1', 'B1', 'B2'].map((slot, index) => ({ slot, base: [0, 0x2000_0000, 0x3000_0000][index], bytes: 0x1000_0000 })),
    });
    expect(platform.slotsOf(0x2fff_ffff, 2)).toEqual(['B1', 'B2']);
    expect(platform.slotsOf(0x1000_0000, 4096)).toEqual([]);
  });

  it('agrees with the parts catalogue about devices and with the IOMMU about its address', () => {
    for (const part of DEVICES) {
      const machine = machineOf({ slots, devices: [{ id: 'it', kind: part.kind }] });
      const device = machine.bus.device('it')!;
      const memory = device.regions.filter(({ kind }) => kind === 'memory');
      const { window } = part;
      const wanted = window ? [[window.region, window.size]] : part.bars.map((size, index) => [`bar${index}`, size]);
      expect(memory.map(({ name, size }) => [name, size])).toEqual(wanted);
      expect(device.pci !== undefined).toBe(part.pci);
      expect(machine.barOf('it', window?.region)).toBe(machine.map.windows[0]!.base);
    }
    expect([IOMMU_BASE, IOMMU_BYTES]).toEqual([IOMMU_REGISTERS, IOMMU_SIZE]);
    expect(machineOf(withIommu).chipset.entryAt(IOMMU_BASE)?.range.device).toBe('iommu');
  });

  it('shows the same decode table at power-on as the drawing promises', () => {
    for (const drawing of [{ slots }, withDevice, withIommu, { ...withIommu, slots: [{ id: 'A1', base: 0, dimm: 'ddr3-8g' }] }]) {
      const machine = machineOf(drawing);
      expect(machine.chipset.ranges()).toEqual(machine.map.ranges);
    }
  });

  it('refuses drawings it cannot build', () => {
    expect(() => machineOf({ processor: 'z80', slots })).toThrow(BoardError);
    expect(() => machineOf({ slots: [{ id: 'A1', base: 0, dimm: 'ddr9' }] })).toThrow(/A1: no DIMM ddr9/);
    expect(() => machineOf({ slots, devices: [{ id: 'x', kind: 'toaster' }] })).toThrow(BoardError);
    expect(() => machineOf({ slots, devices: ['a', 'b'].map((id) => ({ id, kind: 'edu', at: '00:04.0' })) })).toThrow(BoardError);
  });

  it('opens a 64 GiB board in little memory', () => {
    const board = {
      assignment: 'automatic',
      slots: ['A1', 'A2', 'B1', 'B2'].map((id) => ({ id, dimm: 'ddr4-16g' })),
      iommu: { present: true },
    };
    const used = process.memoryUsage().rss;
    const machine = new Machine(boardSchema.parse({ ...board, physicalAddressBits: 36 }));
    machine.chipset.write(hostPhysical(63 * 1024 ** 3), 4, 0x1234_5678);
    expect(machine.chipset.read(hostPhysical(63 * 1024 ** 3), 4)).toBe(0x1234_5678);
    expect(process.memoryUsage().rss - used).toBeLessThan(300 * 1024 ** 2);
  });
});
