/** Threaded code does what the interpreter does, for every sample instruction and for whatever is put together from single operations. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { IR_STRIDE, type IrBlock, type Mode } from '../lower/ir';
import { lowerBlock } from '../lower/lower';
import { STATE } from '../state-layout';
import { flatProtected, makeBench, realMode, type Bench } from '../test-bench.spec-support';
import { theLoop } from './loop';
import { sampleInstructions } from './samples';
import { translate } from './translate';
import { isThreaded } from './unit';

/** where the first sample lies, and how far they are apart: none is overwritten, so none has to wait */
const CODE = { protected: 0x1_0000, real: 0x2000 } as const;
const APART = 32;
const DATA = 0x6000;
const MODES: readonly Mode[] = [
  { code32: true, stack32: true, protectedMode: true, codeLimited: false },
  { code32: false, stack32: false, protectedMode: false, codeLimited: false },
  { code32: true, stack32: false, protectedMode: true, codeLimited: true },
];

function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8;
}

function seen({ processor, memory }: Bench): string {
  const { state } = processor;
  state.materialiseFlags();
  const hash = createHash('sha256');
  for (const field of Object.values(STATE)) {
    if (field.architectural) hash.update(Uint8Array.from(state.u8.subarray(field.offset, field.offset + field.count * field.stride)));
  }
  hash.update(processor.tlb.save());
  hash.update(memory.peek(DATA as never, 0x2000));
  const registers = Array.from({ length: 8 }, (_, i) => state.reg32(i).toString(16)).join(' ');
  return `${state.instructions} eip ${state.eip.toString(16)} ${registers} flags ${state.eflags.toString(16)} ${hash.digest('hex')}`;
}

/** The same registers for both; most of them point into memory. */
function setRegisters({ processor: { state } }: Bench, next: () => number, eip: number): void {
  for (const register of [0, 1, 2, 3, 5, 6, 7]) {
    const odd = next() % 4 === 0;
    state.setReg32(register, odd ? (next() << 8) | (next() & 0xff) : DATA + (next() % 0x800));
  }
  state.setReg32(4, 0x7800);
  state.eflags = 2 | (next() & 0x8d5);
  state.eip = eip;
}

describe('the sample instructions, executed again and again', () => {
  it.each(['protected', 'real'] as const)('in %s mode', { timeout: 240_000 }, (mode) => {
    const list = sampleInstructions()[mode];
    const first = CODE[mode];
    const begin = (bench: Bench): void => (mode === 'real' ? realMode(bench, first) : flatProtected(bench, first, 0x7800));
    const benches = (['interpreter', 'threaded'] as const).map((engine) => makeBench(1, engine));
    for (const bench of benches) {
      begin(bench);
      bench.load(
        DATA,
        Uint8Array.from({ length: 0x2000 }, (_, i) => (i * 37) & 0xff),
      );
      // jmp $ behind each, where its jumps lead too
      list.forEach((bytes, i) => bench.load(first + i * APART, [...bytes, 0xeb, 0xfe, 0xeb, 0xfe, 0xeb, 0xfe, 0xeb, 0xfe]));
    }
    list.forEach((bytes, i) => {
      for (let round = 0; round < 6; round++) {
        const results = benches.map((bench) => {
          setRegisters(bench, random(i * 100 + round), first + i * APART);
          bench.processor.stateReplaced();
          const { reason, executed } = bench.processor.run(2 + (round % 3));
          // a fault without a table to deliver it through: from the beginning
          if (reason !== 'budget') {
            bench.processor.reset();
            begin(bench);
          }
          return `${reason} ${executed} ${seen(bench)}`;
        });
        expect(results[1], `${bytes.map((byte) => byte.toString(16)).join(' ')}, round ${round}`).toBe(results[0]);
      }
    });
    expect(benches[1]!.processor.interpreter.threaded!.translated).toBeGreaterThan(list.length / 2);
  });
});

it('whatever can be threaded has handlers, in every mode, with flat segments and without', () => {
  const { handlers } = theLoop();
  const next = random(7);
  let threaded = 0;
  for (let i = 0; i < 1500; i++) {
    const bytes = Uint8Array.from({ length: 40 }, () => next());
    const ir = lowerBlock({ bytes, start: 0, end: 40 }, MODES[i % 3]!);
    if (ir === 'truncated' || ir.instructions[0]!.length === 0) continue;
    const place = { at: 0, rip: 0, pageRip: 0, addend: 0, number: 0, flatSegments: i % 2 ? 0x3f : 0x0c };
    const made = translate(ir, place, handlers);
    threaded += made?.count ?? 0;
    expect(made === undefined).toBe(!isThreaded(ir, 0, endOfFirst(ir)));
  }
  expect(threaded).toBeGreaterThan(1500);
});

const endOfFirst = (ir: IrBlock): number => (ir.instructions[1]?.first ?? ir.ops.length / IR_STRIDE) * IR_STRIDE;
