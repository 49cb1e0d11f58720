/**
 * The walk that a DMA takes: root table by bus, context table by device and function, then second-level tables of 3 or 4
 * levels (VT-d 3.4 and 3.7, faults in the order of 7.1.3). It reads entries through a reader and changes nothing; with a
 * recorder every entry becomes a step of the Journey, without one it is the same walk unrecorded.
 */
import type { RequesterId } from '../bus/dma-port';
import type { Check, FieldValue, JourneyRecorder } from '../journey/journey';
import { formatAddress } from '../address';
import { decodeContext, decodePaging, decodeRoot, entryBytes, levelBytes, TRANSLATION_TYPE } from './entries';
import type { EntryRead } from './entries';
import type { CachedContext, CachedTranslation } from './caches';
import { FAULT_REASON } from './faults';
import type { FaultReason } from './faults';
import { LEVELS_BY_ADDRESS_WIDTH, MAXIMUM_GUEST_ADDRESS_BITS } from './registers';

/** How the walker reads a table: 8 or 16 bytes, or null where no memory answers. */
export interface TableReader {
  read(address: number, length: 8 | 16): Uint8Array | null;
}

export interface WalkEnvironment {
  reader: TableReader;
  rootTable: number;
  hostAddressBits: number;
  recorder?: JourneyRecorder;
}

export interface WalkFault {
  outcome: 'fault';
  reason: FaultReason;
  /** FPD of the context entry, when one was reached */
  faultProcessingDisabled: boolean;
}

export type ContextResult = { outcome: 'found'; context: CachedContext } | WalkFault;
export type TranslationResult = { outcome: 'translated'; translation: CachedTranslation } | WalkFault;

const SL_STRUCTURE = ['sl-pte', 'sl-pde', 'sl-pdpte', 'sl-pml4e'] as const;

const fault = (reason: FaultReason, faultProcessingDisabled = false): WalkFault => ({ outcome: 'fault', reason, faultProcessingDisabled });

/** Root and context entry of a requester. `address` is the I/O virtual address on whose behalf, for the record only. */
export function findContext(environment: WalkEnvironment, requester: RequesterId, address: number): ContextResult {
  const bus = requester >> 8;
  const root = readEntry(environment, 'root-entry', environment.rootTable, bus, address);
  if (!root) return fault(FAULT_REASON.rootTableAccess);
  const rootEntry = decodeRoot(root, environment.hostAddressBits);
  const rootChecks: Check[] = [{ rule: 'present', passed: rootEntry.present }];
  if (rootEntry.present) rootChecks.push({ rule: 'reserved-bits', passed: !rootEntry.reserved });
  recordStep(environment, root, address, rootChecks);
  if (!rootEntry.present) return fault(FAULT_REASON.rootNotPresent);
  if (rootEntry.reserved) return fault(FAULT_REASON.rootReserved);

  const entry = readEntry(environment, 'context-entry', rootEntry.contextTable, requester & 0xff, address);
  if (!entry) return fault(FAULT_REASON.contextTableAccess);
  const context = decodeContext(entry, environment.hostAddressBits);
  const levels = LEVELS_BY_ADDRESS_WIDTH[context.addressWidth];
  const passThrough = context.translationType === TRANSLATION_TYPE.passThrough;
  // pass-through contexts must name the widest width there is; device-TLB contexts need device TLBs, which are absent
  const valid = passThrough ? levels === 4 : context.translationType === TRANSLATION_TYPE.multiLevel && levels !== undefined;
  const checks: Check[] = [{ rule: 'present', passed: context.present }];
  if (context.present) {
    checks.push({ rule: 'reserved-bits', passed: !context.reserved });
    if (!context.reserved) checks.push({ rule: 'context-valid', passed: valid });
  }
  recordStep(environment, entry, address, checks);
  const silent = context.faultProcessingDisabled;
  if (!context.present) return fault(FAULT_REASON.contextNotPresent, silent);
  if (context.reserved) return fault(FAULT_REASON.contextReserved, silent);
  if (!valid || levels === undefined) return fault(FAULT_REASON.contextInvalid, silent);
  return {
    outcome: 'found',
    context: {
      requester,
      domain: context.domain,
      passThrough,
      levels,
      table: context.table,
      faultProcessingDisabled: silent,
      entries: [root, entry],
    },
  };
}

/** The second-level tables of a context, from the top down to a page that allows the access. */
export function walkSecondLevel(
  environment: WalkEnvironment,
  context: CachedContext,
  address: number,
  access: 'read' | 'write',
): TranslationResult {
  const silent = context.faultProcessingDisabled;
  if (!withinAddressWidth(context, address)) return fault(FAULT_REASON.beyondAddressWidth, silent);
  const entries: EntryRead[] = [];
  let table = context.table;
  let readable = true;
  let writable = true;
  for (let level: number = context.levels; ; level--) {
    const bytes = levelBytes(level);
    const structure = SL_STRUCTURE[level - 1]!;
    const entry = readEntry(environment, structure, table, Math.floor(address / bytes) % 512, address);
    if (!entry) return fault(FAULT_REASON.pagingEntryAccess, silent);
    const paging = decodePaging(entry, level, environment.hostAddressBits);
    entries.push(entry);
    readable &&= paging.readable;
    writable &&= paging.writable;
    const allowed = access === 'write' ? paging.writable : paging.readable;
    const page = address - (address % bytes);
    const checks: Check[] = [{ rule: access === 'write' ? 'writable' : 'readable', passed: allowed }];
    if (allowed) checks.push({ rule: 'reserved-bits', passed: !paging.reserved });
    const arrived = allowed && !paging.reserved && paging.page;
    recordStep(environment, entry, address, checks, arrived ? paging.address + (address - page) : undefined);
    if (!allowed) return fault(access === 'write' ? FAULT_REASON.noWritePermission : FAULT_REASON.noReadPermission, silent);
    if (paging.reserved) return fault(FAULT_REASON.pagingReserved, silent);
    if (paging.page) {
      const translation = { domain: context.domain, page, pageBytes: bytes, host: paging.address, readable, writable, entries };
      return { outcome: 'translated', translation };
    }
    table = paging.address;
  }
}

/** Is the address below the smaller of the unit's and the context's address width? */
export function withinAddressWidth(context: CachedContext, address: number): boolean {
  return address < 2 ** Math.min(MAXIMUM_GUEST_ADDRESS_BITS, 12 + 9 * context.levels);
}

/** The steps of entries that a cache answered for: as they were when they were read. The last one arrives at `host`. */
export function recordCached(
  environment: WalkEnvironment,
  entries: readonly EntryRead[],
  address: number,
  checks: Check[],
  host?: number,
): void {
  entries.forEach((entry, index) => {
    const last = index === entries.length - 1;
    recordStep(environment, entry, address, last ? checks : [], last ? host : undefined, true);
  });
}

function readEntry(
  environment: WalkEnvironment,
  structure: EntryRead['structure'],
  table: number,
  index: number,
  iova: number,
): EntryRead | null {
  const wide = structure === 'root-entry' || structure === 'context-entry';
  const address = table + index * (wide ? 16 : 8);
  const bytes = environment.reader.read(address, wide ? 16 : 8);
  if (!bytes) {
    environment.recorder?.step({
      room: 'iommu',
      from: { space: 'iova', address: BigInt(iova) },
      structure,
      index,
      entryAddress: { space: 'host', address: BigInt(address) },
      entryHostAddress: BigInt(address),
      fields: {},
      checks: [{ rule: 'table-in-memory', passed: false, detail: formatAddress(address) }],
      cached: false,
    });
    return null;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { structure, index, address, low: view.getBigUint64(0, true), high: wide ? view.getBigUint64(8, true) : 0n };
}

function recordStep(environment: WalkEnvironment, entry: EntryRead, iova: number, checks: Check[], host?: number, cached = false): void {
  environment.recorder?.step({
    room: 'iommu',
    from: { space: 'iova', address: BigInt(iova) },
    ...(host === undefined ? {} : { to: { space: 'host' as const, address: BigInt(host) } }),
    structure: entry.structure,
    index: entry.index,
    entryAddress: { space: 'host', address: BigInt(entry.address) },
    entryHostAddress: BigInt(entry.address),
    entryBytes: entryBytes(entry),
    fields: fieldsOf(entry, environment.hostAddressBits),
    checks,
    cached,
  });
}

/** The entry's fields by the manual's names. */
function fieldsOf(entry: EntryRead, hostAddressBits: number): Record<string, FieldValue> {
  if (entry.structure === 'root-entry') {
    const root = decodeRoot(entry, hostAddressBits);
    return { P: root.present, CTP: BigInt(root.contextTable) };
  }
  if (entry.structure === 'context-entry') {
    const context = decodeContext(entry, hostAddressBits);
    return {
      P: context.present,
      FPD: context.faultProcessingDisabled,
      TT: context.translationType,
      SLPTPTR: BigInt(context.table),
      AW: context.addressWidth,
      DID: context.domain,
    };
  }
  const level = SL_STRUCTURE.indexOf(entry.structure) + 1;
  const paging = decodePaging(entry, level, hostAddressBits);
  return { R: paging.readable, W: paging.writable, PS: paging.page && level > 1, address: BigInt(paging.address) };
}
