import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MachineClock } from './machine-clock';

function bench() {
  const machine = { instructions: 0, charged: 0 };
  const clock = new MachineClock({ now: () => machine.instructions + machine.charged, charge: (ticks) => (machine.charged += ticks) });
  return { machine, clock };
}

describe('machine clock', () => {
  it('follows the instructions exactly, and what was charged', () => {
    const { machine, clock } = bench();
    machine.instructions = 17;
    expect(clock.now()).toBe(17);
    clock.charge(5);
    machine.instructions = 20;
    expect(clock.now()).toBe(25);
    clock.advanceTo(100);
    expect(clock.now()).toBe(100);
    machine.instructions++;
    expect(clock.now()).toBe(101);
    expect(() => clock.advanceTo(50)).toThrow(RangeError);
    expect(() => clock.charge(0.5)).toThrow(RangeError);
  });

  it('gives events when they are due, by tick and then by order of scheduling', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 }), (ticks) => {
        const { clock } = bench();
        ticks.forEach((tick, index) => clock.schedule(tick, `d${index}`, { kind: 'k', value: index }));
        const expected = ticks.map((tick, index) => ({ tick, index })).sort((a, b) => a.tick - b.tick || a.index - b.index);
        expect(clock.takeDue()?.tag.value).toBe(expected[0]?.tick === 0 ? expected[0].index : undefined);
        clock.advanceTo(20);
        const rest = [];
        for (let event = clock.takeDue(); event; event = clock.takeDue()) rest.push(event.tag.value);
        expect(rest).toEqual(expected.slice(expected[0]?.tick === 0 ? 1 : 0).map(({ index }) => index));
        expect(clock.nextEventTick()).toBe(Infinity);
      }),
    );
  });

  it('gives each device its own view: relative delays, cancelling only what is its own', () => {
    const { machine, clock } = bench();
    machine.instructions = 10;
    const a = clock.forDevice('a');
    const b = clock.forDevice('b');
    a.schedule(5, { kind: 'timer' });
    a.schedule(6, { kind: 'done' });
    b.schedule(7, { kind: 'timer' });
    expect(a.now()).toBe(10);
    expect(clock.pending().map(({ tick, device }) => [tick, device])).toEqual([
      [15, 'a'],
      [16, 'a'],
      [17, 'b'],
    ]);
    a.cancel('timer');
    expect(clock.pending().map(({ device, tag }) => [device, tag.kind])).toEqual([
      ['a', 'done'],
      ['b', 'timer'],
    ]);
    expect(() => a.schedule(0, { kind: 'x' })).toThrow(RangeError);
    expect(() => clock.schedule(3, 'a', { kind: 'x' })).toThrow(RangeError);
  });

  it('tells when an event comes before all others', () => {
    const { clock } = bench();
    let told = 0;
    clock.onEarlierEvent(() => told++);
    clock.schedule(10, 'a', { kind: 'x' });
    clock.schedule(20, 'a', { kind: 'x' });
    clock.schedule(10, 'a', { kind: 'x' });
    expect(told).toBe(1);
    clock.schedule(5, 'a', { kind: 'x' });
    expect(told).toBe(2);
  });

  it('saves and loads to the same future', () => {
    const { clock } = bench();
    clock.charge(3);
    clock.schedule(10, 'a', { kind: 'dma-completion', completion: { id: 1, status: 'success', data: Uint8Array.of(1, 2) } });
    clock.schedule(10, 'b', { kind: 'x' });
    const saved = clock.save();
    clock.advanceTo(50);
    clock.takeDue()!.tag.completion!.data![0] = 99;
    clock.cancel('b');
    const other = bench().clock;
    other.load(saved);
    expect(other.save()).toEqual(saved);
    other.advanceTo(10);
    expect(other.takeDue()).toMatchObject({ device: 'a', tag: { completion: { data: Uint8Array.of(1, 2) } } });
    expect(other.takeDue()?.device).toBe('b');
  });
});
