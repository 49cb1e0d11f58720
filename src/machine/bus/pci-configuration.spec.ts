import { beforeEach, describe, expect, it } from 'vitest';
import { COMMAND, PciConfiguration } from './pci-configuration';

const identity = { vendor: 0x1234, device: 0x11e8, classCode: 0x00ff00, revision: 0x10, interruptPin: 1 as const };
const AT = 0x20; // 00:04.0

let moves: [string, number | null][];
let pci: PciConfiguration;
const select = (requester: number, register: number, enable = 0x8000_0000) =>
  pci.write('configuration', 0, 4, (enable | (requester << 8) | register) >>> 0);
const read = (register: number, size: 1 | 2 | 4 = 4, requester = AT) => {
  select(requester, register & 0xfc);
  return pci.read('configuration', 4 + (register & 3), size);
};
const write = (register: number, value: number, size: 1 | 2 | 4 = 4) => {
  select(AT, register & 0xfc);
  pci.write('configuration', 4 + (register & 3), size, value);
};

beforeEach(() => {
  moves = [];
  pci = new PciConfiguration();
  pci.add(AT, { identity, bars: [{ region: 'bar0', size: 0x10_0000 }], onMove: (region, base) => moves.push([region, base]) });
});

describe('PCI configuration mechanism #1', () => {
  it('shows the identity of a function, and all ones where there is none', () => {
    expect(read(0)).toBe(0x11e8_1234);
    expect(read(2, 2)).toBe(0x11e8);
    expect(read(8)).toBe(0x00ff_0010);
    expect(read(0x0b, 1)).toBe(0);
    expect(read(0x3d, 1)).toBe(1);
    expect(read(0, 4, 0x28)).toBe(0xffff_ffff);
    expect(read(0, 2, 0x21)).toBe(0xffff);
  });

  it('answers nothing at the data port while the enable bit is clear', () => {
    select(AT, 0, 0);
    expect(pci.read('configuration', 4, 4)).toBe(0xffff_ffff);
    expect(pci.read('configuration', 0, 4)).toBe(AT << 8);
  });

  it('sizes a BAR by writing all ones, as firmware does', () => {
    write(0x10, 0xffff_ffff);
    const mask = read(0x10) & ~0xf;
    expect((~mask + 1) >>> 0).toBe(0x10_0000);
    write(0x14, 0xffff_ffff);
    expect(read(0x14)).toBe(0);
  });

  it('decodes the BAR only while memory space is enabled', () => {
    write(0x10, 0xfe00_0000);
    expect(moves.at(-1)).toEqual(['bar0', null]);
    write(0x04, COMMAND.memory, 2);
    expect(moves.at(-1)).toEqual(['bar0', 0xfe00_0000]);
    write(0x10, 0xfd12_3456);
    expect(moves.at(-1)).toEqual(['bar0', 0xfd10_0000]);
    write(0x04, 0, 2);
    expect(moves.at(-1)).toEqual(['bar0', null]);
  });

  it('keeps bus mastering, interrupt line and partial writes apart', () => {
    expect(pci.isBusMaster(AT)).toBe(false);
    write(0x04, COMMAND.busMaster, 1);
    expect(pci.isBusMaster(AT)).toBe(true);
    write(0x05, COMMAND.interruptDisable >> 8, 1);
    expect(pci.interruptsEnabled(AT)).toBe(false);
    expect(pci.isBusMaster(AT)).toBe(true);
    write(0x3c, 11, 1);
    expect(read(0x3c, 2)).toBe(0x010b);
  });

  it('is assigned by firmware, saved, loaded and reset', () => {
    pci.assign(AT, { bar0: 0xfe00_0000 });
    expect(moves.at(-1)).toEqual(['bar0', 0xfe00_0000]);
    const saved = pci.save();
    pci.reset();
    expect(moves.at(-1)).toEqual(['bar0', null]);
    expect(read(0x04)).toBe(0);
    pci.load(saved);
    expect(moves.at(-1)).toEqual(['bar0', 0xfe00_0000]);
    expect(read(0x04)).toBe(COMMAND.memory | COMMAND.busMaster);
    expect(() => pci.assign(0x99, {})).toThrow(RangeError);
    expect(() => pci.add(AT, { identity })).toThrow(RangeError);
    expect(() => pci.add(0x28, { identity, bars: [{ region: 'x', size: 100 }] })).toThrow(RangeError);
  });
});
