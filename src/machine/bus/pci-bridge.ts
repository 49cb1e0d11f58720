/**
 * A bridge's configuration header of type 1 (PCI-to-PCI Bridge Architecture 1.2, 3.2): bus numbers, the memory window that it
 * forwards to its secondary bus, and bus mastering, without which no request from below goes up. There is no I/O window and no
 * prefetchable one: nothing on this board needs them, and their registers read as "not implemented".
 */
import type { PciIdentity } from '../devices/device';
import type { BridgeRole } from '../board/topology';
import type { RequesterId } from './dma-port';
import type { ExpressCapability } from './pci-express-capability';
import { COMMAND, PciFunction, type PciBus, type SavedFunction } from './pci-function';

const MIB = 1024 ** 2;
/** Memory limit below memory base: the window is closed. */
const CLOSED = 0x0000_fff0;

export interface PciBridgeOptions {
  /** as the board names it: `rp1`, `sw1`, `sw1.0`, `br1` */
  id: string;
  role: BridgeRole;
  place: RequesterId;
  /** the bus behind another bridge that it sits on */
  bus?: PciBus;
  /** has a slot for hot-plug, with this number */
  slot?: number;
}

/** Who made them: Intel's ICH9 root port and 82801 bridge; Texas Instruments' XIO3130 switch. */
const IDENTITY: Readonly<Record<BridgeRole, Pick<PciIdentity, 'vendor' | 'device'>>> = {
  'root-port': { vendor: 0x8086, device: 0x2940 },
  upstream: { vendor: 0x104c, device: 0x8232 },
  downstream: { vendor: 0x104c, device: 0x8233 },
  'pci-bridge': { vendor: 0x8086, device: 0x244e },
};
const EXPRESS_TYPE = { 'root-port': 4, upstream: 5, downstream: 6, 'pci-bridge': 7 } as const;
const BRIDGE_CLASS = 0x06_0400;

export class PciBridge extends PciFunction implements PciBus {
  readonly id: string;
  readonly role: BridgeRole;
  /** primary, secondary, subordinate in bytes 0 to 2 */
  private buses = 0;
  /** base in bits 15:4, limit in bits 31:20, both in MiB */
  private window = CLOSED;
  /** what sits on the secondary bus, by device and function */
  readonly below = new Map<number, PciFunction>();

  constructor({ id, role, place, bus, slot }: PciBridgeOptions) {
    // a legacy bridge on the root complex is no PCI Express function
    const onLink = role !== 'pci-bridge' || bus !== undefined;
    super(place, {
      identity: { ...IDENTITY[role], classCode: BRIDGE_CLASS, revision: 2, interruptPin: 0 },
      ...(bus ? { bus } : {}),
      ...(onLink ? { express: { type: EXPRESS_TYPE[role], ...(slot === undefined ? {} : { slot }) } } : {}),
    });
    this.id = id;
    this.role = role;
  }

  override get headerType(): 0 | 1 {
    return 1;
  }

  get secondary(): number {
    return (this.buses >>> 8) & 0xff;
  }

  get subordinate(): number {
    return (this.buses >>> 16) & 0xff;
  }

  get number(): number {
    return this.secondary;
  }

  /** The slot behind the port, where hardware can be plugged. */
  get slot(): ExpressCapability | undefined {
    return this.express;
  }

  get isBusMaster(): boolean {
    return (this.command & COMMAND.busMaster) !== 0;
  }

  /** Bytes that go to the secondary side: [base, end); empty while the window is closed or memory decoding is off. */
  get forwarded(): { base: number; end: number } {
    const base = ((this.window >>> 4) & 0xfff) * MIB;
    const end = ((this.window >>> 20) + 1) * MIB;
    return this.command & COMMAND.memory && end > base ? { base, end } : { base: 0, end: 0 };
  }

  forwards(base: number, bytes: number): boolean {
    const window = this.forwarded;
    return base >= window.base && base + bytes <= window.end;
  }

  reaches(base: number, bytes: number): boolean {
    return this.forwards(base, bytes) && (this.options.bus?.reaches(base, bytes) ?? true);
  }

  /** Does it lead to this bus, directly or further down? */
  leadsTo(bus: number): boolean {
    return this.secondary !== 0 && bus >= this.secondary && bus <= this.subordinate;
  }

  override reset(): void {
    this.buses = 0;
    this.window = CLOSED;
    super.reset();
  }

  override tell(): void {
    for (const each of this.below.values()) each.tell();
  }

  protected override readOwn(register: number): number {
    if (register === 0x18) return this.buses;
    return register === 0x20 ? this.window : 0;
  }

  protected override writeOwn(register: number, value: number): boolean {
    if (register === 0x18) this.buses = value & 0xff_ffff;
    else if (register === 0x20) this.window = (value & 0xfff0_fff0) >>> 0;
    else return false;
    return true;
  }

  override save(): SavedFunction {
    const slot = this.express?.changed ? 1 : 0;
    return [this.place, this.command, this.interruptLine, [], this.buses, this.window, slot];
  }

  override load(saved: SavedFunction): void {
    const [buses = 0, window = CLOSED, slot = 0] = saved.slice(4) as number[];
    this.buses = buses;
    this.window = window;
    if (this.express) this.express.changed = slot === 1;
    super.load(saved);
  }
}
