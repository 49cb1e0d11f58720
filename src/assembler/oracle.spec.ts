/**
 * NASM itself as the judge: the same source through both, byte for byte. Skipped, and said so, where nasm is not installed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { assemble } from './index';

const nasm = spawnSync('nasm', ['-v']).status === 0;
if (!nasm) console.warn('nasm is not installed: the assembler is not compared with it');

const folder = mkdtempSync(join(tmpdir(), 'assembler-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** NASM's bytes, or its complaint. */
function byNasm(source: string): Uint8Array | string {
  writeFileSync(join(folder, 'x.asm'), source);
  const run = spawnSync('nasm', ['-f', 'bin', '-o', 'x.bin', 'x.asm'], { cwd: folder, encoding: 'utf8' });
  return run.status === 0 ? new Uint8Array(readFileSync(join(folder, 'x.bin'))) : run.stderr;
}

/** The names that lab files give to programs; what is known only with the power on (a BAR, a frame) gets a number of its own. */
function definedBy(labFiles: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'defines')
        for (const [name, given] of Object.entries(value as object)) found[name] = typeof given === 'number' ? given : 0xfe00_0000;
      else visit(value);
    }
  };
  for (const file of labFiles) visit(parse(readFileSync(file, 'utf8')));
  return found;
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/(.{32})/g, '$1\n');

function same(source: string): void {
  const ours = assemble({ 'x.asm': source }, 'x.asm');
  const theirs = byNasm(source);
  if (typeof theirs === 'string') throw new Error(`nasm refuses: ${theirs}`);
  const errors = ours.diagnostics
    .filter((diagnostic) => diagnostic.severity === 'error')
    .map((diagnostic) => `${diagnostic.line}: ${diagnostic.message.en}`);
  expect(errors).toEqual([]);
  expect(hex(ours.bytes)).toBe(hex(theirs));
}

/** Each line on its own, so that a difference names the line; all in one run of nasm, told apart by labels. */
function sameLines(bits: 16 | 32, lines: string[]): void {
  const source = [`bits ${bits}`, 'org 0x1000', ...lines.map((line, index) => `l${index}: ${line}`), 'value: dd 0'].join('\n');
  const ours = assemble({ 'x.asm': source }, 'x.asm');
  const errors = ours.diagnostics
    .filter((diagnostic) => diagnostic.severity === 'error')
    .map((diagnostic) => `${lines[diagnostic.line - 3]}: ${diagnostic.message.en}`);
  expect(errors).toEqual([]);
  writeFileSync(join(folder, 'l.asm'), source);
  execFileSync('nasm', ['-f', 'bin', '-o', 'l.bin', '-l', 'l.lst', 'l.asm'], { cwd: folder });
  const list = readFileSync(join(folder, 'l.lst'), 'utf8').split('\n');
  const bytes = new Uint8Array(readFileSync(join(folder, 'l.bin')));
  if (hex(bytes) === hex(ours.bytes)) return;
  const starts = [...lines.map((_, index) => `l${index}: `), 'value: '].map((label) =>
    parseInt(list.find((text) => text.includes(label))!.slice(7, 15), 16),
  );
  const theirs = lines.map(
    (line, index) =>
      `${line}  →  ${Buffer.from(bytes.subarray(starts[index], starts[index + 1]))
        .toString('hex')
        .toUpperCase()}`,
  );
  const mine = lines.map((line, index) => {
    const entry = ours.lineMap.ofLine('x.asm', index + 3)[0]!;
    return `${line}  →  ${Buffer.from(ours.bytes.subarray(entry.address - 0x1000, entry.address - 0x1000 + entry.length))
      .toString('hex')
      .toUpperCase()}`;
  });
  expect(mine).toEqual(theirs);
  expect(hex(ours.bytes)).toBe(hex(bytes));
}

const R32 = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
const R16 = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const R8 = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'];
const ADDRESSES = [
  '[0x1234]', '[value]', '[value+4]', '[eax]', '[ebp]', '[esp]', '[eax+5]', '[eax-5]', '[eax+127]', '[eax+128]', '[eax-128]', '[eax-129]', '[esp+8]', '[ebp-4]',
  '[eax+ebx]', '[ebx+eax]', '[ebp+eax]', '[eax+ebp]', '[esp+eax]', '[eax+esp]', '[ebp+esi*4]', '[eax*2]', '[eax*4]', '[eax*8+3]', '[eax*3]', '[eax*5]', '[eax*9+1]', '[esi+edi*2+0x10]',
  '[edi*8+esi]', '[edi*1+esi]', '[value+ebx]', '[ebx+value]', '[value+ebx*4]', '[ebx*4+value+8]', '[eax+eax]', '[esp*1+eax]', '[es:ebx]', '[fs:0x10]', '[ss:ebp+8]', '[ds:esi]',
  '[dword eax+5]', '[byte eax+5]', '[dword 0x1234]', '[eax+0xFFFFFFFF]', '[eax+(3*4)]', '[nosplit eax*2]', '[ebp+ebp]', '[ebp*2]', '[esi-value+value]',
  '[bx]', '[bp]', '[si]', '[di]', '[bx+si]', '[bx+di]', '[bp+si]', '[bp+di]', '[si+bx+3]', '[bx+0x80]', '[bp+0x1234]', '[es:di]', '[word 0x1234]', '[bx+value]', '[di-1]',
]; // prettier-ignore

describe.skipIf(!nasm)('the assembler against NASM', () => {
  it('assembles the benchmark guests to the same bytes', () => {
    const guests = join(__dirname, '../../bench/guests');
    const files: Record<string, string> = {};
    for (const name of readdirSync(guests)) files[name] = readFileSync(join(guests, name), 'utf8');
    for (const name of ['alu', 'mem', 'fib', 'ptc', 'smc', 'boot', 'lm64']) {
      const ours = assemble(files, `${name}.asm`);
      expect(ours.diagnostics).toEqual([]);
      execFileSync('nasm', ['-f', 'bin', '-o', join(folder, 'guest.bin'), `${name}.asm`], { cwd: guests });
      expect(Buffer.compare(ours.bytes, readFileSync(join(folder, 'guest.bin')))).toBe(0);
    }
  });

  it('assembles the programs of the shipped labs to the same bytes', () => {
    const labs = join(__dirname, '../../resources/labs');
    const defines = definedBy(readdirSync(labs).filter((name) => name.endsWith('.lab.yaml')).map((name) => join(labs, name))); // prettier-ignore
    const names = readdirSync(labs).filter((name) => name.endsWith('.asm'));
    expect(names.length).toBeGreaterThanOrEqual(6);
    const files: Record<string, string> = {};
    for (const name of readdirSync(labs)) files[name] = readFileSync(join(labs, name), 'utf8');
    for (const name of names) {
      const ours = assemble(files, name, { defines });
      expect(ours.diagnostics).toEqual([]);
      const given = Object.entries(defines).map(([key, value]) => `-D${key}=${value}`);
      execFileSync('nasm', ['-f', 'bin', ...given, '-o', join(folder, 'lab.bin'), name], { cwd: labs });
      expect(Buffer.compare(ours.bytes, readFileSync(join(folder, 'lab.bin')))).toBe(0);
    }
  });

  for (const bits of [16, 32] as const) {
    describe(`bits ${bits}`, () => {
      it('addresses memory in every form', () => {
        sameLines(
          bits,
          ADDRESSES.flatMap((address) => [`mov ecx, ${address}`, `mov [${address.slice(1)}, bl`, `add word ${address}, 5`]),
        );
      });

      it('moves and computes', () => {
        const lines: string[] = [];
        for (const operation of ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp']) {
          lines.push(
            `${operation} eax, ebx`,
            `${operation} al, 5`,
            `${operation} ax, 5`,
            `${operation} eax, 5`,
            `${operation} eax, 0x12345678`,
            `${operation} ax, 0x1234`,
            `${operation} ecx, -1`,
          );
          lines.push(
            `${operation} cx, 0xFFFF`,
            `${operation} edx, 0xFFFFFFFF`,
            `${operation} edx, 128`,
            `${operation} byte [ebx], 200`,
            `${operation} dword [ebx], 200`,
            `${operation} [esi], edi`,
            `${operation} di, [si]`,
          );
          lines.push(
            `${operation} edx, value`,
            `${operation} edx, byte 5`,
            `${operation} edx, strict dword 5`,
            `${operation} dl, 0xFF`,
            `${operation} dl, -128`,
            `${operation} eax, strict dword 5`,
          );
        }
        sameLines(bits, lines);
      });

      it('knows the other integer instructions', () => {
        const lines = [
          'mov al, 5', 'mov ax, 5', 'mov eax, 5', 'mov byte [eax], 5', 'mov word [eax], 5', 'mov dword [eax], 5', 'mov [eax], dword 5', 'mov ax, ds', 'mov eax, ds', 'mov ds, ax', 'mov ds, eax',
          'mov [ebx], es', 'mov es, [ebx]', 'mov word [ebx], ds', 'mov eax, cr0', 'mov cr3, ecx', 'mov dr7, eax', 'mov eax, dr6', 'mov eax, [value]', 'mov [value], al', 'mov ax, [0x10]', 'mov eax, value', 'mov cx, value',
          'movzx eax, bl', 'movzx eax, bx', 'movzx ax, bl', 'movzx edx, byte [esi]', 'movsx edx, word [esi]', 'movsx cx, byte [value]', 'lea eax, [ebx+ecx*4+8]', 'lea ax, [bx+si]', 'lea esi, [value]',
          'xchg eax, ebx', 'xchg ebx, eax', 'xchg ebx, ecx', 'xchg bl, cl', 'xchg [eax], ecx', 'xchg ecx, [eax]', 'xchg ax, bx', 'test eax, ebx', 'test al, 1', 'test eax, 1', 'test bl, 1', 'test ecx, 0x80', 'test [eax], ecx', 'test ecx, [eax]', 'test byte [eax], 1',
          'inc eax', 'inc ax', 'inc al', 'inc byte [eax]', 'inc dword [eax]', 'dec esi', 'dec word [bx]', 'neg eax', 'not bl', 'mul ecx', 'mul byte [esi]', 'imul ecx', 'imul eax, ecx', 'imul eax, ecx, 5', 'imul eax, ecx, 1000', 'imul eax, 5', 'imul ax, bx, 500', 'imul eax, [value], 3', 'div ecx', 'idiv word [bx]',
          'shl eax, 1', 'shl eax, 5', 'shl eax, cl', 'shr byte [eax], 1', 'sar dx, 3', 'rol bl, cl', 'ror eax, 31', 'rcl eax, 1', 'rcr word [bx], cl', 'sal eax, 2', 'shld eax, ebx, 4', 'shrd eax, ebx, cl', 'shld [esi], bx, 3',
          'push eax', 'push ax', 'push 5', 'push 0x1234', 'push 300', 'push -1', 'push byte 5', 'push word 5', 'push dword 5', 'push dword 0x12345', 'push dword [eax]', 'push word [eax]', 'push cs', 'push ds', 'push es', 'push ss', 'push fs', 'push gs', 'push value',
          'pop eax', 'pop ax', 'pop dword [eax]', 'pop word [bx]', 'pop ds', 'pop es', 'pop ss', 'pop fs', 'pop gs', 'pusha', 'popa', 'pushad', 'popad', 'pushaw', 'popaw', 'pushf', 'popf', 'pushfd', 'popfd', 'pushfw',
          'cbw', 'cwde', 'cwd', 'cdq', 'cli', 'sti', 'cld', 'std', 'clc', 'stc', 'cmc', 'hlt', 'nop', 'lahf', 'sahf', 'salc', 'daa', 'das', 'aaa', 'aas', 'aam', 'aad', 'cpuid', 'rdtsc', 'rdmsr', 'wrmsr', 'wbinvd', 'invd', 'clts', 'ud2', 'int3', 'into', 'int 0x80', 'int 3', 'leave', 'enter 8, 0', 'enter 0x100, 3', 'pause',
          'ret', 'ret 8', 'retf', 'retf 4', 'retn', 'iret', 'iretd', 'iretw', 'in al, 0x60', 'in ax, 0x60', 'in eax, dx', 'in al, dx', 'in ax, dx', 'out 0xE9, al', 'out dx, al', 'out dx, ax', 'out dx, eax', 'out 0x80, eax',
          'movsb', 'movsw', 'movsd', 'rep movsb', 'rep movsd', 'rep stosd', 'rep stosb', 'repe cmpsb', 'repne scasb', 'lodsb', 'lodsd', 'stosw', 'scasd', 'insb', 'insw', 'outsb', 'outsd', 'cmpsd', 'xlatb', 'es lodsb', 'rep es movsb', 'fs lodsd', 'a32 lodsb', 'a16 stosb', 'o32 movsw', 'rep a32 movsd',
          'lgdt [value]', 'lidt [value]', 'sgdt [eax]', 'sidt [value]', 'o32 lgdt [value]', 'lgdt [cs:value]', 'lldt ax', 'lldt [value]', 'ltr bx', 'sldt ax', 'sldt eax', 'sldt [value]', 'str bx', 'lmsw ax', 'smsw ax', 'smsw [value]', 'invlpg [eax]', 'invlpg [value]',
          'lar eax, ebx', 'lar ax, bx', 'lsl eax, ecx', 'lsl ax, [value]', 'verr ax', 'verw [value]', 'arpl ax, bx', 'bound eax, [value]', 'lds esi, [value]', 'les di, [value]', 'lss esp, [value]', 'lfs ax, [value]', 'lgs ebx, [eax]',
          'bt eax, 5', 'bt [value], eax', 'bts dword [value], 3', 'btr eax, ecx', 'btc word [bx], 1', 'bsf eax, ebx', 'bsr cx, [value]', 'bswap edx', 'cmpxchg [eax], ecx', 'xadd [eax], bl', 'lock xadd [eax], ecx', 'lock inc dword [eax]', 'cmpxchg8b [eax]',
          'sete al', 'setz [value]', 'setc bl', 'setnge cl', 'setg byte [eax]', 'cmovz eax, ebx', 'cmovnc ax, [bx]',
          'fninit', 'fld dword [value]', 'fld qword [value]', 'fstp qword [eax]', 'fadd st0, st1', 'fild word [value]', 'fnstsw ax',
        ]; // prettier-ignore
        sameLines(bits, lines);
      });

      it('branches, near and far', () => {
        sameLines(bits, [
          'jmp l0', 'jmp l3', 'jmp short l0', 'jmp near l0', 'jmp l40', 'jz l0', 'jnz near l3', 'jc l40', 'call l0', 'call l40', 'loop l10', 'loope l10', 'loopnz l10', 'jcxz l10', 'jecxz l10', 'jmp 8:l3', 'jmp 0x10:0x1234', 'call 8:l3', 'jmp word 8:l3', 'jmp dword 8:l3', 'call dword 8:l3',
          'jmp eax', 'jmp ax', 'call ebx', 'call [eax]', 'call [value]', 'jmp [value]', 'jmp dword [value]', 'jmp word [value]', 'call far [value]', 'jmp far [eax]', 'jmp far dword [value]', 'call far word [value]', 'jmp $', 'jmp $+2', 'jmp $$', 'jc $', 'jmp word l0', 'jmp dword l0', 'times 200 nop', 'jmp l0', 'jz l0',
        ]); // prettier-ignore
      });
    });
  }

  it('agrees on random register and memory operands', () => {
    const register = fc.constantFrom(...R32.map((name, n) => [name, R16[n]!, R8[n]!] as const));
    const address = fc
      .tuple(
        fc.option(fc.constantFrom(...R32)),
        fc.option(fc.constantFrom(...R32.filter((name) => name !== 'esp'))),
        fc.constantFrom(1, 2, 4, 8),
        fc.integer({ min: -300, max: 300 }),
      )
      .map(([base, index, scale, displacement]) => {
        const parts = [base, index ? `${index}*${scale}` : null].filter((part) => part !== null);
        return parts.length === 0 ? `[${displacement + 1000}]` : `[${parts.join('+')}${displacement < 0 ? '' : '+'}${displacement}]`;
      });
    const line = fc
      .tuple(
        fc.constantFrom('mov', 'add', 'xor', 'cmp', 'test', 'xchg', 'sub'),
        register,
        register,
        address,
        fc.nat(2),
        fc.nat(3),
        fc.integer({ min: -40000, max: 40000 }),
      )
      .map(([operation, left, right, memory, width, shape, number]) => {
        const value = width === 2 ? number & 0x7f : width === 1 ? number % 32768 : number;
        if (shape === 0) return `${operation} ${left[width]}, ${right[width]}`;
        if (shape === 1) return `${operation} ${left[width]}, ${memory}`;
        if (shape === 2) return `${operation} ${memory}, ${left[width]}`;
        return operation === 'xchg' ? 'nop' : `${operation} ${['dword', 'word', 'byte'][width]} ${memory}, ${value}`;
      });
    fc.assert(
      fc.property(fc.array(line, { minLength: 60, maxLength: 80 }), fc.constantFrom(16 as const, 32 as const), (lines, bits) =>
        sameLines(bits, lines),
      ),
      { numRuns: 12 },
    );
  });

  it('evaluates expressions with the same precedence', () => {
    same(`bits 32
      org 0x7C00
      start:
      dd 1+2*3, (1+2)*3, 7-3-2, 2|1^3&6, 1<<4+1, 0xF0>>4, ~0, -5, !0, !7, 10/3, 10 % 3, -7//2, -7 %% 3
      dd 1==1, 1=2, 3<>4, 3<4, 4<=4, 5>6, 5>=6, 1&&0, 1||0, 1^^1
      dd 'abcd', "ab", 'a', 0b1010, 1010b, 777q, 0o17, 0ffh, $0ff, 0x1_000, 1_000, 0d19
      dd $, $$, $-$$, end-start, start+4, (end-start)/4, -(0x1BADB002+0x10000)
      dw 'abc', 'x', 1 ? 2 : 3
      db 'hello', 13, 10, 0, "it's", \`a\\n\\x41\\0\`
      dq 0x1122334455667788, -1, 1.5
      dd 1.5, -2.25, 1e3
      times 5 db $-$$
      times 3 jmp start
      times 4 dw 0x1234
      align 16
      db 1
      align 8, db 0
      five equ 5
      mov eax, five
      mov eax, forward
      add eax, forward
      add ecx, [ebx+forward]
      forward equ 6
      resb 3
      end:`);
  });

  it('expands macros the same way', () => {
    same(`%define A 5
      %define ADD(x, y) ((x) + (y))
      %assign i 0
      %macro emit 2
      %%loop: db %1
      db %2
      jmp %%loop
      %endmacro
      %macro many 1-*
      db %0
      %rep %0
      db %1
      %rotate 1
      %endrep
      %endmacro
      %macro named 1
      item%1: db %1
      item%{1}b: db 1
      %endmacro
      %macro opt 1-2 7
      db %1, %2
      %endmacro
      %macro text 1+
      db %1, 0
      %endmacro
      bits 32
      db A, ADD(A, 3), ADD(1, A)
      emit 1, 2
      emit 'a', 'b'
      many 1, 2, 3
      named 4
      dd item4
      opt 1
      opt 1, 2
      text 'a', 'b', 'c'
      %rep 4
      db i
      %assign i i+1
      %endrep
      %if A > 4 && i == 4
      db 'yes'
      %else
      db 'no'
      %endif
      %ifdef B
      db 1
      %elif A = 5
      db 2
      %endif
      %ifndef B
      %define B A
      %endif
      %undef A
      %define A 9
      db B
      %xdefine C A
      %undef A
      %define A 1
      db C
      %ifidn abc, abc
      db 3
      %endif
      .local: jmp .local
      other: jmp .local2
      .local2: dw other.local2 - other`);
  });

  it('sizes jumps the same way when they depend on each other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('jmp', 'jz', 'jnc', 'call', 'nop', 'times 20 db 0', 'times 50 db 0'), fc.nat(59)), {
          minLength: 60,
          maxLength: 60,
        }),
        (steps) => {
          same(
            ['bits 32', ...steps.map(([word, to], index) => `l${index}: ${/^(nop|times)/.test(word) ? word : `${word} l${to}`}`)].join(
              '\n',
            ),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('lays out sections and structures', () => {
    same(`org 0x100
      section .data
      x: dd y, buffer, z
      section .text
      bits 16
      mov ax, [x]
      mov bx, buffer
      mov cx, pair.second
      mov dx, pair_size
      section .bss
      buffer: resb 64
      z: resd 1
      section .text
      y: nop
      section .rodata align=16
      db 'const'
      struc pair
      .first: resd 1
      .second: resw 2
      endstruc
      section .moved vstart=0x5000
      here: dd here, $, $$`);
  });
});
