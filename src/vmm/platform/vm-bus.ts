/**
 * What a VM sees beside its memory: a bus of its own with a serial port, the 0xE9 console, the exit port, PCI configuration space and the
 * devices passed through to it. Emulated devices are the machine's classes; each access to one costs the VM an exit. The
 * registers of a passed-through device are mapped, so the VM reaches the real ones without an exit.
 */
import { Bus } from '../../machine/bus/bus';
import { PciConfiguration } from '../../machine/bus/pci-configuration';
import type { RequesterId } from '../../machine/bus/dma-port';
import { DebugPort } from '../../machine/devices/debug-port/debug-port';
import type { Device, DeviceContext, PciIdentity } from '../../machine/devices/device';
import { ExitPort } from '../../machine/devices/exit-port/exit-port';
import { Uart } from '../../machine/devices/uart/uart';

type AccessSize = 1 | 2 | 4;

/** Where BARs of passed-through devices are put in a VM, ascending; a BIOS would do the same. */
export const GUEST_PCI_BASE = 0xfe00_0000;
/** The VM's first PCI slot for them; 0 is where a host bridge sits. */
const FIRST_PCI_SLOT = 4;

/** A board device as a VM gets it. */
export interface PassedDevice {
  id: string;
  identity: PciIdentity;
  /** its memory BARs, in BAR order, with their host-physical bases */
  bars: readonly { region: string; size: number; hostBase: number }[];
}

/** How the bus makes a BAR reachable: the VM's second-level translation. */
export interface RegisterMapper {
  map(guestBase: number, hostBase: number, bytes: number): void;
  unmap(guestBase: number, bytes: number): void;
}

interface MappedBar {
  device: string;
  region: string;
  hostBase: number;
  bytes: number;
  guestBase: number | null;
}

const allOnes = (size: AccessSize): number => (size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff);

export class VmBus {
  readonly uart: Uart;
  readonly debugPort = new DebugPort('debug');
  readonly exitPort = new ExitPort('exit-port');
  readonly pci = new PciConfiguration('pci');
  readonly bus = new Bus();
  private readonly bars: MappedBar[] = [];
  private nextBase = GUEST_PCI_BASE;
  private nextSlot = FIRST_PCI_SLOT;

  constructor(private readonly mapper: RegisterMapper) {
    this.uart = new Uart('com1', quietContext);
    for (const device of this.devices()) this.bus.attach(device);
  }

  /** The emulated devices, in the order in which they are saved. */
  devices(): readonly Device[] {
    return [this.uart, this.debugPort, this.exitPort, this.pci];
  }

  /** Puts a board device on the VM's PCI bus, with its registers mapped. Returns the guest-physical base of each BAR by its region. */
  pass(device: PassedDevice): Record<string, number> {
    const requester: RequesterId = this.nextSlot++ << 3;
    const bases: Record<string, number> = {};
    for (const { region, size, hostBase } of device.bars) {
      this.bars.push({ device: device.id, region, hostBase, bytes: size, guestBase: null });
      this.nextBase = Math.ceil(this.nextBase / size) * size;
      bases[region] = this.nextBase;
      this.nextBase += size;
    }
    this.pci.add(requester, {
      identity: device.identity,
      bars: device.bars.map(({ region, size }) => ({ region, size })),
      onMove: (region, base) => this.moveBar(device.id, region, base),
    });
    this.pci.assign(requester, bases);
    return bases;
  }

  /** Guest-physical base of a passed-through BAR; null while the guest has it switched off, undefined when there is none. */
  barBase(device: string, region = 'bar0'): number | null | undefined {
    return this.bars.find((bar) => bar.device === device && bar.region === region)?.guestBase;
  }

  /** Mapped BARs: guest base, host base and length in bytes. */
  mappedBars(): { device: string; region: string; guestBase: number; hostBase: number; bytes: number }[] {
    return this.bars.flatMap((bar) => (bar.guestBase === null ? [] : [{ ...bar, guestBase: bar.guestBase }]));
  }

  /** A port read; null when nobody answers (all ones then). */
  readPort(port: number, size: AccessSize): { value: number; device: string | null } {
    const window = this.bus.resolvePort(port);
    if (!window) return { value: allOnes(size), device: null };
    return { value: window.device.read(window.region, port - window.base, size) >>> 0, device: window.device.id };
  }

  /** Who took the write, or null when nobody answers. */
  writePort(port: number, size: AccessSize, value: number): string | null {
    const window = this.bus.resolvePort(port);
    if (!window) return null;
    window.device.write(window.region, port - window.base, size, value);
    return window.device.id;
  }

  private moveBar(device: string, region: string, guestBase: number | null): void {
    const bar = this.bars.find((candidate) => candidate.device === device && candidate.region === region);
    if (!bar || bar.guestBase === guestBase) return;
    if (bar.guestBase !== null) this.mapper.unmap(bar.guestBase, bar.bytes);
    bar.guestBase = guestBase;
    if (guestBase !== null) this.mapper.map(guestBase, bar.hostBase, bar.bytes);
  }
}

/** A VM's serial port schedules nothing, raises nothing and makes no DMA: there is nothing behind these. */
const quietContext: DeviceContext = {
  dma: {
    issue() {
      throw new Error('an emulated device without DMA issued a request');
    },
  },
  interrupt: { set: () => undefined },
  clock: {
    now: () => 0,
    schedule() {
      throw new Error('an emulated device without timers scheduled an event');
    },
    cancel: () => undefined,
  },
  log: { note: () => undefined },
};
