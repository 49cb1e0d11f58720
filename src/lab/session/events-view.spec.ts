/** What the window is told of exceptions and interrupts, and what a step shows of one. */
import { describe, expect, it } from 'vitest';
import type { Computer } from './computer';
import { ran } from './shipped-lab.spec-support';

/** Steps until an exception of this vector is delivered. */
function stepToException(computer: Computer, vector: number): void {
  const count = (): number => computer.events().counts.find((each) => each.vector === vector)?.count ?? 0;
  const before = count();
  for (let left = 5000; left > 0 && count() === before; left--) computer.step(null);
}

describe('stepping', () => {
  it('the delivery of a page fault is a step: the access that faulted is on screen, the handler has not begun', () => {
    const computer = ran('demand-paging', 4_135);
    const handler = computer.tables(null).idt.entries.find(({ index }) => index === 14)!.gate!.offset;
    stepToException(computer, 14);
    expect(computer.registers(null).rip).toBe(BigInt(handler));
    expect(computer.lastJourney(null)).toMatchObject({
      access: { kind: 'write', address: 0x30_3000n },
      end: { kind: 'fault', fault: { name: 'page-fault' } },
    });
    // the next one is the handler's first instruction
    computer.step(null);
    expect(computer.lastJourney(null)!.end.kind).toBe('dram');
  });

  it('the fetch that NX forbids is the access on screen', () => {
    const computer = ran('pae-and-large-pages', 4_200);
    stepToException(computer, 14);
    expect(computer.lastJourney(null)).toMatchObject({ access: { kind: 'execute' }, end: { kind: 'fault', fault: { errorCode: 0x11 } } });
  });

  it('a call through a gate has read its parameter through the stack segment that it left', () => {
    const computer = ran('rings-and-gates', 0);
    const ring = (): number => computer.registers(null).cpl;
    while (ring() === 0) computer.step(null);
    const outer = computer.registers(null).segments.find(({ name }) => name === 'SS')!.selector;
    while (ring() === 3) computer.step(null);
    const { access, steps } = computer.lastJourney(null)!;
    expect(access).toMatchObject({ kind: 'read', space: 'logical', cpl: 3 });
    expect(steps[0]!.from).toMatchObject({ segment: 'SS', selector: outer });
    expect(outer & 3).toBe(3);
  });

  it('so is the access that the limit of its segment forbids', () => {
    const computer = ran('segments-and-paging', 10);
    stepToException(computer, 13);
    expect(computer.lastJourney(null)).toMatchObject({
      access: { kind: 'write', space: 'logical' },
      end: { kind: 'fault', fault: { vector: 13 } },
    });
  });
});

describe('events', () => {
  it('lists page faults, the latest first, with error code, CR2 and when they came', () => {
    const { total, counts, latest } = ran('demand-paging').events();
    expect([total, counts]).toEqual([5, [{ vector: 14, count: 5 }]]);
    expect(latest.map(({ number, cr2, errorCode }) => [number, cr2, errorCode])).toEqual([
      [5, 0x30_1000, 0],
      [4, 0x30_7000, 2],
      [3, 0x30_f000, 2],
      [2, 0x30_0000, 2],
      [1, 0x30_3000, 2],
    ]);
    expect(latest.every(({ instructions }, at) => at === 0 || instructions < latest[at - 1]!.instructions)).toBe(true);
  });

  it('has no CR2 for other exceptions, and the error code that was pushed', () => {
    const { latest } = ran('rings-and-gates').events();
    expect(latest.map(({ vector, errorCode, cr2, vm }) => [vector, errorCode, cr2, vm])).toEqual([
      [13, 0x10, null, null],
      [13, 0x08, null, null],
    ]);
  });
});
