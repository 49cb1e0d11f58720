import { describe, expect, it } from 'vitest';
import { decode } from './decoder';
import type { Instruction } from './instruction';
import { OPCODE_SLOTS, ROWS, hasModrm } from './table';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const decoded = (text: string, code32 = true): Instruction => {
  const code = bytes(text);
  const result = decode(code, 0, code.length, { code32 });
  if (typeof result === 'string') throw new Error(`${text}: ${result}`);
  return result;
};
const refused = (text: string, code32 = true): string => {
  const code = bytes(text);
  const result = decode(code, 0, code.length, { code32 });
  return typeof result === 'string' ? result : result.row.name;
};

describe('one row, one form', () => {
  it.each(ROWS.map((row) => [row.opcode.toString(16), row.extension, row.name, row] as const))(
    '%s /%i %s decodes to its row',
    (_hex, _ext, _name, row) => {
      const opcode = row.opcode > 0xff ? [0x0f, row.opcode & 0xff] : [row.opcode];
      const general = (row.memoryOnly ? 0 : 0xc0) | (Math.max(row.extension, 0) << 3);
      const modrm = hasModrm(row) ? [row.modrm < 0 ? general : row.modrm] : [];
      const code = Uint8Array.from([...opcode, ...modrm, 1, 2, 3, 4, 5, 6, 7, 8]);
      const result = decode(code, 0, code.length, { code32: true });
      expect(result).toMatchObject({ row });
    },
  );

  it('has 16 arithmetic groups of eight and no opcode twice', () => {
    const keys = ROWS.map((row) => `${row.opcode}/${row.extension}/${row.modrm}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(OPCODE_SLOTS).toHaveLength(512);
  });
});

describe('prefixes', () => {
  it('change operand and address size in either code size', () => {
    expect(decoded('8b 00')).toMatchObject({ operandSize: 4, addressSize: 4, base: 0, length: 2 });
    expect(decoded('66 67 8b 00')).toMatchObject({ operandSize: 2, addressSize: 2, base: 3, index: 6, length: 4 });
    expect(decoded('8b 00', false)).toMatchObject({ operandSize: 2, addressSize: 2 });
    expect(decoded('66 67 8b 00', false)).toMatchObject({ operandSize: 4, addressSize: 4 });
  });

  it('the last segment override counts', () => {
    expect(decoded('2e 64 8b 00').segmentOverride).toBe(4);
    expect(decoded('8b 00').segmentOverride).toBe(-1);
  });

  it('LOCK needs a lockable instruction with a memory destination', () => {
    expect(refused('f0 01 00')).toBe('add');
    expect(refused('f0 01 c0')).toBe('invalid');
    expect(refused('f0 03 00')).toBe('invalid');
    expect(refused('f0 39 00')).toBe('invalid');
    expect(refused('f0 90')).toBe('invalid');
    expect(refused('f0 87 03')).toBe('xchg');
    expect(refused('f0 91')).toBe('invalid');
  });

  it('15 bytes are the limit', () => {
    expect(refused('66'.repeat(14) + '90')).toBe('nop');
    expect(refused('66'.repeat(15) + '90')).toBe('too-long');
    expect(refused('66'.repeat(7) + '81 05 00000000 0100')).toBe('add');
    expect(refused('66'.repeat(10) + '81 05 00000000')).toBe('too-long');
  });

  it('bytes that end too early say so', () => {
    expect(refused('8b')).toBe('truncated');
    expect(refused('81 05 000000')).toBe('truncated');
    expect(refused('66')).toBe('truncated');
    // all bytes are fetched before #UD is known
    expect(refused('f0 ff 35 0000')).toBe('truncated');
    expect(refused('f0 ff 35 00000000')).toBe('invalid');
    expect(refused('8d')).toBe('truncated');
  });
});

describe('addresses', () => {
  it('SIB without index, with base, and absolute', () => {
    expect(decoded('8b 04 24')).toMatchObject({ base: 4, index: -1 });
    expect(decoded('8b 44 b3 10')).toMatchObject({ base: 3, index: 6, scale: 2, displacement: 0x10 });
    expect(decoded('8b 04 9d 78563412')).toMatchObject({ base: -1, index: 3, scale: 2, displacement: 0x12345678, length: 7 });
    expect(decoded('8b 05 f8ffffff')).toMatchObject({ base: -1, index: -1, displacement: -8 });
  });

  it('16-bit forms', () => {
    expect(decoded('8b 06 34 12', false)).toMatchObject({ base: -1, displacement: 0x1234 });
    expect(decoded('8b 46 fe', false)).toMatchObject({ base: 5, index: -1, displacement: -2 });
    expect(decoded('8b 42 10', false)).toMatchObject({ base: 5, index: 6, displacement: 0x10 });
  });

  it('immediates are sign-extended where the encoding says so', () => {
    expect(decoded('83 c0 ff')).toMatchObject({ immediate: -1 });
    expect(decoded('c8 34 12 05')).toMatchObject({ immediate: 0x1234, immediate2: 5 });
    expect(decoded('ea 78563412 0800')).toMatchObject({ immediate: 0x12345678, immediate2: 8 });
    expect(decoded('66 ea 3412 0800')).toMatchObject({ immediate: 0x1234, immediate2: 8, length: 6 });
  });
});
