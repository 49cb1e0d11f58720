/** Firmware reads SPD as a driver would, and what it finds is what is plugged. */
import { describe, expect, it } from 'vitest';
import { ALL_DIMMS, dimmPart } from '../board/parts';
import { boardSchema } from '../board/schema';
import { readSpd, spdBytes } from '../board/spd';
import { Machine } from '../machine';
import { SpdReader } from './spd-reader';

const machineOf = (dimms: (string | null)[]) =>
  new Machine(boardSchema.parse({ assignment: 'automatic', slots: dimms.map((dimm, index) => ({ id: `S${index}`, dimm })) }), {
    poolLimit: 64 * 1024 ** 2,
  });
function readerOf(machine: Machine): SpdReader {
  const smbus = machine.bus.device('smbus')!;
  return new SpdReader({
    readPort: (port) => machine.chipset.readPort(port, 1),
    writePort: (port, value) => machine.chipset.writePort(port, 1, value),
    wait: () => {
      machine.clock.advanceTo(machine.clock.nextEventTick());
      machine.serviceEvents();
      expect(smbus.read('registers', 0, 1) & 1).toBe(0);
    },
  });
}

describe('SPD through the SMBus controller', () => {
  it.each(['ddr-256m', 'ddr2-1g', 'ddr3-2g', 'ddr4-16g', 'ddr5-16g'])('%s: every byte, pages turned back and forth', (name) => {
    const id = dimmPart(name)
      ? name
      : ALL_DIMMS.find(({ technology }) => technology === name.slice(0, 4).replace('-', '').toUpperCase())!.id;
    const reader = readerOf(machineOf([null, id, id]));
    const bytes = spdBytes(dimmPart(id)!)!;
    for (const offset of [0, 2, bytes.length - 1, 5, 127, 128, 3, bytes.length >> 1, 1]) {
      if (offset >= bytes.length) continue;
      expect([reader.byte(1, offset), reader.byte(2, offset)]).toEqual([bytes[offset], bytes[offset]]);
    }
    expect(reader.byte(0, 2)).toBeUndefined();
    expect(readSpd((offset) => reader.byte(1, offset))?.bytes).toBe(dimmPart(id)!.bytes);
  });

  it('at power-on: the steps say what the transactions in the log read, and the clock has not started', () => {
    const machine = machineOf(['ddr4-16g', null, 'ddr4-16g']);
    const steps = machine.platform.prepare!();
    expect(steps.filter(({ fields }) => fields['technology'] === 'DDR4').map(({ fields }) => fields['slot'])).toEqual(['S0', 'S2']);
    const log = machine.log.newest();
    expect(log.every(({ who }) => who === 'firmware')).toBe(true);
    expect(log.filter(({ answeredBy }) => answeredBy === 'smbus').length).toBeGreaterThan(100);
    expect([machine.ticks, machine.clock.pending().length]).toEqual([0, 0]);
    machine.chipset.readPort(0x60, 1);
    expect(machine.log.newest(1)[0]!.who).toBe('cpu');
  });
});
