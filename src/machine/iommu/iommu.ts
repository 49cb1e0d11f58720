/**
 * The DMA-remapping unit: a register block like VT-d's, the walks behind it, its caches, and the stage on every request's
 * way from a device to the chipset. It is a device (its registers) and a hop (its work); explaining an address is the same
 * work with a recorder and without effects.
 *
 * Not here yet, and declared so in the capability registers: queued invalidation, interrupt remapping, device TLBs.
 */
import { formatAddress, hostPhysical } from '../address';
import type { DmaHop, DmaHopResult, DmaRequest, RequesterId } from '../bus/dma-port';
import { formatRequester } from '../bus/dma-port';
import type { Device, DeviceRegion, EventTag } from '../devices/device';
import { decodeState, encodeState } from '../devices/device-state';
import type { JourneyRecorder } from '../journey/journey';
import type { PhysicalMemory } from '../memory/physical-memory';
import { ContextCache, Iotlb } from './caches';
import type { CachedContext, CachedTranslation } from './caches';
import type { EntryRead } from './entries';
import { FAULT_REASON, FaultRecorder, faultText, isQualified } from './faults';
import type { FaultReason, IommuFault } from './faults';
import {
  CAPABILITY,
  CONTEXT_COMMAND,
  EXTENDED_CAPABILITY,
  FAULT_EVENT,
  FAULT_RECORDING_REGISTERS,
  GLOBAL,
  GRANULARITY,
  IOMMU_BASE,
  IOMMU_SIZE,
  IOTLB_COMMAND,
  REGISTER,
  VERSION,
} from './registers';
import { findContext, recordCached, walkSecondLevel, withinAddressWidth } from './walk';
import type { TableReader, WalkEnvironment, WalkFault } from './walk';

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
}

/** A rejected transaction with what the registers do not hold: when, and whether a register took it. */
export interface RejectedTransaction extends IommuFault {
  /** the whole address, where the register keeps the page only */
  exactAddress: number;
  tick: number;
  recorded: boolean;
}

export interface IommuCounters {
  translated: number;
  contextHits: number;
  contextMisses: number;
  iotlbHits: number;
  iotlbMisses: number;
  rejected: number;
}

export type IovaResult = { outcome: 'host'; address: number } | { outcome: 'fault'; reason: FaultReason };

interface SavedIommu {
  translation: boolean;
  rootTableRegister: string;
  rootTableSet: boolean;
  rootTable: number;
  registers: number[];
  faults: ReturnType<FaultRecorder['save']>;
  contexts: SavedContext[];
  translations: SavedTranslation[];
  history: RejectedTransaction[];
  counters: IommuCounters;
}
type SavedEntry = [structure: EntryRead['structure'], index: number, address: number, low: string, high: string];
type SavedContext = Omit<CachedContext, 'entries'> & { entries: SavedEntry[] };
type SavedTranslation = Omit<CachedTranslation, 'entries'> & { entries: SavedEntry[] };

const isMessageAddress = (address: number): boolean => address >= MESSAGE_BASE && address < MESSAGE_END;
const NO_COUNTS: IommuCounters = { translated: 0, contextHits: 0, contextMisses: 0, iotlbHits: 0, iotlbMisses: 0, rejected: 0 };

export class Iommu implements Device, DmaHop {
  readonly id = 'iommu';
  readonly kind = 'iommu';
  readonly regions: readonly DeviceRegion[] = [{ name: 'registers', kind: 'memory', size: IOMMU_SIZE, base: IOMMU_BASE }];

  private translation = false;
  private rootTableRegister = 0n;
  private rootTableSet = false;
  /** the root table in use: latched by SRTP, so writing the register alone changes nothing */
  private rootTable = 0;
  private contextCommand = [0, 0];
  private invalidateAddress = [0, 0];
  private iotlbCommand = [0, 0];
  private faultEvent: [control: number, data: number, address: number, upper: number] = [FAULT_EVENT.masked, 0, 0, 0];
  private readonly faults = new FaultRecorder();
  private readonly contexts = new ContextCache();
  private readonly iotlb = new Iotlb();
  private history: RejectedTransaction[] = [];
  private counters: IommuCounters = { ...NO_COUNTS };
  private readonly liveReader: TableReader;
  private readonly quietReader: TableReader;

  constructor(private readonly options: IommuOptions) {
    const { memory } = options;
    // a table must lie in memory: a register or a hole behind its address is an access error of the unit (reasons 7 to 9)
    const inMemory = (address: number): boolean =>
      address < 2 ** options.hostAddressBits && memory.readableFrame(Math.floor(address / 4096)) >= 0;
    this.liveReader = { read: (address, length) => (inMemory(address) ? memory.readBytes(hostPhysical(address), length) : null) };
    this.quietReader = { read: (address, length) => (inMemory(address) ? memory.peek(hostPhysical(address), length) : null) };
  }

  /** Is translation on (GSTS.TES)? */
  get enabled(): boolean {
    return this.translation;
  }

  /** Host-physical base of the root table in use. */
  get rootTableAddress(): number {
    return this.rootTable;
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
    return this.contexts.list();
  }

  cachedTranslations(): CachedTranslation[] {
    return this.iotlb.list();
  }

  get counts(): Readonly<IommuCounters> {
    return this.counters;
  }

  // --- the hop -----------------------------------------------------------------------------------

  /** Translates one request, or rejects it with a VT-d fault reason (0 when the request is malformed rather than faulting). */
  handle(request: DmaRequest, recorder?: JourneyRecorder): DmaHopResult {
    if (!this.translation) return this.passUntranslated(request, recorder);
    if (isMessageAddress(request.address) && request.addressType === 'untranslated') return this.passMessage(request, recorder);
    const access = request.kind === 'write' ? 'write' : 'read';
    const result =
      request.addressType === 'untranslated'
        ? this.translate(request.requester, request.address, access, true, recorder)
        : this.refuseTranslated(request.requester, request.address, true, recorder);
    if (result.outcome === 'host')
      return { outcome: 'accept', request: { ...request, address: result.address, addressType: 'translated' } };
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
    return this.translate(requester, address, access, false, recorder);
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

  private environment(effects: boolean, recorder?: JourneyRecorder): WalkEnvironment {
    return {
      reader: effects ? this.liveReader : this.quietReader,
      rootTable: this.rootTable,
      hostAddressBits: this.options.hostAddressBits,
      ...(recorder ? { recorder } : {}),
    };
  }

  private context(environment: WalkEnvironment, requester: RequesterId, address: number, effects: boolean): CachedContext | WalkFault {
    const cached = this.contexts.lookup(requester);
    if (cached) {
      if (effects) this.counters.contextHits++;
      recordCached(environment, cached.entries, address, [{ rule: 'present', passed: true }]);
      return cached;
    }
    if (effects) this.counters.contextMisses++;
    const found = findContext(environment, requester, address);
    if (found.outcome === 'fault') return found;
    if (effects) this.contexts.insert(found.context);
    return found.context;
  }

  private translate(
    requester: RequesterId,
    address: number,
    access: 'read' | 'write',
    effects: boolean,
    recorder?: JourneyRecorder,
  ): IovaResult {
    const environment = this.environment(effects, recorder);
    const context = this.context(environment, requester, address, effects);
    if ('outcome' in context) return this.reject(context, requester, address, access, effects);
    if (context.passThrough) {
      if (!withinAddressWidth(context, address)) return this.reject(beyondWidth(context), requester, address, access, effects);
      if (recorder) recordIdentity(recorder, address, 'pass-through');
      if (effects) this.counters.translated++;
      return { outcome: 'host', address };
    }
    const cached = withinAddressWidth(context, address) ? this.iotlb.lookup(context.domain, address) : undefined;
    // a cached entry that forbids the access is not trusted: the unit walks again, as it may
    if (cached && (access === 'write' ? cached.writable : cached.readable)) {
      const host = cached.host + (address - cached.page);
      if (effects) {
        this.counters.iotlbHits++;
        this.counters.translated++;
      }
      recordCached(environment, cached.entries, address, [{ rule: access === 'write' ? 'writable' : 'readable', passed: true }], host);
      return { outcome: 'host', address: host };
    }
    if (effects) this.counters.iotlbMisses++;
    const walked = walkSecondLevel(environment, context, address, access);
    if (walked.outcome === 'fault') return this.reject(walked, requester, address, access, effects);
    if (effects) {
      this.iotlb.insert(walked.translation);
      this.counters.translated++;
    }
    return { outcome: 'host', address: walked.translation.host + (address - walked.translation.page) };
  }

  /** Without device TLBs no context may let a request through that claims to be translated, or asks to be told (reason 0xD). */
  private refuseTranslated(requester: RequesterId, address: number, effects: boolean, recorder?: JourneyRecorder): IovaResult {
    const context = this.context(this.environment(effects, recorder), requester, address, effects);
    const refused: WalkFault =
      'outcome' in context
        ? context
        : {
            outcome: 'fault',
            reason: FAULT_REASON.blockedByTranslationType,
            faultProcessingDisabled: context.faultProcessingDisabled,
          };
    return this.reject(refused, requester, address, 'read', effects);
  }

  private reject(fault: WalkFault, requester: RequesterId, address: number, access: 'read' | 'write', effects: boolean): IovaResult {
    if (effects) {
      const silent = fault.faultProcessingDisabled && isQualified(fault.reason);
      const record: IommuFault = { requester, address: address - (address % 4096), access, reason: fault.reason };
      const recorded = !silent && this.faults.record(record);
      if (recorded) this.signalFault();
      this.counters.rejected++;
      this.history.push({ ...record, exactAddress: address, tick: this.options.now(), recorded });
      if (this.history.length > HISTORY_LIMIT) this.history.shift();
    }
    return { outcome: 'fault', reason: fault.reason };
  }

  private signalFault(): void {
    if (this.faultEvent[0] & FAULT_EVENT.masked) this.faultEvent[0] = (this.faultEvent[0] | FAULT_EVENT.pending) >>> 0;
    else this.sendFaultMessage();
  }

  private sendFaultMessage(): void {
    this.faultEvent[0] = (this.faultEvent[0] & ~FAULT_EVENT.pending) >>> 0;
    this.options.message?.(this.faultEvent[3] * 2 ** 32 + this.faultEvent[2], this.faultEvent[1]);
  }

  // --- the registers -----------------------------------------------------------------------------

  reset(): void {
    this.translation = this.rootTableSet = false;
    this.rootTableRegister = 0n;
    this.rootTable = 0;
    this.contextCommand = [0, 0];
    this.invalidateAddress = [0, 0];
    this.iotlbCommand = [0, 0];
    this.faultEvent = [FAULT_EVENT.masked, 0, 0, 0];
    this.faults.reset();
    this.contexts.invalidate();
    this.iotlb.invalidate();
    this.history = [];
    this.counters = { ...NO_COUNTS };
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
        this.writeFaultControl(value);
        return;
      case REGISTER.faultEventData:
        this.faultEvent[1] = value;
        return;
      case REGISTER.faultEventAddress:
        this.faultEvent[2] = (value & ~3) >>> 0;
        return;
      case REGISTER.faultEventUpperAddress:
        this.faultEvent[3] = value;
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
        return this.faultEvent[0];
      case REGISTER.faultEventData:
        return this.faultEvent[1];
      case REGISTER.faultEventAddress:
        return this.faultEvent[2];
      case REGISTER.faultEventUpperAddress:
        return this.faultEvent[3];
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
      this.rootTable = Number(this.rootTableRegister & ((1n << 52n) - 1n));
      this.rootTableSet = true;
    }
    this.translation = (value & GLOBAL.translation) !== 0;
  }

  private writeFaultControl(value: number): void {
    const pending = this.faultEvent[0] & FAULT_EVENT.pending;
    this.faultEvent[0] = ((value & FAULT_EVENT.masked) | pending) >>> 0;
    if (pending && !(value & FAULT_EVENT.masked)) this.sendFaultMessage();
  }

  /** Once software has read every record there is nothing left to interrupt for. */
  private dropStaleEvent(): void {
    if (this.faults.pending().length === 0 && !(this.faults.status & 1))
      this.faultEvent[0] = (this.faultEvent[0] & ~FAULT_EVENT.pending) >>> 0;
  }

  private invalidateContexts(upper: number): void {
    const granularity = (upper >>> CONTEXT_COMMAND.requestShift) & 3;
    const domain = this.contextCommand[0]! & 0xffff;
    const source = this.contextCommand[0]! >>> 16;
    // the function mask leaves out low bits of the function number: 1, 2 or all 3 of them
    const functions = [0, 4, 6, 7][upper & 3]!;
    const mask = 0xffff & ~functions;
    if (granularity === GRANULARITY.global) this.contexts.invalidate();
    else if (granularity === GRANULARITY.domain) this.contexts.invalidate((context) => context.domain === domain);
    else if (granularity === GRANULARITY.selective)
      this.contexts.invalidate((context) => context.domain === domain && (context.requester & mask) === (source & mask));
    const done = upper & ~CONTEXT_COMMAND.invalidate & ~CONTEXT_COMMAND.actualMask;
    this.contextCommand[1] = (done | (granularity << CONTEXT_COMMAND.actualShift)) >>> 0;
  }

  private invalidateTranslations(upper: number): void {
    const granularity = (upper >>> IOTLB_COMMAND.requestShift) & 3;
    const domain = upper & 0xffff;
    if (granularity === GRANULARITY.global) this.iotlb.invalidate();
    else if (granularity === GRANULARITY.domain) this.iotlb.invalidate((entry) => entry.domain === domain);
    else if (granularity === GRANULARITY.selective) {
      const bytes = 2 ** (12 + (this.invalidateAddress[0]! & 0x3f));
      const address = this.invalidateAddress[1]! * 2 ** 32 + ((this.invalidateAddress[0]! & 0xffff_f000) >>> 0);
      const first = address - (address % bytes);
      this.iotlb.invalidate((entry) => entry.domain === domain && entry.page < first + bytes && entry.page + entry.pageBytes > first);
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
      rootTable: this.rootTable,
      registers: [...this.contextCommand, ...this.invalidateAddress, ...this.iotlbCommand, ...this.faultEvent],
      faults: this.faults.save(),
      contexts: this.contexts.list().map((context) => ({ ...context, entries: context.entries.map(saveEntry) })),
      translations: this.iotlb.list().map((entry) => ({ ...entry, entries: entry.entries.map(saveEntry) })),
      history: this.history.map((fault) => ({ ...fault })),
      counters: { ...this.counters },
    });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedIommu>('iommu', STATE_VERSION, bytes);
    this.translation = saved.translation;
    this.rootTableRegister = BigInt(saved.rootTableRegister);
    this.rootTableSet = saved.rootTableSet;
    this.rootTable = saved.rootTable;
    const [cc0 = 0, cc1 = 0, iva0 = 0, iva1 = 0, tlb0 = 0, tlb1 = 0, control = 0, data = 0, address = 0, upper = 0] = saved.registers;
    this.contextCommand = [cc0, cc1];
    this.invalidateAddress = [iva0, iva1];
    this.iotlbCommand = [tlb0, tlb1];
    this.faultEvent = [control, data, address, upper];
    this.faults.load(saved.faults);
    this.contexts.invalidate();
    for (const context of saved.contexts) this.contexts.insert({ ...context, entries: context.entries.map(loadEntry) });
    this.iotlb.invalidate();
    for (const entry of saved.translations) this.iotlb.insert({ ...entry, entries: entry.entries.map(loadEntry) });
    this.history = saved.history;
    this.counters = saved.counters;
  }
}

const saveEntry = (entry: EntryRead): SavedEntry => [
  entry.structure,
  entry.index,
  entry.address,
  entry.low.toString(16),
  entry.high.toString(16),
];
const loadEntry = ([structure, index, address, low, high]: SavedEntry): EntryRead => ({
  structure,
  index,
  address,
  low: BigInt(`0x${low}`),
  high: BigInt(`0x${high}`),
});

const beyondWidth = (context: CachedContext): WalkFault => ({
  outcome: 'fault',
  reason: FAULT_REASON.beyondAddressWidth,
  faultProcessingDisabled: context.faultProcessingDisabled,
});

/** A step that translates nothing, and why. */
function recordIdentity(recorder: JourneyRecorder, address: number, why: string): void {
  recorder.step({
    room: 'iommu',
    from: { space: 'iova', address: BigInt(address) },
    to: { space: 'host', address: BigInt(address) },
    structure: 'identity',
    fields: { reason: why },
    checks: [],
    cached: false,
  });
}
