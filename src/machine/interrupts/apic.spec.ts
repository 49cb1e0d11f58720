import { beforeEach, describe, expect, it } from 'vitest';
import { deviceBench, type DeviceBench } from '../devices/bench.spec-support';
import { DELIVERY, messageOf, type InterruptMessage } from './interrupt-message';
import { IoApic, pinOfLine } from './io-apic';
import { APIC } from './apic-registers';
import { LocalApic } from './local-apic';
import { InterruptControllerPair } from './pic';

let bench: DeviceBench;
let pic: InterruptControllerPair;
let apic: LocalApic;
let io: IoApic;
let enabled: boolean;
let raised: number;
let nmis: number;
let unheard: InterruptMessage[];

const write = (offset: number, value: number) => apic.write('registers', offset, 4, value);
const read = (offset: number) => apic.read('registers', offset, 4);
const fixed = (vector: number, level = false) => apic.deliver({ vector, mode: DELIVERY.fixed, destination: 0, logical: false, level });
const entry = (pin: number, low: number, high = 0) => {
  for (const [index, value] of [
    [pin * 2 + 0x11, high],
    [pin * 2 + 0x10, low],
  ] as const) {
    io.write('registers', 0, 4, index);
    io.write('registers', 0x10, 4, value);
  }
};
const entryLow = (pin: number) => {
  io.write('registers', 0, 4, pin * 2 + 0x10);
  return io.read('registers', 0x10, 4);
};
const advance = (ticks: number) => bench.advance(ticks, (tag) => apic.event(tag));

beforeEach(() => {
  bench = deviceBench();
  pic = new InterruptControllerPair();
  enabled = true;
  raised = nmis = 0;
  unheard = [];
  apic = new LocalApic({
    clock: bench.context.clock,
    external: pic,
    enabled: () => enabled,
    raised: () => raised++,
    nonMaskable: () => nmis++,
    unheard: (message) => unheard.push(message),
    ended: (vector) => io.ended(vector),
  });
  io = new IoApic((message) => apic.deliver(message));
  write(APIC.spurious, 0x1ff);
});

describe('local APIC', () => {
  it('is off until software switches it on, and says who it is', () => {
    write(APIC.spurious, 0xff);
    expect(fixed(0x50)).toBe(false);
    expect(apic.pending()).toBe(false);
    expect(read(APIC.version) & 0xff).toBe(0x14);
    expect(read(APIC.lint0)).toBe(0x1_0000);
    write(APIC.lint0, 0x700);
    expect(read(APIC.lint0)).toBe(0x1_0700);
  });

  it('serves the highest vector, and lower classes only after the end of interrupt', () => {
    fixed(0x41);
    expect(raised).toBe(1);
    fixed(0x93);
    expect(apic.acknowledge()).toBe(0x93);
    expect(apic.pending()).toBe(false);
    expect(read(APIC.processorPriority)).toBe(0x90);
    expect(read(APIC.inService + 0x40)).toBe(1 << 0x13);
    expect(read(APIC.request + 0x20)).toBe(1 << 1);
    fixed(0x9f);
    expect(apic.pending()).toBe(false);
    fixed(0xa0);
    expect(apic.acknowledge()).toBe(0xa0);
    for (const next of [-1, 0x9f, 0x41]) {
      write(APIC.endOfInterrupt, 0);
      if (next >= 0) expect(apic.acknowledge()).toBe(next);
    }
  });

  it('holds back what the task priority says, and gives the spurious vector when there is nothing', () => {
    write(APIC.taskPriority, 0x50);
    fixed(0x55);
    expect([apic.pending(), raised]).toEqual([false, 0]);
    expect(apic.acknowledge()).toBe(0xff);
    expect(read(APIC.inService + 0x20)).toBe(0);
    write(APIC.taskPriority, 0x40);
    expect(raised).toBe(1);
    expect(apic.acknowledge()).toBe(0x55);
  });

  it('counts down once or again and again, as its divider says', () => {
    write(APIC.divide, 0b0011); // 16
    write(APIC.timer, 0x40);
    write(APIC.initialCount, 10);
    expect(read(APIC.currentCount)).toBe(10);
    advance(64);
    expect(read(APIC.currentCount)).toBe(6);
    advance(95);
    expect(apic.pending()).toBe(false);
    advance(1);
    expect([apic.acknowledge(), read(APIC.currentCount), bench.pending().length]).toEqual([0x40, 0, 0]);
    write(APIC.endOfInterrupt, 0);
    write(APIC.timer, 0x2_0041);
    write(APIC.divide, 0b1011); // 1
    write(APIC.initialCount, 100);
    for (let period = 0; period < 3; period++) {
      advance(99);
      expect(apic.pending()).toBe(false);
      advance(1);
      expect(apic.acknowledge()).toBe(0x41);
      write(APIC.endOfInterrupt, 0);
    }
    write(APIC.timer, 0x3_0041);
    expect(bench.pending()).toEqual([]);
    expect(apic.timerReaches).toBe(false);
  });

  it('keeps what is left when its divider changes', () => {
    write(APIC.divide, 0b1011);
    write(APIC.timer, 0x40);
    write(APIC.initialCount, 100);
    advance(60);
    write(APIC.divide, 0b0000); // 2
    expect(read(APIC.currentCount)).toBe(40);
    advance(79);
    expect(apic.pending()).toBe(false);
    advance(1);
    expect(apic.pending()).toBe(true);
  });

  it('sends interrupts to itself, by ID, by logical address, and by shorthand', () => {
    write(APIC.logicalDestination, 0x0400_0000);
    for (const [high, low, arrives] of [
      [0, 0x61, true],
      [0x0100_0000, 0x62, false],
      [0x0c00_0000, 0x863, true],
      [0x0300_0000, 0x864, false],
      [0, 0x4_0065, true],
      [0, 0x8_0066, true],
      [0, 0xc_0067, false],
    ] as const) {
      write(APIC.commandHigh, high);
      write(APIC.commandLow, low);
      expect([low, apic.pending()]).toEqual([low, arrives]);
      if (arrives) expect(apic.acknowledge()).toBe(low & 0xff);
      write(APIC.endOfInterrupt, 0);
    }
    write(APIC.commandLow, 0x4_0402);
    expect(nmis).toBe(1);
  });

  it('takes no notice of SMI, INIT and start-up, nor of what is for processors that are not there, and says so', () => {
    for (const low of [0x4_0200, 0x4_4500, 0x4_4608, 0xc_0045]) write(APIC.commandLow, low);
    write(APIC.commandHigh, 0x0300_0000);
    write(APIC.commandLow, 0x4500);
    expect(unheard.map(({ mode }) => mode)).toEqual([DELIVERY.smi, DELIVERY.init, DELIVERY.startUp, DELIVERY.fixed, DELIVERY.init]);
    expect([apic.pending(), raised, nmis]).toEqual([false, 0, 0]);
  });

  it('reports vectors below 16 as errors', () => {
    write(APIC.error, 0x70);
    write(APIC.commandLow, 0x4_0008);
    expect(apic.acknowledge()).toBe(0x70);
    fixed(3);
    write(APIC.errorStatus, 0);
    expect(read(APIC.errorStatus)).toBe(0x60);
    write(APIC.errorStatus, 0);
    expect(read(APIC.errorStatus)).toBe(0);
  });

  it('reports accesses to registers that it does not have', () => {
    expect([read(0x40), read(0xc0), read(APIC.inService + 0x70), read(APIC.currentCount)]).toEqual([0, 0, 0, 0]);
    write(APIC.version, 1);
    write(APIC.errorStatus, 0);
    expect(read(APIC.errorStatus)).toBe(0x80);
    write(APIC.errorStatus, 0);
    expect(read(APIC.errorStatus)).toBe(0);
    write(APIC.error, 0x70);
    write(0x3f0, 0x55);
    expect(apic.acknowledge()).toBe(0x70);
  });

  it('hears NMI also while software has switched it off', () => {
    write(APIC.spurious, 0xff);
    expect(apic.deliver({ vector: 0, mode: DELIVERY.nmi, destination: 0, logical: false, level: false })).toBe(true);
    expect(nmis).toBe(1);
    enabled = false;
    expect(apic.deliver({ vector: 0, mode: DELIVERY.nmi, destination: 0, logical: false, level: false })).toBe(false);
    expect(nmis).toBe(1);
  });

  it('lets the 8259 pair through as LINT0 says, or altogether while it is disabled', () => {
    for (const [port, value] of [
      [0, 0x11],
      [1, 0x20],
      [1, 4],
      [1, 1],
      [1, 0],
    ] as const)
      pic.write('master', port, 1, value);
    pic.setLine(4, true);
    expect(apic.pending()).toBe(false);
    write(APIC.lint0, 0x700);
    expect(apic.pending()).toBe(true);
    fixed(0x80);
    expect([apic.acknowledge(), apic.acknowledge()]).toEqual([0x80, 0x24]);
    pic.write('master', 0, 1, 0x20);
    pic.setLine(4, false);
    pic.setLine(4, true);
    write(APIC.lint0, 0x1_0700);
    expect(apic.pending()).toBe(false);
    enabled = false;
    expect(apic.pending()).toBe(true);
    expect(fixed(0x80)).toBe(false);
  });

  it('reads messages as devices write them', () => {
    expect(messageOf(0xfee0_3000, 0xc155)).toEqual({ vector: 0x55, mode: 1, destination: 3, logical: false, level: true });
    expect(messageOf(0xfeef_f00c, 0x31)).toEqual({ vector: 0x31, mode: 0, destination: 0xff, logical: true, level: false });
  });

  it('saves and loads in the middle of it', () => {
    fixed(0x41);
    fixed(0x93, true);
    apic.acknowledge();
    write(APIC.timer, 0x40);
    write(APIC.initialCount, 1000);
    advance(100);
    const other = new LocalApic({ clock: bench.context.clock, external: pic, enabled: () => true });
    other.load(apic.save());
    expect(other.save()).toEqual(apic.save());
    expect(other.read('registers', APIC.currentCount, 4)).toBe(950);
    other.write('registers', APIC.endOfInterrupt, 4, 0);
    expect(other.acknowledge()).toBe(0x41);
  });
});

describe('IOAPIC', () => {
  it('has 24 masked inputs at first; the timer is on input 2', () => {
    io.write('registers', 0, 4, 1);
    expect(io.read('registers', 0x10, 4)).toBe(0x17_0020);
    expect([entryLow(0), entryLow(23), entryLow(24)]).toEqual([0x1_0000, 0x1_0000, 0]);
    expect([pinOfLine(0), pinOfLine(4)]).toEqual([2, 4]);
    io.setPin(4, true);
    expect(apic.pending()).toBe(false);
    expect(() => io.setPin(24, true)).toThrow(RangeError);
  });

  it('turns edges into messages, one each', () => {
    entry(4, 0x34);
    io.setPin(4, true);
    io.setPin(4, true);
    expect(apic.acknowledge()).toBe(0x34);
    write(APIC.endOfInterrupt, 0);
    expect(apic.pending()).toBe(false);
    io.setPin(4, false);
    io.setPin(4, true);
    expect(apic.acknowledge()).toBe(0x34);
  });

  it('asks again after the end of interrupt while a level is there', () => {
    entry(10, 0x803a, 0);
    io.setPin(10, true);
    expect(entryLow(10)).toBe(0xc03a);
    expect(apic.acknowledge()).toBe(0x3a);
    write(APIC.endOfInterrupt, 0);
    expect(apic.acknowledge()).toBe(0x3a);
    io.setPin(10, false);
    write(APIC.endOfInterrupt, 0);
    expect([apic.pending(), entryLow(10)]).toEqual([false, 0x803a]);
    io.setPin(10, true);
    entry(11, 0x1_8040);
    io.setPin(11, true);
    expect(apic.acknowledge()).toBe(0x3a);
    entry(11, 0x8040);
    expect(apic.acknowledge()).toBe(0x40);
  });

  it('sends nothing to who is not there', () => {
    entry(4, 0x34, 0x0500_0000);
    io.setPin(4, true);
    expect(apic.pending()).toBe(false);
  });

  it('saves and loads', () => {
    entry(10, 0x803a);
    io.setPin(10, true);
    const other = new IoApic(() => true);
    other.load(io.save());
    expect(other.save()).toEqual(io.save());
  });
});
