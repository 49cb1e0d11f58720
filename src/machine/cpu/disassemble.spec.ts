import { describe, expect, it } from 'vitest';
import { disassemble } from './disassemble';

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

  it('lists bytes that are no instruction one by one, and stops at the count', () => {
    expect(disassemble(hex('0fff'), { address: 0, bits: 32 }).map((i) => i.text)).toEqual(['db 0x0F', 'db 0xFF']);
    expect(disassemble(hex('909090'), { address: 0, bits: 32, count: 2 })).toHaveLength(2);
  });
});
