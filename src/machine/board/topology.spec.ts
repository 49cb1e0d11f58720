/** The PCI tree: bus numbers, requester IDs, windows, and what is wrong with one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRequester } from '../bus/dma-port';
import { checkBoard, MOST_ISSUES } from './rules';
import { boardSchema, type Board } from './schema';
import { pciTopology, sharedRequesters } from './topology';
import { randomTopology } from './random-board.spec-support';
import { deviceWindows } from './windows';

const MIB = 1024 ** 2;
const board = (drawing: object): Board => boardSchema.parse({ slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }], ...drawing });
const switched = board({
  bridges: [
    { id: 'rp1', kind: 'root-port' },
    { id: 'rp2', kind: 'root-port' },
    { id: 'sw1', kind: 'switch', parent: 'rp1', ports: 2 },
    { id: 'br1', kind: 'pci-bridge', parent: 'rp2' },
  ],
  devices: [
    { id: 'dma0', kind: 'edu', parent: 'sw1.0' },
    { id: 'dma1', kind: 'dma-scatter', parent: 'sw1.1' },
    { id: 'old0', kind: 'dma-contiguous', parent: 'br1' },
    { id: 'old1', kind: 'edu', parent: 'br1', at: '04.0' },
    { id: 'near', kind: 'edu' },
  ],
});

describe('PCI topology', () => {
  it('numbers buses depth first and gives every device its requester ID', () => {
    const { bridges, devices } = pciTopology(switched);
    expect(
      bridges.map(({ id, role, primary, devfn, secondary, subordinate }) => [
        id, role, formatRequester((primary << 8) | devfn), secondary, subordinate,
      ]),
    ).toEqual([
      ['rp1', 'root-port', '00:1c.0', 1, 4],
      ['sw1', 'upstream', '01:00.0', 2, 4],
      ['sw1.0', 'downstream', '02:00.0', 3, 3],
      ['sw1.1', 'downstream', '02:01.0', 4, 4],
      ['rp2', 'root-port', '00:1c.1', 5, 6],
      ['br1', 'pci-bridge', '05:00.0', 6, 6],
    ]); // prettier-ignore
    const ids = [...devices.values()].map(({ id, requester, dmaRequester, path }) => [
      id, formatRequester(requester), formatRequester(dmaRequester), path.map((port) => port.id).join(' '),
    ]); // prettier-ignore
    expect(ids).toEqual([
      ['near', '00:04.0', '00:04.0', ''],
      ['dma0', '03:00.0', '03:00.0', 'sw1.0 sw1 rp1'],
      ['dma1', '04:00.0', '04:00.0', 'sw1.1 sw1 rp1'],
      // a legacy bridge takes requests as its own
      ['old0', '06:00.0', '06:00.0', 'br1 rp2'],
      ['old1', '06:04.0', '06:00.0', 'br1 rp2'],
    ]);
    expect(sharedRequesters(pciTopology(switched))).toEqual([{ requester: 0x600, devices: ['old0', 'old1'] }]);
    expect(checkBoard(switched)).toEqual([]);
  });

  it('gives what lies behind a bridge one window of whole MiB, and a port for hot-plug some room', () => {
    const { windows, forwarded } = deviceWindows(switched);
    expect(windows.map(({ device, base }) => [device, base])).toEqual([
      ['near', 0xfe00_0000],
      ['dma0', 0xfe10_0000],
      ['dma1', 0xfe20_0000],
      ['old0', 0xfe30_0000],
      ['old1', 0xfe40_0000],
    ]);
    expect([...forwarded].map(([id, { base, end }]) => [id, base, end])).toContainEqual(['sw1', 0xfe10_0000, 0xfe30_0000]);
    const spare = board({ bridges: [{ id: 'rp1', kind: 'root-port', hotPlug: true }] });
    expect(deviceWindows(spare).forwarded.get('rp1')).toEqual({ base: 0xfe00_0000, end: 0xfe00_0000 + 2 * MIB });
  });

  const rp = { id: 'rp1', kind: 'root-port' };
  const edu = (id: string, parent: string, at?: string) => ({ id, kind: 'edu', parent, ...(at ? { at } : {}) });
  it.each([
    ['board-unknown-port', { devices: [edu('d', 'rp9')] }],
    ['board-unknown-port', { bridges: [rp, { id: 'sw', kind: 'switch', parent: 'rp1' }], devices: [edu('d', 'sw')] }],
    ['board-unknown-port', { bridges: [rp, { id: 'sw', kind: 'switch', parent: 'rp1' }], devices: [edu('d', 'sw.2')] }],
    ['board-link-taken', { bridges: [rp], devices: [edu('a', 'rp1'), edu('b', 'rp1')] }],
    ['board-bridge-address', { bridges: [rp], devices: [edu('a', 'rp1', '03.0')] }],
    ['board-unplugged', { bridges: [rp, { id: 'sw', kind: 'switch' }] }],
    ['board-root-port-parent', { bridges: [rp, { id: 'rp2', kind: 'root-port', parent: 'rp1' }] }],
    ['board-switch-on-bus', { bridges: [{ id: 'br', kind: 'pci-bridge' }, { id: 'sw', kind: 'switch', parent: 'br' }, rp] }],
    ['board-switch-ports', { bridges: [rp, { id: 'sw', kind: 'switch', parent: 'rp1', ports: 40 }] }],
    ['board-switch-ports', { bridges: [{ ...rp, ports: 2 }] }],
    ['board-device-bus', { bridges: [rp], devices: [{ id: 'd', kind: 'edu', at: '02:00.0' }] }],
    ['board-function-zero', { bridges: [{ ...rp, at: '1c.3' }] }],
    ['board-duplicate-id', { bridges: [rp, rp] }],
    ['board-bus-full', { bridges: [{ id: 'br', kind: 'pci-bridge' }], devices: Array.from({ length: 33 }, (_, i) => ({ id: `d${i}`, kind: 'dma-scatter', parent: 'br' })) }],
    ['board-too-many-buses', { bridges: [rp, ...Array.from({ length: 20 }, (_, i) => ({ id: `sw${i}`, kind: 'switch', ports: 32, parent: i === 0 ? 'rp1' : `sw${i - 1}.0` }))] }],
    [
      'board-bridge-cycle',
      { bridges: [rp, { id: 'a', kind: 'switch', parent: 'b.0' }, { id: 'b', kind: 'switch', parent: 'a.0' }], devices: [edu('d', 'a.1')] },
    ],
  ])('%s is found and explained in both languages', (code, drawing) => {
    const found = checkBoard(board(drawing)).filter((issue) => issue.code === code);
    expect(found.length).toBeGreaterThan(0);
    for (const { message, remedy } of found) {
      for (const words of [message, remedy!]) {
        expect(words.en).toMatch(/\.$/);
        expect(words['zh-CN']).toMatch(/[一-鿿].*。$/);
      }
    }
  }); // prettier-ignore

  it('any tree: buses nest, no two functions share an ID, every BAR lies in the windows of all its bridges', () => {
    fc.assert(
      fc.property(randomTopology, (drawing) => {
        const { bridges, devices } = pciTopology(drawing);
        const { windows, forwarded } = deviceWindows(drawing);
        const ids = [
          ...bridges.map(({ primary, devfn }) => (primary << 8) | devfn),
          ...[...devices.values()].map(({ requester }) => requester),
        ];
        expect(new Set(ids).size).toBe(ids.length);
        for (const { parent, primary, secondary, subordinate } of bridges) {
          expect(secondary).toBeGreaterThan(primary);
          expect(subordinate).toBeGreaterThanOrEqual(secondary);
          if (parent) expect([primary, subordinate <= parent.subordinate]).toEqual([parent.secondary, true]);
        }
        for (const { base, end, device } of windows)
          for (const port of devices.get(device)?.path ?? []) {
            const through = forwarded.get(port.id)!;
            expect(base >= through.base && end <= through.end).toBe(true);
          }
        const placed = [...windows].sort((a, b) => a.base - b.base);
        placed.forEach(({ base }, index) => expect(base).toBeGreaterThanOrEqual(placed[index - 1]?.end ?? 0));
        // whatever is drawn and is not in the tree is reported
        const lost = drawing.devices.filter(({ id }) => !devices.has(id)).length;
        if (lost > 0) expect(checkBoard(drawing).length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });

  it('answers cyclic wiring of 256 bridges and 1,000 devices', () => {
    const drawn = board({
      bridges: Array.from({ length: 256 }, (_, i) => ({ id: `b${i}`, kind: 'pci-bridge', parent: `b${(i + 1) % 256}` })),
      devices: Array.from({ length: 1_000 }, (_, i) => ({ id: `d${i}`, kind: 'edu', parent: `b${i % 300}` })),
    });
    expect(checkBoard(drawn)).toHaveLength(MOST_ISSUES + 1);
  });
});
