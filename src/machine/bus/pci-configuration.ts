/**
 * PCI configuration mechanism #1 (PCI Local Bus Specification 3.0, 3.2.2.3.2): address at port 0xCF8, data at 0xCFC. Each
 * function has a type 0 header: identity, command, up to six 32-bit memory BARs with sizing, interrupt line and pin. It is a
 * device itself, so that a board and a VM's platform attach it alike.
 */
import type { Device, DeviceRegion, EventTag, PciIdentity } from '../devices/device';
import { decodeState, encodeState } from '../devices/device-state';
import type { RequesterId } from './dma-port';

export const CONFIG_ADDRESS = 0xcf8;
export const CONFIG_DATA = 0xcfc;

export const COMMAND = { memory: 1 << 1, busMaster: 1 << 2, interruptDisable: 1 << 10 } as const;
const COMMAND_WRITABLE = COMMAND.memory | COMMAND.busMaster | COMMAND.interruptDisable;
const BARS = 6;
const STATE_VERSION = 1;

export interface PciFunctionOptions {
  identity: PciIdentity;
  /** bytes of each memory BAR by its region's name, in BAR order; powers of two, at least 16 */
  bars?: readonly { region: string; size: number }[];
  /** an I/O BAR whose ports are wired: it tells where they are and takes no other base */
  ports?: { bar: number; base: number };
  /** the BAR now answers at `base`, or nowhere (null): memory decoding off */
  onMove?: (region: string, base: number | null) => void;
}

class PciFunction {
  command = 0;
  interruptLine = 0xff;
  readonly bases: number[];

  constructor(readonly options: PciFunctionOptions) {
    this.bases = this.bars.map(() => 0);
  }

  get bars(): readonly { region: string; size: number }[] {
    return this.options.bars ?? [];
  }

  reset(): void {
    this.command = 0;
    this.interruptLine = 0xff;
    this.bases.fill(0);
    this.tell();
  }

  /** A register of the header; `register` is a multiple of 4. */
  read(register: number): number {
    const { identity } = this.options;
    switch (register) {
      case 0x00:
        return ((identity.device << 16) | identity.vendor) >>> 0;
      case 0x04:
        return this.command;
      case 0x08:
        return ((identity.classCode << 8) | identity.revision) >>> 0;
      case 0x3c:
        return (identity.interruptPin << 8) | this.interruptLine;
      default:
        if (this.options.ports && register === 0x10 + this.options.ports.bar * 4) return this.options.ports.base | 1;
        return register >= 0x10 && register < 0x10 + BARS * 4 ? (this.bases[(register - 0x10) >> 2] ?? 0) : 0;
    }
  }

  write(register: number, value: number): void {
    const index = (register - 0x10) >> 2;
    const bar = this.bars[index];
    if (register === 0x04) this.command = value & COMMAND_WRITABLE;
    else if (register === 0x3c) this.interruptLine = value & 0xff;
    else if (register >= 0x10 && bar) this.bases[index] = (value & ~(bar.size - 1)) >>> 0;
    else return;
    this.tell();
  }

  /** A BAR answers while memory decoding is on; a base of 0 is not an address but "not assigned". */
  tell(): void {
    const on = (this.command & COMMAND.memory) !== 0;
    this.bars.forEach(({ region }, index) => {
      const base = this.bases[index]!;
      this.options.onMove?.(region, on && base !== 0 ? base : null);
    });
  }
}

interface SavedPci {
  address: number;
  functions: [requester: number, command: number, interruptLine: number, bases: number[]][];
}

export class PciConfiguration implements Device {
  readonly kind = 'pci-configuration';
  readonly regions: readonly DeviceRegion[] = [{ name: 'configuration', kind: 'port', size: 8, base: CONFIG_ADDRESS }];
  private address = 0;
  private readonly functions = new Map<RequesterId, PciFunction>();

  constructor(readonly id = 'pci') {}

  /** Throws RangeError when the place is taken or a BAR's size is none. */
  add(requester: RequesterId, options: PciFunctionOptions): void {
    if (this.functions.has(requester)) throw new RangeError(`PCI function 0x${requester.toString(16)} is already there`);
    const bars = options.bars ?? [];
    if (bars.length > BARS || bars.some(({ size }) => size < 16 || !Number.isInteger(Math.log2(size))))
      throw new RangeError('not the sizes of BARs');
    this.functions.set(requester, new PciFunction(options));
  }

  /** What firmware does at power-on: the base of a BAR by its region and the interrupt line, then decoding and bus mastering on. */
  assign(requester: RequesterId, bases: Readonly<Record<string, number>>, interruptLine = 0xff): void {
    const found = this.functions.get(requester);
    if (!found) throw new RangeError(`there is no PCI function 0x${requester.toString(16)}`);
    found.bars.forEach(({ region }, index) => {
      const base = bases[region];
      if (base !== undefined) found.bases[index] = base;
    });
    found.interruptLine = interruptLine;
    found.command = COMMAND.memory | COMMAND.busMaster;
    found.tell();
  }

  /** May the function start DMA? */
  isBusMaster(requester: RequesterId): boolean {
    return ((this.functions.get(requester)?.command ?? 0) & COMMAND.busMaster) !== 0;
  }

  /** Is the function's interrupt pin connected through (command bit 10 clear)? */
  interruptsEnabled(requester: RequesterId): boolean {
    return ((this.functions.get(requester)?.command ?? 0) & COMMAND.interruptDisable) === 0;
  }

  reset(): void {
    this.address = 0;
    for (const each of this.functions.values()) each.reset();
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    if (offset < 4) return size === 4 && offset === 0 ? this.address : ones(size);
    const selected = this.selected();
    if (!selected) return ones(size);
    return ((selected.read(this.address & 0xfc) >>> ((offset & 3) * 8)) & ones(size)) >>> 0;
  }

  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset < 4) {
      if (size === 4 && offset === 0) this.address = (value & 0x80ff_fffc) >>> 0;
      return;
    }
    const selected = this.selected();
    if (!selected) return;
    const register = this.address & 0xfc;
    const shift = (offset & 3) * 8;
    const mask = (ones(size) << shift) >>> 0;
    selected.write(register, ((selected.read(register) & ~mask) | ((value << shift) & mask)) >>> 0);
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    const functions = [...this.functions].sort(([a], [b]) => a - b).map(([at, each]) => [at, each.command, each.interruptLine, each.bases]);
    return encodeState(this.kind, STATE_VERSION, { address: this.address, functions });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedPci>(this.kind, STATE_VERSION, bytes);
    this.address = saved.address;
    for (const [at, command, interruptLine, bases] of saved.functions) {
      const each = this.functions.get(at);
      if (!each) throw new RangeError(`the saved state has a PCI function 0x${at.toString(16)} that is not there`);
      each.command = command;
      each.interruptLine = interruptLine;
      bases.forEach((base, index) => (each.bases[index] = base));
      each.tell();
    }
  }

  private selected(): PciFunction | undefined {
    return (this.address & 0x8000_0000) === 0 ? undefined : this.functions.get((this.address >>> 8) & 0xffff);
  }
}

const ones = (size: 1 | 2 | 4): number => (size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff);
