/**
 * The chipset: who answers a host-physical address or a port. Plain DRAM is handed to the processor frame by frame; device
 * registers, conflicts and holes pass through here one access at a time. Nobody answers: all ones, counted and logged. Two
 * DIMMs answer: reads are the AND of both, writes reach both, counted.
 */
import { PAGE_SIZE, type HostPhysicalAddress } from '../address';
import type { AddressMap, AddressRange } from '../board/address-map';
import type { Device } from '../devices/device';
import type { JourneyRecorder } from '../journey/journey';
import { allOnes, DramBytes } from '../memory/dram-bytes';
import type { FrameStore } from '../memory/frame-store';
import type { PhysicalMemory, PortSpace } from '../memory/physical-memory';
import { AccessLog } from './access-log';
import type { Bus } from './bus';
import { ChipsetCounters, type ChipsetTotals, type SavedChipset } from './chipset-counters';
import { explainDecode } from './decode-step';
import { DecodeTable } from './decode-table';
import { PortDecode } from './port-decode';
import type { TransactionLog } from './transaction-log';

export class Chipset implements PhysicalMemory, PortSpace {
  private readonly table: DecodeTable;
  private readonly dram: DramBytes;
  private readonly log: AccessLog;
  private readonly counted = new ChipsetCounters();
  private readonly ports: PortDecode;

  constructor(
    map: AddressMap,
    private readonly frames: FrameStore,
    readonly bus: Bus,
    log: TransactionLog,
  ) {
    this.table = new DecodeTable(map, bus);
    this.dram = new DramBytes(frames);
    this.log = new AccessLog(log);
    this.ports = new PortDecode(bus, this.log, this.counted.totals);
  }

  /** The decode table as it stands; ranges ascend and cover the whole space. */
  ranges(): readonly AddressRange[] {
    return this.table.ranges();
  }

  /** The entry that matches an address, with its position in the table; undefined beyond the address lines. */
  entryAt(address: number): { index: number; range: AddressRange } | undefined {
    return this.table.entryAt(address);
  }

  /** The step "who answers" (decode-step.ts). Observes nothing. */
  explain(address: HostPhysicalAddress, recorder: JourneyRecorder): AddressRange | undefined {
    return explainDecode(this.table, address, recorder);
  }

  /** Does DRAM answer at an address, one DIMM or several in a conflict? */
  isDram(address: HostPhysicalAddress): boolean {
    if (this.table.isPlain(Math.floor(address / PAGE_SIZE))) return true;
    const kind = this.table.at(address)?.kind;
    return kind === 'dram' || kind === 'conflict';
  }

  // --- what was counted since power-on ---------------------------------------------------------------------------------

  get counters(): Readonly<ChipsetTotals> {
    return this.counted.totals;
  }

  /** How often nobody answered at exactly this address. */
  unansweredAt(address: number): number {
    return this.counted.unansweredAt(address);
  }

  /** Unanswered addresses with their counts, ascending; at most the first 4096 different ones. */
  unansweredAddresses(): [address: number, count: number][] {
    return this.counted.unansweredAddresses();
  }

  reset(): void {
    this.counted.reset();
  }

  save(): SavedChipset {
    return this.counted.save();
  }

  load(saved: SavedChipset): void {
    this.counted.load(saved);
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
    if ((address % PAGE_SIZE) + size <= PAGE_SIZE && this.table.isPlain(plain)) return this.dram.load(plain, address % PAGE_SIZE, size);
    const range = this.table.at(address);
    if (range === undefined) return this.nobodyReads(address, size, undefined);
    if (this.mustSplit(range, address, size)) return this.readSplit(address, size);
    switch (range.kind) {
      case 'dram':
        return this.dram.load(Math.floor(address / PAGE_SIZE), address % PAGE_SIZE, size);
      case 'conflict':
        this.counted.totals.conflicts++;
        this.log.conflict(range, address, size);
        return this.dram.loadLayers(range.claims.length, Math.floor(address / PAGE_SIZE), address % PAGE_SIZE, size);
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
      return this.dram.store(plain, address % PAGE_SIZE, size, value);
    const range = this.table.at(address);
    if (range === undefined) return this.nobodyWrites(address, size, value, undefined);
    if (this.mustSplit(range, address, size)) return this.writeSplit(address, size, value);
    const frame = Math.floor(address / PAGE_SIZE);
    switch (range.kind) {
      case 'dram':
        return this.dram.store(frame, address % PAGE_SIZE, size, value);
      case 'conflict':
        this.counted.totals.conflicts++;
        this.log.conflict(range, address, size, value);
        return this.dram.storeLayers(range.claims.length, frame, address % PAGE_SIZE, size, value);
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
    if (this.isPlainPiece(address, length)) return this.dram.copy(address, bytes);
    this.pieces(address, length, (from, count, offset, plain) => {
      if (plain) return void this.dram.copy(from, bytes.subarray(offset, offset + count));
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
    if (this.isPlainPiece(address, bytes.length)) return this.dram.put(address, bytes);
    this.pieces(address, bytes.length, (from, count, offset, plain) => {
      if (plain) return this.dram.put(from, bytes.subarray(offset, offset + count));
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
    if (into !== undefined && this.isPlainPiece(address, length)) return this.dram.copy(address, into);
    const bytes = into?.fill(0) ?? new Uint8Array(length);
    for (let done = 0; done < length;) {
      const from = address + done;
      const range = this.table.at(from);
      const count = Math.min(length - done, PAGE_SIZE - (from % PAGE_SIZE), range === undefined ? Infinity : range.end - from);
      const target = bytes.subarray(done, done + count);
      if (range === undefined || range.kind === 'hole' || range.kind === 'reserved') target.fill(0xff);
      else if (range.kind !== 'mmio') this.dram.copyLayers(range.claims.length, from, target);
      else {
        const offset = from - range.windowBase!;
        target.set(memoryOf(this.bus.device(range.device!))?.subarray(offset, offset + count) ?? []);
      }
      done += count;
    }
    return bytes;
  }

  /**
   * Puts bytes into the cells of DRAM, of every DIMM that answers there: nobody on the bus sees it, and nothing is counted or logged. Code and
   * whatever else was derived from those bytes is dropped. False, and nothing has changed, when not all of them are DRAM, or the pool is full.
   */
  poke(places: readonly { host: number; bytes: Uint8Array }[]): boolean {
    const pieces: { from: number; bytes: Uint8Array; layers: number }[] = [];
    for (const { host, bytes } of places) {
      for (let done = 0; done < bytes.length; done += pieces.at(-1)!.bytes.length) {
        const from = host + done;
        const range = this.table.at(from);
        if (range?.kind !== 'dram' && range?.kind !== 'conflict') return false;
        const count = Math.min(bytes.length - done, PAGE_SIZE - (from % PAGE_SIZE), range.end - from);
        pieces.push({ from, bytes: bytes.subarray(done, done + count), layers: range.claims.length });
      }
    }
    if (!pieces.every(({ from, layers }) => this.dram.back(from, layers))) return false;
    for (const { from, bytes, layers } of pieces) this.dram.putLayers(layers, from, bytes);
    return true;
  }

  // --- ports -----------------------------------------------------------------------------------------------------------

  readPort(port: number, size: 1 | 2 | 4): number {
    return this.ports.readPort(port, size);
  }

  writePort(port: number, size: 1 | 2 | 4, value: number): void {
    this.ports.writePort(port, size, value);
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
    this.counted.totals.registers++;
    const offset = address - range.windowBase!;
    const value = this.bus.device(range.device!)!.read(range.region!, offset, size) >>> 0;
    this.log.registerRead(range, address, size, offset, value);
    return value;
  }

  private writeRegister(range: AddressRange, address: number, size: 1 | 2 | 4, value: number): void {
    this.counted.totals.registers++;
    const offset = address - range.windowBase!;
    const device = this.bus.device(range.device!)!;
    // logged first: what the device does in answer comes after its cause
    if (device.contents) {
      this.counted.totals.readOnlyWrites++;
      this.log.readOnlyWrite(range, address, size, offset, value);
    } else this.log.registerWrite(range, address, size, offset, value);
    device.write(range.region!, offset, size, value >>> 0);
  }

  private nobodyReads(address: number, size: 1 | 2 | 4, range: AddressRange | undefined): number {
    const value = allOnes(size);
    this.counted.countUnanswered(address);
    this.log.nobody('memory-read', range, address, size, value);
    return value;
  }

  private nobodyWrites(address: number, size: 1 | 2 | 4, value: number, range: AddressRange | undefined): void {
    this.counted.countUnanswered(address);
    this.log.nobody('memory-write', range, address, size, value);
  }
}

/** What a device holds, for those who only look. */
const memoryOf = (device: Device | undefined): Uint8Array | undefined => device?.contents ?? device?.storage;

/** The largest naturally aligned access that fits. */
const pieceSize = (address: number, left: number): 1 | 2 | 4 =>
  address % 4 === 0 && left >= 4 ? 4 : address % 2 === 0 && left >= 2 ? 2 : 1;
