import { beforeEach, describe, expect, it } from 'vitest';
import { COM1_IRQ, InterruptLines, PCI_LEVEL_TRIGGERED, pciIrq } from './lines';
import { InterruptControllerPair } from './pic';

let raised: number;
let pic: InterruptControllerPair;
const out = (region: string, offset: number, value: number) => pic.write(region, offset, 1, value);

/** As a PC's firmware does it: vectors 0x20 and 0x28, 8086 mode, nothing masked. */
function initialise(automaticEnd = false): void {
  const fourth = automaticEnd ? 3 : 1;
  for (const value of [0x20, 0x04, fourth, 0x00]) {
    if (value === 0x20) out('master', 0, 0x11);
    out('master', 1, value);
  }
  for (const value of [0x28, 0x02, fourth, 0x00]) {
    if (value === 0x28) out('slave', 0, 0x11);
    out('slave', 1, value);
  }
}

beforeEach(() => {
  raised = 0;
  pic = new InterruptControllerPair('pic', () => raised++);
});

describe('interrupt controllers', () => {
  it('let nothing through before they are initialised', () => {
    pic.setLine(4, true);
    pic.setLine(10, true);
    expect(pic.pending()).toBe(false);
    expect(pic.read('master', 1, 1)).toBe(0xff);
  });

  it('give the vector of the line, and block it until the end of interrupt', () => {
    initialise();
    pic.setLine(4, true);
    expect(raised).toBe(1);
    expect(pic.pending()).toBe(true);
    expect(pic.acknowledge()).toBe(0x24);
    expect(pic.pending()).toBe(false);
    pic.setLine(4, false);
    pic.setLine(4, true);
    expect(pic.pending()).toBe(false);
    out('master', 0, 0x20);
    expect(pic.pending()).toBe(true);
    expect(pic.acknowledge()).toBe(0x24);
  });

  it('serve the lowest line first, and let it interrupt a higher one', () => {
    initialise();
    pic.setLine(5, true);
    expect(pic.acknowledge()).toBe(0x25);
    pic.setLine(6, true);
    expect(pic.pending()).toBe(false);
    pic.setLine(3, true);
    expect(pic.acknowledge()).toBe(0x23);
    out('master', 0, 0x20); // ends 3
    expect(pic.pending()).toBe(false);
    out('master', 0, 0x65); // ends 5, named
    expect(pic.acknowledge()).toBe(0x26);
  });

  it('bring lines 8 to 15 in through the cascade', () => {
    initialise();
    pic.setLine(10, true);
    expect(pic.acknowledge()).toBe(0x2a);
    pic.setLine(12, true);
    expect(pic.pending()).toBe(false);
    out('slave', 0, 0x20);
    out('master', 0, 0x20);
    expect(pic.acknowledge()).toBe(0x2c);
    expect(() => pic.setLine(2, true)).toThrow(RangeError);
    expect(() => pic.setLine(16, true)).toThrow(RangeError);
  });

  describe('with rotating priority', () => {
    const serve = (...lines: number[]): number[] => {
      for (const line of lines) pic.setLine(line, false);
      for (const line of lines) pic.setLine(line, true);
      return lines.map(() => {
        const vector = pic.acknowledge();
        out('master', 0, 0xa0); // rotate on a non-specific end of interrupt
        return vector;
      });
    };

    it('give a line that was served the lowest priority at its end of interrupt', () => {
      initialise();
      expect(serve(1, 3, 5)).toEqual([0x21, 0x23, 0x25]);
      // 5 is the lowest now, and 6 the highest
      expect(serve(0, 5, 7)).toEqual([0x27, 0x20, 0x25]);
      expect(pic.pending()).toBe(false);
    });

    it('take the lowest from a command, with an end of interrupt or without', () => {
      initialise();
      out('master', 0, 0xc3); // 3 is the lowest
      pic.setLine(1, true);
      pic.setLine(4, true);
      expect(pic.acknowledge()).toBe(0x24);
      expect(pic.pending()).toBe(false);
      out('master', 0, 0xe4); // ends 4, which is the lowest then
      expect(pic.acknowledge()).toBe(0x21);
    });

    it('rotate by themselves with automatic end of interrupt, until told not to', () => {
      initialise(true);
      out('master', 0, 0x80);
      for (const line of [0, 1]) pic.setLine(line, true);
      expect([pic.acknowledge(), pic.acknowledge()]).toEqual([0x20, 0x21]);
      for (const line of [0, 1, 4]) pic.setLine(line, false);
      for (const line of [0, 1, 4]) pic.setLine(line, true);
      expect([pic.acknowledge(), pic.acknowledge(), pic.acknowledge()]).toEqual([0x24, 0x20, 0x21]);
      out('master', 0, 0x00);
      pic.setLine(7, true);
      expect(pic.acknowledge()).toBe(0x27);
      pic.setLine(1, false);
      pic.setLine(1, true);
      pic.setLine(3, true);
      expect(pic.acknowledge()).toBe(0x23); // 1 is the lowest still
    });
  });

  it('let everything else through in special mask mode, and keep what is masked from a non-specific end', () => {
    initialise();
    pic.setLine(1, true);
    expect(pic.acknowledge()).toBe(0x21);
    pic.setLine(5, true);
    expect(pic.pending()).toBe(false);
    out('master', 0, 0x68); // special mask mode on
    expect(pic.pending()).toBe(false);
    out('master', 1, 0x02); // the service routine masks its own line
    expect(pic.acknowledge()).toBe(0x25);
    out('master', 0, 0x20);
    out('master', 0, 0x0b);
    expect(pic.read('master', 0, 1)).toBe(0x02);
    out('master', 0, 0x48); // off again
    pic.setLine(6, true);
    expect(pic.pending()).toBe(false);
    out('master', 0, 0x20);
    expect(pic.acknowledge()).toBe(0x26);
  });

  it('let the second controller interrupt its own routine in special fully nested mode', () => {
    for (const [region, base, wiring] of [['master', 0x20, 4], ['slave', 0x28, 2]] as const) {
      out(region, 0, 0x11);
      for (const value of [base, wiring, region === 'master' ? 0x11 : 1, 0]) out(region, 1, value);
    } // prettier-ignore
    pic.setLine(12, true);
    expect(pic.acknowledge()).toBe(0x2c);
    pic.setLine(5, true);
    pic.setLine(14, true);
    expect(pic.pending()).toBe(false);
    pic.setLine(9, true);
    expect(pic.acknowledge()).toBe(0x29);
    expect(pic.pending()).toBe(false);
  });

  it('mask single lines, and show mask, requests and services', () => {
    initialise();
    out('master', 1, 0x10);
    pic.setLine(4, true);
    expect(pic.pending()).toBe(false);
    expect(pic.read('master', 0, 1)).toBe(0x10);
    expect(pic.read('master', 1, 1)).toBe(0x10);
    out('master', 1, 0);
    expect(raised).toBe(1);
    pic.acknowledge();
    out('master', 0, 0x0b);
    expect(pic.read('master', 0, 1)).toBe(0x10);
    out('master', 0, 0x0a);
    expect(pic.read('master', 0, 1)).toBe(0);
  });

  it('take an edge once, and a level as long as it is there', () => {
    initialise();
    pic.write('elcr', 0, 2, PCI_LEVEL_TRIGGERED);
    expect(pic.read('elcr', 0, 2)).toBe(PCI_LEVEL_TRIGGERED);
    pic.setLine(4, true);
    pic.acknowledge();
    out('master', 0, 0x20);
    expect(pic.pending()).toBe(false);
    pic.setLine(11, true);
    expect(pic.acknowledge()).toBe(0x2b);
    out('slave', 0, 0x20);
    out('master', 0, 0x20);
    expect(pic.acknowledge()).toBe(0x2b);
    pic.setLine(11, false);
    out('slave', 0, 0x20);
    out('master', 0, 0x20);
    expect(pic.pending()).toBe(false);
  });

  it('answer a request that went away with the spurious vector', () => {
    initialise();
    pic.setLine(4, true);
    pic.setLine(4, false);
    expect(pic.pending()).toBe(false);
    expect(pic.acknowledge()).toBe(0x27);
    out('master', 0, 0x0b);
    expect(pic.read('master', 0, 1)).toBe(0);
  });

  it('end interrupts by themselves when told so, and can be polled', () => {
    initialise(true);
    pic.setLine(4, true);
    pic.acknowledge();
    pic.setLine(5, true);
    expect(pic.pending()).toBe(true);
    out('master', 0, 0x0c);
    expect(pic.read('master', 0, 1)).toBe(0x85);
    expect(pic.pending()).toBe(false);
    // the next read is the answer, also at the other port; then that has its mask again
    pic.setLine(6, true);
    out('master', 0, 0x0c);
    expect([pic.read('master', 1, 1), pic.read('master', 1, 1)]).toEqual([0x86, 0]);
  });

  it('save and load in the middle of it', () => {
    initialise();
    pic.setLine(5, true);
    pic.acknowledge();
    pic.setLine(9, true);
    const other = new InterruptControllerPair();
    other.load(pic.save());
    expect(other.save()).toEqual(pic.save());
    expect(other.acknowledge()).toBe(0x29);
  });
});

describe('interrupt lines', () => {
  it('stay up as long as any device pulls', () => {
    const levels: [number, boolean][] = [];
    const lines = new InterruptLines((irq, asserted) => levels.push([irq, asserted]));
    const a = lines.forDevice('a', 10);
    const b = lines.forDevice('b', 10);
    a.set(true);
    a.set(true);
    b.set(true);
    a.set(false);
    expect(lines.save()).toEqual([[10, ['b']]]);
    b.set(false);
    b.set(false);
    expect(levels).toEqual([
      [10, true],
      [10, false],
    ]);
    b.set(true);
    lines.reset();
    expect(levels.at(-1)).toEqual([10, false]);
    expect(lines.save()).toEqual([]);
  });

  it('are wired by the board', () => {
    expect(COM1_IRQ).toBe(4);
    expect([pciIrq(0x20, 1), pciIrq(0x28, 1), pciIrq(0x20, 2)]).toEqual([10, 11, 11]);
  });
});
