import { describe, expect, it } from 'vitest';
import { deviceBench } from '../bench.spec-support';
import { DMA_COMMAND, DMA_IDENTIFICATION, DMA_LATENCY, DMA_REGISTERS, DMA_STATUS, DmaEngine, patternByte } from './dma';

function machine(entries?: number, dmaMask?: number) {
  const bench = deviceBench(256 * 1024);
  const device = new DmaEngine('dma0', bench.context, { requester: 0x20, entries, dmaMask });
  const set = (register: keyof typeof DMA_REGISTERS, value: number) => device.write('bar0', DMA_REGISTERS[register], 4, value);
  const get = (register: keyof typeof DMA_REGISTERS) => device.read('bar0', DMA_REGISTERS[register], 4);
  const run = (ticks = 100_000) => bench.advance(ticks, (tag) => device.event(tag));
  const start = (address: number, count: number, seed = 7) => {
    set('address', address);
    set('addressHigh', 0);
    set('count', count);
    set('seed', seed);
    set('command', DMA_COMMAND.start | DMA_COMMAND.interrupt);
  };
  const list = (at: number, pieces: readonly (readonly [number, number])[]) => {
    const view = new DataView(bench.memory.buffer);
    pieces.forEach(([address, bytes], index) => {
      view.setBigUint64(at + index * 16, BigInt(address), true);
      view.setUint32(at + index * 16 + 8, bytes, true);
    });
  };
  return { bench, device, set, get, run, start, list };
}

describe('dma-contiguous', () => {
  it('writes its run in requests that stay within a page, takes time, and ends in an interrupt', () => {
    const { bench, start, run, get, set } = machine();
    expect(get('identification')).toBe(DMA_IDENTIFICATION.contiguous);
    start(0x1800, 10_000);
    expect(get('status')).toBe(DMA_STATUS.busy);
    run(DMA_LATENCY);
    expect(bench.interrupt()).toBe(false);
    run();
    expect(bench.requests.map(({ address, length }) => [address, length])).toEqual([
      [0x1800, 0x800],
      [0x2000, 0x1000],
      [0x3000, 10_000 - 0x1800],
    ]);
    expect([...bench.memory.subarray(0x1800, 0x1800 + 10_000)].every((byte, index) => byte === patternByte(7, index))).toBe(true);
    expect([bench.memory[0x17ff], bench.memory[0x1800 + 10_000]]).toEqual([0, 0]);
    expect([get('status'), get('written'), bench.interrupt()]).toEqual([DMA_STATUS.done, 10_000, true]);
    set('status', DMA_STATUS.done);
    expect([get('status'), bench.interrupt()]).toEqual([0, false]);
  });

  it('reports a rejected request and an address beyond its lines as an error', () => {
    const rejected = machine();
    rejected.bench.answerWith('unsupported-request');
    rejected.start(0x1000, 16);
    rejected.run();
    expect([rejected.get('status'), rejected.get('written')]).toEqual([DMA_STATUS.error, 0]);
    const narrow = machine(undefined, 16);
    narrow.start(0xfff0, 32);
    narrow.run();
    expect([narrow.get('status'), narrow.bench.requests.length]).toEqual([DMA_STATUS.error, 1]);
  });
});

describe('dma-scatter', () => {
  it('reads its list and writes the pieces one after the other', () => {
    const { bench, start, run, get, list } = machine(4);
    list(0x100, [
      [0x2000, 100],
      [0x1000, 0],
      [0x8ff0, 32],
    ]);
    expect([get('identification'), get('entries')]).toEqual([DMA_IDENTIFICATION.scatter, 4]);
    start(0x100, 3);
    run();
    expect(bench.requests.map(({ kind, address, length }) => [kind, address, length])).toEqual([
      ['read', 0x100, 48],
      ['write', 0x2000, 100],
      ['write', 0x8ff0, 16],
      ['write', 0x9000, 16],
    ]);
    expect([get('status'), get('written')]).toEqual([DMA_STATUS.done, 132]);
    expect(bench.memory[0x8ff0]).toBe(patternByte(7, 100));
  });

  it('refuses a list that is longer than it may be', () => {
    const { start, run, get, bench } = machine(4);
    start(0x100, 5);
    run();
    expect([get('status'), bench.requests.length]).toEqual([DMA_STATUS.error, 0]);
    expect(bench.notes).toEqual([{ event: 'dma-list-length', detail: { entries: 5, most: 4 } }]);
  });

  it('goes on after a snapshot in the middle of a transfer as it would have', () => {
    const one = machine(4);
    one.list(0x100, [[0x2000, 9000]]);
    one.start(0x100, 1);
    one.run(DMA_LATENCY + 45);
    const saved = one.device.save();
    expect(one.get('written')).toBeGreaterThan(0);
    one.device.load(saved);
    expect(one.device.save()).toEqual(saved);
    one.run();
    expect([one.get('status'), one.get('written')]).toEqual([DMA_STATUS.done, 9000]);
  });

  it('refuses options that make no sense', () => {
    expect(() => machine(0)).toThrow(RangeError);
    expect(() => machine(257)).toThrow(RangeError);
    expect(() => machine(4, 65)).toThrow(RangeError);
  });
});
