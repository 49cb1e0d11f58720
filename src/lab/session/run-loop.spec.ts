/** Slices are invisible to the machine, the limit is exact, a stop is at once, and the speed is kept. */
import { describe, expect, it } from 'vitest';
import type { Computer, RunEnd } from './computer';
import { RunLoop, type Scheduler } from './run-loop';

/** Time that moves only when something waits for it or the computer runs. */
class Clock implements Scheduler {
  time = 0;
  private queue: { at: number; work: () => void; dead: boolean }[] = [];
  nextTurn(work: () => void): void {
    this.queue.push({ at: this.time, work, dead: false });
  }
  after(ms: number, work: () => void): () => void {
    const entry = { at: this.time + ms, work, dead: false };
    this.queue.push(entry);
    return () => void (entry.dead = true);
  }
  now(): number {
    return this.time;
  }
  runUntil(time: number): void {
    for (;;) {
      this.queue = this.queue.filter(({ dead }) => !dead);
      const next = this.queue.reduce<(typeof this.queue)[number] | null>(
        (best, entry) => (!best || entry.at < best.at ? entry : best),
        null,
      );
      if (!next || next.at > time) break;
      next.dead = true;
      this.time = Math.max(this.time, next.at);
      next.work();
    }
    this.time = Math.max(this.time, time);
  }
}

/** 10 instructions a microsecond, halting at `haltAt`. */
function counting(clock: Clock, haltAt = Infinity): Computer & { slices: number } {
  const computer = {
    instructions: 0,
    slices: 0,
    run(budget: number): RunEnd {
      computer.slices++;
      const executed = Math.min(budget, haltAt - computer.instructions);
      computer.instructions += executed;
      clock.time += executed / 10_000;
      return computer.instructions >= haltAt ? { kind: 'stopped', stop: { kind: 'halted', detail: null } } : { kind: 'budget' };
    },
  };
  return computer as unknown as Computer & { slices: number };
}

function setUp(haltAt?: number) {
  const clock = new Clock();
  const computer = counting(clock, haltAt);
  const ends: (RunEnd | { kind: 'limit' })[] = [];
  let slices = 0;
  const loop = new RunLoop(clock, { onSlice: () => void slices++, onEnd: (end) => void ends.push(end) });
  return { clock, computer, ends, loop, slices: () => slices };
}

describe('RunLoop', () => {
  it('stops at the limit exactly, in slices of some milliseconds', () => {
    const { clock, computer, ends, loop } = setUp();
    loop.start(computer, 12_345_678);
    clock.runUntil(10_000);
    expect(computer.instructions).toBe(12_345_678);
    expect(ends).toEqual([{ kind: 'limit' }]);
    expect(loop.running).toBe(false);
    // 1.2 s of machine time in slices of about 16 ms
    expect(computer.slices).toBeGreaterThan(70);
    expect(computer.slices).toBeLessThan(200);
  });

  it('reports the end that the computer gives', () => {
    const { clock, computer, ends, loop } = setUp(1_000_000);
    loop.start(computer, 5e7);
    clock.runUntil(1_000);
    expect(ends).toEqual([{ kind: 'stopped', stop: { kind: 'halted', detail: null } }]);
  });

  it('nothing runs after stop, and a run can be started again', () => {
    const { clock, computer, ends, loop } = setUp();
    loop.start(computer, 1e9);
    clock.runUntil(50);
    loop.stop();
    const at = computer.instructions;
    clock.runUntil(1_000);
    expect(computer.instructions).toBe(at);
    expect(ends).toEqual([]);
    loop.start(computer, at + 10);
    clock.runUntil(2_000);
    expect(computer.instructions).toBe(at + 10);
  });

  it.each([1, 10, 1_000, 250_000])('keeps to %i instructions a second', (speed) => {
    const { clock, computer, loop } = setUp();
    loop.speed = speed;
    loop.start(computer, 1e9);
    clock.runUntil(10_000);
    expect(computer.instructions).toBeGreaterThanOrEqual(speed * 9.7 - 1);
    expect(computer.instructions).toBeLessThanOrEqual(speed * 10 + 1);
  });

  it('measures MIPS', () => {
    const { clock, computer, loop } = setUp();
    loop.start(computer, 1e9);
    clock.runUntil(2_000);
    expect(loop.mips).toBeCloseTo(10, 0);
    loop.stop();
    expect(loop.mips).toBe(0);
  });
});
