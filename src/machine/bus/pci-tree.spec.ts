/** Bridges in configuration space, the firmware's scan, and the way of DMA through ports, switches and a legacy bridge. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { randomTopology } from '../board/random-board.spec-support';
import { boardSchema } from '../board/schema';
import { pciTopology } from '../board/topology';
import { deviceWindows } from '../board/windows';
import { DMA_REGISTERS, patternByte } from '../devices/dma/dma';
import { Machine } from '../machine';
import type { DmaRecord } from './dma-path';
import { formatRequester } from './dma-port';

const drawing = {
  slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
  bridges: [
    { id: 'rp1', kind: 'root-port' },
    { id: 'sw1', kind: 'switch', parent: 'rp1', ports: 3, hotPlug: true },
    { id: 'rp2', kind: 'root-port' },
    { id: 'br1', kind: 'pci-bridge', parent: 'rp2' },
  ],
  devices: [
    { id: 'dma0', kind: 'dma-contiguous', parent: 'sw1.0' },
    { id: 'dma1', kind: 'dma-contiguous', parent: 'sw1.1' },
    { id: 'old0', kind: 'dma-contiguous', parent: 'br1' },
    { id: 'old1', kind: 'dma-contiguous', parent: 'br1', at: '04.0' },
  ],
};
const machineOf = (over: object = {}) => new Machine(boardSchema.parse({ ...drawing, ...over }), { poolLimit: 64 * 1024 ** 2 });

const SEED = 0x1234_0000;

/** Lets a device write `count` bytes to `address`, and returns what happened to its request. */
function transfer(machine: Machine, device: string, address: number, count = 16): DmaRecord {
  const records: DmaRecord[] = [];
  machine.onDma((record) => records.push(record));
  const bar = machine.barOf(device)!;
  const store = (register: number, value: number) => machine.chipset.write(hostPhysical(bar + register), 4, value);
  store(DMA_REGISTERS.address, address);
  store(DMA_REGISTERS.count, count);
  store(DMA_REGISTERS.seed, SEED);
  store(DMA_REGISTERS.command, 1);
  while (machine.clock.pending().length > 0) {
    machine.clock.advanceTo(machine.clock.nextEventTick());
    machine.serviceEvents();
  }
  return records[0]!;
}

const configure = (machine: Machine, requester: number, register: number, value: number) => {
  machine.chipset.writePort(0xcf8, 4, (0x8000_0000 | (requester << 8) | register) >>> 0);
  machine.chipset.writePort(0xcfc, 4, value);
};
const configured = (machine: Machine, requester: number, register: number): number => {
  machine.chipset.writePort(0xcf8, 4, (0x8000_0000 | (requester << 8) | register) >>> 0);
  return machine.chipset.readPort(0xcfc, 4) >>> 0;
};
const requesterOf = (machine: Machine, bridge: string): number => {
  const { primary, devfn } = machine.pciTree.topology.bridges.find(({ id }) => id === bridge)!;
  return (primary << 8) | devfn;
};

describe('bridges in configuration space', () => {
  it('have headers of type 1 with the numbers that the scan gave', () => {
    const machine = machineOf();
    expect(configured(machine, 0xe0, 0x00)).toBe(0x2940_8086);
    expect(configured(machine, 0xe0, 0x0c) >>> 16).toBe(0x81);
    expect(configured(machine, 0xe0, 0x18)).toBe(0x0005_0100);
    expect(configured(machine, 0x200, 0x18)).toBe(0x0003_0302);
    expect(configured(machine, 0x300, 0x00)).toBe(0x11f0_1234);
    expect(configured(machine, 0x300, 0x0c)).toBe(0);
    expect(configured(machine, 0x308, 0x00)).toBe(0xffff_ffff);
    // capability list: PCI Express, a root port; the switch's third port has an empty slot for hot-plug
    expect(configured(machine, 0xe0, 0x04) >>> 16).toBe(0x10);
    expect((configured(machine, 0xe0, 0x40) >>> 20) & 0xf).toBe(4);
    const third = requesterOf(machine, 'sw1.2');
    expect(configured(machine, third, 0x54) & 0x60).toBe(0x60);
    expect(configured(machine, third, 0x58) >>> 16).toBe(0);
    expect(configured(machine, requesterOf(machine, 'sw1.0'), 0x58) >>> 16).toBe(0x40);
  });

  it('pass on cycles and memory as their registers say, and nothing more', () => {
    const machine = machineOf();
    const port = requesterOf(machine, 'sw1.0');
    const bar = machine.barOf('dma0')!;
    // closed: the device is still in configuration space, but no address reaches it
    configure(machine, port, 0x04, 4);
    expect(machine.barOf('dma0')).toBeUndefined();
    expect(machine.chipset.read(hostPhysical(bar), 4)).toBe(0xffff_ffff);
    configure(machine, port, 0x04, 6);
    expect(machine.barOf('dma0')).toBe(bar);
    // a root port that leads to other buses hides everything behind it
    configure(machine, 0xe0, 0x18, 0x0003_0300);
    expect(configured(machine, 0x308, 0x00)).toBe(0xffff_ffff);
    expect(configured(machine, 0x300, 0x00)).toBe(0x8232_104c);
  });

  it('come back from a snapshot', () => {
    const machine = machineOf();
    configure(machine, requesterOf(machine, 'br1'), 0x20, 0x0000_fff0);
    const snapshot = machine.snapshot();
    const other = machineOf();
    other.restore(snapshot);
    expect(other.pci.save()).toEqual(machine.pci.save());
    expect([other.barOf('dma0'), other.barOf('old0')]).toEqual([machine.barOf('dma0'), undefined]);
  });

  it("the firmware's scan finds what the drawing says, for any tree", () => {
    fc.assert(
      fc.property(randomTopology, (board) => {
        const { bridges, devices } = pciTopology(board);
        const plugged = { ...board, devices: board.devices.filter(({ id }) => devices.has(id)) };
        const machine = new Machine(plugged, { poolLimit: 64 * 1024 ** 2 });
        const found = machine.pciTree.scan.flatMap(({ requester, buses }) =>
          buses ? [[requester, buses.secondary, buses.subordinate]] : [],
        );
        expect(found).toEqual(
          bridges.map(({ primary, devfn, secondary, subordinate }) => [(primary << 8) | devfn, secondary, subordinate]),
        );
        for (const { device, region, base } of deviceWindows(board).windows) expect(machine.barOf(device, region)).toBe(base);
      }),
      { numRuns: 25 },
    );
  });
});

describe('DMA through bridges', () => {
  it('passes every port on the way and arrives under its own requester ID', () => {
    const machine = machineOf();
    const { path, requester, hostAddress } = transfer(machine, 'dma0', 0x5000);
    expect(path).toEqual(['port', 'sw1.0', 'sw1', 'rp1', 'root-complex', 'chipset']);
    expect([formatRequester(requester), hostAddress]).toEqual(['03:00.0', 0x5000]);
    expect(machine.chipset.peek(hostPhysical(0x5000), 4)).toEqual(Uint8Array.from({ length: 4 }, (_, i) => patternByte(SEED, i)));
    const hops = machine.log.newest().filter(({ data }) => data?.['hop'] !== undefined);
    expect(hops.map(({ matched }) => matched)).toEqual(path);
  });

  it('a legacy bridge makes requests its own: both devices have one IOMMU context', () => {
    const machine = machineOf({ iommu: { present: true, enabled: true } });
    expect(['old0', 'old1'].map((id) => formatRequester(machine.devices.dmaRequesters.get(id)!))).toEqual(['07:00.0', '07:00.0']);
    const { path, requester } = transfer(machine, 'old1', 0x6000);
    expect(path).toEqual(['port', 'br1', 'rp2', 'root-complex', 'iommu', 'chipset']);
    expect(formatRequester(requester)).toBe('07:00.0');
    const atBridge = machine.log.newest().find(({ matched, data }) => matched === 'br1' && data?.['hop']);
    expect([atBridge?.who, atBridge?.data?.['asRequester']]).toEqual(['07:04.0', '07:00.0']);
  });

  it('the requester ID is what the bus number registers say now', () => {
    const machine = machineOf();
    configure(machine, requesterOf(machine, 'sw1.1'), 0x18, 0x0005_0502);
    configure(machine, requesterOf(machine, 'sw1.0'), 0x18, 0x0004_0402);
    expect(formatRequester(transfer(machine, 'dma0', 0x5000).requester)).toBe('04:00.0');
  });

  it('what is for a neighbour behind the switch stays below: the root complex never sees it', () => {
    const machine = machineOf({ iommu: { present: true, enabled: true } });
    const target = machine.barOf('dma1')!;
    const { path, hostAddress, status, journey } = transfer(machine, 'dma0', target + DMA_REGISTERS.seed, 4);
    expect([path, hostAddress, status]).toEqual([['port', 'sw1.0', 'sw1'], null, 'success']);
    expect(journey.end).toMatchObject({ kind: 'register', device: 'dma1', region: 'bar0', offset: DMA_REGISTERS.seed });
    expect(machine.chipset.read(hostPhysical(target + DMA_REGISTERS.seed), 4)).toBe(SEED);
    // in the window of a port, but nobody's
    const nobody = transfer(machine, 'dma0', target + 0x8000, 4);
    expect([nobody.status, nobody.path.at(-1)]).toEqual(['unsupported-request', 'sw1']);
  });

  it('stops at a port without bus mastering', () => {
    const machine = machineOf();
    configure(machine, requesterOf(machine, 'sw1'), 0x04, 2);
    const { status, path } = transfer(machine, 'dma0', 0x5000);
    expect([status, path]).toEqual(['unsupported-request', ['port', 'sw1.0', 'sw1']]);
    expect(machine.chipset.peek(hostPhysical(0x5000), 4)).toEqual(new Uint8Array(4));
  });
});
