/**
 * The PCI side of a board as it stands: configuration space, the bridges of the drawing, the functions of the devices plugged
 * into them, and the hops that a device's requests pass on their way up.
 */
import { isLink, type DeviceNode, type PciTopology } from '../board/topology';
import type { Device } from '../devices/device';
import { openBridge, scanBuses, type FoundFunction } from '../firmware/pci-setup';
import { deviceIrq } from '../interrupts/lines';
import type { Bus } from './bus';
import { DevicePort } from './dma-path';
import type { DmaHop } from './dma-port';
import { PciConfiguration } from './pci-configuration';
import { COMMAND, type PciFunction } from './pci-function';
import { BridgeHop, peerRegisters, type PeerRegisters } from './pci-hops';

export class PciTree {
  readonly configuration = new PciConfiguration('pci');
  private readonly functions = new Map<string, PciFunction>();
  /** how a request that stays below a bridge reaches a neighbour's registers */
  private readonly peers: PeerRegisters;
  /** what the firmware's scan found; empty on a board without bridges, where there is nothing to number */
  scan: readonly FoundFunction[] = [];

  constructor(
    readonly topology: PciTopology,
    private readonly bus: Bus,
  ) {
    this.peers = peerRegisters(bus, this.functions);
    topology.bridges.forEach(({ id, role, parent, devfn, hotPlug }, index) => {
      this.configuration.addBridge({ id, role, place: devfn, ...(hotPlug ? { slot: index + 1 } : {}) }, parent?.id);
      if (parent) this.configuration.bridgeOf(parent.id).slot?.setPresent(true);
    });
  }

  /** Gives a device that is on the bus its function in configuration space. */
  attach(device: Device, { id, requester, path }: DeviceNode): void {
    if (!device.pci) return;
    const [behind] = path;
    const added = this.configuration.add(
      requester,
      {
        identity: device.pci,
        bars: device.regions.filter(({ kind }) => kind === 'memory').map(({ name, size }) => ({ region: name, size })),
        onMove: (region, base) => this.bus.move(id, region, base),
        ...(behind && isLink(behind.role) ? { express: { type: 0 as const } } : {}),
      },
      behind?.id,
    );
    this.functions.set(id, added);
    if (behind) this.configuration.bridgeOf(behind.id).slot?.setPresent(true);
  }

  /** Something is plugged with the power on: the function is as after reset, and the port says that presence has changed. */
  plug(device: Device, place: DeviceNode): void {
    this.topology.devices.set(place.id, place);
    this.attach(device, place);
    this.functions.get(place.id)?.reset();
  }

  unplug(id: string): void {
    const place = this.topology.devices.get(id);
    const own = this.functions.get(id);
    const [behind] = place?.path ?? [];
    if (!own || !behind) return;
    this.topology.devices.delete(id);
    this.functions.delete(id);
    this.configuration.remove(own, behind.id);
    this.configuration.bridgeOf(behind.id).slot?.setPresent(false);
  }

  /** From a device's port up to the root complex. */
  hops({ id, requester, path }: DeviceNode): DmaHop[] {
    const own = (): PciFunction | undefined => this.functions.get(id);
    const port = new DevicePort(requester);
    const gate: DmaHop = {
      id: port.id,
      handle: (request) => {
        const from = own();
        if (!from || !(from.command & COMMAND.busMaster))
          return { outcome: 'reject', status: 'unsupported-request', reason: 0, text: `bus mastering of ${id} is off` };
        // a function captures its bus number from the configuration cycles that reach it
        return port.handle(request.requester === requester ? { ...request, requester: from.requester } : request);
      },
    };
    const bridges = path.map(({ id: name }, index): DmaHop => {
      const bridge = this.configuration.bridgeOf(name);
      const below = index === 0 ? own : (): PciFunction => this.configuration.bridgeOf(path[index - 1]!.id);
      return { id: name, handle: (request) => new BridgeHop(bridge, below(), this.peers).handle(request) };
    });
    return [gate, ...bridges];
  }

  /**
   * What firmware does before anything else: bus numbers, BARs at their bases, windows over them, decoding and bus mastering on.
   * @param basesOf the base of each BAR of a device, by its region
   * @param forwarded what each bridge is to forward
   */
  setUp(
    basesOf: (device: string) => Readonly<Record<string, number>>,
    forwarded: ReadonlyMap<string, { base: number; end: number }>,
  ): void {
    const { bridges, devices } = this.topology;
    this.scan = bridges.length > 0 ? scanBuses(this.configuration) : [];
    for (const { id, primary, devfn } of bridges) openBridge(this.configuration, (primary << 8) | devfn, forwarded.get(id));
    for (const place of devices.values()) this.configuration.assign(place.requester, basesOf(place.id), deviceIrq(place));
  }
}
