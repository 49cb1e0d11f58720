/**
 * A PCI function's configuration header of type 0 (PCI Local Bus Specification 3.0, 6.1): identity, command, up to six 32-bit
 * memory BARs with sizing, interrupt line and pin; and the PCI Express capability of what sits on a link.
 */
import type { PciIdentity } from '../devices/device';
import type { RequesterId } from './dma-port';
import { ExpressCapability, type ExpressOptions } from './pci-express-capability';

export const COMMAND = { memory: 1 << 1, busMaster: 1 << 2, interruptDisable: 1 << 10 } as const;
const COMMAND_WRITABLE = COMMAND.memory | COMMAND.busMaster | COMMAND.interruptDisable;
export const BARS = 6;

/** The secondary bus of a bridge, as what sits on it sees it. */
export interface PciBus {
  /** as the bridge's registers say now */
  readonly number: number;
  /** does an access from above to these bytes reach the bus? */
  reaches(base: number, bytes: number): boolean;
}

export interface PciFunctionOptions {
  identity: PciIdentity;
  /** bytes of each memory BAR by its region's name, in BAR order; powers of two, at least 16 */
  bars?: readonly { region: string; size: number }[];
  /** an I/O BAR whose ports are wired: it tells where they are and takes no other base */
  ports?: { bar: number; base: number };
  /** the BAR now answers at `base`, or nowhere (null): memory decoding off, or a bridge on the way does not forward it */
  onMove?: (region: string, base: number | null) => void;
  /** the bus behind a bridge that it sits on; bus numbers of the root complex are part of the place */
  bus?: PciBus;
  /** on a PCI Express link: what its capability says */
  express?: ExpressOptions;
}

export type SavedFunction = [place: number, command: number, interruptLine: number, bases: number[], ...more: number[]];

export class PciFunction {
  command = 0;
  interruptLine = 0xff;
  readonly bases: number[];
  protected readonly express: ExpressCapability | undefined;

  /** @param place bus, device and function on the root complex; behind a bridge only device and function count */
  constructor(
    readonly place: RequesterId,
    readonly options: PciFunctionOptions,
  ) {
    this.bases = this.bars.map(() => 0);
    this.express = options.express && new ExpressCapability(options.express);
  }

  get bars(): readonly { region: string; size: number }[] {
    return this.options.bars ?? [];
  }

  /** As its requests carry it: the bus number is the bridge's. */
  get requester(): RequesterId {
    return this.options.bus ? (this.options.bus.number << 8) | (this.place & 0xff) : this.place;
  }

  get headerType(): 0 | 1 {
    return 0;
  }

  reset(): void {
    this.command = 0;
    this.interruptLine = 0xff;
    this.bases.fill(0);
    this.express?.reset();
    this.tell();
  }

  /** A register of the header; `register` is a multiple of 4. */
  read(register: number): number {
    const { identity } = this.options;
    switch (register) {
      case 0x00:
        return ((identity.device << 16) | identity.vendor) >>> 0;
      case 0x04:
        // status bit 4: there is a list of capabilities
        return this.command | (this.express ? 0x10_0000 : 0);
      case 0x08:
        return ((identity.classCode << 8) | identity.revision) >>> 0;
      case 0x0c:
        return this.headerType << 16;
      case 0x34:
        return this.express ? ExpressCapability.OFFSET : 0;
      case 0x3c:
        return (identity.interruptPin << 8) | this.interruptLine;
      default:
        if (this.express?.covers(register)) return this.express.read(register);
        return this.readOwn(register);
    }
  }

  /** `mask`: which bits the access drives; registers whose ones clear need it. */
  write(register: number, value: number, mask = 0xffff_ffff): void {
    if (register === 0x04) this.command = value & COMMAND_WRITABLE;
    else if (register === 0x3c) this.interruptLine = value & 0xff;
    else if (this.express?.covers(register)) this.express.write(register, value, mask);
    else if (!this.writeOwn(register, value)) return;
    this.tell();
  }

  /** What the header's type decides: BARs. */
  protected readOwn(register: number): number {
    const { ports } = this.options;
    if (ports && register === 0x10 + ports.bar * 4) return ports.base | 1;
    return register >= 0x10 && register < 0x10 + BARS * 4 ? (this.bases[(register - 0x10) >> 2] ?? 0) : 0;
  }

  /** False when nothing is there to be written. */
  protected writeOwn(register: number, value: number): boolean {
    const index = (register - 0x10) >> 2;
    const bar = this.bars[index];
    if (register < 0x10 || !bar) return false;
    this.bases[index] = (value & ~(bar.size - 1)) >>> 0;
    return true;
  }

  /** Does the function itself take an access to these bytes on its bus? The region and its base, or undefined. */
  claims(address: number, bytes: number): { region: string; base: number } | undefined {
    if (!(this.command & COMMAND.memory)) return undefined;
    for (const [index, { region, size }] of this.bars.entries()) {
      const base = this.bases[index]!;
      if (base !== 0 && address >= base && address + bytes <= base + size) return { region, base };
    }
    return undefined;
  }

  /** A BAR answers while memory decoding is on and every bridge above forwards it; a base of 0 means "not assigned". */
  tell(): void {
    const on = (this.command & COMMAND.memory) !== 0;
    this.bars.forEach(({ region, size }, index) => {
      const base = this.bases[index]!;
      const reached = on && base !== 0 && (this.options.bus?.reaches(base, size) ?? true);
      this.options.onMove?.(region, reached ? base : null);
    });
  }

  save(): SavedFunction {
    return [this.place, this.command, this.interruptLine, this.bases];
  }

  load([, command, interruptLine, bases]: SavedFunction): void {
    this.command = command;
    this.interruptLine = interruptLine;
    bases.forEach((base, index) => (this.bases[index] = base));
    this.tell();
  }
}
