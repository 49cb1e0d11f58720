/** Sampled accesses: nothing else changes, and the samples tell of the whole. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../assembler';
import { hostPhysical } from './address';
import { boardSchema } from './board/schema';
import { hashOf } from './cpu/compile/guests.spec-support';
import { random } from './random.spec-support';
import { STATE_SIZE } from './cpu/state-layout';
import { SAMPLING, sampledSlice } from './dram/sampling';
import { applyProcessorStart, protectedModeStart } from './firmware/processor-start';
import { Machine } from './machine';
import type { Observe } from './memory-model';

const PERIOD = SAMPLING.every * SAMPLING.instructions;

describe('accesses of which only samples are counted', () => {
  /** a loop of 752 instructions with 100 accesses, without an end */
  const LOOP = `
    bits 32
    org 0x100000
    again: mov ecx, 50
    one: add [0x200000 + ecx * 8], ecx
      dec ecx
      jnz one
      mov ecx, 150
    other: add eax, ecx
      rol eax, 3
      dec ecx
      jnz other
      jmp again`;
  const running = (observe: Observe): Machine => {
    const board = boardSchema.parse({
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
    });
    const machine = new Machine(board, { poolLimit: 2 ** 28 });
    const made = assemble({ 'loop.asm': LOOP }, 'loop.asm');
    if (!made.ok) throw new Error('it is not assembled');
    machine.chipset.writeBytes(hostPhysical(made.origin), made.bytes);
    applyProcessorStart(new DataView(machine.frames.memory.buffer, 0, STATE_SIZE), protectedModeStart(made.origin, {}, null));
    machine.processor.stateReplaced();
    machine.memory.observe = observe;
    return machine;
  };

  it('leave state, time and what was compiled as they are', { timeout: 240_000 }, () => {
    const [off, sampled, exact] = (['off', 'sampled', 'exact'] as const).map((observe) => running(observe)) as [Machine, Machine, Machine];
    const next = random(11);
    // into the second slice that is observed; where all are, less far
    const cuts = [1 + (next() % 50_000), 1 + (next() % 50_000), sampledSlice(0).left, 1 + (next() % 4000), PERIOD, 1 + (next() % 50_000)];
    cuts.forEach((budget, cut) => {
      const both = [off, sampled, ...(cut < 2 ? [exact] : [])];
      const [expected, ...others] = both.map((machine) => {
        machine.run(budget);
        return `${machine.instructions} ${machine.ticks} ${hashOf(machine)}`;
      });
      for (const other of others) expect(other).toBe(expected);
    });
    const { compiled } = sampled.processor.interpreter;
    expect(compiled!.regions.compiled).toBe(off.processor.interpreter.compiled!.regions.compiled);
    expect(sampled.memory.dram!.countsOf(0).hits).toBeGreaterThan(100);
  });

  it('come to as much as all accesses together, times the slices', { timeout: 240_000 }, () => {
    const total = ({ memory }: Machine): number => {
      let sum = 0;
      for (let bank = 0; bank < memory.dram!.locator.banks; bank++) {
        const { hits, misses, conflicts } = memory.dram!.countsOf(bank);
        sum += hits + misses + conflicts;
      }
      return sum;
    };
    const [sampled, exact] = [running('sampled'), running('exact')];
    // all of a shorter run, so that this does not take long
    sampled.run(PERIOD * 12);
    exact.run(300_000);
    const rate = total(exact) / exact.instructions;
    const estimate = (total(sampled) * SAMPLING.every) / sampled.instructions;
    expect(rate).toBeGreaterThan(0.1);
    expect(estimate / rate).toBeGreaterThan(0.95);
    expect(estimate / rate).toBeLessThan(1.05);
  });
});
