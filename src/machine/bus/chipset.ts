/**
 * The chipset: who answers a host-physical address or a port. Plain DRAM is handed to the processor frame by frame; device
 * registers, conflicts and holes pass through here one access at a time. Nobody answers: all ones, counted and logged. Two
 * DIMMs answer: reads are the AND of both, writes reach both, counted.
 */
import { PAGE_SIZE, type HostPhysicalAddress } from '../address';
import { formatRange, type AddressMap, type AddressRange, type Claim } from '../board/address-map';
import type { Device } from '../devices/device';
import type { JourneyRecorder } from '../journey/journey';
import { LAYER_STRIDE, type FrameStore } from '../memory/frame-store';
import type { PhysicalMemory, PortSpace } from '../memory/physical-memory';
import type { Bus } from './bus';
import { DecodeTable } from './decode-table';
import type { TransactionLog, TransactionReport } from './transaction-log';

type PortSize = 1 | 2 | 4;

export interface ChipsetCounters {
  /** accesses that nobody answered, memory and ports */
  unansweredMemory: number;
  unansweredPorts: number;
  /** accesses that several DIMMs answered */
  conflicts: number;
  /** accesses to device registers in memory, and to ports that somebody answered */
  registers: number;
  ports: number;
  /** writes to read-only memory, which change nothing */
  readOnlyWrites: number;
}

const NO_COUNTS: ChipsetCounters = { unansweredMemory: 0, unansweredPorts: 0, conflicts: 0, registers: 0, ports: 0, readOnlyWrites: 0 };
/** Unanswered addresses that are counted one by one; beyond, only the total goes on. */
const MOST_UNANSWERED = 4096;

const ones = (size: PortSize): number => (size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff);

export interface SavedChipset {
  counters: ChipsetCounters;
  unanswered: [address: number, count: number][];
}

export class Chipset implements PhysicalMemory, PortSpace {
  counters: ChipsetCounters = { ...NO_COUNTS };
  private readonly table: DecodeTable;
  private unanswered = new Map<number, number>();
  private readonly rangeNames = new WeakMap<AddressRange, string>();

  constructor(
    map: AddressMap,
    private readonly frames: FrameStore,
    readonly bus: Bus,
    private readonly log: TransactionLog,
  ) {
    this.table = new DecodeTable(map, bus);
  }

  /** The decode table as it stands; ranges ascend and cover the whole space. */
  ranges(): readonly AddressRange[] {
    return this.table.ranges();
  }

  /** The entry that matches an address, with its position in the table; undefined beyond the address lines. */
  entryAt(address: number): { index: number; range: AddressRange } | undefined {
    return this.table.entryAt(address);
  }

  /** How often nobody answered at exactly this address since power-on. */
  unansweredAt(address: number): number {
    return this.unanswered.get(address) ?? 0;
  }

  /** Unanswered addresses with their counts, ascending; at most the first 4096 different ones. */
  unansweredAddresses(): [address: number, count: number][] {
    return [...this.unanswered].sort(([a], [b]) => a - b);
  }

  /** The step "who answers": the decode-table entry that matched. Observes nothing. */
  explain(address: HostPhysicalAddress, recorder: JourneyRecorder): AddressRange | undefined {
    const entry = this.entryAt(address);
    const from = { space: 'host' as const, address: BigInt(address) };
    if (!entry) {
      const checks = [{ rule: 'address-lines', passed: false, detail: `${this.table.physicalAddressBits}` }];
      recorder.step({ room: 'chipset', from, structure: 'decode-entry', fields: { kind: 'beyond' }, checks, cached: false });
      return undefined;
    }
    const { index, range } = entry;
    const answered = range.kind !== 'hole' && range.kind !== 'reserved';
    recorder.step({
      room: 'chipset',
      from,
      ...(answered ? { to: from } : {}),
      structure: 'decode-entry',
      index,
      fields: {
        base: BigInt(range.base),
        end: BigInt(range.end - 1),
        kind: range.kind,
        ...(range.device === undefined ? {} : { device: range.device, region: range.region ?? '' }),
        ...(range.slots.length === 0 ? {} : { slots: range.slots.join(', ') }),
        entries: this.table.ranges().length,
      },
      checks: [{ rule: 'answered', passed: answered }],
      cached: false,
    });
    return range;
  }

  /** Does DRAM answer at an address, one DIMM or several in a conflict? */
  isDram(address: HostPhysicalAddress): boolean {
    if (this.table.isPlain(Math.floor(address / PAGE_SIZE))) return true;
    const kind = this.table.at(address)?.kind;
    return kind === 'dram' || kind === 'conflict';
  }

  // --- frames ----------------------------------------------------------------------------------------------------------

  readableFrame(frame: number): number {
    return this.table.isPlain(frame) || this.table.isReadOnly(frame) ? this.frames.touch(frame) : -1;
  }

  writableFrame(frame: number): number {
    return this.table.isPlain(frame) && !this.frames.holdsCode(frame) ? this.frames.touch(frame) : -1;
  }

  codeMap(frame: number): number {
    return this.table.isPlain(frame) ? this.frames.codeMap(frame) : 0;
  }

  /** Puts what read-only memories hold into their frames; after the frames were reset. */
  fillReadOnly(): void {
    for (const { device, base, size } of this.bus.memoryWindows()) {
      if (!device.contents) continue;
      for (let done = 0; done < size; done += PAGE_SIZE) {
        const pool = this.frames.touch((base + done) / PAGE_SIZE);
        if (pool >= 0) this.frames.u8.set(device.contents.subarray(done, done + PAGE_SIZE), pool);
      }
    }
  }

  // --- memory ----------------------------------------------------------------------------------------------------------

  read(address: HostPhysicalAddress, size: 1 | 2 | 4): number {
    // what the VMM reads of its own comes here often
    const plain = Math.floor(address / PAGE_SIZE);
    if ((address % PAGE_SIZE) + size <= PAGE_SIZE && this.table.isPlain(plain)) return this.loadFrom(plain, address % PAGE_SIZE, size);
    const range = this.table.at(address);
    if (range === undefined) return this.nobodyReads(address, size, undefined);
    if (this.mustSplit(range, address, size)) return this.readSplit(address, size);
    switch (range.kind) {
      case 'dram':
        return this.loadFrom(Math.floor(address / PAGE_SIZE), address % PAGE_SIZE, size);
      case 'conflict':
        this.counters.conflicts++;
        this.log.add({
          kind: 'note',
          code: 'conflict-read',
          address: at(address),
          size,
          matched: this.nameOf(range),
          answeredBy: range.slots.join('+'),
          outcome: 'ok',
        });
        return this.loadAll(range.claims, address, size);
      case 'mmio':
        return this.readRegister(range, address, size);
      default:
        return this.nobodyReads(address, size, range);
    }
  }

  write(address: HostPhysicalAddress, size: 1 | 2 | 4, value: number): void {
    // what the processor writes beside translated code comes here often
    const plain = Math.floor(address / PAGE_SIZE);
    if ((address % PAGE_SIZE) + size <= PAGE_SIZE && this.table.isPlain(plain))
      return this.storeTo(plain, address % PAGE_SIZE, size, value);
    const range = this.table.at(address);
    if (range === undefined) return this.nobodyWrites(address, size, value, undefined);
    if (this.mustSplit(range, address, size)) return this.writeSplit(address, size, value);
    const frame = Math.floor(address / PAGE_SIZE);
    switch (range.kind) {
      case 'dram':
        return this.storeTo(frame, address % PAGE_SIZE, size, value);
      case 'conflict':
        this.counters.conflicts++;
        this.log.add({
          kind: 'note',
          code: 'conflict-write',
          address: at(address),
          size,
          value,
          matched: this.nameOf(range),
          answeredBy: range.slots.join('+'),
          outcome: 'ok',
        });
        range.claims.forEach((_claim, layer) => this.storeTo(frame + layer * LAYER_STRIDE, address % PAGE_SIZE, size, value));
        return;
      case 'mmio':
        return this.writeRegister(range, address, size, value);
      default:
        return this.nobodyWrites(address, size, value, range);
    }
  }

  read64(address: HostPhysicalAddress): bigint {
    const low = this.read(address, 4);
    return (BigInt(this.read((address + 4) as HostPhysicalAddress, 4)) << 32n) | BigInt(low);
  }

  write64(address: HostPhysicalAddress, value: bigint): void {
    this.write(address, 4, Number(value & 0xffff_ffffn));
    this.write((address + 4) as HostPhysicalAddress, 4, Number((value >> 32n) & 0xffff_ffffn));
  }

  readBytes(address: HostPhysicalAddress, length: number, into?: Uint8Array): Uint8Array {
    const bytes = into ?? new Uint8Array(length);
    if (this.isPlainPiece(address, length)) return this.copyPlain(address, bytes);
    this.pieces(address, length, (from, count, offset, plain) => {
      if (plain) return void this.copyPlain(from, bytes.subarray(offset, offset + count));
      for (let done = 0; done < count;) {
        const size = pieceSize(from + done, count - done);
        const value = this.read((from + done) as HostPhysicalAddress, size);
        for (let byte = 0; byte < size; byte++) bytes[offset + done + byte] = value >>> (byte * 8);
        done += size;
      }
    });
    return bytes;
  }

  writeBytes(address: HostPhysicalAddress, bytes: Uint8Array): void {
    if (this.isPlainPiece(address, bytes.length)) return this.putPlain(address, bytes);
    this.pieces(address, bytes.length, (from, count, offset, plain) => {
      if (plain) return this.putPlain(from, bytes.subarray(offset, offset + count));
      for (let done = 0; done < count;) {
        const size = pieceSize(from + done, count - done);
        let value = 0;
        for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + bytes[offset + done + byte]!;
        this.write((from + done) as HostPhysicalAddress, size, value);
        done += size;
      }
    });
  }

  peek(address: HostPhysicalAddress, length: number, into?: Uint8Array): Uint8Array {
    if (into !== undefined && this.isPlainPiece(address, length)) return this.copyPlain(address, into);
    const bytes = into?.fill(0) ?? new Uint8Array(length);
    for (let done = 0; done < length;) {
      const from = address + done;
      const range = this.table.at(from);
      const count = Math.min(length - done, PAGE_SIZE - (from % PAGE_SIZE), range === undefined ? Infinity : range.end - from);
      const target = bytes.subarray(done, done + count);
      if (range === undefined || range.kind === 'hole' || range.kind === 'reserved') target.fill(0xff);
      else if (range.kind !== 'mmio') this.peekLayers(range.claims.length, from, target);
      else {
        const offset = from - range.windowBase!;
        target.set(memoryOf(this.bus.device(range.device!))?.subarray(offset, offset + count) ?? []);
      }
      done += count;
    }
    return bytes;
  }

  // --- ports -----------------------------------------------------------------------------------------------------------

  readPort(port: number, size: PortSize): number {
    const window = this.bus.resolvePort(port);
    if (window && port + size <= window.base + window.size) {
      this.counters.ports++;
      const value = window.device.read(window.region, port - window.base, size) >>> 0;
      this.logPort('port-read', port, size, value, window.device.id);
      return value;
    }
    if (size > 1 && this.anyPort(port, size)) {
      let value = 0;
      for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + this.readPort((port + byte) & 0xffff, 1);
      return value;
    }
    this.counters.unansweredPorts++;
    this.logPort('unanswered', port, size, ones(size));
    return ones(size);
  }

  writePort(port: number, size: PortSize, value: number): void {
    const window = this.bus.resolvePort(port);
    if (window && port + size <= window.base + window.size) {
      this.counters.ports++;
      this.logPort('port-write', port, size, value, window.device.id);
      window.device.write(window.region, port - window.base, size, value);
      return;
    }
    if (size > 1 && this.anyPort(port, size)) {
      for (let byte = 0; byte < size; byte++) this.writePort((port + byte) & 0xffff, 1, (value >>> (byte * 8)) & 0xff);
      return;
    }
    this.counters.unansweredPorts++;
    this.logPort('unanswered', port, size, value, undefined, true);
  }

  // --- state -----------------------------------------------------------------------------------------------------------

  reset(): void {
    this.counters = { ...NO_COUNTS };
    this.unanswered = new Map();
  }

  save(): SavedChipset {
    return { counters: { ...this.counters }, unanswered: this.unansweredAddresses() };
  }

  load(saved: SavedChipset): void {
    this.counters = { ...NO_COUNTS, ...saved.counters };
    this.unanswered = new Map(saved.unanswered);
  }

  // --- inside ----------------------------------------------------------------------------------------------------------

  /** Cuts [address, address + length) at frame borders; `plain` pieces are DRAM that one DIMM answers. */
  private pieces(address: number, length: number, visit: (from: number, count: number, offset: number, plain: boolean) => void): void {
    for (let done = 0; done < length;) {
      const from = address + done;
      const count = Math.min(length - done, PAGE_SIZE - (from % PAGE_SIZE));
      visit(from, count, done, this.table.isPlain(Math.floor(from / PAGE_SIZE)));
      done += count;
    }
  }

  /** Do these bytes lie in one frame of DRAM that one DIMM answers? So do those that the VMM moves at every entry and exit. */
  private isPlainPiece(address: number, length: number): boolean {
    return (address % PAGE_SIZE) + length <= PAGE_SIZE && this.table.isPlain(Math.floor(address / PAGE_SIZE));
  }

  /** As many bytes of a plain piece as the buffer has, which is given back. */
  private copyPlain(address: number, into: Uint8Array): Uint8Array {
    const pool = this.frames.offsetOf(Math.floor(address / PAGE_SIZE));
    if (pool < 0) return into.fill(0);
    const start = pool + (address % PAGE_SIZE);
    into.set(this.frames.u8.subarray(start, start + into.length));
    return into;
  }

  private putPlain(address: number, bytes: Uint8Array): void {
    const frame = Math.floor(address / PAGE_SIZE);
    const pool = this.frames.touch(frame);
    if (pool < 0) return;
    this.frames.beforeWrite(frame, address % PAGE_SIZE, bytes.length);
    this.frames.u8.set(bytes, pool + (address % PAGE_SIZE));
  }

  private loadFrom(frame: number, offset: number, size: 1 | 2 | 4): number {
    const pool = this.frames.offsetOf(frame);
    if (pool < 0) return 0;
    const { view } = this.frames;
    if (size === 4) return view.getUint32(pool + offset, true);
    return size === 2 ? view.getUint16(pool + offset, true) : view.getUint8(pool + offset);
  }

  private loadAll(claims: readonly Claim[], address: number, size: 1 | 2 | 4): number {
    let value = ones(size);
    claims.forEach((_claim, layer) => {
      value = (value & this.loadFrom(Math.floor(address / PAGE_SIZE) + layer * LAYER_STRIDE, address % PAGE_SIZE, size)) >>> 0;
    });
    return value;
  }

  private storeTo(frame: number, offset: number, size: 1 | 2 | 4, value: number): void {
    const pool = this.frames.touch(frame);
    if (pool < 0) return;
    this.frames.beforeWrite(frame, offset, size);
    const { view } = this.frames;
    if (size === 4) view.setUint32(pool + offset, value, true);
    else if (size === 2) view.setUint16(pool + offset, value, true);
    else view.setUint8(pool + offset, value);
  }

  private peekLayers(layers: number, from: number, target: Uint8Array): void {
    if (layers === 1) {
      // one DIMM, the usual case: a plain copy
      const pool = this.frames.offsetOf(Math.floor(from / PAGE_SIZE));
      const start = pool + (from % PAGE_SIZE);
      if (pool >= 0) target.set(this.frames.u8.subarray(start, start + target.length));
      return;
    }
    target.fill(0xff);
    for (let layer = 0; layer < layers; layer++) {
      const pool = this.frames.offsetOf(Math.floor(from / PAGE_SIZE) + layer * LAYER_STRIDE);
      const start = pool + (from % PAGE_SIZE);
      for (let index = 0; index < target.length; index++) target[index]! &= pool < 0 ? 0 : this.frames.u8[start + index]!;
    }
  }

  /** An access that leaves its range, or (in DRAM) its frame, is made byte by byte. */
  private mustSplit(range: AddressRange, address: number, size: number): boolean {
    if (address + size > range.end) return true;
    return (range.kind === 'dram' || range.kind === 'conflict') && (address % PAGE_SIZE) + size > PAGE_SIZE;
  }

  private writeSplit(address: number, size: number, value: number): void {
    for (let byte = 0; byte < size; byte++) this.write((address + byte) as HostPhysicalAddress, 1, (value >>> (byte * 8)) & 0xff);
  }

  private readSplit(address: number, size: number): number {
    let value = 0;
    for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + this.read((address + byte) as HostPhysicalAddress, 1);
    return value;
  }

  private readRegister(range: AddressRange, address: number, size: 1 | 2 | 4): number {
    this.counters.registers++;
    const offset = address - range.windowBase!;
    const value = this.bus.device(range.device!)!.read(range.region!, offset, size) >>> 0;
    this.log.add(this.register('mmio-read', 'register-read', range, address, size, offset, value));
    return value;
  }

  private writeRegister(range: AddressRange, address: number, size: 1 | 2 | 4, value: number): void {
    this.counters.registers++;
    const offset = address - range.windowBase!;
    const device = this.bus.device(range.device!)!;
    if (device.contents) this.counters.readOnlyWrites++;
    const code = device.contents ? 'read-only-write' : 'register-write';
    // logged first: what the device does in answer comes after its cause
    this.log.add(this.register('mmio-write', code, range, address, size, offset, value));
    device.write(range.region!, offset, size, value >>> 0);
  }

  /** As the log names it. Made once: the same few ranges are met at every access. */
  private nameOf(range: AddressRange): string {
    let name = this.rangeNames.get(range);
    if (name === undefined) this.rangeNames.set(range, (name = formatRange(range)));
    return name;
  }

  private register(
    kind: 'mmio-read' | 'mmio-write',
    code: string,
    range: AddressRange,
    address: number,
    size: number,
    offset: number,
    value: number,
  ): TransactionReport {
    const data = { region: range.region!, offset };
    return { kind, code, address: at(address), size, matched: this.nameOf(range), answeredBy: range.device!, outcome: 'ok', data, value };
  }

  private nobodyReads(address: number, size: 1 | 2 | 4, range: AddressRange | undefined): number {
    this.countUnanswered(address);
    this.log.add({
      kind: 'unanswered',
      code: 'memory-read',
      address: at(address),
      size,
      value: ones(size),
      ...(range ? { matched: this.nameOf(range) } : {}),
      outcome: 'nobody',
    });
    return ones(size);
  }

  private nobodyWrites(address: number, size: 1 | 2 | 4, value: number, range: AddressRange | undefined): void {
    this.countUnanswered(address);
    this.log.add({
      kind: 'unanswered',
      code: 'memory-write',
      address: at(address),
      size,
      value,
      ...(range ? { matched: this.nameOf(range) } : {}),
      outcome: 'nobody',
    });
  }

  private countUnanswered(address: number): void {
    this.counters.unansweredMemory++;
    const count = this.unanswered.get(address);
    if (count !== undefined || this.unanswered.size < MOST_UNANSWERED) this.unanswered.set(address, (count ?? 0) + 1);
  }

  private anyPort(port: number, size: number): boolean {
    for (let byte = 0; byte < size; byte++) if (this.bus.resolvePort((port + byte) & 0xffff)) return true;
    return false;
  }

  private logPort(
    kind: 'port-read' | 'port-write' | 'unanswered',
    port: number,
    size: number,
    value: number,
    device?: string,
    writes = false,
  ): void {
    const data = { port };
    if (device === undefined) this.log.add({ kind, code: writes ? 'port-write' : 'port-read', size, value, outcome: 'nobody', data });
    else this.log.add({ kind, code: kind, size, value, answeredBy: device, outcome: 'ok', data });
  }
}

/** What a device holds, for those who only look. */
const memoryOf = (device: Device | undefined): Uint8Array | undefined => device?.contents ?? device?.storage;

const at = (address: number) => ({ space: 'host' as const, address });

/** The largest naturally aligned access that fits. */
const pieceSize = (address: number, left: number): 1 | 2 | 4 =>
  address % 4 === 0 && left >= 4 ? 4 : address % 2 === 0 && left >= 2 ? 2 : 1;
