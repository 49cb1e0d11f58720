import { describe, expect, it } from 'vitest';
import { boardSchema } from '../../../machine/board/schema';
import { inBusOrder, placePorts, seenRequesters } from './topology-ports';

const board = boardSchema.parse({
  bridges: [
    { id: 'rp1', kind: 'root-port' },
    { id: 'sw1', kind: 'switch', parent: 'rp1' },
    { id: 'rp2', kind: 'root-port' },
    { id: 'br1', kind: 'pci-bridge', parent: 'rp2' },
  ],
  devices: [
    { id: 'b', kind: 'edu', parent: 'sw1.1' },
    { id: 'old0', kind: 'edu', parent: 'br1' },
    { id: 'a', kind: 'edu', parent: 'sw1.0' },
    { id: 'old1', kind: 'edu', parent: 'br1' },
    { id: 'near', kind: 'edu' },
  ],
});
const order = inBusOrder(board, board.devices).map(({ id }) => id);
const middles = new Map(order.map((id, index) => [id, 92 + index * 104]));

describe('ports of the topology', () => {
  it('come in the order of the buses, with the requester IDs that the IOMMU sees', () => {
    expect(order).toEqual(['near', 'a', 'b', 'old0', 'old1']);
    expect(Object.fromEntries(seenRequesters(board))).toMatchObject({ near: '00:04.0', a: '03:00.0', old0: '06:00.0', old1: '06:00.0' });
  });

  it('stand once each, in columns from the root on, in the middle of what is behind them', () => {
    const { ports, width } = placePorts(board, middles);
    expect(ports.map(({ id }) => id).sort()).toEqual(['br1', 'rp1', 'rp2', 'sw1']);
    const box = Object.fromEntries(ports.map((port) => [port.id, port]));
    expect(box['rp1']!.x).toBe(box['rp2']!.x);
    expect(box['sw1']!.x).toBeLessThan(box['rp1']!.x);
    expect(box['sw1']!.y).toBe((middles.get('a')! + middles.get('b')!) / 2);
    expect(box['br1']).toMatchObject({ seenAs: '06:00.0', places: ['05:00.0'] });
    expect(box['sw1']!.places).toEqual(['02:00.0', '02:01.0']);
    expect(width).toBeGreaterThan(2 * 112);
  });

  it('share the wires above a common port, and leave a board without bridges as it was', () => {
    const { wires } = placePorts(board, middles);
    expect(wires.find(({ devices }) => devices.includes('a') && devices.includes('b'))).toBeDefined();
    expect(wires.filter(({ devices }) => devices.includes('a'))).toHaveLength(3);
    const plain = placePorts(boardSchema.parse({ devices: [{ id: 'd', kind: 'edu' }] }), new Map([['d', 92]]));
    expect(plain).toEqual({ ports: [], wires: [{ d: 'M138 92H182V188H196', devices: ['d'] }], width: 0 });
  });
});
