/**
 * Where devices attach: windows of registers in a physical address space, and I/O ports. The chipset has one; every VM has
 * one of its own. A bus only knows who answers where; reading, counting and logging are for those who use it.
 */
import type { Device, DeviceRegion } from '../devices/device';
import type { RequesterId } from './dma-port';

export interface BusWindow {
  readonly device: Device;
  readonly region: string;
  readonly base: number;
  readonly size: number;
}

export interface AttachOptions {
  /** its place on PCI, when it has one */
  requester?: RequesterId;
  /** base of each region by name; a region without one (and without a fixed base) answers nowhere yet */
  bases?: Readonly<Record<string, number>>;
}

/** Thrown when a device cannot be attached: its id or its ports are taken. */
export class BusConflictError extends Error {
  constructor(
    readonly device: string,
    readonly holder: string,
    what: string,
  ) {
    super(`${device} cannot be attached: ${holder} already has ${what}`);
    this.name = 'BusConflictError';
  }
}

const PORTS = 0x1_0000;

export class Bus {
  private readonly attached = new Map<string, { device: Device; requester?: RequesterId }>();
  /** in order of attachment, which decides who wins where windows overlap */
  private windows: BusWindow[] = [];
  private readonly ports = new Map<number, BusWindow>();
  private readonly listeners: (() => void)[] = [];

  /** Throws BusConflictError when the id is taken or a port is; nothing is attached then. */
  attach(device: Device, { requester, bases = {} }: AttachOptions = {}): void {
    if (this.attached.has(device.id)) throw new BusConflictError(device.id, device.id, 'this name');
    const placed = device.regions.map((region) => ({ region, base: bases[region.name] ?? region.base }));
    for (const { region, base } of placed) if (region.kind === 'port' && base !== undefined) this.checkPorts(device, region, base);
    this.attached.set(device.id, requester === undefined ? { device } : { device, requester });
    for (const { region, base } of placed) if (base !== undefined) this.place(device, region, base);
    this.changed();
  }

  detach(id: string): void {
    if (!this.attached.delete(id)) return;
    this.windows = this.windows.filter(({ device }) => device.id !== id);
    for (const [port, window] of [...this.ports]) if (window.device.id === id) this.ports.delete(port);
    this.changed();
  }

  device(id: string): Device | undefined {
    return this.attached.get(id)?.device;
  }

  requesterOf(id: string): RequesterId | undefined {
    return this.attached.get(id)?.requester;
  }

  /** All devices, in order of attachment. */
  devices(): Device[] {
    return [...this.attached.values()].map(({ device }) => device);
  }

  /** Moves a region, or takes it off the bus (null). Throws when there is no such device or region, or its ports are taken. */
  move(id: string, regionName: string, base: number | null): void {
    const device = this.device(id);
    const region = device?.regions.find(({ name }) => name === regionName);
    if (!device || !region) throw new RangeError(`there is no region ${regionName} of ${id} on this bus`);
    if (region.kind === 'port' && base !== null) this.checkPorts(device, region, base);
    this.windows = this.windows.filter((window) => window.device !== device || window.region !== regionName);
    for (const [port, window] of [...this.ports]) if (window.device === device && window.region === regionName) this.ports.delete(port);
    if (base !== null) this.place(device, region, base);
    this.changed();
  }

  /** Memory windows in order of attachment; where two overlap the first answers. */
  memoryWindows(): readonly BusWindow[] {
    return this.windows;
  }

  /** Where a region is, or undefined while it answers nowhere. */
  baseOf(id: string, regionName: string): number | undefined {
    const at = ({ device, region }: BusWindow) => device.id === id && region === regionName;
    return this.windows.find(at)?.base ?? [...this.ports.values()].find(at)?.base;
  }

  /** Who answers at a physical address. */
  resolve(address: number): BusWindow | undefined {
    return this.windows.find(({ base, size }) => address >= base && address < base + size);
  }

  resolvePort(port: number): BusWindow | undefined {
    return this.ports.get(port);
  }

  /** The DRAM behind the windows is decoded otherwise from now on: a DIMM was plugged or unplugged. */
  dramChanged(): void {
    this.changed();
  }

  /** Called whenever a window appears, moves or goes, or DRAM does. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  private checkPorts(device: Device, region: DeviceRegion, base: number): void {
    if (base < 0 || base + region.size > PORTS)
      throw new RangeError(`${device.id}: ports ${base} to ${base + region.size - 1} do not exist`);
    for (let port = base; port < base + region.size; port++) {
      const holder = this.ports.get(port)?.device;
      if (holder && holder !== device) throw new BusConflictError(device.id, holder.id, `port 0x${port.toString(16)}`);
    }
  }

  private place(device: Device, region: DeviceRegion, base: number): void {
    const window: BusWindow = { device, region: region.name, base, size: region.size };
    if (region.kind === 'memory') this.windows.push(window);
    else for (let port = base; port < base + region.size; port++) this.ports.set(port, window);
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
