/** Whichever tier executes, the whole state is the same at every instruction count: registers, memory, TLB and its statistics. */
import { describe, expect, it, vi } from 'vitest';
import { ENGINES, type Engine } from '../engine';
import type { Bench } from '../test-bench.spec-support';
import { course, madeBy } from './guests.spec-support';
import { program, realProgram } from './programs.spec-support';
import { seen } from './same-state.spec-support';
import { random } from '../../random.spec-support';
import type { CompiledRegions } from './regions';

const OTHERS = ENGINES.filter((engine) => engine !== 'interpreter');

/** A guest's course on an engine as it is, run once. */
const courses = new Map<string, ReturnType<typeof course>>();
function plain(name: string, engine: Engine): ReturnType<typeof course> {
  const key = `${name}, ${engine}`;
  const found = courses.get(key) ?? course(name, engine);
  courses.set(key, found);
  return found;
}

describe('the tiers agree on the benchmark', () => {
  // soak.asm makes more regions than the compiled tier keeps
  for (const name of ['alu.asm', 'mem.asm', 'fib.asm', 'ptc.asm', 'smc.asm', 'soak.asm']) {
    it.each(OTHERS)(`${name}, %s`, { timeout: 240_000 }, (engine) => {
      const interpreted = plain(name, 'interpreter');
      expect(interpreted.output).toMatch(/^@@S.*Z$/);
      const other = plain(name, engine);
      expect(other.made).toBeGreaterThan(2);
      expect(other.output).toBe(interpreted.output);
      expect(other.hashes).toEqual(interpreted.hashes);
    });
  }
});

describe('compiled code', () => {
  it('is bounded: the oldest regions are dropped and made again, and nothing else shows', { timeout: 240_000 }, () => {
    const MOST = 8000;
    const made: CompiledRegions[] = [];
    const bounded = course('alu.asm', 'compiled', ({ processor: { interpreter } }) => {
      interpreter.compiled!.regions.mostBytes = MOST;
      made.push(interpreter.compiled!.regions);
    });
    const [regions] = made as [CompiledRegions];
    expect(regions.compiled).toBeGreaterThan(regions.size.count + 3);
    expect(regions.size.bytes).toBeLessThanOrEqual(MOST);
    expect(bounded.hashes).toEqual(plain('alu.asm', 'compiled').hashes);
  });

  it('runs the same where the engine has no tail calls', { timeout: 240_000 }, () => {
    const validate = vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    try {
      for (const name of ['fib.asm', 'smc.asm']) {
        const without = course(name, 'compiled');
        expect(without.hashes).toEqual(plain(name, 'interpreter').hashes);
      }
      expect(validate).toHaveBeenCalled();
    } finally {
      validate.mockRestore();
    }
  });
});

// programs this short are never hot, so `auto` would add little
describe.each(['threaded', 'compiled'] as const)('%s agrees with the interpreter on random programs', (engine) => {
  const agree = (make: (seed: number, engine: Engine) => Bench, seeds: number): number => {
    let made = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const [a, b] = [make(seed, 'interpreter'), make(seed, engine)];
      // these programs are short
      b.processor.interpreter.blocks.hotAfter = 2;
      // … and regions that begin anywhere find more
      const regions = b.processor.interpreter.compiled?.regions;
      if (regions !== undefined && seed % 2 === 0) regions.patience = { loop: 0, block: 0, middle: 0 };
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
