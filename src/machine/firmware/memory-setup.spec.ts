import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { boardSchema } from '../board/schema';
import { SMBUS_PORTS } from '../devices/smbus/smbus';
import { Machine } from '../machine';
import { boot } from './boot';

const machine = (drawing: object): Machine => new Machine(boardSchema.parse(drawing));
const desktop = {
  assignment: 'automatic',
  controllers: [{ id: 'mc0', channels: [['A1'], ['B1']] }],
  slots: [
    { id: 'A1', dimm: 'ddr3-2g' },
    { id: 'B1', dimm: 'ddr3-2g' },
    { id: 'C1', dimm: null },
  ],
  memoryHole: { base: 0xe000_0000 },
};
const program = { file: 'x', bytes: Uint8Array.of(0xf4), mode: 'protected' as const, load: 0x10_0000 };
const words = (drawing: object) => boot(machine(drawing).platform, program).steps.map(({ text }) => text.en);

describe('memory setup', () => {
  it('reads SPD, interleaves, keeps the hole, moves what is under it, and leaves tables', () => {
    const steps = words(desktop);
    expect(steps[0]).toBe('SPD of A1: DDR3, 2 GiB, ranks 2, x8 chips with 8 banks of 16384 rows and 1024 columns');
    expect(steps[2]).toBe('SPD of C1: no answer, the slot is empty');
    expect(steps[3]).toBe('A1 + B1 take turns every 64 bytes: together 4 GiB');
    expect(steps[4]).toBe('0xE000_0000–0xFFFF_FFFF is kept for devices');
    expect(steps[5]).toContain('512 MiB that do not fit below appear above 4 GiB: 0x0001_0000_0000–0x0001_1FFF_FFFF');
    expect(steps[6]).toContain('0x000A_0000–0x000F_FFFF reserved');
    expect(steps[7]).toContain('SMBIOS tables (types 16, 17, 19, 20) written at 0x000F_0000');
  });

  it('says what is lost without remapping, and takes no step on a board with wired bases', () => {
    expect(words({ ...desktop, memoryHole: { base: 0xe000_0000, remap: false } })).toContain(
      '512 MiB under the hole are lost: remap is off',
    );
    expect(words({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }] })[0]).toMatch(/^Slots decode where the board wires them/);
  });

  it('writes the tables where a program finds them, and answers on the SMBus from the same modules', () => {
    const started = machine(desktop);
    boot(started.platform, program);
    const bytes = started.chipset.peek(hostPhysical(0xf_0000), 64);
    expect(new TextDecoder().decode(bytes.subarray(0, 5))).toBe('_SM3_');
    expect(bytes[32]).toBe(16);
    const { chipset } = started;
    chipset.writePort(SMBUS_PORTS + 3, 1, 2);
    chipset.writePort(SMBUS_PORTS + 4, 1, 0xa1);
    chipset.writePort(SMBUS_PORTS + 2, 1, 0x48);
    started.clock.advanceTo(started.clock.nextEventTick());
    started.serviceEvents();
    expect(chipset.readPort(SMBUS_PORTS, 1) & 2).toBe(2);
    expect(chipset.readPort(SMBUS_PORTS + 5, 1)).toBe(0x0b);
  });

  it('has no SMBus where no module has an SPD, and its place on PCI is taken elsewhere', () => {
    expect(machine({ slots: [{ id: 'S0', base: 0, dimm: 'simm30-1m' }] }).bus.device('smbus')).toBeUndefined();
    const { pci, chipset } = machine(desktop);
    expect(pci).toBeDefined();
    chipset.writePort(0xcf8, 4, 0x8000_fb00);
    expect(chipset.readPort(0xcfc, 4)).toBe(0x2930_8086);
    chipset.writePort(0xcf8, 4, 0x8000_fb20);
    expect(chipset.readPort(0xcfc, 4)).toBe(SMBUS_PORTS | 1);
  });
});

describe('what a multiboot kernel is told', () => {
  it('is what E820 says, whoever has placed the DIMMs', () => {
    const kernel = new Uint8Array(64).fill(0xf4);
    const header = new DataView(kernel.buffer);
    // addresses in the header: the image lies at 1 MiB
    [0x1bad_b002, 0x1_0000, -0x1bae_b002, 0x10_0000, 0x10_0000, 0, 0, 0x10_0020].forEach((word, index) =>
      header.setInt32(index * 4, word, true),
    );
    const map = (drawing: object): [number, number, number][] => {
      const started = machine(drawing);
      const { start } = boot(started.platform, { file: 'k', bytes: kernel });
      const at = start!.general.RBX!;
      const info = new DataView(started.chipset.peek(hostPhysical(at), 512).slice().buffer);
      const entries = info.getUint32(44, true) / 24;
      expect([info.getUint32(4, true), info.getUint32(48, true)]).toEqual([640, at + 88]);
      return Array.from({ length: entries }, (_, index) => {
        const entry = 88 + index * 24 + 4;
        return [Number(info.getBigUint64(entry, true)), Number(info.getBigUint64(entry + 8, true)), info.getUint32(entry + 16, true)];
      });
    };
    expect(map(desktop).slice(0, 3)).toEqual([
      [0, 0xa_0000, 1],
      [0xa_0000, 0x6_0000, 2],
      [0x10_0000, 0xe000_0000 - 0x10_0000, 1],
    ]);
    expect(map({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }] })).toEqual([
      [0, 0xa_0000, 1],
      [0xa_0000, 0x6_0000, 2],
      [0x10_0000, 0xff0_0000, 1],
    ]);
  });
});
