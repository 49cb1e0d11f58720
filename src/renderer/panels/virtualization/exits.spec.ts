import { describe, expect, it } from 'vitest';
import { exitRows } from './exits';

describe('exits by reason', () => {
  it('sorts by total and stacks by VM, relative to the longest bar', () => {
    const rows = exitRows([
      { id: 'a', index: 0, exits: { hlt: 1, 'io-instruction': 6 } },
      { id: 'b', index: 1, exits: { hlt: 1, 'io-instruction': 2, cpuid: 0 } },
    ]);
    expect(rows.map((row) => [row.reason, row.number, row.total])).toEqual([
      ['io-instruction', 30, 8],
      ['hlt', 12, 2],
    ]);
    expect(rows[0]?.parts.map((part) => part.share)).toEqual([0.75, 0.25]);
    expect(rows[1]?.parts.map((part) => part.share)).toEqual([0.125, 0.125]);
  });
});
