import { beforeEach, describe, expect, it } from 'vitest';
import { deviceBench, type DeviceBench } from '../bench.spec-support';
import { CLOCK_TICKS } from './counter';
import { IntervalTimer } from './pit';

let bench: DeviceBench;
let pit: IntervalTimer;
/** levels of IRQ 0 with the tick they began at */
let edges: [tick: number, level: boolean][];

const out = (offset: number, ...values: number[]) => values.forEach((value) => pit.write('counters', offset, 1, value));
const read = (counter: number) => pit.read('counters', counter, 1);
const word = (counter: number) => read(counter) | (read(counter) << 8);
const latched = (counter: number) => (out(3, counter << 6), word(counter));
const portB = () => pit.read('port-b', 0, 1);
const pulses = (count: number) =>
  bench.advance(count * CLOCK_TICKS, (tag) => {
    pit.event(tag);
    note();
  });

function note(): void {
  if (edges.at(-1)?.[1] !== bench.interrupt()) edges.push([bench.context.clock.now() / CLOCK_TICKS, bench.interrupt()]);
}

beforeEach(() => {
  bench = deviceBench();
  pit = new IntervalTimer('pit', bench.context);
  pit.reset();
  edges = [[0, false]];
});

describe('interval timer', () => {
  it('does nothing before it is set up', () => {
    pulses(100_000);
    expect([edges.length, bench.pending()]).toEqual([1, []]);
  });

  it('mode 0: low, and high one pulse more than the count after it was written, for good', () => {
    out(3, 0x30);
    out(0, 10, 0);
    note();
    pulses(100);
    expect(edges).toEqual([
      [0, false],
      [11, true],
    ]);
    out(0, 5);
    expect(bench.interrupt()).toBe(false);
    out(0, 0);
    pulses(6);
    expect(bench.interrupt()).toBe(true);
    expect(bench.pending()).toEqual([]);
  });

  it('mode 2: low for one pulse in each period', () => {
    out(3, 0x34);
    note();
    out(0, 5, 0);
    pulses(17);
    expect(edges.slice(1)).toEqual([
      [0, true],
      [5, false],
      [6, true],
      [10, false],
      [11, true],
      [15, false],
      [16, true],
    ]);
  });

  it('mode 3: high for one half, low for the other; odd counts are high one pulse longer', () => {
    out(3, 0x36);
    note();
    out(0, 5, 0);
    pulses(11);
    expect(edges.slice(1)).toEqual([
      [0, true],
      [4, false],
      [6, true],
      [9, false],
      [11, true],
    ]);
  });

  it('mode 4 strobes once', () => {
    out(3, 0x38);
    note();
    out(0, 3, 0);
    pulses(50);
    expect(edges.slice(1)).toEqual([
      [0, true],
      [4, false],
      [5, true],
    ]);
  });

  it('a new count takes over at the end of the period', () => {
    out(3, 0x34);
    out(0, 10, 0);
    pulses(3);
    out(0, 4, 0);
    edges = [[0, true]];
    pulses(16);
    expect(edges.slice(1)).toEqual([
      [10, false],
      [11, true],
      [14, false],
      [15, true],
      [18, false],
      [19, true],
    ]);
  });

  it('also when periods have gone by before it is written', () => {
    out(3, 0x34);
    out(0, 10, 0);
    pulses(36);
    out(0, 4, 0);
    edges = [[0, true]];
    pulses(14);
    expect(edges.slice(1)).toEqual([
      [40, false],
      [41, true],
      [44, false],
      [45, true],
      [48, false],
      [49, true],
    ]);
  });

  it('0 is the largest count: 65536, or 10000 in BCD', () => {
    out(3, 0x34);
    out(0, 0, 0);
    pulses(1);
    expect(latched(0)).toBe(0);
    pulses(1);
    expect(latched(0)).toBe(0xffff);
    out(3, 0xb1);
    pit.write('port-b', 0, 1, 1);
    out(2, 0, 0);
    pulses(2);
    expect(latched(2)).toBe(0x9999);
  });

  it('latches hold their count until it is read; single bytes are read alone', () => {
    out(3, 0x34);
    out(0, 0x34, 0x12);
    pulses(1);
    out(3, 0x00);
    pulses(0x100);
    expect(word(0)).toBe(0x1234);
    expect(word(0)).toBe(0x1134);
    out(3, 0x14);
    out(0, 200);
    pulses(1);
    expect([read(0), read(0)]).toEqual([200, 200]);
  });

  it('read-back gives the status: output, null count, access, mode', () => {
    out(3, 0x34);
    out(3, 0xe2);
    expect(read(0)).toBe(0x80 | 0x40 | 0x34);
    out(0, 8, 0);
    pulses(1);
    out(3, 0xc2); // status, then count
    expect(read(0)).toBe(0x80 | 0x34);
    expect(word(0)).toBe(8);
  });

  it('counter 2: the gate pauses it, port 0x61 shows its output, and it raises no interrupt', () => {
    out(3, 0xb0);
    out(2, 4, 0);
    pulses(20);
    expect(portB() & 0x21).toBe(0);
    pit.write('port-b', 0, 1, 1);
    pulses(3);
    expect(portB() & 0x20).toBe(0);
    pit.write('port-b', 0, 1, 0);
    pulses(20);
    pit.write('port-b', 0, 1, 1);
    expect(portB() & 0x20).toBe(0);
    pulses(2);
    expect(portB() & 0x21).toBe(0x21);
    expect(bench.pending()).toEqual([]);
  });

  it('mode 1 begins at the rising gate, and again at each', () => {
    out(3, 0xb2);
    out(2, 5, 0);
    pulses(10);
    expect(portB() & 0x20).toBe(0x20);
    pit.write('port-b', 0, 1, 1);
    pulses(1);
    expect(portB() & 0x20).toBe(0);
    pulses(5);
    expect(portB() & 0x20).toBe(0x20);
    pit.write('port-b', 0, 1, 0);
    pit.write('port-b', 0, 1, 1);
    pulses(1);
    expect(portB() & 0x20).toBe(0);
  });

  it('in modes 1 and 5 a count is pending until the gate rises', () => {
    const pending = () => {
      out(3, 0xe8);
      return pit.read('counters', 2, 1) & 0x40;
    };
    for (const control of [0xb2, 0xba]) {
      pit.write('port-b', 0, 1, 0);
      out(3, control);
      out(2, 5, 0);
      expect(pending()).toBe(0x40);
      pit.write('port-b', 0, 1, 1);
      pulses(1);
      expect(pending()).toBe(0);
      out(2, 9, 0);
      expect(pending()).toBe(0x40);
      // the count that runs is not touched
      out(3, 0x80);
      expect([pit.read('counters', 2, 1), pit.read('counters', 2, 1)]).toEqual([5, 0]);
    }
  });

  it('the refresh bit toggles', () => {
    const first = portB() & 0x10;
    pulses(18);
    expect(portB() & 0x10).toBe(first ^ 0x10);
  });

  it('saves and loads in the middle of a period', () => {
    out(3, 0x34);
    out(0, 100, 0);
    pulses(30);
    const other = new IntervalTimer('pit', bench.context);
    other.load(pit.save());
    expect(other.save()).toEqual(pit.save());
    expect(other.read('counters', 0, 1)).toBe(71);
  });

  it('keeps the bit of a memory check until bit 2 clears it, and signals none while that is set', () => {
    expect(pit.memoryCheck()).toBe(true);
    pit.write('port-b', 0, 1, 0x03);
    expect(portB() & 0x8f).toBe(0x83);
    const saved = pit.save();
    pit.write('port-b', 0, 1, 0x04);
    expect(portB() & 0x8f).toBe(0x04);
    expect(pit.memoryCheck()).toBe(false);
    expect(portB() & 0x80).toBe(0);
    pit.load(saved);
    expect(portB() & 0x80).toBe(0x80);
  });
});
