import { describe, expect, it } from 'vitest';
import { boardSchema } from '../../../../machine/board/schema';
import { addDevice, plug, setDmaMask, unplug } from '.';
import { hotChanges } from '../../../../machine/board/hot-plug';
import { offerWhileOn } from '../catalogue-hot';
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
    expect(isHotChange(board, addDevice(board, 'edu', 'rp1').patches)).toBe(true);
    expect(isHotChange(board, addDevice(board, 'edu', 'rp2').patches)).toBe(false);
    expect(isHotChange(board, addDevice(board, 'edu').patches)).toBe(false);
  });

  it('are offered from the catalogue where a slot or port is free, and refused with the reason elsewhere', () => {
    const offer = (kind: 'dimm' | 'device' | 'slot', id: string, on = board) => {
      const found = offerWhileOn(on, { kind, id }, null);
      return 'why' in found ? found.why.en : found.target;
    };
    expect(offer('dimm', 'ddr3-256m')).toBe('A2');
    expect(offer('dimm', 'ddr3-256m', { ...board, slots: board.slots.slice(0, 1) })).toMatch(/no slot is for hot-plug/);
    expect(offer('device', 'edu')).toMatch(/no port for hot-plug is free/);
    expect(offer('device', 'rom')).toMatch(/with the power off/);
    expect(offer('slot', 'slot')).toMatch(/with the power off/);
    const free = { ...board, devices: board.devices.slice(1) };
    expect(offer('device', 'edu', free)).toBe('rp1');
    const found = offerWhileOn(free, { kind: 'device', id: 'edu' }, null);
    const [patch] = 'change' in found ? found.change.patches : [];
    expect(patch).toMatchObject({ op: 'insert', value: { id: 'dma0', kind: 'edu', parent: 'rp1' } });
    // and the machine takes it for what it is
    const after = boardSchema.parse({ ...free, devices: [...free.devices, { id: 'dma0', kind: 'edu', parent: 'rp1' }] });
    expect(hotChanges(free, after)).toEqual([{ kind: 'device', id: 'dma0', plugged: true }]);
  });
});
