import { describe, expect, it } from 'vitest';
import type { RegistersView, StopPoint } from '../../../lab/protocol';
import { parsePlace, stopRows } from './stop-rows';

const point = (kind: StopPoint['kind'], linear: bigint, size: StopPoint['size'] = 1): StopPoint => ({ vm: null, kind, linear, size });

describe('rows of breakpoints', () => {
  it('are lines, then addresses ascending, with their hits; the one that stopped the run is marked', () => {
    const lines = [{ file: 'a.asm', line: 4, bound: true, enabled: true }];
    const points = [
      { ...point('write', 0x6000n, 2), enabled: true },
      { ...point('code', 0x7c04n), enabled: false },
      { ...point('code', 0x5000n), enabled: true },
    ];
    const view = {
      points: [
        { ...point('code', 0x7c04n), file: 'a.asm', line: 4, hits: 2 },
        { ...point('write', 0x6000n, 2), hits: 3 },
      ],
    };
    const rows = stopRows(lines, points, view, point('code', 0x7c04n));
    expect(rows.map(({ key, hits, here }) => [key, hits, here])).toEqual([
      ['a.asm:4', 2, true],
      [' code 20480 1', 0, false],
      [' write 24576 2', 3, false],
      // off: it was the line that stopped there
      [' code 31748 1', 0, false],
    ]);
    expect(stopRows(lines, points, null, null).every(({ hits, here }) => hits === 0 && !here)).toBe(true);
  });
});

describe('a typed place', () => {
  const registers = {
    segments: [{ name: 'DS', selector: 0x100, base: 0x1000n, limit: 0xffff, attributes: 0 }],
  } as unknown as RegistersView;
  it('is a linear address, or an offset in a segment as it is now', () => {
    expect(parsePlace('7c00', 1, null)).toEqual({ ok: true, linear: 0x7c00n });
    expect(parsePlace('ds:0x10', 4, registers)).toEqual({ ok: true, linear: 0x1010n });
    expect(parsePlace('ds:0x10', 4, null)).toEqual({ ok: false, reason: 'noRegisters' });
  });
  it('ends below 4 GiB', () => {
    expect(parsePlace('FFFF_FFFF', 1, null)).toMatchObject({ ok: true });
    expect(parsePlace('FFFF_FFFF', 2, null)).toEqual({ ok: false, reason: 'too-wide' });
    expect(parsePlace('xyz', 1, null)).toEqual({ ok: false, reason: 'not-hex' });
  });
});
