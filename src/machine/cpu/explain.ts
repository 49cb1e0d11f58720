/**
 * Where an access would go, without making it: logical → linear → guest-physical → host-physical through the same checks and
 * walkers as the running processor's, with a recorder and without effects. The registers come from the running state or from
 * a control block.
 */
import { PAGE_SIZE, formatAddress, hostPhysical } from '../address';
import type { HostPhysicalAddress } from '../address';
import type { AccessKind, Check, FieldValue, JourneyFault, JourneyRecorder, JourneyStep, Place } from '../journey/journey';
import type { PhysicalMemory } from '../memory/physical-memory';
import { tlbRights, wantedRight } from './tlb-rights';
import { CONTROL, CONTROL_BLOCK_SIZE, GUEST_STATE_OFFSET, HEADER_OFFSET } from './control-block';
import { CpuState, type SegmentRegister } from './cpu-state';
import { ACCESS } from './page-rights';
import { PageWalk, WALK, finalTranslation, walkPaging } from './paging';
import { pagingEnabled, type PagingContext } from './paging-registers';
import {
  ATTRIBUTE,
  decodeSegment,
  descriptorDpl,
  descriptorType,
  isReadable,
  isWritableData,
  segmentAllows,
  withinLimit,
} from './segmentation';
import { SEGMENT_INDEX, STATE, STATE_SIZE } from './state-layout';
import type { SegmentName } from './state-layout';
import { PeekTables } from './table-memory';
import type { Tlb } from './tlb';
import { TLB_FLAG, type TlbEntry } from './tlb-entry';
import { VECTOR } from './vectors';

/** Everything a translation depends on, copied: later changes of the processor do not show. */
export interface TranslationContext extends PagingContext {
  cpl: number;
  protectedMode: boolean;
  virtual8086: boolean;
  segments: Readonly<Record<SegmentName, SegmentRegister>>;
  gdtrBase: number;
  gdtrLimit: number;
  /** 0 outside a guest */
  vpid: number;
}

export interface AccessQuery {
  space: 'logical' | 'linear' | 'guest' | 'host';
  /** an offset in `segment` when the space is logical */
  address: bigint;
  size: number;
  kind: AccessKind;
  /** logical only; DS, or CS for execute, unless told */
  segment?: SegmentName;
  /** the context's own unless told */
  cpl?: number;
}

export type Explanation = { hostAddress: HostPhysicalAddress } | { fault: JourneyFault };

/** The context of a processor as it stands: outside a guest unless an EPT pointer and a VPID are given. */
export function contextFromState(
  state: CpuState,
  physicalAddressBits: number,
  guest?: { eptPointer: number; vpid: number },
): TranslationContext {
  const segments = Object.fromEntries(Object.entries(SEGMENT_INDEX).map(([name, index]) => [name, state.segment(index)])) as Record<
    SegmentName,
    SegmentRegister
  >;
  const pdpte = STATE.pdpte.offset >> 2;
  return {
    cr0: state.cr0,
    cr3: state.cr3,
    cr4: state.cr4,
    efer: state.u32[STATE.efer.offset >> 2]!,
    pdpte: state.u32.slice(pdpte, pdpte + 8),
    physicalAddressBits,
    a20Masked: state.u32[STATE.a20Masked.offset >> 2] !== 0,
    eptPointer: guest?.eptPointer ?? -1,
    vpid: guest?.vpid ?? 0,
    cpl: state.cpl,
    protectedMode: state.protectedMode,
    virtual8086: state.virtual8086,
    segments,
    gdtrBase: state.gdtrBase,
    gdtrLimit: state.gdtrLimit,
  };
}

/** The context of a guest that does not run now, from the bytes of its control block (peeked at: nothing is counted or logged). */
export function contextFromControlBlock(
  memory: PhysicalMemory,
  address: HostPhysicalAddress,
  physicalAddressBits: number,
): TranslationContext {
  const bytes = memory.peek(address, CONTROL_BLOCK_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const copy = new Uint8Array(STATE_SIZE);
  copy.set(bytes.subarray(GUEST_STATE_OFFSET, GUEST_STATE_OFFSET + STATE_SIZE));
  const usesEpt = (view.getUint32(HEADER_OFFSET.controls, true) & CONTROL.ept) !== 0;
  const pointer = view.getBigUint64(HEADER_OFFSET.eptPointer, true);
  return contextFromState(new CpuState(copy.buffer), physicalAddressBits, {
    eptPointer: usesEpt ? Number(BigInt.asUintN(52, pointer)) : -1,
    vpid: view.getUint32(HEADER_OFFSET.vpid, true),
  });
}

/**
 * Explains the way of the bytes on the first byte's page; those behind it are an access of their own, at a linear address. RangeError when the address
 * does not belong to the space: a linear one above 32 bits, a physical one above 2^53.
 * @param tlb the processor's, when cached translations are to be believed as the processor would
 */
export function explainAccess(
  context: TranslationContext,
  query: AccessQuery,
  memory: PhysicalMemory,
  recorder: JourneyRecorder,
  tlb?: Tlb,
): Explanation {
  const limit = query.space === 'host' || query.space === 'guest' ? 1n << 53n : 1n << 32n;
  if (query.address < 0n || query.address >= limit) throw new RangeError(`${query.address} is no ${query.space} address of this processor`);
  if (query.space === 'host') return { hostAddress: hostPhysical(Number(query.address)) };
  const tables = new PeekTables(memory);
  const walk = new PageWalk();
  if (query.space === 'guest') {
    walk.guestPhysical = Number(query.address);
    const access = accessBits(query.kind, 0);
    if (!finalTranslation(context, access, tables, false, walk, recorder, true)) return { fault: faultOf(walk, 0) };
    return { hostAddress: hostPhysical(walk.hostPhysical) };
  }
  const cpl = query.cpl ?? context.cpl;
  let linear = Number(query.address);
  if (query.space === 'logical') {
    const result = explainSegment(context, query, memory, recorder);
    if (typeof result !== 'number') return { fault: result };
    linear = result;
  }
  const access = accessBits(query.kind, cpl);
  const cached = tlb && findCached(context, linear, access, tlb);
  if (cached) return explainCached(context, linear, access, cached, tables, walk, recorder);
  if (!walkPaging(context, linear, access, tables, false, walk, recorder)) return { fault: faultOf(walk, linear) };
  return { hostAddress: hostPhysical(walk.hostPhysical) };
}

const accessBits = (kind: AccessKind, cpl: number): number =>
  (kind === 'write' ? ACCESS.write : kind === 'execute' ? ACCESS.execute : 0) | (cpl === 3 ? ACCESS.user : 0);

function faultOf(walk: PageWalk, linear: number): JourneyFault {
  if (walk.outcome === WALK.pageFault)
    return { name: 'page-fault', vector: VECTOR.pageFault, errorCode: walk.errorCode, cr2: BigInt(linear) };
  if (walk.outcome === WALK.eptViolation) return { name: 'ept-violation', qualification: BigInt(walk.qualification) };
  return { name: 'ept-misconfiguration' };
}

/** attributes of an expand-down data segment: S, not code, bit 2 */
const EXPAND_DOWN_MASK = 0x1c;
const EXPAND_DOWN = 0x14;

// --- segmentation --------------------------------------------------------------------------------------------------------

/** The linear address, or the fault. */
function explainSegment(
  context: TranslationContext,
  query: AccessQuery,
  memory: PhysicalMemory,
  recorder: JourneyRecorder,
): number | JourneyFault {
  const name = query.segment ?? (query.kind === 'execute' ? 'CS' : 'DS');
  const { selector, base, limit, attributes } = context.segments[name];
  const offset = Number(query.address);
  const write = query.kind === 'write';
  const real = !context.protectedMode;
  const checks: Check[] = [];
  if (!real) {
    checks.push({ rule: 'usable', passed: (attributes & ATTRIBUTE.unusable) === 0 });
    if (query.kind !== 'execute') {
      checks.push({ rule: write ? 'writable' : 'readable', passed: write ? isWritableData(attributes) : isReadable(attributes) });
    }
  }
  const last = offset + query.size - 1;
  const inside = withinLimit(attributes, limit, offset, query.size);
  const expandsDown = (attributes & EXPAND_DOWN_MASK) === EXPAND_DOWN;
  checks.push({
    rule: 'limit',
    passed: inside,
    detail: expandsDown ? `${formatAddress(offset)} > ${formatAddress(limit)}` : `${formatAddress(last)} ≤ ${formatAddress(limit)}`,
  });
  const allowed =
    query.kind === 'execute'
      ? inside && (real || !(attributes & ATTRIBUTE.unusable))
      : segmentAllows(attributes, limit, offset, query.size, write, real);
  const linear = (base + offset) >>> 0;
  const entry = descriptorEntry(context, selector, memory);
  const stale = entry.entryBytes !== undefined && !saysTheSame(entry.entryBytes, context.segments[name]);
  recorder.step({
    room: 'segmentation',
    from: { space: 'logical', address: BigInt(offset), segment: name, selector },
    ...(allowed ? { to: { space: 'linear' as const, address: BigInt(linear) } } : {}),
    structure: 'descriptor',
    ...entry,
    fields: { ...segmentFields(context, base, limit, attributes), ...(stale ? { stale } : {}) },
    checks,
    cached: !real,
  });
  if (allowed) return linear;
  const stack = name === 'SS';
  return { name: stack ? 'stack-fault' : 'general-protection', vector: stack ? VECTOR.stackFault : VECTOR.generalProtection, errorCode: 0 };
}

function segmentFields(context: TranslationContext, base: number, limit: number, attributes: number): Record<string, FieldValue> {
  if (!context.protectedMode || context.virtual8086)
    return { base: BigInt(base), limit: BigInt(limit), mode: context.virtual8086 ? 'virtual-8086' : 'real' };
  return {
    base: BigInt(base),
    limit: BigInt(limit),
    type: descriptorType(attributes),
    S: (attributes & ATTRIBUTE.codeOrData) !== 0,
    DPL: descriptorDpl(attributes),
    P: (attributes & ATTRIBUTE.present) !== 0,
    DB: (attributes & ATTRIBUTE.big) !== 0,
    G: (attributes & ATTRIBUTE.granularity) !== 0,
  };
}

/** Where the descriptor lies that the hidden part was loaded from, and what it says now (it may have changed since). */
function descriptorEntry(context: TranslationContext, selector: number, memory: PhysicalMemory): Partial<JourneyStep> {
  if (!context.protectedMode || context.virtual8086 || (selector & 0xfffc) === 0) return {};
  const ldt = context.segments.LDTR;
  const local = (selector & 4) !== 0;
  const limit = local ? ldt.limit : context.gdtrLimit;
  const offset = selector & 0xfff8;
  if (offset + 7 > limit || (local && ldt.attributes & ATTRIBUTE.unusable)) return { index: selector >> 3 };
  const linear = ((local ? ldt.base : context.gdtrBase) + offset) >>> 0;
  const place: Partial<JourneyStep> = { index: selector >> 3, entryAddress: { space: 'linear', address: BigInt(linear) } };
  const walk = new PageWalk();
  if (!walkPaging(context, linear, 0, new PeekTables(memory), false, walk)) return place;
  const host = hostPhysical(walk.hostPhysical);
  return { ...place, entryHostAddress: BigInt(host), entryBytes: memory.peek(host, 8) };
}

/** Would loading a descriptor from these bytes give this hidden part? The accessed bit is set by the load itself. */
function saysTheSame(bytes: Uint8Array, hidden: SegmentRegister): boolean {
  const words = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const { base, limit, attributes } = decodeSegment(words.getUint32(0, true), words.getUint32(4, true));
  return base === hidden.base && limit === hidden.limit && (attributes | ATTRIBUTE.accessed) === (hidden.attributes | ATTRIBUTE.accessed);
}

// --- what the TLB holds --------------------------------------------------------------------------------------------------

/** The entry that the processor would use instead of walking. */
function findCached(context: TranslationContext, linear: number, access: number, tlb: Tlb): TlbEntry | undefined {
  const inGuest = context.eptPointer >= 0;
  if (!pagingEnabled(context) && !inGuest) return undefined;
  const root = inGuest ? context.eptPointer - (context.eptPointer % PAGE_SIZE) : -1;
  const entry = tlb.find(linear >>> 12, context.vpid, root);
  if (!entry) return undefined;
  return tlbRights(context.cr0, entry.flags, (access & ACCESS.user) !== 0) & wantedRight(access) ? entry : undefined;
}

/**
 * The TLB's answer, with the table entries as they are in memory now shown beside it. When they would give something else,
 * the entry is stale: it decides, and the walk's own results are left out.
 */
function explainCached(
  context: TranslationContext,
  linear: number,
  access: number,
  entry: TlbEntry,
  tables: PeekTables,
  walk: PageWalk,
  recorder: JourneyRecorder,
): Explanation {
  const steps: JourneyStep[] = [];
  const walked = walkPaging(context, linear, access, tables, false, walk, { step: (step) => steps.push({ ...step, cached: true }) });
  // an entry of a large page covers many
  const within = linear - entry.page * PAGE_SIZE;
  const guest = entry.guestFrame * PAGE_SIZE + within;
  const host = entry.hostFrame * PAGE_SIZE + within;
  const stale = !walked || walk.guestPhysical !== guest || walk.hostPhysical !== host;
  const linearPlace: Place = { space: 'linear', address: BigInt(linear) };
  const guestPlace: Place = { space: 'guest', address: BigInt(guest) };
  const cachedStep: JourneyStep = {
    room: 'tlb',
    from: linearPlace,
    to: guestPlace,
    structure: 'tlb-entry',
    index: entry.set,
    fields: {
      way: entry.way,
      page: BigInt(entry.page),
      ...(entry.mapped > 1 ? { bytes: entry.pages * PAGE_SIZE, pageBytes: entry.mapped * PAGE_SIZE } : {}),
      guestFrame: BigInt(entry.guestFrame),
      hostFrame: BigInt(entry.hostFrame),
      RW: (entry.flags & TLB_FLAG.writable) !== 0,
      US: (entry.flags & TLB_FLAG.user) !== 0,
      D: (entry.flags & TLB_FLAG.dirty) !== 0,
      G: (entry.flags & TLB_FLAG.global) !== 0,
      vpid: entry.vpid,
      stale,
    },
    checks: [],
    cached: true,
  };
  if (!stale) {
    recorder.step(cachedStep);
    for (const step of steps) recorder.step(step);
    return { hostAddress: hostPhysical(host) };
  }
  for (const { to: _now, ...step } of steps) if (step.room === 'paging') recorder.step(step);
  recorder.step(cachedStep);
  recorder.step({
    room: context.eptPointer < 0 ? 'vmm-map' : 'ept',
    from: guestPlace,
    to: { space: 'host', address: BigInt(host) },
    structure: context.eptPointer < 0 ? 'identity' : 'tlb-entry',
    fields: context.eptPointer < 0 ? { virtualization: false } : { hostFrame: BigInt(entry.hostFrame), stale },
    checks: [],
    cached: true,
  });
  return { hostAddress: hostPhysical(host) };
}
