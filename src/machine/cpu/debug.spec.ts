/** Breakpoints, single step, RF, alignment checks and NMI, as programs meet them. */
import { describe, expect, it } from 'vitest';
import type { Engine } from './engine';
import { dword } from './small-programs.spec-support';
import { assembleInto, makeBench, realMode, type Bench } from './test-bench.spec-support';

const LOG = 0x5000;
const DR6_BITS = 0xe00f;

/**
 * A 32-bit program with flat segments and an IDT, whose handlers of #DB, NMI and #AC append {vector, EIP in the frame, DR6, EFLAGS
 * in the frame} to a log, set RF in the frame of a fault on code (EBP ≠ 0) and return.
 */
function run(body: string, limit = 2000, engine: Engine = 'auto'): Bench & { symbols: Record<string, number> } {
  const bench = makeBench(4, engine);
  const handler = (vector: number, hasCode: boolean): string => `h${vector}:
    ${hasCode ? 'mov [code], eax\npop eax\nxchg [code], eax' : ''}
    push eax
    push ebx
    mov ebx, [next]
    mov dword [ebx], ${vector}
    mov eax, [esp + 8]
    mov [ebx + 4], eax
    mov eax, dr6
    mov [ebx + 8], eax
    mov eax, [esp + 16]
    mov [ebx + 12], eax
    add dword [next], 16
    mov eax, 0
    mov dr6, eax
    test ebp, ebp
    jz .out
    or dword [esp + 16], 0x10000
  .out:
    ${vector === 17 ? 'and dword [esp + 16], ~0x40000' : ''}
    pop ebx
    pop eax
    iret`;
  const symbols = assembleInto(
    bench,
    `bits 16
org 0x1000
  cli
  lgdt [gdtr]
  lidt [idtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword 8:start
gdtr: dw 55
  dd gdt
idtr: dw 0x7ff
  dd 0x4000
align 8
gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
  dw 103, tss, 0x8900, 0
  dw 103, task, 0x8900, 0
tss: dd 0, 0x3f00, 16
  times 22 dd 0
  dd 0x680000
task: times 7 dd 0
  dd 0, inside, 2
  times 4 dd 0
  dd 0x3000, 0, 0, 0
  dd 16, 8, 16, 16, 16, 16, 0
trap: dd 0x680001
bits 32
%macro gate 1
  mov eax, h%1
  mov [0x4000 + %1 * 8], ax
  mov word [0x4002 + %1 * 8], 8
  mov word [0x4004 + %1 * 8], 0x8e00
  shr eax, 16
  mov [0x4006 + %1 * 8], ax
%endmacro
start: mov ax, 16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, 0x3000
  gate 1
  gate 2
  gate 17
  gate 48
  mov word [0x4000 + 0x30 * 8 + 4], 0xee00
  xor eax, eax
  xor ebp, ebp
  mov ax, 0x28
  ltr ax
  mov dword [next], ${LOG}
  ${body}
  hlt
inside: nop
  hlt
next: dd 0
code: dd 0
h48: nop
  iret
${handler(1, false)}
${handler(2, false)}
${handler(17, true)}
align 16
data: times 16 dd 0
`,
  );
  realMode(bench, 0x1000);
  for (let left = limit; left > 0;) {
    const { reason, executed } = bench.processor.run(left);
    left -= executed;
    if (reason !== 'budget') break;
  }
  return { ...bench, symbols };
}

interface Entry {
  vector: number;
  eip: number;
  dr6: number;
  resume: boolean;
}
function log(bench: Bench): Entry[] {
  const list: Entry[] = [];
  for (let at = LOG; dword(bench, at) !== 0; at += 16) {
    const flags = dword(bench, at + 12);
    list.push({
      vector: dword(bench, at),
      eip: dword(bench, at + 4),
      dr6: dword(bench, at + 8) & DR6_BITS,
      resume: (flags & 0x1_0000) !== 0,
    });
  }
  return list;
}

describe('breakpoints', () => {
  it('on code come before the instruction, as a fault, and RF lets it through', () => {
    const bench = run('mov eax, target\nmov dr0, eax\nmov eax, 1\nmov dr7, eax\nmov ebp, 1\nxor ecx, ecx\ntarget: inc ecx\ninc ecx');
    expect(log(bench)).toEqual([{ vector: 1, eip: bench.symbols.target, dr6: 1, resume: false }]);
    expect(bench.processor.state.reg32(1)).toBe(2);
  });

  it('on a repeated string instruction comes once', () => {
    const bench = run(`mov eax, target\nmov dr2, eax\nmov eax, 0x20\nmov dr7, eax\nmov ebp, 1
      mov edi, data\nmov ecx, 5\ntarget: rep stosb\nnop`);
    expect(log(bench)).toEqual([{ vector: 1, eip: bench.symbols.target, dr6: 4, resume: false }]);
    expect(bench.processor.state.reg32(1)).toBe(0);
  });

  it('on data come after the instruction: writes, or any access, of the bytes they cover', () => {
    const bench = run(`mov eax, data + 4\nmov dr1, eax\nmov eax, data + 8\nmov dr3, eax
      mov eax, 0x70d00088 ; DR1: 4 bytes, writes; DR3: 2 bytes, any
      mov dr7, eax
      mov eax, [data + 4]\nmov [data], eax\nmov [data + 1], eax
      a1: mov eax, [data + 8]\na2: mov eax, [data + 10]\nmov byte [data + 7], 1\na3: push dword [data + 6]\na4: pop eax`);
    const { a1, a2, a3 } = bench.symbols;
    expect(log(bench).map(({ eip, dr6 }) => [eip, dr6])).toEqual([
      [a1, 2],
      [a2, 8],
      [a3, 2],
      [bench.symbols.a4, 8],
    ]);
  });

  it('on a port need CR4.DE', () => {
    const source = (de: number): string => `mov eax, ${de}\nmov cr4, eax\nmov eax, 0x80\nmov dr0, eax\nmov eax, 0x00020001\nmov dr7, eax
      out 0x80, al\nafter: in al, 0x81`;
    expect(log(run(source(0)))).toEqual([]);
    const bench = run(source(8));
    expect(log(bench).map(({ eip, dr6 }) => [eip, dr6])).toEqual([[bench.symbols.after, 1]]);
  });

  it('a hit of MOV SS waits for the instruction behind it, and an instruction that faults has hit nothing', () => {
    const bench = run(`mov word [data], 16\nmov eax, data\nmov dr0, eax\nmov eax, 0x00030001\nmov dr7, eax
      mov ss, [data]\nnop\nafter: nop`);
    expect(log(bench).map(({ eip, dr6 }) => [eip, dr6])).toEqual([[bench.symbols.after, 1]]);
  });

  it('local ones end with their task, and the T bit of a TSS is a trap before its first instruction', () => {
    const bench = run('mov eax, data\nmov dr0, eax\nmov eax, 0x00010003\nmov dr7, eax\njmp 0x30:0');
    expect(log(bench).map(({ eip, dr6 }) => [eip, dr6])).toEqual([[bench.symbols.inside, 0x8000]]);
    expect(bench.processor.state.dr(7) & 0xff).toBe(2);
  });

  it('general detect refuses the registers once', () => {
    const bench = run('mov eax, 0x2000\nmov dr7, eax\nat: mov ecx, dr7\nnop');
    expect(log(bench)[0]).toMatchObject({ vector: 1, eip: bench.symbols.at, dr6: 0x2000 });
    expect(bench.processor.state.reg32(1) & 0x2000).toBe(0);
  });
});

describe.each(['interpreter', 'compiled'] as const)('in code that is hot, %s', (engine) => {
  const hot = (arm: string): string => `mov ebx, 2
    again: mov ecx, 900
    spin: inc dword [data + 4]
    target: mov eax, [data + 8]
    loop spin
    dec ebx
    jz over
    ${arm}
    mov ecx, 4
    jmp spin
    over:`;

  it('breakpoints on data are hit from the moment they are set', () => {
    const bench = run(hot('mov eax, data + 4\nmov dr0, eax\nmov eax, 0x00010001\nmov dr7, eax'), 20_000, engine);
    expect(log(bench).map(({ eip, dr6 }) => [eip, dr6])).toEqual(new Array(4).fill([bench.symbols.target, 1]));
    expect(dword(bench, bench.symbols.data! + 4)).toBe(904);
  });

  it('and so are those on code', () => {
    const bench = run(hot('mov eax, target\nmov dr1, eax\nmov eax, 4\nmov dr7, eax\nmov ebp, 1'), 20_000, engine);
    expect(log(bench).map(({ eip, dr6 }) => [eip, dr6])).toEqual(new Array(4).fill([bench.symbols.target, 2]));
  });

  it('a single step goes through it one instruction at a time', () => {
    const bench = run(hot('pushfd\nor dword [esp], 0x100\npopfd'), 20_000, engine);
    // MOV ECX, JMP, four times round the loop, DEC and JZ
    expect(log(bench).findIndex(({ eip }) => eip === bench.symbols.over)).toBe(2 + 4 * 3 + 2 - 1);
  });
});

describe('single step', () => {
  it('traps after each instruction, not after MOV SS, and INT n swallows it', () => {
    const bench = run(`mov cx, ss\npushfd\nor dword [esp], 0x100\npopfd\nnop\ns1: mov ss, cx\nnop\ns2: int 0x30\ns3: nop\ns4: pushfd
      s5: and dword [esp], ~0x100\ns6: popfd\ns7: nop`);
    const { s1, s2, s4, s5, s6, s7 } = bench.symbols;
    expect(log(bench).map(({ eip, dr6 }) => [eip, dr6])).toEqual([s1, s2, s4, s5, s6, s7].map((eip) => [eip, 0x4000]));
  });
});

describe('alignment checks', () => {
  const ring3 = (cr0: number, body: string): string => `mov eax, cr0\nor eax, ${cr0}\nmov cr0, eax
    push dword 0x23\npush dword 0x2800\npush dword 0x40002\npush dword 0x1b\npush dword user\niret
    user: mov ax, 0x23\nmov ds, ax\nmov es, ax\n${body}\nint 0x30\nspin: jmp spin`;

  it('need CR0.AM, EFLAGS.AC and CPL 3', () => {
    const body = 'mov eax, [data + 4]\nmov ax, [data + 2]\nat: mov eax, [data + 2]\nmov [data + 1], ax';
    const bench = run(ring3(0x4_0000, body));
    expect(log(bench).map(({ vector, eip }) => [vector, eip])).toEqual([[17, bench.symbols.at]]);
    expect(log(run(ring3(0, body)))).toEqual([]);
    expect(log(run(`mov eax, cr0\nor eax, 0x40000\nmov cr0, eax\npush dword 0x40002\npopfd\nmov eax, [data + 1]`))).toEqual([]);
  });

  it('also of a page that was in use before AC was set', () => {
    const bench = run(
      ring3(
        0x4_0000,
        'pushfd\nand dword [esp], ~0x40000\npopfd\nmov eax, [data + 1]\npushfd\nor dword [esp], 0x40000\npopfd\nat: mov eax, [data + 1]',
      ),
    );
    expect(log(bench).map(({ vector, eip }) => [vector, eip])).toEqual([[17, bench.symbols.at]]);
  });
});

describe('NMI', () => {
  it('comes through IF, not while another is handled, not behind MOV SS', () => {
    const bench = run('spin: inc ecx\nmov ax, 16\nmov ss, ax\nnop\njmp spin', 200);
    const { processor } = bench;
    while (processor.state.interruptShadow !== 0) processor.run(1);
    processor.signalNmi();
    processor.run(1);
    expect(processor.deliveredByVector.get(2)).toBe(1);
    processor.signalNmi();
    processor.run(5);
    expect(processor.deliveredByVector.get(2)).toBe(1);
    processor.run(100);
    expect(processor.deliveredByVector.get(2)).toBe(2);
    for (let guard = 0; processor.state.interruptShadow === 0 && guard < 100; guard++) processor.run(1);
    expect(processor.state.interruptShadow).toBe(2);
    processor.signalNmi();
    processor.run(1);
    expect(processor.deliveredByVector.get(2)).toBe(2);
    processor.run(1);
    expect(processor.deliveredByVector.get(2)).toBe(3);
  });

  it('wakes HLT', () => {
    const bench = run('nop');
    expect(bench.processor.run(10).reason).toBe('halted');
    bench.processor.signalNmi();
    bench.processor.run(3);
    expect(bench.processor.deliveredByVector.get(2)).toBe(1);
  });
});
