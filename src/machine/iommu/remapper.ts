/**
 * The work of the unit without its registers: from requester and I/O virtual address to a host address, through the context
 * cache and the IOTLB where they know, through the tables where they do not. With `effects` off it looks at the same caches
 * and tables and leaves no trace: no fill, no count.
 */
import { hostPhysical } from '../address';
import type { RequesterId } from '../bus/dma-port';
import type { JourneyRecorder } from '../journey/journey';
import type { PhysicalMemory } from '../memory/physical-memory';
import { ContextCache, Iotlb } from './caches';
import type { CachedContext, CachedTranslation } from './caches';
import type { EntryRead } from './entries';
import { FAULT_REASON } from './faults';
import { findContext, recordCached, walkSecondLevel, withinAddressWidth } from './walk';
import type { TableReader, WalkEnvironment, WalkFault } from './walk';

export interface IommuCounters {
  translated: number;
  contextHits: number;
  contextMisses: number;
  iotlbHits: number;
  iotlbMisses: number;
  rejected: number;
}

export type RemapResult = { outcome: 'host'; address: number } | WalkFault;

export interface RemapOptions {
  /** fill caches and count */
  effects: boolean;
  recorder?: JourneyRecorder | undefined;
}

type SavedEntry = [structure: EntryRead['structure'], index: number, address: number, low: string, high: string];
type SavedContext = Omit<CachedContext, 'entries'> & { entries: SavedEntry[] };
type SavedTranslation = Omit<CachedTranslation, 'entries'> & { entries: SavedEntry[] };

export interface SavedRemapper {
  rootTable: number;
  contexts: SavedContext[];
  translations: SavedTranslation[];
  counters: IommuCounters;
}

const NO_COUNTS: IommuCounters = { translated: 0, contextHits: 0, contextMisses: 0, iotlbHits: 0, iotlbMisses: 0, rejected: 0 };

export class Remapper {
  /** host-physical address of the root table in use */
  rootTable = 0;
  readonly contexts = new ContextCache();
  readonly iotlb = new Iotlb();
  counters: IommuCounters = { ...NO_COUNTS };
  private readonly liveReader: TableReader;
  private readonly quietReader: TableReader;

  constructor(
    memory: PhysicalMemory,
    private readonly hostAddressBits: number,
    /** told of every table entry that is read from memory; not of explanations */
    touches: (address: number, bytes: number) => void = () => undefined,
  ) {
    // a table must lie in memory: a register or a hole behind its address is an access error of the unit (reasons 7 to 9)
    const inMemory = (address: number): boolean => address < 2 ** hostAddressBits && memory.readableFrame(Math.floor(address / 4096)) >= 0;
    this.liveReader = {
      read: (address, length) => {
        if (!inMemory(address)) return null;
        touches(address, length);
        return memory.readBytes(hostPhysical(address), length);
      },
    };
    this.quietReader = { read: (address, length) => (inMemory(address) ? memory.peek(hostPhysical(address), length) : null) };
  }

  /** An untranslated request. */
  translate(requester: RequesterId, address: number, access: 'read' | 'write', options: RemapOptions): RemapResult {
    return this.counted(this.lookUp(requester, address, access, options), options);
  }

  /** Without device TLBs no context may let a request through that claims to be translated, or asks to be told (reason 0xD). */
  refuseTranslated(requester: RequesterId, address: number, options: RemapOptions): WalkFault {
    const context = this.context(this.environment(options), requester, address, options.effects);
    const refused = 'outcome' in context ? context : faultOf(context, FAULT_REASON.blockedByTranslationType);
    this.counted(refused, options);
    return refused;
  }

  reset(): void {
    this.rootTable = 0;
    this.contexts.invalidate();
    this.iotlb.invalidate();
    this.counters = { ...NO_COUNTS };
  }

  save(): SavedRemapper {
    return {
      rootTable: this.rootTable,
      contexts: this.contexts.list().map((context) => ({ ...context, entries: context.entries.map(saveEntry) })),
      translations: this.iotlb.list().map((entry) => ({ ...entry, entries: entry.entries.map(saveEntry) })),
      counters: { ...this.counters },
    };
  }

  load(saved: SavedRemapper): void {
    this.rootTable = saved.rootTable;
    this.contexts.invalidate();
    for (const context of saved.contexts) this.contexts.insert({ ...context, entries: context.entries.map(loadEntry) });
    this.iotlb.invalidate();
    for (const entry of saved.translations) this.iotlb.insert({ ...entry, entries: entry.entries.map(loadEntry) });
    this.counters = saved.counters;
  }

  private counted<R extends RemapResult>(result: R, { effects }: RemapOptions): R {
    if (effects) this.counters[result.outcome === 'host' ? 'translated' : 'rejected']++;
    return result;
  }

  private lookUp(requester: RequesterId, address: number, access: 'read' | 'write', { effects, recorder }: RemapOptions): RemapResult {
    const environment = this.environment({ effects, recorder });
    const context = this.context(environment, requester, address, effects);
    if ('outcome' in context) return context;
    const within = withinAddressWidth(context, address);
    if (context.passThrough) {
      if (!within) return faultOf(context, FAULT_REASON.beyondAddressWidth);
      if (recorder) recordIdentity(recorder, address, 'pass-through');
      return { outcome: 'host', address };
    }
    const cached = within ? this.iotlb.lookup(context.domain, address) : undefined;
    // a cached entry that forbids the access is not trusted: the unit walks again, as it may
    if (cached && (access === 'write' ? cached.writable : cached.readable)) {
      const host = cached.host + (address - cached.page);
      if (effects) this.counters.iotlbHits++;
      recordCached(environment, cached.entries, address, [{ rule: access === 'write' ? 'writable' : 'readable', passed: true }], host);
      return { outcome: 'host', address: host };
    }
    if (effects) this.counters.iotlbMisses++;
    const walked = walkSecondLevel(environment, context, address, access);
    if (walked.outcome === 'fault') return walked;
    if (effects) this.iotlb.insert(walked.translation);
    return { outcome: 'host', address: walked.translation.host + (address - walked.translation.page) };
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

  private environment({ effects, recorder }: RemapOptions): WalkEnvironment {
    return {
      reader: effects ? this.liveReader : this.quietReader,
      rootTable: this.rootTable,
      hostAddressBits: this.hostAddressBits,
      ...(recorder ? { recorder } : {}),
    };
  }
}

const faultOf = ({ faultProcessingDisabled }: CachedContext, reason: WalkFault['reason']): WalkFault => ({
  outcome: 'fault',
  reason,
  faultProcessingDisabled,
});

const saveEntry = ({ structure, index, address, low, high }: EntryRead): SavedEntry => [
  structure,
  index,
  address,
  low.toString(16),
  high.toString(16),
];
const loadEntry = ([structure, index, address, low, high]: SavedEntry): EntryRead => ({
  structure,
  index,
  address,
  low: BigInt(`0x${low}`),
  high: BigInt(`0x${high}`),
});

/** A step that translates nothing, and why. */
export function recordIdentity(recorder: JourneyRecorder, address: number, why: string): void {
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
