import { describe, expect, it } from 'vitest';
import type { DramBankView, DramModuleView } from '../../../lab/protocol';
import { bankHeat, rowHeat } from './cell-heat';
import { percent } from './use-dram';

const bank = (rank: number, number: number, hits: number, rowHeat: number[] = []): DramBankView => ({
  number: rank * 8 + number,
  subchannel: 0,
  rank,
  bankGroup: 0,
  bank: number,
  hits,
  misses: 0,
  conflicts: 0,
  writes: 0,
  openRow: 3,
  rowHeat,
});
const module: DramModuleView = {
  slot: 'A1',
  channel: 0,
  grade: 'DDR3-1600',
  ecc: false,
  trr: 0,
  threshold: null,
  mostActivations: 0,
  hottest: [],
  errors: { flips: 0, corrected: 0, uncorrectable: 0, miscorrected: 0, refreshed: 0 },
  hits: 116,
  misses: 0,
  conflicts: 0,
  writes: 0,
  banks: [bank(0, 2, 100, [0, 9, 0, 36]), bank(0, 5, 25), bank(1, 2, 16)],
};
const cell = { subchannel: 0, rank: 0, bankGroup: 0, bank: 2 };

describe('heat in a DIMM', () => {
  it('is by the root of the share, within the rank that is looked at', () => {
    expect(bankHeat(module, cell, 'bank', 2)).toBe(1);
    expect(bankHeat(module, cell, 'bank', 5)).toBe(0.5);
    expect(bankHeat(module, cell, 'bank', 7)).toBe(0);
    expect(bankHeat(module, { ...cell, rank: 1 }, 'bank', 5)).toBe(0);
    expect(bankHeat(module, cell, 'rank', 1)).toBeCloseTo(Math.sqrt(16 / 125));
    expect(bankHeat(module, cell, 'byte', 0)).toBeNull();
  });

  it('shows the rows of the chosen bank only', () => {
    expect(rowHeat(module, cell)).toEqual([
      { at: 0.25, size: 0.25, heat: 0.5 },
      { at: 0.75, size: 0.25, heat: 1 },
    ]);
    expect(rowHeat(module, { ...cell, bank: 7 })).toEqual([]);
  });

  it('has figures for people', () => {
    expect([percent(1, 3), percent(0, 0)]).toEqual(['33.3 %', '–']);
  });
});
