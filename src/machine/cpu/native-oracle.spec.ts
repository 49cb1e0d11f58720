/**
 * Random integer instructions against the processor this runs on: the same bytes, registers, flags and memory, executed by a
 * small 32-bit program. Flags that the manual leaves undefined are masked. Needs nasm and a kernel that runs 32-bit x86
 * programs; elsewhere the test is skipped with the reason.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { flatProtected, makeBench } from './test-bench.spec-support';
import { random } from '../random.spec-support';

const MEMORY = 0x20_0000;
const STACK = 0x28_0000;
const CODE = 0x30_0000;
const CASES = 12_000;
const [CF, PF, AF, ZF, SF, OF] = [1, 4, 16, 64, 128, 2048];
const ALL = CF | PF | AF | ZF | SF | OF;
const CASE_BYTES = 32 + 16 + 32;
const RESULT_BYTES = 32 + 16;
/** Instructions a case may take: REP, and a branch over one instruction. */
const MOST_STEPS = 64;

/** Runs every case in the file `cases` and writes registers (EAX ECX EDX EBX EBP ESI EDI EFLAGS) and memory of each to stdout. */
const DRIVER = `
bits 32
org 0x100000
ehdr: db 0x7f,'ELF',1,1,1,0, 0,0,0,0,0,0,0,0
 dw 2,3
 dd 1, start, phdr-ehdr, 0, 0
 dw 52,32,1,0,0,0
phdr: dd 1, 0, 0x100000, 0x100000, end-ehdr, 0x300000, 7, 4096
start: mov dword [cur], cases
next: mov esp, ${STACK}
 mov eax,[cur]
 cmp eax, casesend
 jae done
 lea esi,[eax+32]
 mov edi, ${MEMORY}
 mov ecx,4
 rep movsd
 lea esi,[eax+48]
 mov [target],esi
 push dword [eax+28]
 popfd
 mov ecx,[eax+4]
 mov edx,[eax+8]
 mov ebx,[eax+12]
 mov ebp,[eax+16]
 mov esi,[eax+20]
 mov edi,[eax+24]
 mov eax,[eax]
 jmp [target]
back: mov [out],eax
 mov [out+4],ecx
 mov [out+8],edx
 mov [out+12],ebx
 mov [out+16],ebp
 mov [out+20],esi
 mov [out+24],edi
 mov esp, ${STACK}
 pushfd
 pop dword [out+28]
 cld
 mov esi, ${MEMORY}
 mov edi, out+32
 mov ecx,4
 rep movsd
 mov eax,4
 mov ebx,1
 mov ecx,out
 mov edx,${RESULT_BYTES}
 int 0x80
 add dword [cur], ${CASE_BYTES}
 jmp next
done: mov eax,1
 xor ebx,ebx
 int 0x80
backptr: dd back
cur: dd 0
target: dd 0
out: times ${RESULT_BYTES} db 0
 align 16
cases: incbin "cases"
casesend:
end:
`;

interface Case {
  code: number[];
  registers: number[];
  flags: number;
  memory: number[];
  /** flags that are compared */
  defined: number;
}

const dword = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];

class Generator {
  constructor(private readonly next: () => number) {}
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** Values near the edges as often as any. */
  value(): number {
    const edges = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    return this.next() < 0.4 ? this.pick(edges) : this.below(2 ** 32);
  }
  register(): number {
    return this.pick([0, 1, 2, 3, 5, 6, 7]);
  }
  /** ModRM for an operand that is a register (any but ESP) or the scratch memory. */
  modrm(reg: number, byte: boolean, memoryToo = true): number[] {
    if (memoryToo && this.next() < 0.4) return [(reg << 3) | 5, ...dword(MEMORY + this.below(8))];
    return [0xc0 | (reg << 3) | (byte ? this.below(8) : this.register())];
  }
  reg(byte: boolean): number {
    return byte ? this.below(8) : this.register();
  }
  immediate(bytes: number): number[] {
    return dword(this.value()).slice(0, bytes);
  }
}

interface Made {
  code: number[];
  defined: number;
  /** by number, for instructions that need pointers, counts or a dividend */
  registers?: Readonly<Record<number, number>>;
  /** changes the scratch memory, given what the registers will be */
  prepare?: (memory: number[], registers: number[]) => void;
}
type Template = (g: Generator, wide: 2 | 4) => Made;
/** Position of a register among the seven that a case has. */
const POSITION: Readonly<Record<number, number>> = { 0: 0, 1: 1, 2: 2, 3: 3, 5: 4, 6: 5, 7: 6 };

const byteOrWide = (make: (g: Generator, w: 0 | 1, bytes: 1 | 2 | 4) => number[], defined: number): Template => {
  return (g, wide) => {
    const w = g.pick([0, 1] as const);
    return { code: make(g, w, w ? wide : 1), defined };
  };
};
const arithmeticFlags = (operation: number): number => (operation === 1 || operation === 4 || operation === 6 ? ALL & ~AF : ALL);

const TEMPLATES: Readonly<Record<string, Template>> = {
  arithmetic: (g) => {
    const operation = g.below(8);
    const form = g.below(4);
    return { code: [operation * 8 + form, ...g.modrm(g.reg((form & 1) === 0), (form & 1) === 0)], defined: arithmeticFlags(operation) };
  },
  'arithmetic, accumulator': (g, wide) => {
    const operation = g.below(8);
    const w = g.below(2);
    return { code: [operation * 8 + 4 + w, ...g.immediate(w ? wide : 1)], defined: arithmeticFlags(operation) };
  },
  'arithmetic, immediate': (g, wide) => {
    const operation = g.below(8);
    const form = g.below(4);
    const byte = form === 0 || form === 2;
    return { code: [0x80 + form, ...g.modrm(operation, byte), ...g.immediate(form === 1 ? wide : 1)], defined: arithmeticFlags(operation) };
  },
  test: byteOrWide((g, w, bytes) => [0xf6 + w, ...g.modrm(0, !w), ...g.immediate(bytes)], ALL & ~AF),
  'not, neg': byteOrWide((g, w) => [0xf6 + w, ...g.modrm(2 + g.below(2), !w)], ALL),
  'mul, imul': byteOrWide((g, w) => [0xf6 + w, ...g.modrm(4 + g.below(2), !w)], CF | OF),
  'imul into': (g, wide) => {
    const form = g.below(3);
    const reg = g.register();
    if (form === 0) return { code: [0x0f, 0xaf, ...g.modrm(reg, false)], defined: CF | OF };
    return { code: [form === 1 ? 0x69 : 0x6b, ...g.modrm(reg, false), ...g.immediate(form === 1 ? wide : 1)], defined: CF | OF };
  },
  'inc, dec': byteOrWide((g, w) => [0xfe + w, ...g.modrm(g.below(2), !w)], ALL),
  'inc, dec register': (g) => ({ code: [g.pick([0x40, 0x48]) + g.register()], defined: ALL }),
  'shift by one': byteOrWide((g, w) => [0xd0 + w, ...g.modrm(g.below(8), !w)], ALL & ~AF),
  'shift by immediate': byteOrWide((g, w) => [0xc0 + w, ...g.modrm(g.below(8), !w), g.below(256)], 0),
  'shift by CL': byteOrWide((g, w) => [0xd2 + w, ...g.modrm(g.below(8), !w)], 0),
  'double shift': (g) => ({ code: [0x0f, g.pick([0xa4, 0xac]), ...g.modrm(g.register(), false), g.below(16)], defined: CF | SF | ZF | PF }),
  'bit test register': (g) => ({
    code: [0x0f, g.pick([0xa3, 0xab, 0xb3, 0xbb]), 0xc0 | (g.register() << 3) | g.register()],
    defined: CF | ZF,
  }),
  'bit test immediate': (g) => ({ code: [0x0f, 0xba, ...g.modrm(4 + g.below(4), false), g.below(256)], defined: CF | ZF }),
  'movzx, movsx': (g) => {
    const byte = g.below(2) === 0;
    return { code: [0x0f, g.pick([0xb6, 0xbe]) + (byte ? 0 : 1), ...g.modrm(g.register(), byte)], defined: ALL };
  },
  setcc: (g) => ({ code: [0x0f, 0x90 + g.below(16), ...g.modrm(0, true)], defined: ALL }),
  cmov: (g) => ({ code: [0x0f, 0x40 + g.below(16), ...g.modrm(g.register(), false)], defined: ALL }),
  xchg: byteOrWide((g, w) => [0x86 + w, ...g.modrm(g.reg(!w), !w)], ALL),
  xadd: byteOrWide((g, w) => [0x0f, 0xc0 + w, ...g.modrm(g.reg(!w), !w)], ALL),
  cmpxchg: byteOrWide((g, w) => [0x0f, 0xb0 + w, ...g.modrm(g.reg(!w), !w)], ALL),
  accumulator: (g) => ({ code: [g.pick([0x98, 0x99, 0x9e, 0x9f, 0xf5, 0xf8, 0xf9])], defined: ALL }),
  'daa, das': (g) => ({ code: [g.pick([0x27, 0x2f])], defined: ALL & ~OF }),
  'aaa, aas': (g) => ({ code: [g.pick([0x37, 0x3f])], defined: CF | AF }),
  'aam, aad': (g) => ({ code: [g.pick([0xd4, 0xd5]), 1 + g.below(255)], defined: SF | ZF | PF }),
  mov: byteOrWide((g, w) => [g.pick([0x88, 0x8a]) + w, ...g.modrm(g.reg(!w), !w)], ALL),
  'mov immediate': byteOrWide((g, w, bytes) => [0xc6 + w, ...g.modrm(0, !w), ...g.immediate(bytes)], ALL),
  'div, idiv': (g, wide) => {
    const w = g.below(2);
    const size = w ? wide : 1;
    const signed = g.below(2);
    // a dividend of half the width and a divisor that is neither 0 nor -1 cannot overflow
    const divisor = 2 + g.below(100);
    const eax = g.value();
    const low = size === 1 ? eax & 0xff : size === 2 ? eax & 0xffff : eax;
    const negative = signed === 1 && (size === 1 ? low & 0x80 : size === 2 ? low & 0x8000 : low >>> 31) !== 0;
    const high = negative ? 0xffff_ffff : 0;
    const registers: Record<number, number> =
      size === 1 ? { 0: ((eax & ~0xffff) | ((high & 0xff) << 8) | low) >>> 0, 3: divisor } : { 0: eax, 2: high, 3: divisor };
    return { code: [0xf6 + w, 0xc0 | ((6 + signed) << 3) | 3], defined: 0, registers };
  },
  strings: (g) => {
    const opcode = g.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]);
    const prefix = g.pick([[], [0xf2], [0xf3]]);
    const registers = { 1: g.below(3), 6: MEMORY + g.below(4), 7: MEMORY + 4 + g.below(4) };
    return { code: [...prefix, opcode], defined: ALL, registers };
  },
  xlat: (g) => ({ code: [0xd7], defined: ALL, registers: { 0: g.below(2 ** 24) * 256 + g.below(16), 3: MEMORY } }),
  'bit test memory': (g) => ({
    code: [0x0f, g.pick([0xa3, 0xab, 0xb3, 0xbb]), 0x15, ...dword(MEMORY + 8)],
    defined: CF | ZF,
    registers: { 2: (g.below(128) - 64) >>> 0 },
  }),
  'scaled address': (g) => {
    const scale = g.below(4);
    const index = g.below(8 >> scale);
    return { code: [g.pick([0x01, 0x03, 0x89, 0x8b]), 0x44, (scale << 6) | 0x33, 4], defined: ALL, registers: { 3: MEMORY, 6: index } };
  },
  cmpxchg8b: (g) => {
    const equal = g.below(2) === 0;
    return {
      code: [0x0f, 0xc7, 0x0d, ...dword(MEMORY + 4)],
      defined: ALL,
      prepare: (memory, registers) => {
        if (equal) memory.splice(4, 8, ...dword(registers[0]!), ...dword(registers[2]!));
      },
    };
  },
  // over `inc eax`, or not
  loops: (g) => ({ code: [g.pick([0xe0, 0xe1, 0xe2, 0xe3]), 1, 0x40], defined: 0, registers: { 1: g.below(3) } }),
  'conditional jumps': (g) => ({ code: [0x70 + g.below(16), 1, 0x43], defined: 0 }),
  'conditional jumps, near': (g) => ({ code: [0x0f, 0x80 + g.below(16), 1, 0, 0, 0, 0x43], defined: 0 }),
  'push and pop': (g) => ({ code: [0x50 + g.register(), 0x58 + g.register()], defined: ALL }),
  'push immediate': (g) => ({ code: [0x6a, g.below(256), 0x58 + g.register()], defined: ALL }),
  'pusha, popa': () => ({ code: [0x60, 0x40, 0x43, 0x61], defined: 0 }),
  'pushf, pop': () => ({ code: [0x9c, 0x5a, 0x81, 0xe2, 0xd5, 8, 0, 0], defined: 0 }),
  'carry and direction': (g) => ({ code: [g.pick([0xf5, 0xf8, 0xf9, 0xd6, 0x90]), 0xfd, 0xfc], defined: ALL }),
  bswap: (g) => ({ code: [0x0f, 0xc8 + g.register()], defined: ALL }),
  'bit scan': (g) => ({ code: [0x0f, g.pick([0xbc, 0xbd]), ...g.modrm(g.register(), false)], defined: ZF }),
  lea: (g) => {
    const mod = g.below(3);
    const rm = g.below(8);
    const sib = rm === 4 ? [g.below(256)] : [];
    const wideDisplacement = mod === 2 || (mod === 0 && (rm === 5 || (rm === 4 && (sib[0]! & 7) === 5)));
    return { code: [0x8d, (mod << 6) | (g.register() << 3) | rm, ...sib, ...g.immediate(wideDisplacement ? 4 : mod)], defined: ALL };
  },
  'lea, 16-bit address': (g) => {
    const mod = g.below(3);
    const rm = g.below(8);
    return { code: [0x67, 0x8d, (mod << 6) | (g.register() << 3) | rm, ...g.immediate(mod === 0 && rm === 6 ? 2 : mod)], defined: ALL };
  },
};

/** With a 16-bit operand size these jump to 16-bit addresses, are undefined (BSWAP), or have a second instruction that would not fit. */
const NARROW_FORBIDDEN = new Set([
  'loops', 'conditional jumps', 'conditional jumps, near', 'push and pop', 'push immediate', 'pusha, popa', 'pushf, pop', 'bswap', 'cmpxchg8b',
]); // prettier-ignore

function makeCases(): Case[] {
  const next = random(20261122);
  const g = new Generator(() => next() / 2 ** 32);
  const names = Object.keys(TEMPLATES);
  return Array.from({ length: CASES }, (_, i) => {
    const wide = g.pick([2, 4, 4] as const);
    const name = names[i % names.length]!;
    const made = TEMPLATES[name]!(g, wide);
    const { code, defined } = made;
    const memory = [...dword(g.value()), ...dword(g.value()), ...dword(g.value()), ...dword(g.value())];
    const registers = Array.from({ length: 7 }, () => g.value());
    for (const [register, value] of Object.entries(made.registers ?? {})) registers[POSITION[Number(register)]!] = value;
    made.prepare?.(memory, registers);
    const flags = (g.below(4096) & ALL) | 2;
    return { code: wide === 2 && !NARROW_FORBIDDEN.has(name) ? [0x66, ...code] : code, registers, flags, memory, defined };
  });
}

/** Runs the cases natively; a reason when that is not possible here. */
function runNatively(cases: readonly Case[]): Uint8Array | string {
  const folder = mkdtempSync(join(tmpdir(), 'pagewalk-oracle-'));
  try {
    const bytes: number[] = [];
    for (const { code, registers, flags, memory } of cases) {
      // jmp [backptr]; its address is patched below once the driver's symbols are known to be at a fixed place
      const slot = [...code, 0x68, ...dword(0), 0xc3];
      bytes.push(...registers.flatMap(dword), ...dword(flags), ...memory, ...slot, ...new Array<number>(32 - slot.length).fill(0x90));
    }
    const assemble = (back: number): Buffer | string => {
      const data = Uint8Array.from(bytes);
      cases.forEach(({ code }, i) => data.set(dword(back), i * CASE_BYTES + 48 + code.length + 1));
      writeFileSync(join(folder, 'cases'), data);
      writeFileSync(join(folder, 'driver.asm'), DRIVER);
      const made = spawnSync('nasm', ['-f', 'bin', '-o', 'driver', '-l', 'driver.lst', 'driver.asm'], { cwd: folder });
      if (made.error) return `nasm: ${made.error.message}`;
      return made.status === 0 ? Buffer.from('') : `nasm: ${made.stderr.toString()}`;
    };
    const first = assemble(0);
    if (typeof first === 'string') return first;
    const listing = spawnSync('grep', ['-m1', 'back: mov', 'driver.lst'], { cwd: folder }).stdout.toString();
    const back = 0x10_0000 + parseInt(listing.trim().split(/\s+/)[1] ?? '', 16);
    const second = assemble(back);
    if (typeof second === 'string') return second;
    spawnSync('chmod', ['+x', 'driver'], { cwd: folder });
    const run = spawnSync(join(folder, 'driver'), { maxBuffer: 64 * 2 ** 20 });
    if (run.error) return `32-bit programs do not run here: ${run.error.message}`;
    if (run.stdout.length !== cases.length * RESULT_BYTES) {
      return `the native program stopped after ${run.stdout.length / RESULT_BYTES} cases (${run.signal ?? run.status})`;
    }
    return Uint8Array.from(run.stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Shifts: what is defined depends on the count. */
function definedFlags(test: Case): number {
  const at = test.code[0] === 0x66 ? 1 : 0;
  const opcode = test.code[at]!;
  const byClass = [0xc0, 0xc1, 0xd2, 0xd3].includes(opcode);
  if (!byClass) return test.defined;
  const count = (opcode >= 0xd2 ? test.registers[1]! : test.code.at(-1)!) & 31;
  const operation = (test.code[at + 1]! >> 3) & 7;
  const bits = opcode & 1 ? (at ? 16 : 32) : 8;
  if (count === 0) return ALL;
  if (operation < 4) return (count === 1 ? OF : 0) | CF | PF | AF | ZF | SF;
  return (count === 1 ? OF : 0) | (count < bits ? CF : 0) | PF | ZF | SF;
}

describe('integer instructions', () => {
  const cases = makeCases();
  const native = runNatively(cases);

  it.skipIf(typeof native === 'string')('give the same registers, flags and memory as real hardware', () => {
    if (typeof native === 'string') throw new Error(native);
    const bench = makeBench();
    const { state } = bench.processor;
    flatProtected(bench, CODE, STACK);
    const view = new DataView(native.buffer);
    const order = [0, 1, 2, 3, 5, 6, 7];
    const wrong: string[] = [];
    cases.forEach((test, i) => {
      bench.load(MEMORY, test.memory);
      bench.load(CODE, [...test.code, 0xf4]);
      order.forEach((register, k) => state.setReg32(register, test.registers[k]!));
      state.setReg32(4, STACK);
      state.eflags = test.flags;
      state.eip = CODE;
      for (let step = 0; step < MOST_STEPS && state.eip !== CODE + test.code.length; step++) bench.processor.run(1);
      const at = i * RESULT_BYTES;
      const mask = definedFlags(test);
      const ours = [...order.map((register) => state.reg32(register)), state.eflags & mask].map((v) => v.toString(16)).join(' ');
      const theirs = [...order.map((_, k) => view.getUint32(at + k * 4, true)), view.getUint32(at + 28, true) & mask]
        .map((v) => v.toString(16))
        .join(' ');
      const memory = Buffer.from(bench.memory.peek(MEMORY as never, 16)).toString('hex');
      const theirMemory = Buffer.from(native.subarray(at + 32, at + 48)).toString('hex');
      if (ours !== theirs || memory !== theirMemory || state.eip !== CODE + test.code.length) {
        const code = Buffer.from(test.code).toString('hex');
        const before = [...test.registers, test.flags].map((v) => v.toString(16)).join(' ');
        wrong.push(`${code}: before ${before}, ours ${ours} ${memory}, hardware ${theirs} ${theirMemory}`);
      }
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  });

  it.runIf(typeof native === 'string')(`is not compared with hardware: ${typeof native === 'string' ? native : ''}`, () => {
    expect(native).toMatch(/nasm|32-bit/);
  });
});
