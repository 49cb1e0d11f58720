/**
 * Programs that live on ports: whichever tier executes, the state is the same at every instruction count, and so is what devices
 * and the log saw. A port access ends a slice only when something asks for it, and then exactly behind its instruction.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { assemble } from '../assembler';
import { boardSchema, type Board } from './board/schema';
import type { Engine } from './cpu/engine';
import { boot } from './firmware/boot';
import { applyProcessorStart } from './firmware/processor-start';
import { Machine } from './machine';
import { random } from './random.spec-support';

const LOAD = 0x20_0000;
const board = (more: Partial<Board> = {}): Board =>
  boardSchema.parse({ processor: 'p6-virtualization', assignment: 'fixed', slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }], devices: [], ...more }); // prettier-ignore

function machineWith(source: string, engine: Engine, drawn = board()): Machine {
  const { bytes, diagnostics } = assemble({ 'a.asm': `bits 32\norg ${LOAD}\n${source}` }, 'a.asm');
  expect(diagnostics).toEqual([]);
  const machine = new Machine(drawn, { engine, poolLimit: 2 ** 28 });
  const { start } = boot(machine.platform, { file: 'a.asm', bytes, format: 'flat', mode: 'protected', load: LOAD });
  const { state } = machine.processor;
  applyProcessorStart(new DataView(state.u8.buffer, state.u8.byteOffset, state.u8.byteLength), start!);
  machine.processor.stateReplaced();
  return machine;
}

/** What there is to see of a machine. */
function seen(machine: Machine): string {
  const hash = createHash('sha256');
  for (const chunk of machine.stateChunks()) hash.update(Uint8Array.from(chunk));
  return `${machine.instructions} ${machine.ticks} ${hash.digest('hex')} ${JSON.stringify(machine.log.newest(300))}`;
}

/** The stack, own tables, and gates from pairs of a vector and its handler between `table` and `table.end`. */
const BEGIN = `
  mov esp, 0x80000
  lgdt [gdtr]
  lidt [idtr]
  mov edi, table
gates: mov ebx, [edi]
  mov eax, [edi + 4]
  mov [idt + ebx * 8], ax
  mov word [idt + ebx * 8 + 2], 8
  mov word [idt + ebx * 8 + 4], 0xee00
  shr eax, 16
  mov [idt + ebx * 8 + 6], ax
  add edi, 8
  cmp edi, table.end
  jb gates
`;

/**
 * In ring 3 behind an I/O bitmap, under the timer: polls, prints, is refused one port, moves strings, and reads the time-stamp
 * counter, which is refused between every other pair of timer interrupts.
 */
const POLLING = `${BEGIN}  mov eax, tss
  mov [gdt + 0x28 + 2], ax
  shr eax, 16
  mov [gdt + 0x28 + 4], al
  mov [gdt + 0x28 + 7], ah
  mov ax, 0x28
  ltr ax
  mov al, 0x11
  out 0x20, al
  mov al, 0x20
  out 0x21, al
  mov al, 4
  out 0x21, al
  mov al, 1
  out 0x21, al
  mov al, 0x34
  out 0x43, al
  mov al, 4
  out 0x40, al
  mov al, 0
  out 0x40, al
  mov al, 0xee
  out 0x21, al
  mov edx, 0x3fc
  mov al, 8
  out dx, al
  mov eax, 0x23
  mov ds, ax
  mov es, ax
  push dword 0x23
  push dword 0x70000
  push dword 0x202
  push dword 0x1b
  push dword user
  iret
timer: push eax
  inc dword [0x300000]
  mov eax, cr4
  xor eax, 4
  mov cr4, eax
  mov al, 0x20
  out 0x20, al
  pop eax
  iret
serial: push eax
  push edx
  inc dword [0x300014]
  mov edx, 0x3fa
  in al, dx
  mov al, 0x20
  out 0x20, al
  pop edx
  pop eax
  iret
refused: add esp, 4
  inc dword [0x300004]
  add dword [esp], 2
  iret
user: mov ecx, 100000
.next: mov al, 0
  out 0x43, al
  in al, 0x40
  mov ah, al
  in al, 0x40
  add [0x300008], eax
  mov edx, 0x3fd
.wait: in al, dx
  test al, 0x20
  jz .wait
  mov dl, 0xf8
  mov al, cl
  out dx, al
  inc edx
  mov al, 2
  out dx, al
  mov al, 0
  out dx, al
  out 0x80, al
  in ax, 0xe8
  xor [0x30000c], eax
  add ebx, esi
  rdtsc
  add [0x300020], eax
  adc [0x300024], edx
  push ecx
  mov edi, 0x300ffe
  mov ecx, 3
  mov edx, 0xe9
  rep insb
  mov esi, 0x300ffd
  mov ecx, 4
  rep outsb
  mov edi, 0x300010
  mov edx, 0xe8
  insd
  pop ecx
  dec ecx
  jnz .next
  jmp user
table: dd 0x20, timer, 0x24, serial, 13, refused
.end:
gdtr: dw 0x2f
  dd gdt
idtr: dw 0x127
  dd idt
align 8
gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x0000890000002068
tss: dd 0, 0x80000, 0x10
  times 88 db 0
  dw 0, 104
  times 16 db 0
  db 1
  times 0x1ff3 db 0
align 8
idt: times 0x25 dq 0
`;

/** Under the local APIC's timer: reads its count, interrupts itself, writes to the screen. */
const REGISTERS = `${BEGIN}
  mov dword [0xfee000f0], 0x1ff
  mov dword [0xfee00320], 0x20030
  mov dword [0xfee003e0], 0
  mov dword [0xfee00380], 700
  sti
next: mov eax, [0xfee00390]
  add [0x300008], eax
  mov dword [0xfee00300], 0x40031
  mov eax, [0xfee00020]
  xor [0x30000c], eax
  mov edi, 0xb8000
  mov ecx, 4
  mov eax, [0x300000]
  rep stosw
  mov eax, [0xb8006]
  add [0x300010], eax
  jmp next
timer: inc dword [0x300000]
  mov dword [0xfee000b0], 0
  iret
sent: inc dword [0x300004]
  mov dword [0xfee000b0], 0
  iret
table: dd 0x30, timer, 0x31, sent
.end:
gdtr: dw 0x17
  dd gdt
idtr: dw 0x18f
  dd idt
align 8
gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
idt: times 0x32 dq 0
`;

// programs this short are never hot, so `auto` would add little
const TIERS = ['interpreter', 'threaded', 'compiled'] as const;

describe('ports', () => {
  const counts = (): (() => number) => {
    const next = random(20_261_122);
    return () => 1 + (next() % 9000);
  };
  const courseOf = (source: string, engine: Engine, drawn?: Board): { course: string[]; machine: Machine } => {
    const machine = machineWith(source, engine, drawn);
    // no more than this is run
    machine.processor.interpreter.blocks.hotAfter = Math.min(machine.processor.interpreter.blocks.hotAfter, 8);
    const next = counts();
    const course = Array.from({ length: 9 }, () => `${machine.run(next()).reason} ${seen(machine)}`);
    return { course, machine };
  };
  let interpreted: ReturnType<typeof courseOf> | undefined;

  it.each(['threaded', 'compiled'] as const)('are the same to the last tick, %s', (engine) => {
    interpreted ??= courseOf(POLLING, 'interpreter');
    const { course, machine } = courseOf(POLLING, engine);
    expect(course).toEqual(interpreted.course);
    expect(machine.processor.deliveredByVector.get(13)).toBeGreaterThan(100);
    expect(machine.processor.deliveredByVector.get(0x20)).toBeGreaterThan(5);
    expect(machine.processor.deliveredByVector.get(0x24)).toBeGreaterThan(100);
    expect(machine.chipset.counters.ports).toBeGreaterThan(1000);
  });

  it.each(['threaded', 'compiled'] as const)('registers in memory are, too, %s', (engine) => {
    const drawn = board({ apic: { present: true }, devices: [{ id: 'vga0', kind: 'vga-memory' }] as Board['devices'] });
    const { course, machine } = courseOf(REGISTERS, engine, drawn);
    expect(course).toEqual(courseOf(REGISTERS, 'interpreter', drawn).course);
    for (const vector of [0x30, 0x31]) expect(machine.processor.deliveredByVector.get(vector)).toBeGreaterThan(10);
    expect(machine.chipset.counters.registers).toBeGreaterThan(1000);
  });

  it.each(TIERS)('end the run behind the write that asks for it, %s', (engine) => {
    const source = `mov ecx, 600\nagain: mov edx, 0xe9\ncmp ecx, 100\njne print\nmov edx, 0xf4\nprint: out dx, al\ninc ebx\nloop again\nhlt`;
    const machine = machineWith(source, engine);
    expect(machine.run(1_000_000)).toEqual({ reason: 'exit-port', executed: 1 + 500 * 6 + 5 });
    expect(machine.processor.state.reg32(3)).toBe(500);
    expect(machine.debugPort.output).toHaveLength(500);
  });

  it.each(TIERS)('close the gate of A20 behind the write, %s', (engine) => {
    const source = `mov dword [0x400000], 1\nmov dword [0x500000], 2\nmov ecx, 500\nagain: mov al, 0\nout 0x92, al\nadd ebx, [0x500000]
      mov al, 2\nout 0x92, al\nadd esi, [0x500000]\nloop again\nhlt`;
    const { state } = runOf(source, engine).processor;
    expect([state.reg32(3), state.reg32(6)]).toEqual([500, 1000]);
  });

  it.each(TIERS)('move a window of registers over memory behind the write, %s', (engine) => {
    const drawn = board({ devices: [{ id: 'edu0', kind: 'edu', at: '00:04.0' }] as Board['devices'] });
    const source = `mov dword [0x1000000], 3\nmov edx, 0xcf8\nmov eax, 0x80002010\nout dx, eax\nmov edx, 0xcfc\nmov ecx, 300
      again: mov eax, 0x1000000\nout dx, eax\nadd ebx, [0x1000000]\nmov eax, 0xf8000000\nout dx, eax\nadd esi, [0x1000000]\nloop again\nhlt`;
    const { state } = runOf(source, engine, drawn).processor;
    expect(state.reg32(6)).toBe(900);
    expect(state.reg32(3)).toBe(Math.imul(0x0100_00ed, 300) >>> 0);
  });

  function runOf(source: string, engine: Engine, drawn?: Board): Machine {
    const machine = machineWith(source, engine, drawn);
    expect(machine.run(10_000_000).reason).toBe('halted');
    return machine;
  }
});
