import { describe, expect, it } from 'vitest';
import { ROWS, ROWS_386, ROWS_8086, hasModrm } from '../decode/table';
import { dumpIr, IR_OPCODES, IR_STRIDE, type IrBlock, type Mode } from './ir';
import { LOWERINGS, lowerBlock } from './lower';

const FLAT: Mode = { code32: true, stack32: true, protectedMode: true, codeLimited: false };
const MODES: Mode[] = [
  FLAT,
  { code32: false, stack32: false, protectedMode: false, codeLimited: false },
  { code32: true, stack32: false, protectedMode: true, codeLimited: true },
  { code32: false, stack32: true, protectedMode: true, codeLimited: true },
];

function lower(text: string, mode = FLAT): IrBlock {
  const bytes = Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
  const block = lowerBlock({ bytes, start: 0, end: bytes.length }, mode);
  if (block === 'truncated') throw new Error(`${text} is cut off`);
  return block;
}
const dump = (text: string, mode = FLAT): string[] =>
  dumpIr(lower(text, mode))
    .split('\n')
    .map((line) => line.trim());

/** What every block must be: known operations, valid slots, instruction starts in order, one terminator, at the end. */
function check(block: IrBlock): void {
  const total = block.ops.length / IR_STRIDE;
  const wrong: string[] = [];
  for (let n = 0; n < total; n++) {
    const opcode = IR_OPCODES[block.ops[n * IR_STRIDE]!]!;
    if (n === total - 1 && !opcode.terminator) wrong.push(`${opcode.name} ends the block`);
    [...opcode.operands].forEach((kind, i) => {
      const word = block.ops[n * IR_STRIDE + 1 + i]!;
      if (kind === 'd' && !(word >= 0 && word < 32)) wrong.push(`${opcode.name} writes ${word}`);
      if (kind === 'u' && !(word >= -block.constants.length && word < 32)) wrong.push(`${opcode.name} uses ${word}`);
    });
  }
  let last = -1;
  for (const { first } of block.instructions) {
    if (first < last) wrong.push(`an instruction begins at ${first}, before ${last}`);
    last = first;
  }
  if (wrong.length > 0) expect(wrong).toEqual([]);
}

describe('lowering', () => {
  it('has a function for every row, and none to spare', () => {
    expect(new Set([...ROWS, ...ROWS_386, ...ROWS_8086].map((row) => row.name))).toEqual(new Set(Object.keys(LOWERINGS)));
  });

  it.each(ROWS.map((row) => [`${row.name} ${row.opcode.toString(16)}`, row] as const))('%s lowers in every mode and form', (_name, row) => {
    const opcode = row.opcode > 0xff ? [0x0f, row.opcode & 0xff] : [row.opcode];
    const extension = Math.max(row.extension, 0) << 3;
    const forms = !hasModrm(row) ? [[]] : [[0x84 | extension, 0x8d], [0x40 | extension], ...(row.memoryOnly ? [] : [[0xc1 | extension]])];
    const prefixes = [[], [0x66], [0x67], [0xf3], [0x66, 0x67, 0xf2]];
    for (const mode of MODES) {
      for (const form of forms) {
        for (const prefix of prefixes) {
          const bytes = Uint8Array.from([...prefix, ...opcode, ...form, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x90, 0x90, 0x90]);
          const block = lowerBlock({ bytes, start: 0, end: bytes.length }, mode, 1);
          expect(block).not.toBe('truncated');
          check(block as IrBlock);
          // and with every number read when it is executed
          const reading = lowerBlock({ bytes, start: 0, end: bytes.length, patched: () => true }, mode, 1) as IrBlock;
          check(reading);
          if (reading.bytes !== (block as IrBlock).bytes) expect(reading.bytes).toBe((block as IrBlock).bytes);
        }
      }
    }
  });

  it('never fails, whatever the bytes are', () => {
    let state = 12345;
    const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 16;
    for (let i = 0; i < 5000; i++) {
      const bytes = Uint8Array.from({ length: 40 }, () => next());
      const block = lowerBlock({ bytes, start: 0, end: 40 }, MODES[i % 4]!);
      if (block !== 'truncated' && i % 50 === 0) check(block);
    }
  });

  it('reads numbers that keep being patched where they lie, and is the same whatever they are', () => {
    const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
    const lower = (text: string, patched: readonly number[]): IrBlock =>
      lowerBlock({ bytes: hex(text), start: 0, end: hex(text).length, patched: (at) => patched.includes(at) }, FLAT) as IrBlock;
    // mov eax, imm32; add dword [ebx+disp8], imm8; mov ax, imm16
    const code = (number: string, distance: string): string => `b8 ${number} 83 43 ${distance} 05 66 b8 34 12 f4`;
    const block = lower(code('11 22 33 44', '08'), [1, 7]);
    expect(dumpIr(block).split('\n').slice(1, 8)).toEqual([
      '  code t0, 1, 4',
      '  mov r0, t0',
      '1: +5',
      '  code t0, 7, 1',
      '  sext8 t0, t0',
      '  add t0, r3, t0',
      '  probe 3, t0, 4',
    ]);
    expect(block.numbers).toEqual([{ offset: 1, bytes: 4 }, { offset: 7, bytes: 1 }]); // prettier-ignore
    const other = lower(code('ff ff ff ff', '80'), [1, 7]);
    expect([...other.ops]).toEqual([...block.ops]);
    expect([...other.constants]).toEqual([...block.constants]);
    // in the middle of a number none begins
    expect(lower(code('11 22 33 44', '08'), [2, 9]).numbers).toBeUndefined();
  });

  it('writes registers and flags after what can fault', () => {
    expect(dump('01 03 f4').slice(0, 6)).toEqual([
      '0: +0',
      'probe 3, r3, 4',
      'load32 t0, 3, r3',
      'add t1, t0, r0',
      'store32 3, r3, t1',
      'flags 1, 4, t0, r0, t1',
    ]);
  });

  it('drops flags that are overwritten unseen, and keeps those that a fault would show', () => {
    // add eax, ebx; sub eax, ecx; jmp $
    expect(dump('01 d8 29 c8 eb fe').filter((line) => line.startsWith('flags'))).toEqual(['flags 2, 4, r0, r1, t0']);
    // add eax, ebx; mov ecx, [edx]; sub eax, ecx
    expect(dump('01 d8 8b 0a 29 c8 eb fe').filter((line) => line.startsWith('flags'))).toHaveLength(2);
    // add eax, ebx; adc eax, ecx
    expect(dump('01 d8 11 c8 eb fe').filter((line) => line.startsWith('flags'))).toHaveLength(2);
  });

  it('drops the flags of INC and DEC before another one, but not what CF comes from', () => {
    // add eax, ebx; inc esi; dec ecx; jmp $
    const flags = dump('01 d8 46 49 eb fe').filter((line) => line.startsWith('flags'));
    expect(flags).toEqual(['flags 1, 4, r0, r3, t0', 'flagsIncDec 5, 4, r1, #1, t0']);
    // inc esi; rol ecx, 1: keeps ZF and so does not hide it; inc esi; mov eax, [ebx]; dec ecx: a fault shows them
    expect(dump('46 d1 c1 eb fe').filter((line) => line.startsWith('flags'))).toHaveLength(1);
    expect(dump('46 8b 03 49 eb fe').filter((line) => line.startsWith('flags'))).toHaveLength(2);
  });

  it('a REP iteration ends by jumping back to the instruction', () => {
    const lines = dump('f3 a4');
    expect(lines[1]).toBe('exitIfZero r1, 2');
    expect(lines.at(-1)).toMatch(/^branchIf t\d+, 0, 2, 4$/);
  });

  it('checks near jumps only where CS is limited', () => {
    expect(dump('eb 10')).not.toContainEqual(expect.stringMatching('checkTarget'));
    expect(dump('eb 10', { ...FLAT, codeLimited: true })).toContainEqual(expect.stringMatching('checkTarget'));
  });

  it('ends a block where it is told to', () => {
    const bytes = new Uint8Array(20).fill(0x90);
    const block = lowerBlock({ bytes, start: 0, end: 20 }, FLAT, undefined, (offset) => offset === 5) as IrBlock;
    expect(block.instructions).toHaveLength(5);
    expect(block.bytes).toBe(5);
  });
});
