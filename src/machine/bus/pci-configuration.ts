/**
 * PCI configuration mechanism #1 (PCI Local Bus Specification 3.0, 3.2.2.3.2): address at port 0xCF8, data at 0xCFC. A cycle for
 * another bus than the root complex's is passed on by the bridges whose bus numbers cover it, as their registers stand. It is a
 * device itself, so that a board and a VM's platform attach it alike.
 */
import type { Device, DeviceRegion, EventTag } from '../devices/device';
import { decodeState, encodeState } from '../devices/device-state';
import type { RequesterId } from './dma-port';
import { PciBridge, type PciBridgeOptions } from './pci-bridge';
import { BARS, COMMAND, PciFunction, type PciFunctionOptions, type SavedFunction } from './pci-function';

export { COMMAND } from './pci-function';

const CONFIG_ADDRESS = 0xcf8;
const STATE_VERSION = 1;
const MULTI_FUNCTION = 0x80_0000;

interface SavedPci {
  address: number;
  functions: SavedFunction[];
  /** what sits behind each bridge, by the bridge's id; absent on a board without bridges */
  behind?: [bridge: string, functions: SavedFunction[]][];
}

export class PciConfiguration implements Device {
  readonly kind = 'pci-configuration';
  readonly regions: readonly DeviceRegion[] = [{ name: 'configuration', kind: 'port', size: 8, base: CONFIG_ADDRESS }];
  private address = 0;
  /** of the root complex, by their place */
  private readonly functions = new Map<RequesterId, PciFunction>();
  /** every bridge, by its id, in the order in which they were added: those above first */
  private readonly bridges = new Map<string, PciBridge>();

  constructor(readonly id = 'pci') {}

  /**
   * Puts a function on the root complex, or on the bus `behind` a bridge. Throws RangeError when the place is taken, the bridge
   * is not there, or a BAR's size is none.
   */
  add(place: RequesterId, options: Omit<PciFunctionOptions, 'bus'>, behind?: string): PciFunction {
    const bars = options.bars ?? [];
    if (bars.length > BARS || bars.some(({ size }) => size < 16 || !Number.isInteger(Math.log2(size))))
      throw new RangeError('not the sizes of BARs');
    const bus = behind === undefined ? undefined : this.bridgeOf(behind);
    return this.put(new PciFunction(place, bus ? { ...options, bus } : options), bus);
  }

  /** As `add`, for a bridge. */
  addBridge(options: Omit<PciBridgeOptions, 'bus'>, behind?: string): PciBridge {
    const bus = behind === undefined ? undefined : this.bridgeOf(behind);
    const bridge = new PciBridge(bus ? { ...options, bus } : options);
    this.put(bridge, bus);
    this.bridges.set(bridge.id, bridge);
    return bridge;
  }

  /** Takes a function off the bus behind a bridge: it was unplugged. */
  remove(found: PciFunction, behind: string): void {
    this.bridgeOf(behind).below.delete(found.place & 0xff);
  }

  /** Throws RangeError when there is none of that id. */
  bridgeOf(id: string): PciBridge {
    const bridge = this.bridges.get(id);
    if (!bridge) throw new RangeError(`there is no PCI bridge ${id}`);
    return bridge;
  }

  private put(added: PciFunction, bus: PciBridge | undefined): PciFunction {
    const taken = bus ? bus.below : this.functions;
    const key = bus ? added.place & 0xff : added.place;
    if (taken.has(key)) throw new RangeError(`PCI function 0x${added.place.toString(16)} is already there`);
    taken.set(key, added);
    return added;
  }

  /** What firmware does at power-on: the base of a BAR by its region and the interrupt line, then decoding and bus mastering on. */
  assign(requester: RequesterId, bases: Readonly<Record<string, number>>, interruptLine = 0xff): void {
    const found = this.at(requester);
    if (!found) throw new RangeError(`there is no PCI function 0x${requester.toString(16)}`);
    found.bars.forEach(({ region }, index) => {
      const base = bases[region];
      if (base !== undefined) found.bases[index] = base;
    });
    found.interruptLine = interruptLine;
    found.command = COMMAND.memory | COMMAND.busMaster;
    found.tell();
  }

  /** The function that a configuration cycle for this bus, device and function reaches. */
  at(requester: RequesterId): PciFunction | undefined {
    const own = this.functions.get(requester);
    if (own || requester <= 0xff) return own;
    const bus = requester >> 8;
    let level: Iterable<PciFunction> = this.functions.values();
    for (;;) {
      let next: PciBridge | undefined;
      for (const each of level) if (each instanceof PciBridge && each.leadsTo(bus)) next = each;
      if (!next) return undefined;
      if (next.secondary === bus) return next.below.get(requester & 0xff);
      level = next.below.values();
    }
  }

  /** May the function start DMA? */
  isBusMaster(requester: RequesterId): boolean {
    return ((this.at(requester)?.command ?? 0) & COMMAND.busMaster) !== 0;
  }

  /** Is the function's interrupt pin connected through (command bit 10 clear)? */
  interruptsEnabled(requester: RequesterId): boolean {
    return ((this.at(requester)?.command ?? 0) & COMMAND.interruptDisable) === 0;
  }

  /** A register of a function as a configuration cycle reads it; all ones where there is none. `register` is a multiple of 4. */
  readRegister(requester: RequesterId, register: number): number {
    const found = this.at(requester);
    if (!found) return 0xffff_ffff;
    const value = found.read(register);
    return register === 0x0c && this.hasMoreFunctions(requester) ? (value | MULTI_FUNCTION) >>> 0 : value;
  }

  writeRegister(requester: RequesterId, register: number, value: number, mask = 0xffff_ffff): void {
    const found = this.at(requester);
    found?.write(register, mask === 0xffff_ffff ? value >>> 0 : ((found.read(register) & ~mask) | (value & mask)) >>> 0, mask);
  }

  reset(): void {
    this.address = 0;
    for (const each of this.all()) each.reset();
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    if (offset < 4) return size === 4 && offset === 0 ? this.address : ones(size);
    if (!(this.address & 0x8000_0000)) return ones(size);
    return ((this.readRegister(this.target, this.address & 0xfc) >>> ((offset & 3) * 8)) & ones(size)) >>> 0;
  }

  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset < 4) {
      if (size === 4 && offset === 0) this.address = (value & 0x80ff_fffc) >>> 0;
      return;
    }
    if (!(this.address & 0x8000_0000)) return;
    const shift = (offset & 3) * 8;
    this.writeRegister(this.target, this.address & 0xfc, (value << shift) >>> 0, (ones(size) << shift) >>> 0);
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    const saved: SavedPci = { address: this.address, functions: savedOf(this.functions) };
    if (this.bridges.size > 0) saved.behind = [...this.bridges].map(([id, { below }]) => [id, savedOf(below)]);
    return encodeState(this.kind, STATE_VERSION, saved);
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedPci>(this.kind, STATE_VERSION, bytes);
    this.address = saved.address;
    loadInto(this.functions, saved.functions);
    for (const [id, functions] of saved.behind ?? []) loadInto(this.bridgeOf(id).below, functions);
    // bridges above were loaded before what lies behind them, but windows count only once all are there
    for (const each of this.all()) each.tell();
  }

  private *all(): Generator<PciFunction> {
    yield* this.functions.values();
    for (const { below } of this.bridges.values()) yield* below.values();
  }

  private get target(): RequesterId {
    return (this.address >>> 8) & 0xffff;
  }

  private hasMoreFunctions(requester: RequesterId): boolean {
    for (let other = 1; other < 8; other++) if ((requester & 7) !== other && this.at((requester & ~7) | other)) return true;
    return false;
  }
}

const savedOf = (functions: ReadonlyMap<number, PciFunction>): SavedFunction[] =>
  [...functions].sort(([a], [b]) => a - b).map(([, each]) => each.save());

function loadInto(functions: ReadonlyMap<number, PciFunction>, saved: readonly SavedFunction[]): void {
  for (const one of saved) {
    const each = functions.get(one[0]) ?? functions.get(one[0] & 0xff);
    if (!each) throw new RangeError(`the saved state has a PCI function 0x${one[0].toString(16)} that is not there`);
    each.load(one);
  }
}

const ones = (size: 1 | 2 | 4): number => (size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff);
