import { describe, expect, it } from 'vitest';
import { boardSchema } from '../../../machine/board/schema';
import { checkBoard } from '../../../machine/board/rules';
import { misfit } from './fit';

const board = boardSchema.parse({
  assignment: 'automatic',
  controllers: [{ id: 'mc0', channels: [['A1', 'A2']] }],
  slots: [{ id: 'A1', dimm: 'ddr3-256m' }, { id: 'A2' }, { id: 'X1' }],
});

describe('what fits a slot', () => {
  it('takes the kind that the other slots of its controller hold', () => {
    expect(misfit(board, 'A2', 'ddr3-1g')).toBeNull();
    expect(misfit(board, 'A2', 'ddr4-4g')).toEqual({ why: 'kind', here: 'DDR3', there: 'DDR4', slot: 'A1' });
    // in place of the only DIMM, another kind fits
    expect(misfit(board, 'A1', 'ddr4-4g')).toBeNull();
    expect(misfit(board, 'X1', 'ddr4-4g')).toBeNull();
    expect(misfit(board, 'A2', 'ddr9-1g')).toEqual({ why: 'unknown' });
  });

  it('says so exactly where the placement rules would', () => {
    for (const [slot, dimm] of [['A2', 'ddr3-1g'], ['A2', 'ddr4-4g'], ['A1', 'ddr5-16g'], ['X1', 'sdr-64m']] as const) {
      const plugged = { ...board, slots: board.slots.map((each) => (each.id === slot ? { ...each, dimm } : each)) };
      const mixed = checkBoard(plugged).some(({ code }) => code === 'board-mixed-memory');
      expect(misfit(board, slot, dimm) !== null).toBe(mixed);
    }
  }); // prettier-ignore
});
