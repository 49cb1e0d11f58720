import { describe, expect, it } from 'vitest';
import { boardSchema } from '../../../../machine/board/schema';
import { plug, setDmaMask, unplug } from '.';
import { isHotChange } from './hot';

const board = boardSchema.parse({
  slots: [
    { id: 'A1', base: 0, dimm: 'ddr3-256m' },
    { id: 'A2', base: 0x1000_0000, dimm: null, hotPlug: true },
  ],
  bridges: [{ id: 'rp1', kind: 'root-port', hotPlug: true }, { id: 'rp2', kind: 'root-port' }],
  devices: [
    { id: 'dma0', kind: 'edu', parent: 'rp1' },
    { id: 'dma1', kind: 'edu', parent: 'rp2' },
  ],
}); // prettier-ignore

describe('changes with the power on', () => {
  it('are those of slots and ports for hot-plug', () => {
    expect(isHotChange(board, plug(board, 'A2', 'ddr3-256m').patches)).toBe(true);
    expect(isHotChange(board, unplug('A2').patches)).toBe(true);
    expect(isHotChange(board, unplug('A1').patches)).toBe(false);
    expect(isHotChange(board, [{ op: 'remove', path: ['board', 'devices', 'dma0'] }])).toBe(true);
    expect(isHotChange(board, [{ op: 'remove', path: ['board', 'devices', 'dma1'] }])).toBe(false);
    expect(isHotChange(board, setDmaMask('dma0', 32).patches)).toBe(false);
    expect(isHotChange(board, [])).toBe(false);
  });
});
