import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../../address';
import type { Board } from '../../board/schema';
import { Machine } from '../../machine';
import { A20_PORT } from './a20-gate';

const board = (processor: string): Board => ({
  processor,
  slots: [{ id: 'A1', dimm: 'ddr3-128m', base: 0 }],
  devices: [],
  assignment: 'fixed',
});
/** Real mode at 0000:7C00: closes the gate, writes to FFFF:0510 (linear 100500), opens it, writes there again, and halts. */
const PROGRAM = [
  0xb8, 0xff, 0xff, 0x8e, 0xd8, 0x30, 0xc0, 0xe6, A20_PORT, 0xc6, 0x06, 0x10, 0x05, 0x11, 0xb0, 0x02, 0xe6, A20_PORT, 0xc6, 0x06, 0x10, 0x05,
  0x22, 0xe4, A20_PORT, 0xf4,
]; // prettier-ignore

function run(machine: Machine): void {
  machine.chipset.writeBytes(hostPhysical(0x7c00), Uint8Array.from(PROGRAM));
  const { processor } = machine;
  processor.state.setSegment(1, 0, 0, 0xffff, 0x9b);
  processor.state.eip = 0x7c00;
  processor.stateReplaced();
  expect(machine.run(1000).reason).toBe('halted');
}
const byte = (machine: Machine, address: number): number => machine.chipset.peek(hostPhysical(address), 1)[0]!;

describe('A20 gate', () => {
  it('holds line 20 at zero while it is closed, and reads back', () => {
    const machine = new Machine(board('386'));
    run(machine);
    expect([byte(machine, 0x500), byte(machine, 0x10_0500), machine.processor.state.reg8(0)]).toEqual([0x11, 0x22, 2]);
  });

  it('comes back with a snapshot, and opens with a reset', () => {
    const machine = new Machine(board('p6'));
    machine.chipset.writePort(A20_PORT, 1, 0);
    const snapshot = machine.snapshot();
    machine.chipset.writePort(A20_PORT, 1, 2);
    machine.restore(snapshot);
    expect(machine.chipset.readPort(A20_PORT, 1)).toBe(0);
    expect(machine.processor.system.access.fetchFrame(0x10_0000)).toBe(0);
    machine.reset();
    expect(machine.chipset.readPort(A20_PORT, 1)).toBe(2);
    expect(machine.processor.system.access.fetchFrame(0x10_0000)).toBe(0x100);
  });

  it('is not on a board with an 8086, whose addresses wrap always', () => {
    const machine = new Machine(board('8086'));
    run(machine);
    expect([byte(machine, 0x500), byte(machine, 0x10_0500), machine.processor.state.reg8(0)]).toEqual([0x22, 0xff, 0xff]);
  });
});
