/**
 * Random bytes as programs: whatever they are, the processor neither throws nor miscounts, slicing changes nothing, and neither does
 * it that threaded or compiled code executes them. `npm run test:fuzz` has one program for each 2000 of its strings.
 */
import { describe, expect, it } from 'vitest';
import type { Engine } from './engine';
import { flatProtected, makeBench, realMode, type Bench } from './test-bench.spec-support';
import { random } from '../random.spec-support';

const STRINGS = process.env['PAGEWALK_FUZZ_STRINGS'];
const PROGRAMS = STRINGS === undefined ? 4 : Math.ceil(Number(STRINGS) / 2000);
const FIRST = Number(process.env['PAGEWALK_FUZZ_SEED'] ?? 1) * 100_003;
const CODE = 0x1000;
const CODE_BYTES = 0x4000;
const GDT = 0x7000;
const IDT = 0x6000;
const descriptor = (access: number): number[] => [0xff, 0xff, 0, 0, 0, access, 0xcf, 0];

/** A machine full of random code, with vectors that lead back into it, in real mode or (also at CPL 3) protected mode. */
function makeProgram(seed: number, engine?: Engine): Bench {
  const next = random(seed);
  const bench = makeBench(1, engine);
  // compiled at its first execution, or the second
  if (engine === 'threaded' || engine === 'compiled') bench.processor.interpreter.blocks.hotAfter = 1 + (seed & 1);
  const { state } = bench.processor;
  bench.load(CODE, Uint8Array.from({ length: CODE_BYTES }, next));
  const target = (): number => CODE + (next() % (CODE_BYTES - 0x1000));
  const real = seed % 3 === 0;
  for (let vector = 0; vector < 256; vector++) {
    const at = target();
    if (real) bench.load(vector * 4, [at & 255, at >> 8, 0, 0]);
    else bench.load(IDT + vector * 8, [at & 255, at >> 8, 8, 0, 0, 0x8e | ((next() & 3) << 5), 0, 0]);
  }
  if (real) realMode(bench, target());
  else {
    bench.load(GDT, [
      ...descriptor(0),
      ...descriptor(0x9b),
      ...descriptor(0x93),
      ...descriptor(0xfb),
      ...descriptor(0xf3),
      0x67,
      0,
      0,
      0x80,
      0,
      0x8b,
      0,
      0,
    ]);
    bench.load(0x8004, [0, 0x90, 0, 0, 0x10, 0]); // the TSS's ESP0 and SS0
    flatProtected(bench, target());
    state.gdtrBase = GDT;
    state.gdtrLimit = 0x2f;
    state.idtrBase = IDT;
    state.idtrLimit = 0x7ff;
    state.setSegment(7, 0x28, 0x8000, 0x67, 0x8b);
    if (seed % 3 === 1) {
      state.setSegment(1, 0x1b, 0, 0xffff_ffff, 0xc0fb);
      for (const segment of [0, 2, 3, 4, 5]) state.setSegment(segment, 0x23, 0, 0xffff_ffff, 0xc0f3);
    }
  }
  for (const register of [0, 1, 2, 3, 5, 6, 7]) state.setReg32(register, next() % 3 ? next() % 0x8000 : next());
  if (next() % 8 === 0) state.eflags |= 0x100;
  bench.processor.stateReplaced();
  return bench;
}

/** Runs `total` instructions in slices; how it ended and everything that can be seen of the program. */
function outcome(seed: number, total: number, slice: () => number, engine?: Engine): unknown {
  const bench = makeProgram(seed, engine);
  const { processor } = bench;
  const { state } = processor;
  let reason = 'budget';
  let barren = 0;
  while (state.instructions < total && (reason === 'budget' || reason === 'breakpoint') && barren < 3) {
    const wanted = Math.min(slice(), total - state.instructions);
    const before = state.instructions;
    const result = processor.run(wanted);
    // plain, because it is asked of every single instruction
    if (result.executed > wanted || state.instructions - before !== result.executed)
      throw new Error(`seed ${seed}: ${result.executed} of ${wanted} instructions, ${state.instructions - before} counted`);
    reason = result.reason;
    barren = result.executed === 0 ? barren + 1 : 0;
  }
  return {
    ended: reason === 'budget' ? 'budget' : reason,
    registers: Array.from({ length: 8 }, (_, i) => state.reg32(i)),
    segments: Array.from({ length: 8 }, (_, i) => [
      state.selector(i),
      state.segmentBase(i),
      state.segmentLimit(i),
      state.segmentAttributes(i),
    ]),
    rip: state.eip,
    flags: state.eflags,
    control: [state.cr0, state.cr2, state.cr3, state.cr4],
    instructions: state.instructions,
    memory: Buffer.from(bench.memory.peek(0 as never, 0x10000)).toString('base64'),
    output: bench.output,
    unknown: processor.unknownOpcodes,
    tlb: processor.tlb.statistics,
  };
}

describe('random programs', () => {
  it('end the same however they are sliced', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const next = random(seed * 7919);
      const whole = outcome(seed, 300, () => 300);
      expect(
        outcome(seed, 300, () => 1 + (next() % 40)),
        `seed ${seed}`,
      ).toEqual(whole);
      expect(
        outcome(seed, 300, () => 1),
        `seed ${seed}, one by one`,
      ).toEqual(whole);
    }
  });

  it.each(['threaded', 'compiled'] as const)('end the same in %s code', { timeout: 3_600_000 }, (engine) => {
    for (let seed = FIRST; seed < FIRST + PROGRAMS; seed++) {
      const slices = (): (() => number) => {
        const next = random(seed * 7919);
        return () => 1 + (next() % (next() % 4 === 0 ? 20 : 900));
      };
      expect(outcome(seed, 4000, slices(), engine), `seed ${seed}`).toEqual(outcome(seed, 4000, slices(), 'interpreter'));
    }
  });
});
