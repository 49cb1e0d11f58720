/** Faults, calls of the kernel, interrupts and patched code, one close behind the other: the same at every count in every tier. */
import { describe, expect, it } from 'vitest';
import type { Engine } from '../engine';
import { KERNEL_MEMORY, littleKernel } from './little-kernel.spec-support';
import { seen } from './same-state.spec-support';
import { random } from '../../random.spec-support';

const RUNS = 24;

describe.each([
  ['threaded', 1],
  ['compiled', 9],
  ['auto', 2],
] as const satisfies [Engine, number][])('%s delivers events as the interpreter does', (engine, seeds) => {
  it.each(Array.from({ length: seeds }, (_, seed) => seed))('program %i', (seed) => {
    const [reference, other] = [littleKernel(seed, 'interpreter'), littleKernel(seed, engine)];
    const { interpreter } = other.processor;
    interpreter.blocks.hotAfter = 2;
    if (interpreter.threaded !== undefined && engine === 'auto') interpreter.threaded.hotAfter = 3;
    const next = random(seed * 31 + 7);
    for (let run = 0; run < RUNS; run++) {
      const budget = 1 + (next() % (next() % 3 ? 4000 : 30));
      if (next() % 3 === 0) for (const bench of [reference, other]) bench.interrupts.vector = 0x20;
      const expected = reference.processor.run(budget);
      expect(other.processor.run(budget), `run ${run}`).toEqual(expected);
      expect(seen(other, KERNEL_MEMORY), `run ${run}`).toBe(seen(reference, KERNEL_MEMORY));
      expect(expected.reason).toBe('budget');
    }
    // every count for a while: what one run does before its time the next one would not do again
    for (let run = 0; run < 150; run++) {
      const budget = 1 + (next() % 9);
      const [a, b] = [reference, other].map(({ processor }) => {
        const { reason, executed } = processor.run(budget);
        const { accesses, misses } = processor.tlb.statistics;
        return `${reason} ${executed} eip ${processor.state.eip} tlb ${accesses} ${misses}`;
      });
      if (a !== b) expect(b, `short run ${run}`).toBe(a);
    }
    expect(seen(other, KERNEL_MEMORY)).toBe(seen(reference, KERNEL_MEMORY));
    const { deliveredByVector } = reference.processor;
    expect([...deliveredByVector.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(400);
    expect(other.processor.deliveredByVector).toEqual(deliveredByVector);
    expect(other.processor.delivered).toEqual(reference.processor.delivered);
    // code that is patched all the time is not compiled
    if (engine !== 'threaded' && seed % 3 !== 2) expect(interpreter.compiled!.quickEvents).toBeGreaterThan(100);
  });
});
