/** Whichever tier executes, the whole state is the same at every instruction count: registers, memory, TLB and its statistics. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { assemble } from '../../../assembler';
import { hostPhysical } from '../../address';
import { boardSchema } from '../../board/schema';
import { applyProcessorStart, protectedModeStart } from '../../firmware/processor-start';
import { Machine } from '../../machine';
import { ENGINES, type Engine, type Processor } from '../processor';
import { STATE_SIZE } from '../state-layout';
import type { CompiledTier } from './tier';
import { flatProtected, makeBench, realMode, type Bench } from '../test-bench.spec-support';
import { pick, random, seen, type Next } from './same-state.spec-support';

// --- the benchmark's guests, cut short ---------------------------------------------------------------------------------

const GUESTS = join(import.meta.dirname, '../../../../bench/guests');
const sources = Object.fromEntries(
  readdirSync(GUESTS)
    .filter((name) => /\.(asm|inc)$/.test(name))
    .map((name) => [name, readFileSync(join(GUESTS, name), 'utf8')]),
);
/** Fewer rounds of everything: counts of 10 000 and more, and rounds held in EBP. */
const shorter = (source: string): string =>
  source
    .replace(/\b65536\b/g, '4096')
    .replace(/\be([cb])([xp]),(\d{5,})\b/g, 'e$1$2,120')
    .replace(/\bebp,(\d{2,3})$/gm, 'ebp,1')
    .replace('esi,6000000', 'esi,400')
    .replace('esi,300000', 'esi,60')
    .replace('dword 33', 'dword 9')
    .replace('0x4000000-8', '0x40000-8')
    .replace('BIG+0x4000000', 'BIG+0x40000')
    .replace('cmp ebx,16384', 'cmp ebx,400')
    .replace(/ecx,1000\b/g, 'ecx,12')
    .replace('PAGES 256', 'PAGES 32')
    .replace('test ebp,0xFFFF', 'test ebp,0x1FF');

function guest(name: string, engine: Engine): Machine {
  const machine = new Machine(
    boardSchema.parse({
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
      devices: [],
    }),
    { engine, poolLimit: 2 ** 28 },
  );
  const made = assemble({ ...sources, [name]: shorter(sources[name]!) }, name);
  if (!made.ok) throw new Error(made.diagnostics.map(({ message }) => message.en).join('\n'));
  machine.chipset.writeBytes(hostPhysical(made.origin), made.bytes);
  applyProcessorStart(new DataView(machine.frames.memory.buffer, 0, STATE_SIZE), protectedModeStart(made.origin, {}, null));
  machine.processor.stateReplaced();
  return machine;
}

function hashOf(machine: Machine): string {
  const hash = createHash('sha256');
  for (const chunk of machine.stateChunks()) hash.update(Uint8Array.from(chunk));
  return hash.digest('hex');
}

/** State hashes at random instruction counts, and what was printed, until the guest halts. */
function course(name: string, engine: Engine, prepare?: (machine: Machine) => void): { hashes: string[]; output: string; made: number } {
  const machine = guest(name, engine);
  prepare?.(machine);
  const next = random(20_260_101);
  const hashes: string[] = [];
  for (;;) {
    const { reason } = machine.run(1 + (next() % 60_000));
    hashes.push(`${machine.instructions} ${hashOf(machine)}`);
    if (reason === 'halted') break;
    expect(reason).toBe('budget');
  }
  const output = String.fromCharCode(...machine.debugPort.output);
  return { hashes, output, made: madeBy(machine.processor) };
}

/** Threaded blocks and compiled regions made so far. */
const madeBy = ({ interpreter: { threaded, compiled } }: Processor): number => (threaded?.translated ?? 0) + (compiled?.compiled ?? 0);

const OTHERS = ENGINES.filter((engine) => engine !== 'interpreter');

describe('the tiers agree on the benchmark', () => {
  // soak.asm makes more regions than the compiled tier keeps
  for (const name of ['alu.asm', 'mem.asm', 'fib.asm', 'ptc.asm', 'smc.asm', 'soak.asm']) {
    let interpreted: ReturnType<typeof course>;
    it.each(OTHERS)(`${name}, %s`, { timeout: 240_000 }, (engine) => {
      interpreted ??= course(name, 'interpreter');
      expect(interpreted.output).toMatch(/^@@S.*Z$/);
      const other = course(name, engine);
      expect(other.made).toBeGreaterThan(2);
      expect(other.output).toBe(interpreted.output);
      expect(other.hashes).toEqual(interpreted.hashes);
    });
  }
});

describe('compiled code', () => {
  it('is bounded: the oldest regions are dropped and made again, and nothing else shows', { timeout: 240_000 }, () => {
    const MOST = 8000;
    const tiers: CompiledTier[] = [];
    const bounded = course('alu.asm', 'compiled', ({ processor: { interpreter } }) => {
      interpreter.compiled!.mostBytes = MOST;
      tiers.push(interpreter.compiled!);
    });
    const [tier] = tiers as [CompiledTier];
    expect(tier.compiled).toBeGreaterThan(tier.size.regions + 3);
    expect(tier.size.bytes).toBeLessThanOrEqual(MOST);
    expect(bounded.hashes).toEqual(course('alu.asm', 'compiled').hashes);
  });

  it('runs the same where the engine has no tail calls', { timeout: 240_000 }, () => {
    const validate = vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    try {
      for (const name of ['fib.asm', 'smc.asm']) {
        const without = course(name, 'compiled');
        expect(without.hashes).toEqual(course(name, 'interpreter').hashes);
      }
      expect(validate).toHaveBeenCalled();
    } finally {
      validate.mockRestore();
    }
  });
});

// --- random programs ---------------------------------------------------------------------------------------------------

const CODE = 0x2000;
const DATA = 0x6000;
const HANDLER = 0x1800;
const IDT = 0x8000;
const TABLES = 0x10000;

const le = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];

/** ModRM with a register operand: a register, or memory near DATA (now and then anywhere). */
function operand(next: Next, memory = false): number[] {
  const reg = (next() & 7) << 3;
  switch (memory ? 1 + (next() % 3) : next() % 4) {
    case 0:
      return [0xc0 | reg | (next() & 7)];
    case 1:
      return [0x05 | reg, ...le(DATA + (next() % 0x1ffe))];
    case 2:
      return [0x80 | reg | pick(next, [3, 5, 6, 7]), ...le((next() % 0x2000) - 0x1000)];
    default:
      // [ebx + esi * 2 + d], [esp + d]
      return next() & 1 ? [0x44 | reg, 0x73, next() & 127] : [0x44 | reg, 0x24, next() & 127];
  }
}

/** One random instruction; ECX, which counts rounds, is seldom written. */
function instruction(next: Next): number[] {
  const prefix = next() % 5 === 0 ? [0x66] : [];
  switch (next() % 24) {
    case 0:
    case 1:
    case 2:
      return [...prefix, (next() & 7) * 8 + (next() & 3), ...operand(next)];
    case 3:
      return [...prefix, 0x83, ...operand(next), next() & 255];
    case 4:
      return [...prefix, pick(next, [0xc1, 0xc0]), ...operand(next), next() & 31];
    case 5:
      return [...prefix, pick(next, [0xd3, 0xd2, 0xd1, 0xd0]), ...operand(next)];
    case 6:
      return [...prefix, pick(next, [0x88, 0x89, 0x8a, 0x8b]), ...operand(next, true)];
    case 7:
      return [0x0f, pick(next, [0xb6, 0xb7, 0xbe, 0xbf]), ...operand(next)];
    case 8:
      return [...prefix, 0x0f, 0xaf, ...operand(next)];
    case 9:
      return [...prefix, pick(next, [0xf6, 0xf7]), (next() % 3 ? 0x10 | (next() & 0x28) : 0x30 | (next() & 8)) | 0xc0 | (next() & 7)];
    case 10:
      return [0x0f, 0x90 | (next() & 15), ...operand(next)];
    case 11:
      return [0x0f, 0x40 | (next() & 15), ...operand(next)];
    case 12:
      return [...prefix, 0x0f, pick(next, [0xa3, 0xab, 0xb3, 0xbb, 0xbc, 0xbd, 0xa4, 0xac].slice(0, 6)), ...operand(next)];
    case 13:
      return [...prefix, 0x0f, pick(next, [0xa4, 0xac]), ...operand(next), next() & 31];
    case 14:
      return [pick(next, [0x50, 0x53, 0x55, 0x58, 0x5b, 0x5d])];
    case 15:
      return [...(next() & 1 ? [0xf3] : []), ...prefix, pick(next, [0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xa6])];
    case 16:
      return [pick(next, [0xf5, 0xf8, 0xf9, 0xfc, 0xfd, 0x9c, 0x98, 0x99, 0x9e, 0x9f, 0x40, 0x4b])];
    case 17:
      return [...prefix, pick(next, [0x86, 0x87, 0x84, 0x85]), ...operand(next)];
    case 18:
      return [0x0f, 0xc8 | pick(next, [0, 2, 3, 6])];
    case 19:
      return [...prefix, 0xff, 0x06 | ((next() & 1) << 3) | (0x80 & 0), ...[]].length > 2
        ? [0x90]
        : [0xfe, 0x05 | ((next() & 1) << 3), ...le(DATA + (next() % 0x1000))];
    case 21:
      // invlpg [DATA + n]; mov reg, cr0/2/3
      return next() & 1 ? [0x0f, 0x01, 0x3d, ...le(DATA + (next() % 0x1ffe))] : [0x0f, 0x20, 0xc0 | pick(next, [0, 2, 3]) * 8 | pick(next, [0, 2, 6])]; // prettier-ignore
    case 22:
      // mov eax, cr3 / mov cr3, eax
      return [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8];
    case 20:
      return [0x70 | (next() & 15), next() & 7];
    default:
      return [0x8d, ...operand(next, true)];
  }
}

/** Rounds of a random body with a call and forward jumps; every fault goes to a handler that skips a byte. */
function program(seed: number, engine: Engine): Bench {
  const next = random(seed);
  const bench = makeBench(4, engine);
  const body: number[] = [];
  for (let n = 0; n < 60; n++) body.push(...instruction(next));
  const inner = body.length;
  // mov ecx, 25; body; dec ecx; jnz; jmp back to the start
  const code = [
    0xb9,
    ...le(25),
    ...body,
    0x90,
    0x90,
    0x90,
    0x90,
    0x90,
    0x90,
    0x49,
    0x0f,
    0x85,
    ...le(-(inner + 13)),
    0xe9,
    ...le(-(inner + 23)),
  ];
  bench.load(CODE, code);
  bench.load(
    DATA,
    Uint8Array.from({ length: 0x2000 }, () => next()),
  );
  // drop the error code where there is one (vectors 8, 10–14, 17), then add 1 to the return address; never in a frame of its own
  for (let vector = 0; vector < 32; vector++) {
    const at = HANDLER + vector * 16;
    const withCode = [8, 10, 11, 12, 13, 14, 17].includes(vector);
    bench.load(at, [...(withCode ? [0x83, 0xc4, 4] : []), 0xff, 0x04, 0x24, 0xcf]);
    bench.load(IDT + vector * 8, [at & 255, at >> 8, 8, 0, 0, 0x8e, 0, 0]);
  }
  const descriptor = (access: number): number[] => [0xff, 0xff, 0, 0, 0, access, 0xcf, 0];
  bench.load(0x1000, [...descriptor(0), ...descriptor(0x9b), ...descriptor(0x93)]);
  const { state } = bench.processor;
  flatProtected(bench, CODE, 0x5000);
  state.gdtrBase = 0x1000;
  state.gdtrLimit = 0x17;
  state.idtrBase = IDT;
  state.idtrLimit = 0xff;
  for (const register of [0, 2, 3, 5, 6, 7]) state.setReg32(register, DATA + (next() % 0x1000));
  if (seed % 3 === 1) {
    // paging: 16 MiB present, some pages read-only, absent, or shared; segments sometimes not flat
    bench.load(TABLES, [...le(TABLES + 0x1003)]);
    for (let page = 0; page < 1024; page++) {
      const odd = page > 8 && page !== 0x10 && page !== 0x11 ? next() % 12 : 12;
      const entry = odd === 0 ? 0 : odd === 1 ? page * 4096 + 1 : odd === 2 ? 0x7003 : page * 4096 + 3;
      bench.load(TABLES + 0x1000 + page * 4, le(page < 1024 ? entry : 0));
    }
    state.cr3 = TABLES;
    state.cr0 = 0x8001_0011 | 0;
  }
  if (seed % 5 === 0) state.setSegment(3, 0x10, 0x100, 0x7fff, 0x4093);
  if (seed % 7 === 0) state.setSegment(0, 0x10, 0, 0x5fff, 0x4097);
  bench.processor.stateReplaced();
  return bench;
}

/** Real mode: 16-bit code with segments that are not flat. */
function realProgram(seed: number, engine: Engine): Bench {
  const next = random(seed);
  const bench = makeBench(1, engine);
  const body: number[] = [];
  for (let n = 0; n < 50; n++) {
    const bytes = instruction(next);
    // 32-bit addressing needs its prefix, and so do 32-bit operands now and then
    body.push(...(next() % 3 ? [0x67] : []), ...bytes);
  }
  bench.load(CODE, [0xb9, 30, 0, ...body, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x49, 0x0f, 0x85, ...le(-(body.length + 12)).slice(0, 2), 0xe9, ...le(-(body.length + 18)).slice(0, 2)]); // prettier-ignore
  for (let vector = 0; vector < 32; vector++) {
    bench.load(vector * 4, [HANDLER & 255, HANDLER >> 8, 0, 0]);
  }
  // push bp; mov bp, sp; inc word [bp+2]; pop bp; iret
  bench.load(HANDLER, [0x55, 0x89, 0xe5, 0xff, 0x46, 2, 0x5d, 0xcf]);
  realMode(bench, CODE);
  const { state } = bench.processor;
  for (const register of [0, 2, 3, 5, 6, 7]) state.setReg32(register, next() % 0x8000);
  state.setSegment(3, 0x300, 0x3000, 0xffff, 0x93);
  bench.processor.stateReplaced();
  return bench;
}

// programs this short are never hot, so `auto` would add little
describe.each(['threaded', 'compiled'] as const)('%s agrees with the interpreter on random programs', (engine) => {
  const agree = (make: (seed: number, engine: Engine) => Bench, seeds: number): number => {
    let made = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const [a, b] = [make(seed, 'interpreter'), make(seed, engine)];
      // these programs are short
      b.processor.interpreter.blocks.hotAfter = 2;
      const next = random(seed * 31);
      for (let run = 0; run < 8; run++) {
        const budget = 1 + (next() % (next() % 4 ? 2000 : 20));
        const one = a.processor.run(budget);
        expect(b.processor.run(budget), `seed ${seed}`).toEqual(one);
        expect(seen(b, [[0, 32]]), `seed ${seed}`).toBe(seen(a, [[0, 32]]));
        if (one.reason === 'triple-fault' || one.executed === 0) break;
      }
      made += madeBy(b.processor);
    }
    return made;
  };
  it('in protected mode', { timeout: 240_000 }, () => {
    expect(agree(program, 24)).toBeGreaterThan(20);
  });
  it('in real mode', { timeout: 240_000 }, () => {
    expect(agree(realProgram, 12)).toBeGreaterThan(12);
  });
});
