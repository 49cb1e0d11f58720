/** The serial port: output, ready bits, divisor latch, loopback, FIFO and interrupts, as programs use them. */
import { describe, expect, it } from 'vitest';
import { deviceBench } from '../bench.spec-support';
import { OUTPUT_LIMIT, UART, Uart } from './uart';

function setUp() {
  const bench = deviceBench();
  const uart = new Uart('com1', bench.context);
  const out = (register: number, value: number): void => uart.write('registers', register, 1, value);
  const inb = (register: number): number => uart.read('registers', register, 1);
  return { bench, uart, out, inb };
}
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('uart', () => {
  it('sits at 0x3F8 unless told', () => {
    expect(setUp().uart.regions[0]).toMatchObject({ kind: 'port', base: 0x3f8, size: 8 });
  });

  it('captures what is written, and is always ready for more', () => {
    const { uart, out, inb } = setUp();
    for (const character of 'hello') {
      expect(inb(UART.lineStatus) & 0x60).toBe(0x60);
      out(UART.data, character.charCodeAt(0));
    }
    expect(text(uart.output)).toBe('hello');
  });

  it('keeps the divisor latch apart from data', () => {
    const { uart, out, inb } = setUp();
    out(UART.lineControl, 0x83);
    out(UART.data, 0x0c);
    out(UART.interruptEnable, 0x01);
    expect([inb(UART.data), inb(UART.interruptEnable)]).toEqual([0x0c, 0x01]);
    out(UART.lineControl, 0x03);
    expect(inb(UART.interruptEnable)).toBe(0);
    expect(uart.output).toHaveLength(0);
  });

  it('passes the loopback test that drivers begin with, without printing', () => {
    const { uart, out, inb } = setUp();
    out(UART.modemControl, 0x1e);
    out(UART.data, 0xae);
    expect(inb(UART.lineStatus) & 1).toBe(1);
    expect(inb(UART.data)).toBe(0xae);
    expect(inb(UART.modemStatus)).toBe(0xd0);
    expect(uart.output).toHaveLength(0);
  });

  it('receives through the FIFO and reports an overrun once', () => {
    const { uart, out, inb } = setUp();
    out(UART.interruptId, 0x01);
    uart.receive(Uint8Array.from({ length: 17 }, (_, i) => i));
    expect(inb(UART.lineStatus) & 0x03).toBe(0x03);
    expect(inb(UART.lineStatus) & 0x03).toBe(0x01);
    for (let i = 0; i < 16; i++) expect(inb(UART.data)).toBe(i);
    expect(inb(UART.lineStatus) & 1).toBe(0);
  });

  it('receives what waits at the other end only when the program looks, one by one, and loses nothing', () => {
    const { uart, bench, out, inb } = setUp();
    uart.queue(Uint8Array.of(1, 2, 3));
    expect(bench.interrupt()).toBe(false);
    // clearing the FIFO drops nothing that has not arrived
    out(UART.interruptId, 0x07);
    expect(inb(UART.lineStatus) & 3).toBe(1);
    expect([inb(UART.data), inb(UART.data)]).toEqual([1, 2]);
    out(UART.interruptEnable, 0x01);
    expect([uart.listens, bench.interrupt()]).toEqual([true, true]);
    expect(inb(UART.data)).toBe(3);
    expect([bench.interrupt(), inb(UART.lineStatus) & 3]).toEqual([false, 0]);
    uart.queue(Uint8Array.of(4));
    expect(bench.interrupt()).toBe(true);
  });

  it('interrupts for received data and for an empty transmitter, by priority', () => {
    const { uart, bench, out, inb } = setUp();
    out(UART.interruptEnable, 0x03);
    expect(bench.interrupt()).toBe(true);
    uart.receive(Uint8Array.of(65));
    expect(inb(UART.interruptId)).toBe(0x04);
    expect(inb(UART.data)).toBe(65);
    expect(inb(UART.interruptId)).toBe(0x02);
    expect(inb(UART.interruptId)).toBe(0x01);
    expect(bench.interrupt()).toBe(false);
    out(UART.data, 66);
    expect(bench.interrupt()).toBe(true);
  });

  it('bounds what a guest that prints forever can cost', () => {
    const { uart, out } = setUp();
    for (let i = 0; i < OUTPUT_LIMIT + 10; i++) out(UART.data, i & 0xff);
    expect(uart.output.length).toBeLessThanOrEqual(OUTPUT_LIMIT);
    expect(uart.droppedBytes + uart.output.length).toBe(OUTPUT_LIMIT + 10);
    expect(uart.output.at(-1)).toBe((OUTPUT_LIMIT + 9) & 0xff);
  });

  it('survives save and load', () => {
    const { uart, out } = setUp();
    out(UART.interruptEnable, 1);
    out(UART.scratch, 0x42);
    out(UART.data, 0x41);
    uart.receive(Uint8Array.of(9));
    const other = setUp();
    other.uart.load(uart.save());
    expect(other.uart.save()).toEqual(uart.save());
    expect(other.bench.interrupt()).toBe(true);
    expect(other.inb(UART.data)).toBe(9);
    other.out(UART.data, 0x42);
    expect(text(other.uart.output)).toBe('AB');
    other.uart.reset();
    expect(other.uart.save()).toEqual(setUp().uart.save());
  });
});
