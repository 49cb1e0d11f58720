/** Observed memory: whichever tier executes, the same accesses are told of at the same instructions, and time passes the same. */
import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { course, guest, hashOf, madeBy } from '../compile/guests.spec-support';
import { addressMap } from '../../board/address-map';
import { boardSchema } from '../../board/schema';
import { Dram } from '../../dram/dram';
import { KERNEL_MEMORY, littleKernel } from '../compile/little-kernel.spec-support';
import { program, realProgram } from '../compile/programs.spec-support';
import { seen } from '../compile/same-state.spec-support';
import { random } from '../../random.spec-support';
import type { Engine } from '../engine';
import type { Bench } from '../test-bench.spec-support';

const OTHERS = ['threaded', 'auto'] as const;

describe('the benchmark with memory that takes time and is disturbed', () => {
  /** chips with bank groups and without */
  const slotsFor = (name: string) => [{ id: 'A1', base: 0, dimm: name < 'mem' ? 'ddr4-4g' : 'ddr3-256m', rowThreshold: 400 }];
  const memory = { timing: true, disturbance: true, inFlight: 3, seed: 5 };
  for (const name of ['alu.asm', 'mem.asm', 'fib.asm', 'smc.asm']) {
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

describe('the benchmark with memory that only takes time', () => {
  it.each(['mem.asm', 'ptc.asm', 'soak.asm'])('%s', { timeout: 240_000 }, (name) => {
    const more = { slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }], memory: { timing: true, inFlight: 2 } };
    const interpreted = course(name, 'interpreter', undefined, more);
    expect(course(name, 'threaded', undefined, more).hashes).toEqual(interpreted.hashes);
  });
});

describe('a small kernel on all kinds of memory', () => {
  const orders = ['RoBaRaCoCh', 'RoRaBaCoCh', 'RoRaCoBaCh', 'ChRaBaRoCo'];
  const dimms = ['ddr3-256m', 'ddr4-4g', 'ddr5-16g', 'sdr-128m'];
  const others = ['ddr3-1g', 'ddr4-8g', 'ddr5-32g', 'sdr-64m'];
  /** One module, or two that need not be equal, by turns, in every order, hashed or not; accesses told to a model that ends slices as a machine's does. */
  const watched = (seed: number, engine: Engine): { bench: Bench; dram: Dram; calls: () => number } => {
    const next = random(seed + 1);
    const slots = ['A1', 'A2']
      .slice(0, 1 + (seed % 2))
      .map((id) => ({ id, dimm: (id === 'A2' && next() % 2 ? others : dimms)[Math.floor(seed / 2) % dimms.length]! }));
    const channelInterleave = slots.length > 1 && next() % 2 ? 4096 : undefined;
    const wires = { order: orders[next() % 4], hash: next() % 2 ? 'xor' : 'none', rankInterleave: next() % 2 ? 65_536 : undefined };
    const board = boardSchema.parse({
      processor: 'p6-virtualization',
      assignment: 'automatic',
      slots,
      controllers: [{ id: 'mc', channels: slots.map(({ id }) => [id]), ...wires, channelInterleave }],
      memory: { timing: seed % 3 !== 0, inFlight: 1 + (next() % 4) },
    });
    const bench = littleKernel(seed, engine);
    const { processor, frames } = bench;
    const dram = new Dram({
      pool: frames.memory.buffer,
      board,
      dram: addressMap(board).dram,
      clock: {
        now: () => processor.machineTicks,
        charge: (ticks) => {
          processor.state.ticks += ticks;
          dram.slack -= ticks;
          if (dram.slack < 0) processor.endSlice();
        },
      },
      cells: { read: () => 0, write: () => undefined },
      addressOf: () => undefined,
      log: () => undefined,
      wordFailed: () => undefined,
    });
    expect(dram.locator.modules).toHaveLength(slots.length);
    const touch = vi.spyOn(dram, 'touch');
    processor.memoryObserver = dram;
    return { bench, dram, calls: () => touch.mock.calls.length };
  };
  it.each(Array.from({ length: 8 }, (_, seed) => seed))('program %i', { timeout: 60_000 }, (seed) => {
    const [one, other] = [watched(seed, 'interpreter'), watched(seed, 'threaded')];
    other.bench.processor.interpreter.blocks.hotAfter = 2;
    const next = random(seed * 31 + 7);
    for (let run = 0; run < 16; run++) {
      const budget = 1 + (next() % (next() % 3 ? 4000 : 30));
      const slack = next() % 2 ? Infinity : next() % 3000;
      if (next() % 3 === 0) for (const { bench } of [one, other]) bench.interrupts.vector = 0x20;
      const [expected, made] = [one, other].map(({ bench, dram }) => {
        dram.slack = slack;
        return { ...bench.processor.run(budget), state: seen(bench, KERNEL_MEMORY), ticks: bench.processor.state.ticks, dram: dram.save() };
      });
      expect(made, `run ${run}`).toEqual(expected);
    }
    expect(madeBy(other.bench.processor)).toBeGreaterThan(2);
    // much is told of without a call where one DIMM has whole frames; the kernel's events are not
    expect(one.calls()).toBeGreaterThan(1000);
    if (seed % 2 === 0) expect(other.calls()).toBeLessThan(one.calls() * 0.9);
  });
});

describe('accesses that are only counted', () => {
  it.each(OTHERS)('%s counts the same, and goes on as before when nobody counts', { timeout: 240_000 }, (engine) => {
    const run = (which: Engine): unknown[] => {
      const machine = guest('fib.asm', which);
      const next = random(3);
      return Array.from({ length: 24 }, (_, round) => {
        machine.memory.observe = round % 8 < 5 ? 'exact' : 'off';
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
