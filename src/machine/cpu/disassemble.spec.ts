import { describe, expect, it } from 'vitest';
import { decode } from './decode/decoder';
import { disassemble } from './disassemble';
import { retell8086 } from './disassemble-8086';
import { LEVEL } from './instruction-set';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

describe('disassemble', () => {
  it('gives NASM text with addresses and bytes', () => {
    const list = disassemble(hex('b878563412 8b4508 ebfe'.replaceAll(' ', '')), { address: 0x1000, bits: 32 });
    expect(list.map(({ address, text }) => [address, text])).toEqual([
      [0x1000, 'mov eax, 0x12345678'],
      [0x1005, 'mov eax, [ebp+8]'],
      [0x1008, 'jmp short 0x1008'],
    ]);
    expect(list[1]!.bytes).toEqual(hex('8b4508'));
  });

  it('reads the same bytes by the code size', () => {
    expect(disassemble(hex('b87856'), { address: 0, bits: 16 })[0]!.text).toBe('mov ax, 0x5678');
  });

  describe('of the 8086', () => {
    const text = (bytes: string): string[] =>
      disassemble(hex(bytes), { address: 0x100, bits: 16, instructionSet: '8086' }).map((instruction) => instruction.text);

    it.each([
      ['0f', 'pop cs'],
      ['6002', 'jo short 0x104'],
      ['6afe', 'jp short 0x100'],
      ['6402', 'je short 0x104'],
      ['c0', 'db 0xC0'],
      ['c00400', 'ret 4'],
      ['c1', 'ret'],
      ['c80200', 'retf 2'],
      ['c9', 'retf'],
      ['d6', 'salc'],
      ['f18bc3', 'lock mov ax, bx'],
      ['f390', 'nop'],
      ['8ec8', 'mov cs, ax'],
      ['8ee8', 'mov cs, ax'],
      ['8c28', 'mov [bx+si], cs'],
      ['8fc8', 'pop ax'],
      ['c6c805', 'mov al, 5'],
      ['fff8', 'push ax'],
      ['d030', 'setmo byte [bx+si]'],
      ['d3f3', 'setmoc bx, cl'],
      ['8dc0', 'db 0x8D, 0xC0'],
      ['fe10', 'db 0xFE, 0x10'],
      ['f2e80000', 'call 0x104'],
      ['26f3a4', 'es rep movsb'],
      ['a12000', 'mov ax, [0x20]'],
    ])('reads %s as %s', (bytes, expected) => {
      expect(text(bytes)).toEqual([expected]);
    });

    it('takes as many bytes as the processor does, for whatever an opcode and a ModRM byte can begin', () => {
      const mode = { code32: false, stack32: false, protectedMode: false, codeLimited: false, level: LEVEL.i8086 };
      for (let first = 0; first < 0x1_0000; first++) {
        // registers and addresses differ in the last three bits, of which two say all
        if ((first & 7) !== 0 && (first & 7) !== 6) continue;
        const bytes = Uint8Array.of(first >> 8, first & 0xff, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc);
        const decoded = decode(bytes, 0, bytes.length, mode);
        if (typeof decoded === 'string') throw new Error(`${first.toString(16)} is ${decoded}`);
        expect(retell8086(bytes)!.length).toBe(decoded.length);
        const options = { address: 0, bits: 16, instructionSet: '8086', count: 1 } as const;
        if (first % 5 === 0) expect(disassemble(bytes, options)[0]!.bytes).toHaveLength(decoded.length);
      }
    });
  });

  it('lists bytes that are no instruction one by one, and stops at the count', () => {
    expect(disassemble(hex('0fff'), { address: 0, bits: 32 }).map((i) => i.text)).toEqual(['db 0x0F', 'db 0xFF']);
    expect(disassemble(hex('909090'), { address: 0, bits: 32, count: 2 })).toHaveLength(2);
  });
});
