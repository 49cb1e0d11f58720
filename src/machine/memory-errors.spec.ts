/** What the processor hears when memory cannot correct an error: rows are hammered by a program, and the next row is read. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../assembler';
import { hostPhysical } from './address';
import { boardSchema } from './board/schema';
import { applyProcessorStart, realModeStart } from './firmware/processor-start';
import { Machine } from './machine';

/** Rows are 8 KiB: 12000 and 16000 are opened in turn, 14000 lies between them. Handlers note what they find at 3000. */
const PROGRAM = `
bits 16
org 0x7c00
ROW equ 0x2000
  mov word [18 * 4], check
  mov word [2 * 4], nmi
%ifdef P6
  mov ecx, 0x400
  mov eax, 1
  xor edx, edx
  wrmsr
  mov eax, 0x40
  mov cr4, eax
%endif
  mov al, GATE
  out 0x61, al
  mov ax, 0x1200
  mov fs, ax
  mov ax, 0x1600
  mov gs, ax
  mov ax, 0x1400
  mov ds, ax
  mov cx, 130
hammer:
  mov al, [fs:0]
  mov al, [gs:0]
  loop hammer
  xor si, si
read:
  mov eax, [si]
  add si, 4
  cmp si, ROW
  jb read
  hlt
check:
%ifdef P6
  mov ecx, 0x401
  rdmsr
  mov [cs:0x3000], eax
  mov [cs:0x3004], edx
  inc ecx
  rdmsr
  mov [cs:0x3008], eax
  xor eax, eax
  mov ecx, 0x17a
  wrmsr
%endif
  inc byte [cs:0x300c]
  iret
nmi:
  in al, 0x61
  mov [cs:0x3000], al
  or al, 4
  out 0x61, al
  in al, 0x61
  mov [cs:0x3001], al
  inc byte [cs:0x300d]
  iret
`;

/** Runs it on a board with this processor; what was noted, and what the memory counted. */
function hammered(processor: string, gate = 0) {
  const board = boardSchema.parse({
    processor,
    controllers: [{ id: 'mc', channels: [['A1']], order: 'ChRaBaRoCo' }],
    slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m', ecc: true, rowThreshold: 50 }],
    memory: { disturbance: true, seed: 3 },
  });
  const machine = new Machine(board, { poolLimit: 64 * 1024 ** 2 });
  const { bytes, diagnostics } = assemble(
    { 'a.asm': (processor === 'p6' ? '%define P6\n' : '') + `GATE equ ${gate}\n` + PROGRAM },
    'a.asm',
  );
  expect(diagnostics).toEqual([]);
  machine.platform.writeBytes(0x7c00, bytes);
  machine.platform.writeBytes(0x1_4000, new Uint8Array(0x2000).fill(0xa5));
  const { state } = machine.processor;
  applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.length), realModeStart(0x7c00, 0x7c00, 0));
  machine.processor.stateReplaced();
  const { reason } = machine.run(100_000);
  const errors = machine.memory.dram!.errors(machine.memory.dram!.locator.modules[0]!);
  const noted = machine.chipset.peek(hostPhysical(0x3000), 16);
  return { reason, errors, noted, words: new Uint32Array(noted.buffer.slice(noted.byteOffset, noted.byteOffset + 12)) };
}

describe('errors of memory that ECC cannot correct', () => {
  it('are a machine check on a P6: read through channel 0, with the address of the word', () => {
    const { reason, errors, noted, words } = hammered('p6');
    expect(reason).toBe('halted');
    expect(errors.uncorrectable).toBe(1);
    expect(noted[0x0c]).toBe(1);
    expect(noted[0x0d]).toBe(0);
    expect(words[0]).toBe(0x90);
    // VAL UC EN ADDRV PCC; OVER when an error was corrected before
    expect((words[1]! & ~0x4000_0000) >>> 0).toBe(0xb600_0000);
    expect(words[2]! % 8).toBe(0);
    expect(words[2]! >>> 13).toBe(0x1_4000 >>> 13);
  });

  it.each(['pentium', '386'])('are an NMI on a board with a %s: bit 7 of port 0x61 until bit 2 clears it', (processor) => {
    const { reason, errors, noted } = hammered(processor);
    expect(reason).toBe('halted');
    expect(errors.uncorrectable).toBe(1);
    expect([noted[0]! & 0x84, noted[1]! & 0x84, noted[0x0d], noted[0x0c]]).toEqual([0x80, 0x04, 1, 0]);
  });

  it('are nobody’s business while the check is off', () => {
    const { errors, noted } = hammered('pentium', 4);
    expect(errors.uncorrectable).toBe(1);
    expect(noted.every((byte) => byte === 0)).toBe(true);
  });
});
