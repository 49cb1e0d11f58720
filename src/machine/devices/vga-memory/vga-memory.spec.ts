/** Windows of the first megabyte: who answers there, what becomes of the DRAM under them, and of writes to ROM. */
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../../address';
import { addressMap, rangeAt } from '../../board/address-map';
import { checkBoard } from '../../board/rules';
import { boardSchema } from '../../board/schema';
import { applyProcessorStart, realModeStart } from '../../firmware/processor-start';
import { e820 } from '../../firmware/memory-map';
import { Machine } from '../../machine';

const drawing = (devices: object[], over: object = {}) =>
  boardSchema.parse({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }], devices, ...over });
const vga = { id: 'vga0', kind: 'vga-memory' };
const bios = { id: 'bios', kind: 'rom', base: '0xF_0000', size: '64 KiB', contents: 'b8 34 12 a3 00 05 f4' };
const both = drawing([vga, bios]);
const machineOf = (board = both) => new Machine(board, { poolLimit: 64 * 1024 ** 2 });

describe('windows below 1 MiB', () => {
  it('hide the DRAM under them, with both assignments; the rest stays where it is', () => {
    expect(checkBoard(both)).toEqual([]);
    for (const assignment of ['fixed', 'automatic'] as const) {
      const map = addressMap({ ...both, assignment });
      const kinds = map.ranges.slice(0, 5).map(({ base, kind, device, slots }) => [base, kind, device, slots]);
      expect(kinds).toEqual([
        [0, 'dram', undefined, ['A1']],
        [0xa_0000, 'mmio', 'vga0', ['A1']],
        [0xc_0000, 'dram', undefined, ['A1']],
        [0xf_0000, 'mmio', 'bios', ['A1']],
        [0x10_0000, 'dram', undefined, ['A1']],
      ]);
      expect(map.ranges.find(({ base }) => base === 0x10_0000)!.end).toBe(0x1000_0000);
      expect(e820(map.ranges).filter(({ base }) => base < 0x10_0000)).toEqual([
        { base: 0, end: 0xa_0000, type: 'usable' },
        { base: 0xa_0000, end: 0x10_0000, type: 'reserved' },
      ]);
    }
    expect(rangeAt(addressMap(both).ranges, 0xb_8000)!.text.en).toBe('vga0: VGA memory; hides the DRAM of A1 under it');
  });

  it('the VGA memory keeps what is written, also across a snapshot, and the DRAM never sees it', () => {
    const machine = machineOf();
    const { chipset } = machine;
    chipset.write(hostPhysical(0xb_8000), 4, 0x0741_0748);
    chipset.write(hostPhysical(0xb_8002), 1, 0x42);
    expect(chipset.read(hostPhysical(0xb_8000), 4)).toBe(0x0742_0748);
    expect(chipset.peek(hostPhysical(0xb_8000), 4)).toEqual(Uint8Array.of(0x48, 7, 0x42, 7));
    expect(machine.frames.offsetOf(0xb8)).toBe(-1);
    const snapshot = machine.snapshot();
    const other = machineOf();
    other.restore(snapshot);
    expect(other.chipset.read(hostPhysical(0xb_8000), 4)).toBe(0x0742_0748);
    expect(machine.log.newest().map(({ kind, answeredBy }) => [kind, answeredBy])[0]).toEqual(['mmio-write', 'vga0']);
    machine.reset();
    expect(chipset.read(hostPhysical(0xb_8000), 4)).toBe(0);
  });

  it('a ROM holds its bytes and then all ones; writes are counted and change nothing; code runs from it', () => {
    const machine = machineOf();
    const { chipset } = machine;
    expect([chipset.read(hostPhysical(0xf_0000), 4), chipset.read(hostPhysical(0xf_fffc), 4)]).toEqual([0xa312_34b8, 0xffff_ffff]);
    chipset.write(hostPhysical(0xf_0000), 4, 0);
    chipset.writeBytes(hostPhysical(0xf_0010), new Uint8Array(8));
    expect(chipset.read(hostPhysical(0xf_0000), 4)).toBe(0xa312_34b8);
    expect(chipset.counters.readOnlyWrites).toBe(3);
    expect(machine.log.newest().filter(({ code }) => code === 'read-only-write')).toHaveLength(3);
    const { state } = machine.processor;
    applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length), realModeStart(0xf_0000, 0x7c00, 0));
    machine.processor.stateReplaced();
    expect(machine.run(100).reason).toBe('halted');
    expect(chipset.read(hostPhysical(0x500), 2)).toBe(0x1234);
  });

  it.each([
    ['board-rom-window', [{ ...bios, base: 0x8_0000 }]],
    ['board-rom-window', [{ ...bios, size: 1000 }]],
    ['board-rom-window', [{ ...bios, base: '0xF_8000' }]],
    ['board-window-overlap', [vga, { id: 'rom', kind: 'rom', base: '0xB_0000', size: '128 KiB' }]],
    ['board-rom-contents', [{ ...bios, contents: 'abc' }]],
    ['board-rom-contents', [{ ...bios, size: '4 KiB', contents: '00'.repeat(5000) }]],
    ['board-not-a-rom', [{ id: 'd', kind: 'edu', contents: '00' }]],
  ])('%s is reported', (code, devices) => {
    expect(checkBoard(drawing(devices)).map((issue) => issue.code)).toContain(code);
    expect(addressMap(drawing(devices)).ranges.length).toBeGreaterThan(0);
  });
});
