/**
 * The DMA-remapping unit: a register block like VT-d's, the walks behind it, its caches, and the stage on every request's
 * way from a device to the chipset. It is a device (its registers) and a hop (its work); explaining an address is the same
 * work with a recorder and without effects.
 *
 * Not here yet, and declared so in the capability registers: queued invalidation, interrupt remapping, device TLBs.
 */
import { formatAddress } from '../address';
import type { DmaHop, DmaHopResult, DmaRequest, RequesterId } from '../bus/dma-port';
import { formatRequester } from '../bus/dma-port';
import type { Device, DeviceRegion, EventTag } from '../devices/device';
import { decodeState, encodeState } from '../devices/device-state';
import type { JourneyRecorder } from '../journey/journey';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { CachedContext, CachedTranslation } from './caches';
import { FaultEvent } from './fault-event';
import { FaultRecorder, faultText, isQualified } from './faults';
import type { FaultReason, IommuFault } from './faults';
import {
  CAPABILITY,
  CONTEXT_COMMAND,
  EXTENDED_CAPABILITY,
  FAULT_RECORDING_REGISTERS,
  GLOBAL,
  GRANULARITY,
  IOMMU_BASE,
  IOMMU_SIZE,
  IOTLB_COMMAND,
  REGISTER,
  VERSION,
} from './registers';
import { recordIdentity, Remapper } from './remapper';
import type { IommuCounters, SavedRemapper } from './remapper';
import type { WalkFault } from './walk';

const STATE_VERSION = 1;
/** Rejected transactions remembered for views and checks, also those the eight registers had no room for. */
const HISTORY_LIMIT = 1024;
const MESSAGE_BASE = 0xfee0_0000;
const MESSAGE_END = 0xfef0_0000;

export interface IommuOptions {
  memory: PhysicalMemory;
  /** physical address bits of the host; entries with bits beyond are reserved */
  hostAddressBits: number;
  /** machine clock, for the history */
  now: () => number;
  /** sends the fault event message; absent while no interrupt controller is there to take it */
  message?: (address: number, data: number) => void;
  /** told of every table entry that a walk reads from memory */
  touches?: (address: number, bytes: number) => void;
}

/** A rejected transaction with what the registers do not hold: when, and whether a register took it. */
export interface RejectedTransaction extends IommuFault {
  /** the whole address, where the register keeps the page only */
  exactAddress: number;
  tick: number;
  recorded: boolean;
}

export type IovaResult = { outcome: 'host'; address: number } | { outcome: 'fault'; reason: FaultReason };

interface SavedIommu {
  translation: boolean;
  rootTableRegister: string;
  rootTableSet: boolean;
  registers: number[];
  faults: ReturnType<FaultRecorder['save']>;
  remapper: SavedRemapper;
  history: RejectedTransaction[];
}

const isMessageAddress = (address: number): boolean => address >= MESSAGE_BASE && address < MESSAGE_END;

export class Iommu implements Device, DmaHop {
  readonly id = 'iommu';
  readonly kind = 'iommu';
  readonly regions: readonly DeviceRegion[] = [{ name: 'registers', kind: 'memory', size: IOMMU_SIZE, base: IOMMU_BASE }];

  private translation = false;
  private rootTableRegister = 0n;
  private rootTableSet = false;
  private contextCommand = [0, 0];
  private invalidateAddress = [0, 0];
  private iotlbCommand = [0, 0];
  private readonly faultEvent: FaultEvent;
  private readonly faults = new FaultRecorder();
  /** its root table is latched by SRTP: writing the register alone changes nothing */
  private readonly remapper: Remapper;
  private history: RejectedTransaction[] = [];

  constructor(private readonly options: IommuOptions) {
    this.faultEvent = new FaultEvent(options.message);
    this.remapper = new Remapper(options.memory, options.hostAddressBits, options.touches);
  }

  /** Is translation on (GSTS.TES)? */
  get enabled(): boolean {
    return this.translation;
  }

  /** Host-physical base of the root table in use. */
  get rootTableAddress(): number {
    return this.remapper.rootTable;
  }

  /** What the fault recording registers hold unread. */
  pendingFaults(): IommuFault[] {
    return this.faults.pending();
  }

  /** Every rejected transaction since reset, newest last, also silenced and overflowed ones; at most the last 1024. */
  rejectedTransactions(): readonly RejectedTransaction[] {
    return this.history;
  }

  cachedContexts(): CachedContext[] {
    return this.remapper.contexts.list();
  }

  cachedTranslations(): CachedTranslation[] {
    return this.remapper.iotlb.list();
  }

  get counts(): Readonly<IommuCounters> {
    return this.remapper.counters;
  }

  // --- the hop -----------------------------------------------------------------------------------

  /** Translates one request, or rejects it with a VT-d fault reason (0 when the request is malformed rather than faulting). */
  handle(request: DmaRequest, recorder?: JourneyRecorder): DmaHopResult {
    if (!this.translation) return this.passUntranslated(request, recorder);
    if (isMessageAddress(request.address) && request.addressType === 'untranslated') return this.passMessage(request, recorder);
    const access = request.kind === 'write' ? 'write' : 'read';
    const options = { effects: true, recorder };
    const result =
      request.addressType === 'untranslated'
        ? this.remapper.translate(request.requester, request.address, access, options)
        : this.remapper.refuseTranslated(request.requester, request.address, options);
    if (result.outcome === 'host')
      return { outcome: 'accept', request: { ...request, address: result.address, addressType: 'translated' } };
    this.recordFault(result, request.requester, request.address, access);
    return {
      outcome: 'reject',
      status: 'unsupported-request',
      reason: result.reason,
      text: `${formatRequester(request.requester)} ${access} ${formatAddress(request.address)}: ${faultText(result.reason)}`,
    };
  }

  /** Where a device's access at an I/O virtual address would go now. Changes nothing: no cache, counter, record or log. */
  explainIova(requester: RequesterId, address: number, access: 'read' | 'write', recorder: JourneyRecorder): IovaResult {
    if (!this.translation) {
      recordIdentity(recorder, address, 'translation-disabled');
      return { outcome: 'host', address };
    }
    if (isMessageAddress(address)) {
      recordIdentity(recorder, address, 'interrupt-range');
      return { outcome: 'host', address };
    }
    const result = this.remapper.translate(requester, address, access, { effects: false, recorder });
    return result.outcome === 'host' ? result : { outcome: 'fault', reason: result.reason };
  }

  private passUntranslated(request: DmaRequest, recorder?: JourneyRecorder): DmaHopResult {
    if (request.addressType !== 'untranslated')
      return {
        outcome: 'reject',
        status: 'unsupported-request',
        reason: 0,
        text: `${request.addressType} request while translation is off`,
      };
    if (recorder) recordIdentity(recorder, request.address, 'translation-disabled');
    return { outcome: 'accept', request };
  }

  /** 0xFEEx_xxxx is the interrupt range: never translated, and only an aligned 4-byte write means anything there (VT-d 3.14). */
  private passMessage(request: DmaRequest, recorder?: JourneyRecorder): DmaHopResult {
    if (request.kind !== 'write' || request.length !== 4 || request.address % 4 !== 0)
      return {
        outcome: 'reject',
        status: 'unsupported-request',
        reason: 0,
        text: `malformed interrupt request at ${formatAddress(request.address)}: expected an aligned 4-byte write`,
      };
    if (recorder) recordIdentity(recorder, request.address, 'interrupt-range');
    return { outcome: 'accept', request };
  }

  private recordFault(fault: WalkFault, requester: RequesterId, address: number, access: 'read' | 'write'): void {
    const silent = fault.faultProcessingDisabled && isQualified(fault.reason);
    const record: IommuFault = { requester, address: address - (address % 4096), access, reason: fault.reason };
    const recorded = !silent && this.faults.record(record);
    if (recorded) this.faultEvent.signal();
    this.history.push({ ...record, exactAddress: address, tick: this.options.now(), recorded });
    if (this.history.length > HISTORY_LIMIT) this.history.shift();
  }

  // --- the registers -----------------------------------------------------------------------------

  reset(): void {
    this.translation = this.rootTableSet = false;
    this.rootTableRegister = 0n;
    this.remapper.reset();
    this.contextCommand = [0, 0];
    this.invalidateAddress = [0, 0];
    this.iotlbCommand = [0, 0];
    this.faultEvent.reset();
    this.faults.reset();
    this.history = [];
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    const word = this.readWord(offset & ~3);
    const shifted = word >>> ((offset & 3) * 8);
    return size === 4 ? shifted : shifted & (size === 2 ? 0xffff : 0xff);
  }

  /** Registers take aligned 4-byte writes; software may not use other sizes (VT-d 11.2), and such a write is dropped. */
  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (size !== 4 || offset & 3) return;
    const half = (offset >> 2) & 1;
    switch (offset & ~7) {
      case REGISTER.rootTableAddress:
        this.writeRootTable(half, value);
        return;
      case REGISTER.contextCommand:
        this.contextCommand[half] = value;
        if (half === 1 && value & CONTEXT_COMMAND.invalidate) this.invalidateContexts(value);
        return;
      case REGISTER.invalidateAddress:
        this.invalidateAddress[half] = value;
        return;
      case REGISTER.iotlbInvalidate:
        this.iotlbCommand[half] = value;
        if (half === 1 && value & IOTLB_COMMAND.invalidate) this.invalidateTranslations(value);
        return;
    }
    switch (offset) {
      case REGISTER.globalCommand:
        this.command(value);
        return;
      case REGISTER.faultStatus:
        this.faults.acknowledge(value);
        this.dropStaleEvent();
        return;
      case REGISTER.faultEventControl:
        this.faultEvent.control = value;
        return;
      case REGISTER.faultEventData:
        this.faultEvent.data = value;
        return;
      case REGISTER.faultEventAddress:
        this.faultEvent.address = value;
        return;
      case REGISTER.faultEventUpperAddress:
        this.faultEvent.upperAddress = value;
        return;
    }
    const record = offset - REGISTER.faultRecording;
    if (record >= 0 && record < FAULT_RECORDING_REGISTERS * 16 && record % 16 === 12 && value & 0x8000_0000) {
      this.faults.clear(record >> 4);
      this.dropStaleEvent();
    }
  }

  event(_tag: EventTag): void {
    // commands complete at once: nothing is ever scheduled
  }

  private readWord(offset: number): number {
    const half = (value: bigint): number => Number(offset & 4 ? (value >> 32n) & 0xffff_ffffn : value & 0xffff_ffffn);
    switch (offset & ~7) {
      case REGISTER.capability:
        return half(CAPABILITY);
      case REGISTER.extendedCapability:
        return half(EXTENDED_CAPABILITY);
      case REGISTER.rootTableAddress:
        return half(this.rootTableRegister);
      case REGISTER.contextCommand:
        return this.contextCommand[(offset >> 2) & 1]!;
      case REGISTER.invalidateAddress:
        return 0; // write-only
      case REGISTER.iotlbInvalidate:
        return this.iotlbCommand[(offset >> 2) & 1]!;
    }
    switch (offset) {
      case REGISTER.version:
        return VERSION;
      case REGISTER.globalStatus:
        return ((this.translation ? GLOBAL.translation : 0) | (this.rootTableSet ? GLOBAL.setRootTable : 0)) >>> 0;
      case REGISTER.faultStatus:
        return this.faults.status;
      case REGISTER.faultEventControl:
        return this.faultEvent.control;
      case REGISTER.faultEventData:
        return this.faultEvent.data;
      case REGISTER.faultEventAddress:
        return this.faultEvent.address;
      case REGISTER.faultEventUpperAddress:
        return this.faultEvent.upperAddress;
    }
    const record = offset - REGISTER.faultRecording;
    if (record >= 0 && record < FAULT_RECORDING_REGISTERS * 16) {
      const { low, high } = this.faults.register(record >> 4);
      return half(record & 8 ? high : low);
    }
    return 0;
  }

  private writeRootTable(half: number, value: number): void {
    const wide = BigInt(value >>> 0);
    this.rootTableRegister = half
      ? (wide << 32n) | (this.rootTableRegister & 0xffff_f000n)
      : (this.rootTableRegister & ~0xffff_ffffn) | (wide & 0xffff_f000n);
  }

  /** TE is a level; SRTP is a command that takes the register's address into use. Other bits ask for what is not here. */
  private command(value: number): void {
    if (value & GLOBAL.setRootTable) {
      // an address wider than any host cannot be read: kept as it is, the walk then faults with reason 8
      this.remapper.rootTable = Number(this.rootTableRegister & ((1n << 52n) - 1n));
      this.rootTableSet = true;
    }
    this.translation = (value & GLOBAL.translation) !== 0;
  }

  /** Once software has read every record there is nothing left to interrupt for. */
  private dropStaleEvent(): void {
    if (this.faults.pending().length === 0 && !(this.faults.status & 1)) this.faultEvent.dropPending();
  }

  private invalidateContexts(upper: number): void {
    const { contexts } = this.remapper;
    const granularity = (upper >>> CONTEXT_COMMAND.requestShift) & 3;
    const domain = this.contextCommand[0]! & 0xffff;
    const source = this.contextCommand[0]! >>> 16;
    // the function mask leaves out low bits of the function number: 1, 2 or all 3 of them
    const functions = [0, 4, 6, 7][upper & 3]!;
    const mask = 0xffff & ~functions;
    if (granularity === GRANULARITY.global) contexts.invalidate();
    else if (granularity === GRANULARITY.domain) contexts.invalidate((context) => context.domain === domain);
    else if (granularity === GRANULARITY.selective)
      contexts.invalidate((context) => context.domain === domain && (context.requester & mask) === (source & mask));
    const done = upper & ~CONTEXT_COMMAND.invalidate & ~CONTEXT_COMMAND.actualMask;
    this.contextCommand[1] = (done | (granularity << CONTEXT_COMMAND.actualShift)) >>> 0;
  }

  private invalidateTranslations(upper: number): void {
    const { iotlb } = this.remapper;
    const granularity = (upper >>> IOTLB_COMMAND.requestShift) & 3;
    const domain = upper & 0xffff;
    if (granularity === GRANULARITY.global) iotlb.invalidate();
    else if (granularity === GRANULARITY.domain) iotlb.invalidate((entry) => entry.domain === domain);
    else if (granularity === GRANULARITY.selective) {
      const bytes = 2 ** (12 + (this.invalidateAddress[0]! & 0x3f));
      const address = this.invalidateAddress[1]! * 2 ** 32 + ((this.invalidateAddress[0]! & 0xffff_f000) >>> 0);
      const first = address - (address % bytes);
      iotlb.invalidate((entry) => entry.domain === domain && entry.page < first + bytes && entry.page + entry.pageBytes > first);
    }
    const done = upper & ~IOTLB_COMMAND.invalidate & ~IOTLB_COMMAND.actualMask;
    this.iotlbCommand[1] = (done | (granularity << IOTLB_COMMAND.actualShift)) >>> 0;
  }

  // --- snapshots ---------------------------------------------------------------------------------

  save(): Uint8Array {
    return encodeState('iommu', STATE_VERSION, {
      translation: this.translation,
      rootTableRegister: this.rootTableRegister.toString(),
      rootTableSet: this.rootTableSet,
      registers: [...this.contextCommand, ...this.invalidateAddress, ...this.iotlbCommand, ...this.faultEvent.save()],
      faults: this.faults.save(),
      remapper: this.remapper.save(),
      history: this.history.map((fault) => ({ ...fault })),
    });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedIommu>('iommu', STATE_VERSION, bytes);
    this.translation = saved.translation;
    this.rootTableRegister = BigInt(saved.rootTableRegister);
    this.rootTableSet = saved.rootTableSet;
    const [cc0 = 0, cc1 = 0, iva0 = 0, iva1 = 0, tlb0 = 0, tlb1 = 0, ...faultEvent] = saved.registers;
    this.contextCommand = [cc0, cc1];
    this.invalidateAddress = [iva0, iva1];
    this.iotlbCommand = [tlb0, tlb1];
    this.faultEvent.load(faultEvent);
    this.faults.load(saved.faults);
    this.remapper.load(saved.remapper);
    this.history = saved.history;
  }
}
