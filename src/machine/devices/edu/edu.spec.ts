/** The edu device against QEMU's numbers, and its DMA engine: latency, splitting, mask, refusals, save and load. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceBench } from '../bench.spec-support';
import { DeviceStateError } from '../device-state';
import { Edu, EDU_BUFFER, EDU_COMMAND, EDU_DMA_LATENCY, EDU_REGISTERS as R } from './edu';

const REQUESTER = 0x20;

function setUp(dmaMask?: number) {
  const bench = deviceBench();
  const edu = new Edu('dma0', bench.context, { requester: REQUESTER, ...(dmaMask === undefined ? {} : { dmaMask }) });
  const write = (offset: number, value: number): void => edu.write('bar0', offset, 4, value);
  const read = (offset: number): number => edu.read('bar0', offset, 4);
  const advance = (ticks: number): void => bench.advance(ticks, (tag) => edu.event(tag));
  const transfer = (options: { source: number; destination: number; count: number; command: number }): void => {
    write(R.dmaSource, options.source);
    write(R.dmaDestination, options.destination);
    write(R.dmaCount, options.count);
    write(R.dmaCommand, options.command | EDU_COMMAND.start);
  };
  return { bench, edu, write, read, advance, transfer };
}

describe('edu registers', () => {
  it('has the PCI identity and the identification that drivers look for', () => {
    const { edu, read } = setUp();
    expect(edu.pci).toMatchObject({ vendor: 0x1234, device: 0x11e8 });
    expect(edu.regions).toEqual([{ name: 'bar0', kind: 'memory', size: 1024 * 1024 }]);
    expect(read(0x00)).toBe(0x010000ed);
  });

  it('reads the liveness register back inverted', () => {
    const { write, read } = setUp();
    write(0x04, 0x12345678);
    expect(read(0x04)).toBe(0xedcba987);
  });

  it('computes a factorial in the background and can interrupt when done', () => {
    const { write, read, advance, bench } = setUp();
    write(0x20, 0x80);
    write(0x08, 10);
    expect(read(0x20) & 1).toBe(1);
    advance(1000);
    expect(read(0x20) & 1).toBe(0);
    expect(read(0x08)).toBe(3628800);
    expect(read(0x24)).toBe(0x001);
    expect(bench.interrupt()).toBe(true);
    write(0x64, 0x001);
    expect(bench.interrupt()).toBe(false);
  });

  it('computes factorials modulo 2^32, like a 32-bit register', () => {
    const { write, read, advance } = setUp();
    for (const [n, expected] of [
      [0, 1],
      [1, 1],
      [12, 479001600],
      [13, 1932053504],
      [33, 2147483648],
      [34, 0],
      [0xffffffff, 0],
    ] as const) {
      // prettier-ignore
      write(0x08, n);
      advance(1000);
      expect(read(0x08)).toBe(expected);
    }
  });

  it('raises and acknowledges interrupts by register', () => {
    const { write, read, bench } = setUp();
    write(0x60, 0x30);
    expect(read(0x24)).toBe(0x30);
    expect(bench.interrupt()).toBe(true);
    write(0x64, 0x10);
    expect(bench.interrupt()).toBe(true);
    write(0x64, 0x20);
    expect(bench.interrupt()).toBe(false);
  });

  it('answers all ones to narrow accesses and outside its registers, and keeps its buffer to the DMA engine', () => {
    const { edu, read } = setUp();
    expect(edu.read('bar0', 0, 1)).toBe(0xff);
    expect(edu.read('bar0', 0, 2)).toBe(0xffff);
    expect(read(0x1000)).toBe(0xffffffff);
    expect(read(EDU_BUFFER.base)).toBe(0xffffffff);
  });
});

describe('edu DMA', () => {
  it('takes time: nothing is issued before the latency, the start bit reads as one until the end', () => {
    const { bench, transfer, read, advance } = setUp();
    bench.memory.fill(0x5a, 0x1000, 0x1010);
    transfer({ source: 0x1000, destination: EDU_BUFFER.base, count: 16, command: 0 });
    advance(EDU_DMA_LATENCY - 1);
    expect(bench.requests).toHaveLength(0);
    expect(read(R.dmaCommand) & 1).toBe(1);
    advance(1);
    expect(bench.requests).toEqual([{ kind: 'read', address: 0x1000, length: 16, addressType: 'untranslated', requester: REQUESTER }]);
    expect(read(R.dmaCommand) & 1).toBe(1);
    advance(1000);
    expect(read(R.dmaCommand) & 1).toBe(0);
  });

  it('moves memory to the device and back out to memory', () => {
    const { bench, edu, transfer, read, advance } = setUp();
    const pattern = Uint8Array.from({ length: 64 }, (_, i) => i * 3);
    bench.memory.set(pattern, 0x2000);
    transfer({ source: 0x2000, destination: EDU_BUFFER.base + 0x80, count: 64, command: 0 });
    advance(1000);
    expect(edu.bufferBytes().slice(0x80, 0xc0)).toEqual(pattern);
    transfer({ source: EDU_BUFFER.base + 0x80, destination: 0x5001, count: 64, command: EDU_COMMAND.toMemory | EDU_COMMAND.interrupt });
    advance(1000);
    expect(bench.memory.slice(0x5001, 0x5041)).toEqual(pattern);
    expect(read(R.interruptStatus)).toBe(0x100);
    expect(bench.interrupt()).toBe(true);
  });

  it('never lets a request cross 4 KiB, and moves every byte exactly once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7000 }), fc.integer({ min: 0, max: 4096 }), (destination, count) => {
        const { bench, transfer, advance, read } = setUp();
        transfer({ source: EDU_BUFFER.base, destination, count, command: EDU_COMMAND.toMemory });
        advance(10_000);
        expect(read(R.dmaCommand) & 1).toBe(0);
        let next = destination;
        for (const request of bench.requests) {
          expect(request.address).toBe(next);
          expect(Math.floor(request.address / 4096)).toBe(Math.floor((request.address + request.length - 1) / 4096));
          next += request.length;
        }
        expect(next).toBe(destination + count);
      }),
      { numRuns: 60 },
    );
  });

  it('drives 28 address bits unless told, and logs what it cut off', () => {
    const { bench, transfer, advance } = setUp();
    transfer({ source: EDU_BUFFER.base, destination: 0x3000_2000, count: 4, command: EDU_COMMAND.toMemory });
    advance(1000);
    expect(bench.requests[0]?.address).toBe(0x2000);
    expect(bench.notes).toContainEqual({ event: 'dma-address-clamped', detail: { address: '0x30002000', clamped: '0x2000', bits: 28 } });
  });

  it('drives the whole address with a 64-bit mask, its upper half written at +4', () => {
    const { bench, edu, write, advance, read } = setUp(64);
    write(R.dmaSource, EDU_BUFFER.base);
    write(R.dmaDestination, 0x9000_0000);
    write(R.dmaDestination + 4, 0x12);
    write(R.dmaCount, 4);
    expect(read(R.dmaDestination + 4)).toBe(0x12);
    write(R.dmaCommand, EDU_COMMAND.start | EDU_COMMAND.toMemory);
    bench.advance(EDU_DMA_LATENCY, (tag) => edu.event(tag));
    expect(bench.requests[0]?.address).toBe(0x12_9000_0000);
    advance(1000);
  });

  it('refuses a transfer outside its buffer, and an address no bus has, without a request', () => {
    const { bench, transfer, advance, read, write } = setUp(64);
    transfer({ source: EDU_BUFFER.base + 4090, destination: 0x1000, count: 7, command: EDU_COMMAND.toMemory });
    advance(1000);
    transfer({ source: 0x1000, destination: EDU_BUFFER.base - 1, count: 1, command: 0 });
    advance(1000);
    write(R.dmaDestination + 4, 0xffff_ffff);
    write(R.dmaSource, EDU_BUFFER.base);
    write(R.dmaCommand, EDU_COMMAND.start | EDU_COMMAND.toMemory);
    advance(1000);
    expect(bench.requests).toHaveLength(0);
    expect(bench.notes.map((note) => note.event)).toEqual(['dma-outside-buffer', 'dma-outside-buffer', 'dma-address-too-wide']);
    expect(read(R.dmaCommand) & 1).toBe(0);
  });

  it('keeps its registers while a transfer runs', () => {
    const { transfer, write, read } = setUp();
    transfer({ source: EDU_BUFFER.base, destination: 0x1000, count: 4, command: EDU_COMMAND.toMemory });
    write(R.dmaDestination, 0x9999);
    write(R.dmaCommand, EDU_COMMAND.start);
    expect(read(R.dmaDestination)).toBe(0x1000);
    expect(read(R.dmaCommand)).toBe(EDU_COMMAND.start | EDU_COMMAND.toMemory);
  });

  it('ends at an aborted request, with the buffer as it was', () => {
    const { bench, edu, transfer, advance, read } = setUp();
    bench.answerWith('unsupported-request');
    transfer({ source: 0x0ff0, destination: EDU_BUFFER.base, count: 64, command: EDU_COMMAND.interrupt });
    advance(5000);
    expect(bench.requests).toHaveLength(1);
    expect(bench.notes[0]?.event).toBe('dma-aborted');
    expect(edu.bufferBytes().every((byte) => byte === 0)).toBe(true);
    expect(read(R.dmaCommand) & 1).toBe(0);
    expect(read(R.interruptStatus)).toBe(0x100);
  });

  it('survives save and load in the middle of a transfer', () => {
    const first = setUp();
    first.bench.memory.set([1, 2, 3, 4], 0x1ffe);
    first.transfer({ source: 0x1ffe, destination: EDU_BUFFER.base, count: 4, command: EDU_COMMAND.interrupt });
    first.advance(EDU_DMA_LATENCY + 25);
    expect(first.bench.requests).toHaveLength(2);
    const second = setUp();
    second.edu.load(first.edu.save());
    expect(second.edu.save()).toEqual(first.edu.save());
    // the event that was pending belongs to the clock's snapshot; here it is delivered by hand
    for (const { tag } of first.bench.pending()) second.edu.event(tag);
    expect([...second.edu.bufferBytes().slice(0, 4)]).toEqual([1, 2, 3, 4]);
    expect(second.bench.interrupt()).toBe(true);
    expect(() => second.edu.load(new Uint8Array([1, 2, 3]))).toThrow(DeviceStateError);
  });

  it('forgets everything at reset, also the transfer under way', () => {
    const { edu, bench, transfer, advance } = setUp();
    const fresh = edu.save();
    transfer({ source: EDU_BUFFER.base, destination: 0x1000, count: 4, command: EDU_COMMAND.toMemory });
    edu.reset();
    advance(1000);
    expect(bench.requests).toHaveLength(0);
    expect(edu.save()).toEqual(fresh);
  });

  it('refuses a mask that is no number of address bits', () => {
    expect(() => setUp(0)).toThrow(RangeError);
    expect(() => setUp(65)).toThrow(RangeError);
  });
});
