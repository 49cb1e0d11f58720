import { describe, expect, it } from 'vitest';
import { eventWords, pageFaultBits } from './event-words';

describe('names of events', () => {
  it.each([
    [{ vector: 14, kind: 'fault' }, '#PF', 14],
    [{ vector: 13, kind: 'fault' }, '#GP', 13],
    [{ vector: 1, kind: 'trap' }, '#DB', 1],
    [{ vector: 3, kind: 'software' }, '#BP', 3],
    [{ vector: 0x80, kind: 'software' }, 'INT 0x80', null],
    // INT 14 is no page fault, and neither is a line of the 8259 pair that was set up there
    [{ vector: 14, kind: 'software' }, 'INT 0x0E', null],
    [{ vector: 14, kind: 'external' }, 'IRQ 0x0E', null],
    [{ vector: 2, kind: 'external' }, 'NMI', 2],
    [{ vector: 18, kind: 'external' }, '#MC', 18],
  ] as const)('%o: %s', (event, name, exception) => {
    expect(eventWords(event)).toEqual({ name, exception });
  });

  it('of a page fault the error code is read bit by bit', () => {
    expect(
      pageFaultBits(0x11)
        .filter(({ set }) => set)
        .map(({ name }) => name),
    ).toEqual(['P', 'I']);
  });
});
