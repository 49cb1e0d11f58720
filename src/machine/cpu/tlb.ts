/**
 * The translation lookaside buffer. The architectural one has the part's geometry and decides what a stale entry can do: it
 * replaces by fills only, first in first out within a set, so a hit needs no work. In front of it lies a fast table in the
 * pool's reserved memory, laid out for compiled code; its entries are always a subset of the architectural ones.
 */
import type { CpuState } from './cpu-state';
import { STATE } from './state-layout';
import type { PoolViews } from './table-memory';
import {
  CODE_MAP_OF,
  FAST_TLB,
  FRAME_CACHE,
  LAST,
  TLB_CONTEXT,
  TLB_COUNTER,
  TLB_COVERED,
  TLB_ENTRY,
  TLB_NEXT_WAY,
  TLB_PAGE_SIZE,
  TLB_WORD,
  besideCode,
} from './tlb-layout';

export interface TlbGeometry {
  /** entries in all; `ways` of them to a set, the number of sets a power of two */
  entries: number;
  ways: number;
}

/** Rights of an entry as a bit set. */
export const TLB_FLAG = { writable: 1, user: 2, noExecute: 4, dirty: 8, global: 16, eptRead: 32, eptWrite: 64, eptExecute: 128 } as const;

/**
 * Sizes in an entry's flags, as powers of two of 4 KiB pages: of the page that the guest's tables map, and of what the entry covers.
 * They differ where what lies behind a large page is not one piece (4 KiB pages in EPT): it is cut up, and INVLPG drops all its cuts.
 */
const SIZE = { page: TLB_PAGE_SIZE.shift, covered: TLB_COVERED.shift, mask: TLB_COVERED.mask } as const;
/** The size bits of an entry's flags; both are powers of two of 4 KiB pages, `covered` 0 or as `page`. */
export const tlbSizes = (page: number, covered: number): number => (page << SIZE.page) | (covered << SIZE.covered);
const pageOf = (flags: number): number => (flags >> SIZE.page) & SIZE.mask;
const coveredOf = (flags: number): number => (flags >> SIZE.covered) & SIZE.mask;
/** Large pages: 2 MiB (PAE) and 4 MiB. */
const LARGE = [9, 10] as const;
const LARGEST = 10;
const CR4_LARGE = 0x30;

/** One entry as views see it. */
export interface TlbEntry {
  set: number;
  way: number;
  /** first linear page that it covers, and how many pages that are */
  page: number;
  pages: number;
  /** size of the page that the tables map, in pages of 4 KiB */
  mapped: number;
  guestFrame: number;
  hostFrame: number;
  /** TLB_FLAG bits */
  flags: number;
  vpid: number;
  /** host address of the EPT root table; -1 outside a guest */
  eptRoot: number;
  pcid: number;
}

export interface TlbStatistics {
  accesses: number;
  misses: number;
  evictions: number;
  /** entries of page tables (and of EPT) that misses have read: what they cost */
  tableReads: number;
}

/** What a fast entry may be used for without asking again. */
export const FAST_RIGHT = { read: 1, write: 2, execute: 4 } as const;

const FAST_MASK = FAST_TLB.entries - 1;
/** words from an entry of the fast table to that of its code map */
const MAP = CODE_MAP_OF.distance >> 2;
const GENERATION_WORD = STATE.tlbGeneration.offset >> 2;
const HEADER_BYTES = 40;
const RECORD_BYTES = 40;
/** Slot number of a saved code page. */
const CODE_SLOT = 0xffff_ffff;

const FIRST_ENTRY = TLB_ENTRY.offset >> 2;
const ENTRY_WORDS = TLB_ENTRY.bytes >> 2;
const PAGE = TLB_ENTRY.page >> 2;
const STAMP = TLB_ENTRY.stamp >> 2;
const FLAGS = TLB_ENTRY.flags >> 2;
const CONTEXT = TLB_ENTRY.context >> 2;
const FIRST_CONTEXT = TLB_CONTEXT.offset >> 2;
const CONTEXT_WORDS = TLB_CONTEXT.bytes >> 2;
const CODE_PAGE = TLB_CONTEXT.codePage >> 2;
const NEXT_WAY = TLB_NEXT_WAY >> 2;
const ACCESSES = TLB_COUNTER.accesses >> 3;
const MISSES = TLB_COUNTER.misses >> 3;
const EVICTIONS = TLB_COUNTER.evictions >> 3;
const TABLE_READS = TLB_COUNTER.tableReads >> 3;
const W = {
  context: TLB_WORD.context >> 2,
  local: TLB_WORD.local >> 2,
  global: TLB_WORD.global >> 2,
  quickFills: TLB_WORD.quickFills >> 2,
  largePages: TLB_WORD.largePages >> 2,
  frames: TLB_WORD.frames >> 2,
  lastGeneration: TLB_WORD.lastGeneration >> 2,
  lastStamp: TLB_WORD.lastStamp >> 2,
} as const;

interface Context {
  readonly vpid: number;
  readonly eptRoot: number;
  readonly pcid: number;
  /** of the frame cache's entries made in it */
  frames: number;
  /** of the page that instructions are being fetched from, whose number lies in the pool (TLB_CONTEXT) */
  codeUser: boolean;
  codeFrame: number;
}

const newContext = (vpid: number, eptRoot: number, pcid: number): Context => ({
  vpid,
  eptRoot,
  pcid,
  frames: 0,
  codeUser: false,
  codeFrame: -1,
});

export class Tlb {
  readonly sets: number;
  readonly ways: number;

  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private contexts: Context[] = [];
  private current = 0;
  private lastFrames = 0;

  /** Throws RangeError when the geometry is not one. */
  constructor(
    pool: PoolViews,
    private readonly state: CpuState,
    geometry: TlbGeometry,
  ) {
    const { entries, ways } = geometry;
    const sets = entries / ways;
    if (!Number.isInteger(sets) || sets < 1 || (sets & (sets - 1)) !== 0) {
      throw new RangeError(`a TLB of ${entries} entries and ${ways} ways has no power of two of sets`);
    }
    if (entries > TLB_ENTRY.most) throw new RangeError(`a TLB of ${entries} entries: ${TLB_ENTRY.most} are the most`);
    this.sets = sets;
    this.ways = ways;
    // the pool's memory is shared, so these stay valid when it grows
    this.words = pool.i32;
    this.doubles = new Float64Array(pool.i32.buffer);
    this.reset();
  }

  /** Empty, statistics at zero, outside any guest: as after power-on. */
  reset(): void {
    for (let entry = 0; entry < this.sets * this.ways; entry++) this.words[this.at(entry) + PAGE] = -1;
    this.words.fill(0, NEXT_WAY, NEXT_WAY + this.sets);
    this.statistics = { accesses: 0, misses: 0, evictions: 0, tableReads: 0 };
    this.words[W.largePages] = 0;
    this.contexts = [newContext(0, -1, 0)];
    this.forgetCodePage(0);
    this.renewStamps(0, true);
    this.select(0);
    this.clearFast();
  }

  // --- statistics ------------------------------------------------------------------------------------------------------

  /** Since power-on. Setting replaces all three. */
  get statistics(): TlbStatistics {
    const { doubles } = this;
    return { accesses: doubles[ACCESSES]!, misses: doubles[MISSES]!, evictions: doubles[EVICTIONS]!, tableReads: doubles[TABLE_READS]! };
  }
  set statistics({ accesses, misses, evictions, tableReads }: TlbStatistics) {
    this.doubles[ACCESSES] = accesses;
    this.doubles[MISSES] = misses;
    this.doubles[EVICTIONS] = evictions;
    this.doubles[TABLE_READS] = tableReads;
  }
  countAccesses(count: number): void {
    this.doubles[ACCESSES] = this.doubles[ACCESSES]! + count;
  }
  countMiss(tableReads: number): void {
    this.doubles[MISSES] = this.doubles[MISSES]! + 1;
    this.doubles[TABLE_READS] = this.doubles[TABLE_READS]! + tableReads;
  }

  // --- the fast table --------------------------------------------------------------------------------------------------

  private get lastGeneration(): number {
    return this.words[W.lastGeneration]!;
  }
  private set lastGeneration(value: number) {
    this.words[W.lastGeneration] = value;
  }
  private get lastStamp(): number {
    return this.words[W.lastStamp]!;
  }
  private set lastStamp(value: number) {
    this.words[W.lastStamp] = value;
  }

  /** Low 12 bits of every valid tag of the current context. */
  get generation(): number {
    return this.state.i32[GENERATION_WORD]!;
  }

  /**
   * Installs a page for accesses of one privilege; `rights` are FAST_RIGHT bits. Only for a page the architectural TLB holds (or when there is no translation).
   * @param codeMap address of the map to look into before a write, 0: none is needed
   */
  fillFast(linear: number, user: boolean, poolOffset: number, rights: number, codeMap = 0): void {
    const { words } = this;
    const page = linear & ~0xfff;
    const at = ((user ? FAST_TLB.user : FAST_TLB.supervisor) >> 2) + (((linear >>> 12) & FAST_MASK) << 2);
    const tag = page | this.generation;
    words[at] = rights & FAST_RIGHT.read ? tag : 0;
    words[at + 1] = rights & FAST_RIGHT.write ? (codeMap === 0 ? tag : besideCode(tag)) : 0;
    if (codeMap !== 0) words[at + MAP] = codeMap;
    words[at + 2] = rights & FAST_RIGHT.execute ? tag : 0;
    words[at + 3] = poolOffset - page;
  }

  /** Forgets the fast entries of the current context; the architectural ones stay. */
  dropFast(): void {
    this.renew(this.current);
  }

  /** Forgets the fast entries of every context: a frame began to hold translated code, so write tags may be wrong. */
  dropAllFast(): void {
    for (let index = 0; index < this.contexts.length; index++) this.renew(index);
    this.forgetFrames();
  }

  /** As dropAllFast, and starts generations anew. */
  clearFast(): void {
    this.words.fill(0, FAST_TLB.offset >> 2, (FAST_TLB.offset + FAST_TLB.bytes) >> 2);
    this.lastGeneration = 0;
    for (let index = 0; index < this.contexts.length; index++) this.words[contextAt(index)] = ++this.lastGeneration;
    this.state.i32[GENERATION_WORD] = this.words[contextAt(this.current)]!;
    this.forgetFrames();
  }

  /** New fast tags for a context. */
  private renew(index: number): void {
    if (this.lastGeneration >= LAST.generation) return this.clearFast();
    this.words[contextAt(index)] = ++this.lastGeneration;
    this.state.i32[GENERATION_WORD] = this.words[contextAt(this.current)]!;
  }

  /** May compiled code fill the fast table by itself? Not while accesses must be looked at one by one. */
  set quickFills(on: boolean) {
    this.words[W.quickFills] = on ? 1 : 0;
  }

  /** What the frame cache knows is void: frames may be found elsewhere, or may no longer be read or written directly. */
  forgetFrames(): void {
    if (this.lastFrames > LAST.stamp) {
      this.words.fill(0, FRAME_CACHE.offset >> 2, (FRAME_CACHE.offset + FRAME_CACHE.bytes) >> 2);
      this.lastFrames = 0;
    }
    for (const context of this.contexts) context.frames = ++this.lastFrames;
    this.words[W.frames] = this.contexts[this.current]!.frames;
  }

  private dropFastPage(page: number, context: number): void {
    const { words } = this;
    const tag = (page << 12) | words[contextAt(context)]!;
    const index = (page & FAST_MASK) << 2;
    const supervisor = (FAST_TLB.supervisor >> 2) + index;
    const user = (FAST_TLB.user >> 2) + index;
    if (words[supervisor] === tag || words[supervisor + 1] === tag || words[supervisor + 2] === tag) {
      words[supervisor] = words[supervisor + 1] = words[supervisor + 2] = 0;
    }
    if (words[user] === tag || words[user + 1] === tag || words[user + 2] === tag) words[user] = words[user + 1] = words[user + 2] = 0;
  }

  // --- contexts --------------------------------------------------------------------------------------------------------

  /** Entries filled and found from now on belong to this context. `eptRoot` -1: no guest. */
  selectContext(vpid: number, eptRoot: number, pcid = 0): void {
    let index = this.contexts.findIndex((context) => context.vpid === vpid && context.eptRoot === eptRoot && context.pcid === pcid);
    if (index < 0) {
      index = this.contexts.length;
      if (index >= TLB_CONTEXT.most) index = this.current === 1 ? 2 : 1;
      this.contexts[index] = newContext(vpid, eptRoot, pcid);
      this.forgetCodePage(index);
      this.contexts[index]!.frames = ++this.lastFrames;
      this.renewStamps(index, true);
      this.current = index;
      this.renew(index);
    }
    this.select(index);
  }

  private select(index: number): void {
    this.current = index;
    const at = contextAt(index);
    this.words[W.context] = index;
    this.words[W.local] = this.words[at + 1]!;
    this.words[W.global] = this.words[at + 2]!;
    this.words[W.frames] = this.contexts[index]!.frames;
    this.state.i32[GENERATION_WORD] = this.words[at]!;
  }

  /** Voids the entries of a context; without `globalToo`, all but the global ones. */
  private renewStamps(index: number, globalToo: boolean): void {
    if (this.lastStamp > LAST.stamp) this.restamp();
    const at = contextAt(index);
    this.words[at + 1] = ++this.lastStamp;
    if (globalToo) this.words[at + 2] = ++this.lastStamp;
    if (index !== this.current) return;
    this.words[W.local] = this.words[at + 1]!;
    this.words[W.global] = this.words[at + 2]!;
  }

  /** Stamps from 1 on; what was void already must not become valid by that. */
  private restamp(): void {
    const renamed = new Map<number, number>();
    for (let index = 0; index < this.contexts.length; index++) {
      for (const at of [contextAt(index) + 1, contextAt(index) + 2]) {
        renamed.set(this.words[at]!, renamed.size + 1);
        this.words[at] = renamed.size;
      }
    }
    for (let entry = 0; entry < this.sets * this.ways; entry++) {
      const at = this.at(entry);
      const stamp = renamed.get(this.words[at + STAMP]!);
      if (stamp === undefined) this.words[at + PAGE] = -1;
      else this.words[at + STAMP] = stamp;
    }
    this.lastStamp = renamed.size;
    this.select(this.current);
  }

  // --- the page of the running code ------------------------------------------------------------------------------------

  /** Host frame of a page that instructions are being fetched from, or -1 when it must be looked up. */
  codeFrame(page: number, user: boolean): number {
    const context = this.contexts[this.current]!;
    return this.codePageOf(this.current) === page && context.codeUser === user ? context.codeFrame : -1;
  }
  get holdsCodePage(): boolean {
    return this.codePageOf(this.current) >= 0;
  }
  /**
   * Instructions are being fetched from this page, which is held until another one is entered or it is invalidated, whatever
   * data accesses evict meanwhile. It makes the TLB independent of where slices end.
   */
  enterCodePage(page: number, user: boolean, frame: number): void {
    const context = this.contexts[this.current]!;
    this.words[contextAt(this.current) + CODE_PAGE] = page;
    context.codeUser = user;
    context.codeFrame = frame;
  }

  /** -1: none */
  private codePageOf(index: number): number {
    return this.words[contextAt(index) + CODE_PAGE]!;
  }
  private forgetCodePage(index: number): void {
    this.words[contextAt(index) + CODE_PAGE] = -1;
  }

  // --- the architectural TLB -------------------------------------------------------------------------------------------

  /** Word index of an entry. */
  private at(entry: number): number {
    return FIRST_ENTRY + entry * ENTRY_WORDS;
  }

  private isValid(at: number): boolean {
    const { words } = this;
    if (words[at + PAGE]! < 0) return false;
    const context = contextAt(words[at + CONTEXT]!);
    return words[at + STAMP] === words[context + 1] || words[at + STAMP] === words[context + 2];
  }

  /** Entry number for a linear page in the current context, or -1. */
  lookup(page: number): number {
    const { words } = this;
    const first = (page & (this.sets - 1)) * this.ways;
    for (let entry = first; entry < first + this.ways; entry++) {
      const at = this.at(entry);
      if (words[at + PAGE] !== page) continue;
      // stamps of different contexts are never the same
      if (words[at + STAMP] === words[W.local] || words[at + STAMP] === words[W.global]) return entry;
    }
    return words[W.largePages] !== 0 ? this.lookupLarge(page) : -1;
  }

  /** A large page's set is chosen by the bits of its own number. */
  private lookupLarge(page: number): number {
    const { words } = this;
    for (const size of LARGE) {
      const number = page >>> size;
      const first = (number & (this.sets - 1)) * this.ways;
      for (let entry = first; entry < first + this.ways; entry++) {
        const at = this.at(entry);
        if (words[at + PAGE] !== number * 2 ** size || coveredOf(words[at + FLAGS]!) !== size) continue;
        if (words[at + STAMP] === words[W.local] || words[at + STAMP] === words[W.global]) return entry;
      }
    }
    return -1;
  }

  flags(entry: number): number {
    return this.words[this.at(entry) + FLAGS]!;
  }
  /** Host frame of a page that the entry covers. */
  hostFrame(entry: number, page: number): number {
    return this.hostFrames(entry) + (page - this.words[this.at(entry) + PAGE]!);
  }
  /** Host and guest frame of the first page that the entry covers. */
  private hostFrames(entry: number): number {
    return this.doubles[(TLB_ENTRY.offset + entry * TLB_ENTRY.bytes + TLB_ENTRY.hostFrame) >> 3]!;
  }
  private guestFrames(entry: number): number {
    return this.doubles[(TLB_ENTRY.offset + entry * TLB_ENTRY.bytes + TLB_ENTRY.guestFrame) >> 3]!;
  }

  /** A walk's result for a page. Replaces an entry for the same page, else the oldest fill of the set. */
  fill(page: number, flags: number, guestFrame: number, hostFrame: number): void {
    const { words } = this;
    const size = coveredOf(flags);
    let entry = this.lookup(page);
    if (entry >= 0 && coveredOf(this.flags(entry)) !== size) {
      this.drop(entry);
      entry = -1;
    }
    const within = page % 2 ** size;
    if (entry < 0) {
      const set = (page >>> size) & (this.sets - 1);
      const way = words[NEXT_WAY + set]!;
      words[NEXT_WAY + set] = way + 1 === this.ways ? 0 : way + 1;
      entry = set * this.ways + way;
      if (this.isValid(this.at(entry))) this.doubles[EVICTIONS] = this.doubles[EVICTIONS]! + 1;
    }
    this.drop(entry);
    this.put(entry, page - within, flags, guestFrame - within, hostFrame - within);
  }

  private put(entry: number, page: number, flags: number, guestFrame: number, hostFrame: number): void {
    const { words, doubles } = this;
    const at = this.at(entry);
    words[at + PAGE] = page;
    words[at + STAMP] = words[flags & TLB_FLAG.global ? W.global : W.local]!;
    words[at + FLAGS] = flags;
    words[at + CONTEXT] = this.current;
    if (pageOf(flags) > 0) words[W.largePages] = 1;
    doubles[(at >> 1) + (TLB_ENTRY.hostFrame >> 3)] = hostFrame;
    doubles[(at >> 1) + (TLB_ENTRY.guestFrame >> 3)] = guestFrame;
  }

  /** TR6 of the 80386 writes an entry: in this way of the page's set (-1: the one that is next). */
  writeWay(page: number, way: number, valid: boolean, flags: number, frame: number): void {
    const set = page & (this.sets - 1);
    const entry = set * this.ways + (way < 0 ? this.words[NEXT_WAY + set]! : way % this.ways);
    this.drop(entry);
    if (valid) this.put(entry, page, flags, frame, frame);
  }

  /** … and looks one up: the first way of the set that holds the page with flags that `matches` takes. */
  findWay(page: number, matches: (flags: number) => boolean): { way: number; frame: number } | undefined {
    const first = (page & (this.sets - 1)) * this.ways;
    for (let way = 0; way < this.ways; way++) {
      const at = this.at(first + way);
      if (this.words[at + PAGE] === page && this.isValid(at) && matches(this.flags(first + way)))
        return { way, frame: this.hostFrames(first + way) };
    }
    return undefined;
  }

  private drop(entry: number): void {
    const at = this.at(entry);
    if (!this.isValid(at)) return;
    const page = this.words[at + PAGE]!;
    const end = page + 2 ** coveredOf(this.words[at + FLAGS]!);
    for (let each = page; each < end; each++) this.dropFastPage(each, this.words[at + CONTEXT]!);
    this.words[at + PAGE] = -1;
  }

  /** INVLPG, and what a page fault does to the address it reports (SDM vol. 3, 4.10.4.1): global entries too. */
  invalidatePage(page: number): void {
    const codePage = this.codePageOf(this.current);
    const large = (this.state.cr4 & CR4_LARGE) !== 0;
    // the page held for code may be a part of the same large page, whose entry need not be here any more
    if (codePage === page || (large && codePage >>> LARGEST === page >>> LARGEST)) this.forgetCodePage(this.current);
    this.dropPage(page);
    if (this.words[W.largePages] !== 0) this.dropCuts(page);
  }

  /** Every entry that is a part of the same large page (SDM vol. 3, 4.10.4.1). */
  private dropCuts(page: number): void {
    const { words } = this;
    for (let entry = 0; entry < this.sets * this.ways; entry++) {
      const at = this.at(entry);
      const size = pageOf(words[at + FLAGS]!);
      if (size === 0 || words[at + CONTEXT] !== this.current || words[at + PAGE]! >>> size !== page >>> size) continue;
      this.drop(entry);
    }
  }

  /** The entry does not allow what is asked for: the tables are walked again. */
  dropPage(page: number): void {
    const entry = this.lookup(page);
    if (entry >= 0) this.drop(entry);
    else this.dropFastPage(page, this.current);
  }

  /** MOV CR3: the current context's entries that are not global (SDM vol. 3, 4.10.4.1). */
  flushNonGlobal(): void {
    this.renewStamps(this.current, false);
    this.forgetCodePage(this.current);
    this.dropFast();
  }

  /** Changes of CR0.PG, CR4.PGE, PSE, PAE: everything in the current context. */
  flushCurrent(): void {
    this.renewStamps(this.current, true);
    this.forgetCodePage(this.current);
    this.dropFast();
  }

  /** INVVPID, single context: every entry of a VPID. */
  invalidateVpid(vpid: number): void {
    this.flushContexts((context) => context.vpid === vpid);
  }

  /** INVEPT, single context: every entry made through an EPT root. */
  invalidateEpt(eptRoot: number): void {
    this.flushContexts((context) => context.eptRoot === eptRoot);
  }

  /** INVEPT and INVVPID, all contexts; restoring a snapshot; a change of the board. */
  flushAll(): void {
    this.contexts.forEach((_, index) => {
      this.renewStamps(index, true);
      this.forgetCodePage(index);
    });
    this.words[W.largePages] = 0;
    this.clearFast();
  }

  private flushContexts(matches: (context: Context) => boolean): void {
    this.contexts.forEach((context, index) => {
      if (!matches(context)) return;
      this.renewStamps(index, true);
      this.forgetCodePage(index);
      this.renew(index);
    });
  }

  // --- views, hash, snapshots ------------------------------------------------------------------------------------------

  /** Every valid entry of every context, by set and way. */
  entries(): TlbEntry[] {
    const list: TlbEntry[] = [];
    for (let entry = 0; entry < this.sets * this.ways; entry++) {
      const at = this.at(entry);
      if (!this.isValid(at)) continue;
      const context = this.contexts[this.words[at + CONTEXT]!]!;
      list.push({
        set: Math.floor(entry / this.ways),
        way: entry % this.ways,
        page: this.words[at + PAGE]!,
        pages: 2 ** coveredOf(this.flags(entry)),
        mapped: 2 ** pageOf(this.flags(entry)),
        guestFrame: this.guestFrames(entry),
        hostFrame: this.hostFrames(entry),
        flags: this.flags(entry),
        vpid: context.vpid,
        eptRoot: context.eptRoot,
        pcid: context.pcid,
      });
    }
    return list;
  }

  /** An entry of a context that need not be the current one (explanations); undefined when it is not there. */
  find(page: number, vpid: number, eptRoot: number): TlbEntry | undefined {
    return this.entries().find(
      (entry) => entry.page <= page && page < entry.page + entry.pages && entry.vpid === vpid && entry.eptRoot === eptRoot,
    );
  }

  /**
   * The architectural contents in a canonical form, for the state hash and snapshots: statistics, replacement pointers,
   * entries by set and way, and the code page of each context by VPID and EPT root.
   */
  save(): Uint8Array {
    const entries = this.entries();
    const codes = this.contexts
      .map((context, index) => ({ ...context, codePage: this.codePageOf(index) }))
      .filter(({ codePage }) => codePage >= 0)
      .sort((a, b) => a.vpid - b.vpid || a.eptRoot - b.eptRoot || a.pcid - b.pcid);
    const bytes = new Uint8Array(HEADER_BYTES + this.sets * 4 + (entries.length + codes.length) * RECORD_BYTES);
    const view = new DataView(bytes.buffer);
    const { accesses, misses, evictions, tableReads } = this.statistics;
    view.setFloat64(0, accesses, true);
    view.setFloat64(8, misses, true);
    view.setFloat64(16, evictions, true);
    view.setFloat64(24, tableReads, true);
    view.setUint32(32, this.sets, true);
    view.setUint32(36, this.ways, true);
    for (let set = 0; set < this.sets; set++) view.setUint32(HEADER_BYTES + set * 4, this.words[NEXT_WAY + set]!, true);
    let at = HEADER_BYTES + this.sets * 4;
    const record = (
      slot: number,
      page: number,
      flags: number,
      context: Pick<Context, 'vpid' | 'pcid' | 'eptRoot'>,
      guest: number,
      host: number,
    ): void => {
      view.setUint32(at, slot, true);
      view.setUint32(at + 4, page, true);
      view.setUint32(at + 8, flags, true);
      view.setUint16(at + 12, context.vpid, true);
      view.setUint16(at + 14, context.pcid, true);
      view.setFloat64(at + 16, context.eptRoot, true);
      view.setFloat64(at + 24, guest, true);
      view.setFloat64(at + 32, host, true);
      at += RECORD_BYTES;
    };
    for (const entry of entries)
      record(entry.set * this.ways + entry.way, entry.page, entry.flags, entry, entry.guestFrame, entry.hostFrame);
    for (const context of codes) record(CODE_SLOT, context.codePage, context.codeUser ? TLB_FLAG.user : 0, context, 0, context.codeFrame);
    return bytes;
  }

  /** Restores what `save` gave; the fast table is empty afterwards and the host's context is selected. RangeError when the geometry differs. */
  load(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = HEADER_BYTES + this.sets * 4;
    if (bytes.length < start || view.getUint32(32, true) !== this.sets || view.getUint32(36, true) !== this.ways) {
      throw new RangeError(`these are not the contents of a TLB with ${this.sets} sets of ${this.ways} ways`);
    }
    this.reset();
    this.statistics = {
      accesses: view.getFloat64(0, true),
      misses: view.getFloat64(8, true),
      evictions: view.getFloat64(16, true),
      tableReads: view.getFloat64(24, true),
    };
    for (let set = 0; set < this.sets; set++) this.words[NEXT_WAY + set] = view.getUint32(HEADER_BYTES + set * 4, true) % this.ways;
    for (let at = start; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      const slot = view.getUint32(at, true);
      const page = view.getUint32(at + 4, true);
      const flags = view.getUint32(at + 8, true);
      const hostFrame = view.getFloat64(at + 32, true);
      if (slot !== CODE_SLOT && slot >= this.sets * this.ways)
        throw new RangeError(`this TLB has ${this.sets * this.ways} entries, no entry ${slot}`);
      this.selectContext(view.getUint16(at + 12, true), view.getFloat64(at + 16, true), view.getUint16(at + 14, true));
      if (slot === CODE_SLOT) {
        this.enterCodePage(page, (flags & TLB_FLAG.user) !== 0, hostFrame);
        continue;
      }
      this.put(slot, page, flags, view.getFloat64(at + 24, true), hostFrame);
    }
    this.selectContext(0, -1);
  }
}

/** Word index of a context's stamps. */
function contextAt(index: number): number {
  return FIRST_CONTEXT + index * CONTEXT_WORDS;
}
