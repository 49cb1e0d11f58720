import { describe, expect, it } from 'vitest';
import type { RegistersView } from '../../lab/protocol';
import { numericDefines, operandAt } from './operand';

const view = {
  general: [0n, 3n, 0n, 0x1000n, 0xff00n, 0x2000n, 0x10n, 0x1000_0000n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n],
  rip: 0n,
  segments: [],
  cr0: 0n, cr2: 0n, cr3: 0n, cr4: 0n,
} as unknown as RegistersView; // prettier-ignore
const defines = numericDefines('%define DIMM_SIZE 0x1000_0000  ; 256 MiB\n%assign COUNT 4\n%define NAME other\n');
const at = (line: string, word: string) => operandAt(line, line.indexOf(word) + 1, view, (name) => defines.get(name));

describe('the memory operand under the pointer', () => {
  it('adds registers, scaled registers, numbers and symbols', () => {
    expect(at('mov [edi + DIMM_SIZE - 1], al', 'DIMM')).toMatchObject({
      text: '[edi + DIMM_SIZE - 1]',
      segment: 'DS',
      offset: 0x1fff_ffffn,
    });
    expect(at('mov eax, [ebx+ecx*4+10h]', 'ecx')?.offset).toBe(0x101cn);
    expect(at('mov eax, [ebx - 0x2000]', 'ebx')?.offset).toBe(0xffff_f000n);
  });
  it('knows the stack segment, overrides and sizes', () => {
    expect(at('mov eax, [ebp-4]', 'ebp')).toMatchObject({ segment: 'SS', offset: 0x1ffcn });
    expect(at('mov byte [es:edi], 1', 'edi')).toMatchObject({ segment: 'ES', size: 1 });
    expect(at('mov ax, [bx + si]', 'si')?.offset).toBe(0x1010n);
  });
  it('says nothing where there is none, or a part is unknown', () => {
    expect(at('mov eax, [ebx + NAME]', 'NAME')).toBeNull();
    expect(at('mov eax, ebx ; [ebx]', '[ebx')).toBeNull();
    expect(at('mov eax, [ebx]', 'eax')).toBeNull();
    expect(at('mov eax, [(ebx)]', 'ebx')).toBeNull();
  });
});
