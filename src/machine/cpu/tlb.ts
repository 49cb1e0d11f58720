/**
 * The translation lookaside buffer. The architectural one has the part's geometry and decides what a stale entry can do: it
 * replaces by fills only, first in first out within a set, so a hit needs no work. In front of it lies a fast table in the
 * pool's reserved memory (fast-tlb.ts), and entries belong to contexts (tlb-contexts.ts).
 */
import type { CpuState } from './cpu-state';
import { FastTlb } from './fast-tlb';
import { decodeContents, encodeContents } from './tlb-contents';
import { TlbContexts } from './tlb-contexts';
import { TLB_FLAG, coveredSizeOf, pageSizeOf, type TlbEntry, type TlbGeometry, type TlbStatistics } from './tlb-entry';
import { FAST_TLB, OBSERVED_PAGES, TLB_COUNTER, TLB_ENTRY, TLB_NEXT_WAY, TLB_WORD } from './tlb-layout';
import type { PoolViews } from './table-memory';

/** Large pages: 2 MiB (PAE) and 4 MiB, as powers of two of 4 KiB pages. */
const LARGE = [9, 10] as const;
const LARGEST = 10;
const CR4_LARGE = 0x30;

const FIRST_ENTRY = TLB_ENTRY.offset >> 2;
const ENTRY_WORDS = TLB_ENTRY.bytes >> 2;
const PAGE = TLB_ENTRY.page >> 2;
const STAMP = TLB_ENTRY.stamp >> 2;
const FLAGS = TLB_ENTRY.flags >> 2;
const CONTEXT = TLB_ENTRY.context >> 2;
const NEXT_WAY = TLB_NEXT_WAY >> 2;
const ACCESSES = TLB_COUNTER.accesses >> 3;
const MISSES = TLB_COUNTER.misses >> 3;
const EVICTIONS = TLB_COUNTER.evictions >> 3;
const TABLE_READS = TLB_COUNTER.tableReads >> 3;
const W = {
  local: TLB_WORD.local >> 2,
  global: TLB_WORD.global >> 2,
  quickFills: TLB_WORD.quickFills >> 2,
  largePages: TLB_WORD.largePages >> 2,
} as const;

export class Tlb {
  readonly sets: number;
  readonly ways: number;

  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly fast: FastTlb;
  private readonly contexts: TlbContexts;

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
    this.fast = new FastTlb(pool.i32);
    this.contexts = new TlbContexts(pool.i32, state, this.fast, (renamed) => this.restamp(renamed));
    this.reset();
  }

  /** Empty, statistics at zero, outside any guest: as after power-on. */
  reset(): void {
    for (let entry = 0; entry < this.sets * this.ways; entry++) this.words[this.at(entry) + PAGE] = -1;
    this.words.fill(0, NEXT_WAY, NEXT_WAY + this.sets);
    this.statistics = { accesses: 0, misses: 0, evictions: 0, tableReads: 0 };
    this.words[W.largePages] = 0;
    this.contexts.reset();
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

  // --- the fast table and the frame cache ------------------------------------------------------------------------------

  /** Low 12 bits of every valid tag of the current context. */
  get generation(): number {
    return this.contexts.generation(this.contexts.current);
  }

  /**
   * Installs a page for accesses of one privilege; `rights` are FAST_RIGHT bits. Only for a page the architectural TLB holds (or when there is no translation).
   * @param codeMap address of the map to look into before a write, 0: none is needed
   */
  fillFast(linear: number, user: boolean, poolOffset: number, rights: number, codeMap = 0): void {
    this.fast.fill(linear, this.generation, user, poolOffset, rights, codeMap);
  }

  /** Forgets the fast entries of the current context; the architectural ones stay. */
  dropFast(): void {
    this.contexts.renewFast(this.contexts.current);
  }

  /** Forgets the fast entries of every context: a frame began to hold translated code, so write tags may be wrong. */
  dropAllFast(): void {
    this.contexts.renewAllFast();
  }

  /** As dropAllFast, and starts generations anew. */
  clearFast(): void {
    this.contexts.clearFast();
  }

  /** Forgets what the observer knows of the fast table's pages (OBSERVED_PAGES). */
  forgetDescriptions(): void {
    const { distance } = OBSERVED_PAGES;
    this.words.fill(0, (FAST_TLB.offset + distance) >> 2, (FAST_TLB.offset + FAST_TLB.bytes + distance) >> 2);
  }

  /** May compiled code fill the fast table by itself? Not while accesses must be looked at one by one. */
  set quickFills(on: boolean) {
    this.words[W.quickFills] = on ? 1 : 0;
  }

  /** What the frame cache knows is void: frames may be found elsewhere, or may no longer be read or written directly. */
  forgetFrames(): void {
    this.contexts.forgetFrames();
  }

  // --- contexts --------------------------------------------------------------------------------------------------------

  /** Entries filled and found from now on belong to this context. `eptRoot` -1: no guest. */
  selectContext(vpid: number, eptRoot: number, pcid = 0): void {
    this.contexts.select(vpid, eptRoot, pcid);
  }

  /** Stamps begin anew: an entry whose stamp is not among those that go on is void, and must not become valid by that. */
  private restamp(renamed: ReadonlyMap<number, number>): void {
    for (let entry = 0; entry < this.sets * this.ways; entry++) {
      const at = this.at(entry);
      const stamp = renamed.get(this.words[at + STAMP]!);
      if (stamp === undefined) this.words[at + PAGE] = -1;
      else this.words[at + STAMP] = stamp;
    }
  }

  /** Host frame of a page that instructions are being fetched from, or -1 when it must be looked up. */
  codeFrame(page: number, user: boolean): number {
    return this.contexts.codeFrame(page, user);
  }
  get holdsCodePage(): boolean {
    return this.contexts.codePage >= 0;
  }
  /**
   * Instructions are being fetched from this page, which is held until another one is entered or it is invalidated, whatever
   * data accesses evict meanwhile. It makes the TLB independent of where slices end.
   */
  enterCodePage(page: number, user: boolean, frame: number): void {
    this.contexts.enterCodePage(page, user, frame);
  }

  // --- the architectural TLB -------------------------------------------------------------------------------------------

  /** Word index of an entry. */
  private at(entry: number): number {
    return FIRST_ENTRY + entry * ENTRY_WORDS;
  }

  private isValid(at: number): boolean {
    return this.words[at + PAGE]! >= 0 && this.contexts.holds(this.words[at + CONTEXT]!, this.words[at + STAMP]!);
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
        if (words[at + PAGE] !== number * 2 ** size || coveredSizeOf(words[at + FLAGS]!) !== size) continue;
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
    const size = coveredSizeOf(flags);
    let entry = this.lookup(page);
    if (entry >= 0 && coveredSizeOf(this.flags(entry)) !== size) {
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
    words[at + CONTEXT] = this.contexts.current;
    if (pageSizeOf(flags) > 0) words[W.largePages] = 1;
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
    const end = page + 2 ** coveredSizeOf(this.words[at + FLAGS]!);
    const generation = this.contexts.generation(this.words[at + CONTEXT]!);
    for (let each = page; each < end; each++) this.fast.drop(each, generation);
    this.words[at + PAGE] = -1;
  }

  /** INVLPG, and what a page fault does to the address it reports (SDM vol. 3, 4.10.4.1): global entries too. */
  invalidatePage(page: number): void {
    const codePage = this.contexts.codePage;
    const large = (this.state.cr4 & CR4_LARGE) !== 0;
    // the page held for code may be a part of the same large page, whose entry need not be here any more
    if (codePage === page || (large && codePage >>> LARGEST === page >>> LARGEST)) this.contexts.forgetCodePage();
    this.dropPage(page);
    if (this.words[W.largePages] !== 0) this.dropCuts(page);
  }

  /** Every entry that is a part of the same large page (SDM vol. 3, 4.10.4.1). */
  private dropCuts(page: number): void {
    const { words } = this;
    for (let entry = 0; entry < this.sets * this.ways; entry++) {
      const at = this.at(entry);
      const size = pageSizeOf(words[at + FLAGS]!);
      if (size === 0 || words[at + CONTEXT] !== this.contexts.current || words[at + PAGE]! >>> size !== page >>> size) continue;
      this.drop(entry);
    }
  }

  /** The entry does not allow what is asked for: the tables are walked again. */
  dropPage(page: number): void {
    const entry = this.lookup(page);
    if (entry >= 0) this.drop(entry);
    else this.fast.drop(page, this.generation);
  }

  // --- flushes ---------------------------------------------------------------------------------------------------------

  /** MOV CR3: the current context's entries that are not global (SDM vol. 3, 4.10.4.1). */
  flushNonGlobal(): void {
    this.contexts.void(this.contexts.current, false);
    this.dropFast();
  }

  /** Changes of CR0.PG, CR4.PGE, PSE, PAE: everything in the current context. */
  flushCurrent(): void {
    this.contexts.void(this.contexts.current, true);
    this.dropFast();
  }

  /** INVVPID, single context: every entry of a VPID. */
  invalidateVpid(vpid: number): void {
    this.contexts.voidMatching((context) => context.vpid === vpid);
  }

  /** INVEPT, single context: every entry made through an EPT root. */
  invalidateEpt(eptRoot: number): void {
    this.contexts.voidMatching((context) => context.eptRoot === eptRoot);
  }

  /** INVEPT and INVVPID, all contexts; restoring a snapshot; a change of the board. */
  flushAll(): void {
    this.contexts.voidAll();
    this.words[W.largePages] = 0;
  }

  // --- views, hash, snapshots ------------------------------------------------------------------------------------------

  /** Every valid entry of every context, by set and way. */
  entries(): TlbEntry[] {
    const list: TlbEntry[] = [];
    for (let entry = 0; entry < this.sets * this.ways; entry++) {
      const at = this.at(entry);
      if (!this.isValid(at)) continue;
      const context = this.contexts.name(this.words[at + CONTEXT]!);
      list.push({
        set: Math.floor(entry / this.ways),
        way: entry % this.ways,
        page: this.words[at + PAGE]!,
        pages: 2 ** coveredSizeOf(this.flags(entry)),
        mapped: 2 ** pageSizeOf(this.flags(entry)),
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

  /** The architectural contents in a canonical form, for the state hash and snapshots. */
  save(): Uint8Array {
    return encodeContents({
      statistics: this.statistics,
      ways: this.ways,
      nextWays: [...this.words.subarray(NEXT_WAY, NEXT_WAY + this.sets)],
      entries: this.entries().map((entry) => ({ ...entry, slot: entry.set * this.ways + entry.way })),
      codePages: this.contexts.codePages(),
    });
  }

  /** Restores what `save` gave; the fast table is empty afterwards and the host's context is selected. RangeError when the geometry differs. */
  load(bytes: Uint8Array): void {
    const contents = decodeContents(bytes, this.sets, this.ways);
    this.reset();
    this.statistics = contents.statistics;
    contents.nextWays.forEach((way, set) => (this.words[NEXT_WAY + set] = way));
    for (const { slot, page, flags, guestFrame, hostFrame, vpid, eptRoot, pcid } of contents.entries) {
      this.selectContext(vpid, eptRoot, pcid);
      this.put(slot, page, flags, guestFrame, hostFrame);
    }
    for (const { vpid, eptRoot, pcid, page, user, frame } of contents.codePages) {
      this.selectContext(vpid, eptRoot, pcid);
      this.enterCodePage(page, user, frame);
    }
    this.selectContext(0, -1);
  }
}
