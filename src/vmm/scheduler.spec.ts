/** Round robin by instructions. */
import { describe, expect, it } from 'vitest';
import { LONE_QUANTUM, QUANTUM, Scheduler } from './scheduler';

describe('scheduler', () => {
  it('passes on a turn that is used up, and skips who cannot run', () => {
    const scheduler = new Scheduler(3);
    const runnable = new Set([0, 1, 2]);
    const pick = (): number => scheduler.pick((index) => runnable.has(index));
    const turns: number[] = [];
    for (let i = 0; i < 4; i++) {
      turns.push(pick());
      scheduler.charge(QUANTUM);
    }
    expect(turns).toEqual([0, 1, 2, 0]);
    runnable.delete(1);
    expect(pick()).toBe(2);
    scheduler.charge(QUANTUM - 1);
    expect(pick()).toBe(2);
    expect(scheduler.left).toBe(1);
    runnable.clear();
    expect(pick()).toBe(-1);
  });

  it('interrupts a VM that is alone more seldom', () => {
    const scheduler = new Scheduler(1);
    expect([scheduler.pick(() => true), scheduler.left]).toEqual([0, LONE_QUANTUM]);
    scheduler.charge(LONE_QUANTUM);
    expect([scheduler.pick(() => true), scheduler.left]).toEqual([0, LONE_QUANTUM]);
  });

  it('gives a whole quantum to whoever gets the turn, and remembers through save and load', () => {
    const scheduler = new Scheduler(2);
    scheduler.charge(7);
    scheduler.give(0);
    expect(scheduler.left).toBe(QUANTUM - 7);
    const other = new Scheduler(2);
    other.load(scheduler.save());
    expect([other.current, other.left]).toEqual([0, QUANTUM - 7]);
    scheduler.give(1);
    expect([scheduler.current, scheduler.left]).toEqual([1, QUANTUM]);
    expect(new Scheduler(0).pick(() => true)).toBe(-1);
  });
});
