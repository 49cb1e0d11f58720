/**
 * Programs that patch themselves at random: numbers in instructions, whole and in part; opcodes; data between functions; from
 * their own page, from another, and through a second linear address of the same frame. The state is the same in every tier.
 */
import { expect, it, vi } from 'vitest';
import { ENGINES, type Engine } from '../engine';
import { SEGMENT_INDEX } from '../state-layout';
import type { Bench } from '../test-bench.spec-support';
import { assembleInto, flatProtected, makeBench, realMode } from '../test-bench.spec-support';
import { madeBy } from './guests.spec-support';
import { faultsComeBack } from './programs.spec-support';
import { seen } from './same-state.spec-support';
import { pick, random, type Next } from '../../random.spec-support';

const MAIN = 0x2000;
/** Functions lie from here on over two pages; the second linear address of each byte is so much higher. */
const FUNCTIONS = 0x3800;
const END = 0x4800;
const ALIAS = 0x1_0000;
const DATA = 0x6000;
const COUNTER = 0x7000;
const TABLES = 0x1_e000;

const le = (value: number, bytes = 4): number[] => Array.from({ length: bytes }, (_, byte) => (value >>> (8 * byte)) & 255);

interface Field {
  at: number;
  size: number;
}

/** Instructions with numbers in them: bytes before the number, its size, bytes behind it. */
function numbered(next: Next): { bytes: number[]; fields: [offset: number, size: number][] } {
  const register = pick(next, [0, 2, 3, 6, 7]);
  const low = pick(next, [0, 1, 2, 3]);
  const operation = pick(next, [0, 1, 4, 5, 6, 7]);
  const data = le(DATA + (next() & 0xffc));
  const value = next();
  switch (next() % 15) {
    case 11:
      // over the next byte: jmp, call to a RET, jcc
      return { bytes: [0xe9, 1, 0, 0, 0, 0x40], fields: [[1, 4]] };
    case 12:
      return { bytes: [0xe8, 2, 0, 0, 0, 0xeb, 1, 0xc3], fields: [[1, 4], [6, 1]] }; // prettier-ignore
    case 13:
      return { bytes: [0x70 | (next() & 15), 1, 0x90, 0x0f, 0x80 | (next() & 15), 1, 0, 0, 0, 0x48], fields: [[1, 1], [5, 4]] }; // prettier-ignore
    case 0:
      return { bytes: [0xb8 | register, ...le(value)], fields: [[1, 4]] };
    case 1:
      return { bytes: [0x81, 0xc0 | (operation << 3) | register, ...le(value)], fields: [[2, 4]] };
    case 2:
      return { bytes: [0x83, 0xc0 | (operation << 3) | register, value & 255], fields: [[2, 1]] };
    case 3:
      return { bytes: [0xb0 | low, value & 255], fields: [[1, 1]] };
    case 4:
      return { bytes: [0x66, 0x81, 0xc0 | (operation << 3) | register, ...le(value, 2)], fields: [[3, 2]] };
    case 5:
      return { bytes: [0x8b, 0x05 | (register << 3), ...data], fields: [[2, 4]] };
    case 6:
      return { bytes: [0xc7, 0x05, ...data, ...le(value)], fields: [[2, 4], [6, 4]] }; // prettier-ignore
    case 7:
      return { bytes: [0x69, 0xc0 | (register << 3) | low, ...le(value)], fields: [[2, 4]] };
    case 8:
      return { bytes: [0x8d, 0x40 | (register << 3) | 3, value & 127], fields: [[2, 1]] };
    case 9:
      return { bytes: [0x80, 0xc0 | (operation << 3) | low, value & 255], fields: [[2, 1]] };
    case 10:
      return { bytes: [0xa1, ...data], fields: [[1, 4]] };
    default:
      return { bytes: [0x66, 0x83, 0xc0 | (operation << 3) | register, value & 255], fields: [[3, 1]] };
  }
}

function program(seed: number, engine: Engine): Bench {
  const next = random(seed * 7919);
  const bench = makeBench(1, engine);
  const fields: Field[] = [];
  const opcodes: number[] = [];
  const entries: number[] = [];
  let at = FUNCTIONS;
  while (at < END) {
    entries.push(at);
    for (let n = 1 + (next() % 6); n > 0; n--) {
      const { bytes, fields: own } = numbered(next);
      opcodes.push(at);
      for (const [offset, size] of own) fields.push({ at: at + offset, size });
      bench.load(at, bytes);
      at += bytes.length;
    }
    bench.load(at++, [0xc3]);
    // room for data
    if (next() % 3 === 0) at += next() % 300;
  }
  const paged = seed % 3 === 1;
  const elsewhere = (address: number): number => (paged && next() % 3 === 0 ? address + ALIAS : address);
  const code: number[] = [];
  const here = (): number => MAIN + code.length;
  // few of them, again and again
  const patched = Array.from({ length: 1 + (next() % 4) }, () => pick(next, fields));
  const call = (): void => void code.push(0xe8, ...le(pick(next, entries) - here() - 5));
  // what is patched is executed, too
  const behind = entries.filter((entry) => patched.some((field) => field.at > entry && field.at < entry + 60));
  for (let n = 0; n < 14; n++) {
    const { at: field, size } = pick(next, patched);
    switch (next() % 12) {
      case 0:
      case 1:
      case 2:
        // mov [field], eax or al
        code.push(...(size === 1 ? [0xa2] : size === 2 ? [0x66, 0xa3] : [0xa3]), ...le(elsewhere(field)));
        break;
      case 3:
        // add dword [field], eax, also where it is smaller
        code.push(0x01, 0x05, ...le(elsewhere(field + (size === 4 ? 0 : size - 4))));
        break;
      case 4:
        // a byte in or beside it
        code.push(0xfe, 0x05, ...le(elsewhere(field + (next() % (size + (seed % 4 === 0 ? 1 : 0))))));
        break;
      case 9:
        // the lowest bit of it, as for a short distance
        code.push(0x80, 0x35, ...le(elsewhere(field)), 1);
        break;
      case 5:
        // two bytes of it, or across its end
        code.push(0x66, 0x89, 0x1d, ...le(elsewhere(field + (seed % 5 === 0 ? size - 1 : 0))));
        break;
      case 6:
        // ADD, OR … to their neighbours
        if (seed % 4 === 3) code.push(0x80, 0x35, ...le(elsewhere(pick(next, opcodes) + 1)), 8);
        break;
      case 7:
        // data, perhaps beside code
        code.push(0xff, 0x05, ...le(elsewhere(pick(next, [DATA, COUNTER + 8, FUNCTIONS - 8, END + 0x100, MAIN + 0xf00]))));
        break;
      case 8: {
        // a number of the instruction behind the next: mov eax, imm
        code.push(0x89, 0x1d, ...le(here() + 8), 0x90, 0xb8, ...le(next()));
        break;
      }
      default:
        if (behind.length > 0 && next() & 1) code.push(0xe8, ...le(pick(next, behind) - here() - 5));
        else call();
    }
  }
  // inc dword [counter]; jmp main
  code.push(0xff, 0x05, ...le(COUNTER));
  code.push(0xe9, ...le(MAIN - here() - 5));
  bench.load(MAIN, code);
  bench.load(
    DATA,
    Uint8Array.from({ length: 0x1000 }, () => next()),
  );
  faultsComeBack(bench, MAIN);
  const { state } = bench.processor;
  for (const register of [0, 1, 2, 3, 5, 6, 7]) state.setReg32(register, next());
  if (paged) {
    bench.load(TABLES, le(TABLES + 0x1003));
    for (let page = 0; page < 256; page++) {
      const frame = page > 0x10 && page < 0x18 ? page - 0x10 : page;
      bench.load(TABLES + 0x1000 + page * 4, le(frame * 4096 + 3));
    }
    state.cr3 = TABLES;
    state.cr0 = 0x8001_0011 | 0;
  }
  // not flat: no segment of 4 GiB
  if (seed % 4 === 2) state.setSegment(SEGMENT_INDEX.DS, 0x10, 0, 0xf_ffff, 0x4093);
  bench.processor.stateReplaced();
  return bench;
}

const PAGES = [[0, 9]] as const;
const SEEDS = 12;

it('programs that patch themselves end up the same in every tier', { timeout: 240_000 }, () => {
  const made: Partial<Record<Engine, number>> = {};
  let readLater = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const next = random(seed * 17);
    const budgets = Array.from({ length: 10 }, () => 1 + (next() % (next() % 4 ? 3000 : 20)));
    const expected: string[] = [];
    for (const engine of ['interpreter', ...ENGINES.filter((name) => name !== 'interpreter')] as Engine[]) {
      const bench = program(seed, engine);
      const { interpreter } = bench.processor;
      interpreter.blocks.hotAfter = engine === 'interpreter' ? interpreter.blocks.hotAfter : 2;
      if (engine === 'auto') interpreter.threaded!.hotAfter = 5;
      for (const [run, budget] of budgets.entries()) {
        const { reason, executed } = bench.processor.run(budget);
        const state = `${reason} ${executed} ${seen(bench, PAGES)}`;
        if (engine === 'interpreter') expected.push(state);
        else expect(state, `${engine}, seed ${seed}, run ${run}`).toBe(expected[run]);
        if (reason === 'triple-fault' || executed === 0) break;
      }
      made[engine] = (made[engine] ?? 0) + madeBy(bench.processor);
      for (const frame of [2, 3, 4]) for (const times of interpreter.blocks.page(frame).numbers.values()) if (times >= 3) readLater++;
    }
  }
  for (const engine of ['auto', 'threaded', 'compiled'] as const) expect(made[engine], engine).toBeGreaterThan(SEEDS);
  expect(readLater).toBeGreaterThan(SEEDS * 2);
});

const BESIDE = (bits: number): string => `bits ${bits}
org 0x3000
start:
  mov ecx, 1000
.loop:
  mov [shared], ecx
  mov [near], cl
  push ecx
  call f
  pop ecx
  dec ecx
  jnz .loop
  hlt
near: db 0
align 4096
f:
  mov eax, [shared]
  add ebx, eax
  ret
align 64
shared: dd 0
`;

const ENGINES_OF_BESIDE = ['interpreter', 'threaded', 'compiled'] as const;
it.each(ENGINES_OF_BESIDE.flatMap((engine) => [[engine, 32] as const, [engine, 16] as const]))(
  'data beside code is written without asking: %s, %i-bit code',
  (engine, bits) => {
    const bench = makeBench(1, engine);
    const at = assembleInto(bench, BESIDE(bits));
    const run = (): number => {
      bench.processor.state.activity = 0;
      if (bits === 32) flatProtected(bench, at.start!);
      else realMode(bench, at.start!);
      bench.processor.state.setReg32(3, 0);
      expect(bench.processor.run(20_000).reason).toBe('halted');
      return bench.processor.state.reg32(3);
    };
    const asked = vi.spyOn(bench.memory, 'write');
    expect(run()).toBe(500_500);
    expect(asked.mock.calls.length).toBeLessThan(40);
    expect(madeBy(bench.processor)).toBeGreaterThanOrEqual(engine === 'interpreter' ? 0 : 2);
    // and what is code is still known to be: mov eax, [shared] becomes xor eax, eax; inc eax
    bench.load(at.f!, bits === 32 ? [0x31, 0xc0, 0x40, 0x90, 0x90] : [0x66, 0x31, 0xc0, 0x40]);
    expect(run()).toBe(1000);
  },
);
