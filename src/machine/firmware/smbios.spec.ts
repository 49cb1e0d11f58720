/** What the SMBIOS tables say of modules and addresses, field by field as DSP0134 places them. */
import { describe, expect, it } from 'vitest';
import { addressMap } from '../board/address-map';
import { boardSchema } from '../board/schema';
import { smbiosEntry, smbiosTables } from './smbios';

interface Structure {
  type: number;
  handle: number;
  at(offset: number, bytes: 1 | 2 | 4): number;
  text(offset: number): string;
}

function tables(drawing: object): Structure[] {
  const board = boardSchema.parse(drawing);
  const bytes = smbiosTables(board, addressMap(board));
  const view = new DataView(bytes.buffer);
  const list: Structure[] = [];
  for (let start = 0; start < bytes.length;) {
    const first = start;
    const length = bytes[first + 1]!;
    let end = first + length;
    while (bytes[end] !== 0 || bytes[end + 1] !== 0) end++;
    const texts = new TextDecoder().decode(bytes.subarray(first + length, end)).split('\0');
    list.push({
      type: bytes[first]!,
      handle: view.getUint16(first + 2, true),
      at: (offset, width) => {
        expect(offset + width).toBeLessThanOrEqual(length);
        return width === 1
          ? bytes[first + offset]!
          : width === 2
            ? view.getUint16(first + offset, true)
            : view.getUint32(first + offset, true);
      },
      text: (offset) => texts[bytes[first + offset]! - 1]!,
    });
    start = end + 2;
  }
  return list;
}
const ofType = (list: readonly Structure[], type: number): Structure[] => list.filter((each) => each.type === type);

const two = (dimm: string, more: object = {}) => ({
  assignment: 'automatic',
  controllers: [{ id: 'mc0', channels: [['A1'], ['B1']], channelInterleave: 256 }],
  slots: [
    { id: 'A1', dimm, ...more },
    { id: 'B1', dimm, ...more },
  ],
});

describe('SMBIOS', () => {
  it.each([
    ['ddr2-1g', 0x13, 800, 1800],
    ['ddr3-2g', 0x18, 1600, 1500],
    ['ddr4-4g', 0x1a, 2400, 1200],
    ['ddr5-16g', 0x22, 4800, 1100],
  ])('says of each module its speed, voltage and channel (%s)', (dimm, kind, speed, millivolts) => {
    const devices = ofType(tables(two(dimm)), 17);
    expect(devices).toHaveLength(2);
    devices.forEach((device, index) => {
      expect([device.at(0x12, 1), device.at(0x15, 2), device.at(0x20, 2)]).toEqual([kind, speed, speed]);
      expect([0x22, 0x24, 0x26].map((offset) => device.at(offset, 2))).toEqual([millivolts, millivolts, millivolts]);
      expect([device.text(0x10), device.text(0x11)]).toEqual([index === 0 ? 'A1' : 'B1', `mc0 channel ${index}`]);
      // DRAM, volatile, all of its bytes
      expect([device.at(0x28, 1), device.at(0x29, 2)]).toEqual([3, 8]);
      expect(device.at(0x3c, 4) + device.at(0x40, 4) * 2 ** 32).toBe(device.at(0x0c, 2) * 2 ** 20);
    });
  });

  it.each([
    ['ddr4-4g', 64, 72],
    ['ddr5-16g', 64, 80],
  ])('counts the check bits of modules with ECC (%s)', (dimm, data, total) => {
    const plain = tables(two(dimm));
    expect([ofType(plain, 16)[0]!.at(6, 1), ofType(plain, 17)[0]!.at(8, 2)]).toEqual([3, data]);
    const checked = tables(two(dimm, { ecc: true }));
    // single-bit ECC
    expect(ofType(checked, 16)[0]!.at(6, 1)).toBe(5);
    for (const device of ofType(checked, 17)) expect([device.at(8, 2), device.at(10, 2)]).toEqual([total, data]);
  });

  it('says what the array could hold, no more than there are addresses for', () => {
    // KiB: two slots, and the largest DDR3 module of the catalogue has 64 GiB; 36 address lines reach no further
    expect(ofType(tables(two('ddr3-2g')), 16)[0]!.at(7, 4)).toBe(64 * 1024 ** 2);
    const simms = { banks: [['S0', 'S1', 'S2', 'S3']] };
    const slots = ['S0', 'S1', 'S2', 'S3'].map((id, index) => ({ id, dimm: 'simm30-256k', ...(index ? {} : { base: 0 }) }));
    expect(ofType(tables({ processor: 'i386', controllers: [{ id: 'mc0', ...simms }], slots }), 16)[0]!.at(7, 4)).toBe(16 * 1024);
  });

  it('tells modules that take turns from modules side by side', () => {
    const turns = tables(two('ddr3-2g'));
    expect(ofType(turns, 19)[0]!.at(0x0e, 1)).toBe(1);
    // row position, interleave position, rows of 8 bytes in a block of 256
    expect(ofType(turns, 20).map((each) => [each.at(0x10, 1), each.at(0x11, 1), each.at(0x12, 1)])).toEqual([
      [1, 1, 32],
      [1, 2, 32],
    ]);
    const lanes = tables({
      processor: 'i386',
      controllers: [{ id: 'mc0', banks: [['S0', 'S1', 'S2', 'S3']] }],
      slots: ['S0', 'S1', 'S2', 'S3'].map((id, index) => ({ id, dimm: 'simm30-1m', ...(index ? {} : { base: 0 }) })),
    });
    expect(ofType(lanes, 19)[0]!.at(0x0e, 1)).toBe(4);
    expect(ofType(lanes, 20).map((each) => [each.at(0x10, 1), each.at(0x11, 1), each.at(0x12, 1)])).toEqual(
      [1, 2, 3, 4].map((row) => [row, 0, 0]),
    );
    expect(ofType(lanes, 17)[0]!.text(0x11)).toBe('mc0 bank 0');
  });

  it('has the entry point of the version whose fields it has', () => {
    const entry = smbiosEntry(0x20, 100);
    expect([...entry.subarray(7, 10)]).toEqual([3, 3, 0]);
    expect(entry.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
  });
});
