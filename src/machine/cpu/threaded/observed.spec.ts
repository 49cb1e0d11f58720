/** Observed memory: whichever tier executes, the same accesses are told of at the same instructions, and time passes the same. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { course, guest, hashOf, madeBy } from '../compile/guests.spec-support';
import { program, realProgram } from '../compile/programs.spec-support';
import { random, seen } from '../compile/same-state.spec-support';
import type { Engine } from '../engine';
import type { Bench } from '../test-bench.spec-support';

const OTHERS = ['threaded', 'auto'] as const;

describe('the benchmark with memory that takes time and is disturbed', () => {
  /** chips with bank groups and without */
  const slotsFor = (name: string) => [{ id: 'A1', base: 0, dimm: name < 'mem' ? 'ddr4-4g' : 'ddr3-256m', rowThreshold: 400 }];
  const memory = { timing: true, disturbance: true, inFlight: 3, seed: 5 };
  for (const name of ['alu.asm', 'mem.asm', 'fib.asm', 'ptc.asm', 'smc.asm', 'soak.asm']) {
    const slots = slotsFor(name);
    let interpreted: ReturnType<typeof course>;
    it.each(name === 'smc.asm' ? OTHERS : (['threaded'] as const))(`${name}, %s`, { timeout: 240_000 }, (engine) => {
      interpreted ??= course(name, 'interpreter', undefined, { slots, memory });
      const other = course(name, engine, undefined, { slots, memory });
      expect(other.made).toBeGreaterThan(2);
      expect(other.hashes).toEqual(interpreted.hashes);
    });
  }
});

describe('accesses that are only counted', () => {
  it.each(OTHERS)('%s counts the same, and goes on as before when nobody counts', { timeout: 240_000 }, (engine) => {
    const run = (which: Engine): unknown[] => {
      const machine = guest('fib.asm', which);
      const next = random(3);
      return Array.from({ length: 24 }, (_, round) => {
        machine.memory.counting = round % 8 < 5;
        machine.run(1 + (next() % 3000));
        return [machine.instructions, hashOf(machine), machine.memory.dram?.save()];
      });
    };
    expect(run(engine)).toEqual(run('interpreter'));
  });
});

describe('random programs', () => {
  /** Takes everything down, and ends slices at some accesses, as memory does that takes time. */
  const watched = (bench: Bench): { bench: Bench; told: () => string } => {
    const { processor } = bench;
    const hash = createHash('sha256');
    let count = 0;
    processor.memoryObserver = {
      touch: (address, size, write) => {
        hash.update(`${processor.machineTicks} ${address} ${size} ${write}\n`);
        if (++count % 23 === 0) processor.state.ticks += 3;
        if (count % 31 === 0) processor.endSlice();
      },
    };
    return { bench, told: () => `${count} ${hash.copy().digest('hex')}` };
  };
  const agree = (make: (seed: number, engine: Engine) => Bench, seeds: number): number => {
    let made = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const [a, b] = [watched(make(seed, 'interpreter')), watched(make(seed, 'threaded'))];
      b.bench.processor.interpreter.blocks.hotAfter = 2;
      const next = random(seed * 31);
      for (let run = 0; run < 24; run++) {
        const budget = 1 + (next() % (next() % 4 ? 2000 : 20));
        const one = a.bench.processor.run(budget);
        expect(b.bench.processor.run(budget), `seed ${seed}`).toEqual(one);
        expect(b.told(), `seed ${seed}`).toBe(a.told());
        if (run % 8 === 7) expect(seen(b.bench, [[0, 32]]), `seed ${seed}`).toBe(seen(a.bench, [[0, 32]]));
        if (one.reason === 'triple-fault') break;
      }
      made += madeBy(b.bench.processor);
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
