import { describe, expect, it } from 'vitest';
import { ALL_DIMMS, DIMMS, dimmPart } from '../../board/parts';
import { readSpd, spdBytes } from '../../board/spd';
import { SMBUS_LATENCY, SMBUS_REGISTERS, SMBUS_STATUS, SmbusController } from './smbus';
import { SpdEeprom } from './spd-eeprom';

const eeprom = (name: string) => {
  const part = dimmPart(name)!;
  return new SpdEeprom(part.technology, spdBytes(part)!);
};

function bench(modules: (SpdEeprom | undefined)[]) {
  const scheduled: { delay: number; kind: string }[] = [];
  const clock = {
    now: () => 0,
    schedule: (delay: number, { kind }: { kind: string }) => void scheduled.push({ delay, kind }),
    cancel: () => {},
  };
  const smbus = new SmbusController('smbus', { clock }, modules);
  const transact = (address: number, reads: boolean, command: number, offset: number, value = 0): { status: number; value: number } => {
    smbus.write('registers', SMBUS_REGISTERS.status, 1, 0xff);
    smbus.write('registers', SMBUS_REGISTERS.address, 1, (address << 1) | (reads ? 1 : 0));
    smbus.write('registers', SMBUS_REGISTERS.command, 1, offset);
    smbus.write('registers', SMBUS_REGISTERS.data0, 1, value);
    smbus.write('registers', SMBUS_REGISTERS.control, 1, 0x40 | (command << 2));
    expect(smbus.read('registers', SMBUS_REGISTERS.status, 1) & SMBUS_STATUS.busy).toBe(SMBUS_STATUS.busy);
    expect(scheduled.pop()).toEqual({ delay: SMBUS_LATENCY, kind: 'smbus-done' });
    smbus.event({ kind: 'smbus-done' });
    return { status: smbus.read('registers', SMBUS_REGISTERS.status, 1), value: smbus.read('registers', SMBUS_REGISTERS.data0, 1) };
  };
  return { smbus, transact };
}

describe('SPD', () => {
  it.each([...ALL_DIMMS, ...DIMMS].filter(({ technology }) => technology !== 'SIMM').map((part) => [part.id, part] as const))(
    '%s: firmware reads back what the module is',
    (_id, part) => {
      const spd = spdBytes(part)!;
      const { technology, bytes, geometry, chips } = part;
      expect(readSpd((offset) => spd[offset])).toEqual({ technology, bytes, geometry, width: chips.width });
    },
  );

  it('has none for SIMMs, and nothing is read from an empty slot', () => {
    expect(spdBytes(dimmPart('simm30-1m')!)).toBeUndefined();
    expect(readSpd(() => undefined)).toBeUndefined();
    expect(readSpd(() => 0xff)).toBeUndefined();
  });
});

describe('SMBus controller', () => {
  it('reads SPD bytes one by one and in words; an empty slot does not acknowledge', () => {
    const { transact } = bench([eeprom('ddr3-256m'), undefined, eeprom('ddr2-1g')]);
    expect(transact(0x50, true, 2, 2)).toEqual({ status: SMBUS_STATUS.done | SMBUS_STATUS.inUse, value: 0x0b });
    expect(transact(0x52, true, 2, 2).value).toBe(8);
    expect(transact(0x51, true, 2, 2).status & SMBUS_STATUS.deviceError).not.toBe(0);
    expect(transact(0x50, true, 3, 4).value).toBe(spdBytes(dimmPart('ddr3-256m')!)![4]);
    expect(transact(0x50, true, 5, 0).status & SMBUS_STATUS.deviceError).not.toBe(0);
  });

  it('turns the pages of DDR4 and DDR5', () => {
    const four = bench([eeprom('ddr4-16g')]);
    expect(four.transact(0x37, false, 0, 0).status & SMBUS_STATUS.done).not.toBe(0);
    expect(four.transact(0x50, true, 2, 2).value).toBe(0);
    four.transact(0x36, false, 0, 0);
    expect(four.transact(0x50, true, 2, 2).value).toBe(0x0c);
    const five = bench([eeprom('ddr5-16g')]);
    expect(five.transact(0x50, true, 2, 0).value).toBe(0x51);
    expect(five.transact(0x50, true, 2, 0x82).value).toBe(0x12);
    five.transact(0x50, false, 2, 11, 1);
    expect(five.transact(0x50, true, 2, 0x80 + 235 - 128).value).toBe(spdBytes(dimmPart('ddr5-16g')!)![235]);
  });

  it('ignores writes while busy, and saves and loads', () => {
    const { smbus, transact } = bench([eeprom('ddr4-16g')]);
    transact(0x37, false, 0, 0);
    const saved = smbus.save();
    smbus.reset();
    smbus.load(saved);
    expect(smbus.save()).toEqual(saved);
    expect(transact(0x50, true, 2, 2).value).toBe(0);
    smbus.write('registers', SMBUS_REGISTERS.control, 1, 0x48);
    smbus.write('registers', SMBUS_REGISTERS.address, 1, 0x12);
    expect(smbus.read('registers', SMBUS_REGISTERS.address, 1)).not.toBe(0x12);
  });
});
