/**
 * The translation lookaside buffer. The architectural one has the part's geometry and decides what a stale entry can do: it
 * replaces by fills only, first in first out within a set, so a hit needs no work. In front of it lies a fast table in the
 * pool's reserved memory, laid out for compiled code; its entries are always a subset of the architectural ones.
 */
import type { CpuState } from './cpu-state';
import { STATE } from './state-layout';
import type { PoolViews } from './table-memory';

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
const SIZE = { page: 8, covered: 12, mask: 15 } as const;
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

/**
 * The fast table: entries of 16 bytes {read tag, write tag, execute tag, addend}, one block of them for supervisor accesses,
 * one for the user's. A tag is the linear page address with a generation in its low 12 bits; a byte of the page lies at
 * pool offset (linear + addend) mod 2^32. One compare of ((linear + size - 1) & ~0xFFF | generation) with the tag covers
 * presence, permission, page crossing and flushes.
 */
export const FAST_TLB = {
  offset: 0x1_0000,
  entries: 4096,
  entryBytes: 16,
  supervisor: 0x1_0000,
  user: 0x1_0000 + 4096 * 16,
  bytes: 2 * 4096 * 16,
} as const;

/** What a fast entry may be used for without asking again. */
export const FAST_RIGHT = { read: 1, write: 2, execute: 4 } as const;

const FAST_MASK = FAST_TLB.entries - 1;
const LAST_GENERATION = 0xffe;
const MAX_CONTEXTS = 64;
const GENERATION_WORD = STATE.tlbGeneration.offset >> 2;
const HEADER_BYTES = 40;
const RECORD_BYTES = 40;
/** Slot number of a saved code page. */
const CODE_SLOT = 0xffff_ffff;

interface Context {
  vpid: number;
  eptRoot: number;
  pcid: number;
  generation: number;
  /**
   * The page that instructions are being fetched from, held until another page is entered or it is invalidated, whatever
   * data accesses evict meanwhile. It makes the TLB independent of where slices end. -1: none.
   */
  codePage: number;
  codeUser: boolean;
  codeFrame: number;
}

const newContext = (vpid: number, eptRoot: number, pcid: number): Context => ({
  vpid,
  eptRoot,
  pcid,
  generation: 0,
  codePage: -1,
  codeUser: false,
  codeFrame: -1,
});

export class Tlb {
  readonly statistics: TlbStatistics = { accesses: 0, misses: 0, evictions: 0, tableReads: 0 };
  readonly sets: number;
  readonly ways: number;

  private readonly pages: Float64Array;
  private readonly contextOf: Int32Array;
  private readonly flagsOf: Int32Array;
  private readonly hostFrames: Float64Array;
  private readonly guestFrames: Float64Array;
  private readonly nextWay: Int32Array;
  private contexts: Context[] = [];
  private current = 0;
  private lastGeneration = 0;
  /** may there be entries of large pages? */
  private largePages = false;

  /** Throws RangeError when the geometry is not one. */
  constructor(
    private readonly pool: PoolViews,
    private readonly state: CpuState,
    geometry: TlbGeometry,
  ) {
    const { entries, ways } = geometry;
    const sets = entries / ways;
    if (!Number.isInteger(sets) || sets < 1 || (sets & (sets - 1)) !== 0) {
      throw new RangeError(`a TLB of ${entries} entries and ${ways} ways has no power of two of sets`);
    }
    this.sets = sets;
    this.ways = ways;
    this.pages = new Float64Array(entries).fill(-1);
    this.contextOf = new Int32Array(entries);
    this.flagsOf = new Int32Array(entries);
    this.hostFrames = new Float64Array(entries);
    this.guestFrames = new Float64Array(entries);
    this.nextWay = new Int32Array(sets);
    this.reset();
  }

  /** Empty, statistics at zero, outside any guest: as after power-on. */
  reset(): void {
    this.pages.fill(-1);
    this.nextWay.fill(0);
    this.statistics.accesses = this.statistics.misses = this.statistics.evictions = this.statistics.tableReads = 0;
    this.largePages = false;
    this.contexts = [newContext(0, -1, 0)];
    this.current = 0;
    this.clearFast();
  }

  // --- the fast table --------------------------------------------------------------------------------------------------

  /** Low 12 bits of every valid tag of the current context. */
  get generation(): number {
    return this.state.i32[GENERATION_WORD]!;
  }

  /** Installs a page for accesses of one privilege; `rights` are FAST_RIGHT bits. Only for a page the architectural TLB holds (or when there is no translation). */
  fillFast(linear: number, user: boolean, poolOffset: number, rights: number): void {
    const words = this.pool.i32;
    const page = linear & ~0xfff;
    const at = ((user ? FAST_TLB.user : FAST_TLB.supervisor) >> 2) + (((linear >>> 12) & FAST_MASK) << 2);
    const tag = page | this.generation;
    words[at] = rights & FAST_RIGHT.read ? tag : 0;
    words[at + 1] = rights & FAST_RIGHT.write ? tag : 0;
    words[at + 2] = rights & FAST_RIGHT.execute ? tag : 0;
    words[at + 3] = poolOffset - page;
  }

  /** Forgets the fast entries of the current context; the architectural ones stay. */
  dropFast(): void {
    this.renew(this.contexts[this.current]!);
  }

  /** Forgets the fast entries of every context: a frame began to hold translated code, so write tags may be wrong. */
  dropAllFast(): void {
    for (const context of this.contexts) this.renew(context);
  }

  /** As dropAllFast, and starts generations anew. */
  clearFast(): void {
    this.pool.i32.fill(0, FAST_TLB.offset >> 2, (FAST_TLB.offset + FAST_TLB.bytes) >> 2);
    this.lastGeneration = 0;
    for (const context of this.contexts) context.generation = ++this.lastGeneration;
    this.state.i32[GENERATION_WORD] = this.contexts[this.current]!.generation;
  }

  private renew(context: Context): void {
    if (this.lastGeneration >= LAST_GENERATION) return this.clearFast();
    context.generation = ++this.lastGeneration;
    this.state.i32[GENERATION_WORD] = this.contexts[this.current]!.generation;
  }

  private dropFastPage(page: number, context: Context): void {
    const words = this.pool.i32;
    const tag = (page << 12) | context.generation;
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
      if (index >= MAX_CONTEXTS) {
        index = this.current === 1 ? 2 : 1;
        for (let entry = 0; entry < this.pages.length; entry++) if (this.contextOf[entry] === index) this.pages[entry] = -1;
      }
      this.contexts[index] = newContext(vpid, eptRoot, pcid);
      this.current = index;
      this.renew(this.contexts[index]!);
    }
    this.current = index;
    this.state.i32[GENERATION_WORD] = this.contexts[index]!.generation;
  }

  // --- the page of the running code ------------------------------------------------------------------------------------

  /** Host frame of a page that instructions are being fetched from, or -1 when it must be looked up. */
  codeFrame(page: number, user: boolean): number {
    const context = this.contexts[this.current]!;
    return context.codePage === page && context.codeUser === user ? context.codeFrame : -1;
  }
  enterCodePage(page: number, user: boolean, frame: number): void {
    const context = this.contexts[this.current]!;
    context.codePage = page;
    context.codeUser = user;
    context.codeFrame = frame;
  }

  // --- the architectural TLB -------------------------------------------------------------------------------------------

  /** Entry number for a linear page in the current context, or -1. */
  lookup(page: number): number {
    const first = (page & (this.sets - 1)) * this.ways;
    for (let entry = first; entry < first + this.ways; entry++) {
      if (this.pages[entry] === page && this.contextOf[entry] === this.current) return entry;
    }
    return this.largePages ? this.lookupLarge(page) : -1;
  }

  /** A large page's set is chosen by the bits of its own number. */
  private lookupLarge(page: number): number {
    for (const size of LARGE) {
      const number = page >>> size;
      const first = (number & (this.sets - 1)) * this.ways;
      for (let entry = first; entry < first + this.ways; entry++) {
        if (this.pages[entry] !== number * 2 ** size || this.contextOf[entry] !== this.current) continue;
        if (coveredOf(this.flagsOf[entry]!) === size) return entry;
      }
    }
    return -1;
  }

  flags(entry: number): number {
    return this.flagsOf[entry]!;
  }
  /** Host frame of a page that the entry covers. */
  hostFrame(entry: number, page: number): number {
    return this.hostFrames[entry]! + (page - this.pages[entry]!);
  }

  /** A walk's result for a page. Replaces an entry for the same page, else the oldest fill of the set. */
  fill(page: number, flags: number, guestFrame: number, hostFrame: number): void {
    const size = coveredOf(flags);
    let entry = this.lookup(page);
    if (entry >= 0 && coveredOf(this.flagsOf[entry]!) !== size) {
      this.drop(entry);
      entry = -1;
    }
    const within = page % 2 ** size;
    if (entry < 0) {
      const set = (page >>> size) & (this.sets - 1);
      const way = this.nextWay[set]!;
      this.nextWay[set] = (way + 1) % this.ways;
      entry = set * this.ways + way;
      if (this.pages[entry]! >= 0) this.statistics.evictions++;
    }
    this.drop(entry);
    this.pages[entry] = page - within;
    this.contextOf[entry] = this.current;
    this.flagsOf[entry] = flags;
    this.hostFrames[entry] = hostFrame - within;
    this.guestFrames[entry] = guestFrame - within;
    if (pageOf(flags) > 0) this.largePages = true;
  }

  private drop(entry: number): void {
    const page = this.pages[entry]!;
    if (page < 0) return;
    const end = page + 2 ** coveredOf(this.flagsOf[entry]!);
    for (let each = page; each < end; each++) this.dropFastPage(each, this.contexts[this.contextOf[entry]!]!);
    this.pages[entry] = -1;
  }

  /** INVLPG, and what a page fault does to the address it reports (SDM vol. 3, 4.10.4.1): global entries too. */
  invalidatePage(page: number): void {
    const context = this.contexts[this.current]!;
    const large = (this.state.cr4 & CR4_LARGE) !== 0;
    // the page held for code may be a part of the same large page, whose entry need not be here any more
    if (context.codePage === page || (large && context.codePage >>> LARGEST === page >>> LARGEST)) context.codePage = -1;
    this.dropPage(page);
    if (this.largePages) this.dropCuts(page);
  }

  /** Every entry that is a part of the same large page (SDM vol. 3, 4.10.4.1). */
  private dropCuts(page: number): void {
    for (let entry = 0; entry < this.pages.length; entry++) {
      if (this.pages[entry]! < 0 || this.contextOf[entry] !== this.current) continue;
      const size = pageOf(this.flagsOf[entry]!);
      if (size > 0 && this.pages[entry]! >>> size === page >>> size) this.drop(entry);
    }
  }

  /** The entry does not allow what is asked for: the tables are walked again. */
  dropPage(page: number): void {
    const entry = this.lookup(page);
    if (entry >= 0) this.drop(entry);
    else this.dropFastPage(page, this.contexts[this.current]!);
  }

  /** MOV CR3: the current context's entries that are not global (SDM vol. 3, 4.10.4.1). */
  flushNonGlobal(): void {
    this.flushWhere((entry) => this.contextOf[entry] === this.current && (this.flagsOf[entry]! & TLB_FLAG.global) === 0);
    this.contexts[this.current]!.codePage = -1;
    this.dropFast();
  }

  /** Changes of CR0.PG, CR4.PGE, PSE, PAE: everything in the current context. */
  flushCurrent(): void {
    this.flushWhere((entry) => this.contextOf[entry] === this.current);
    this.contexts[this.current]!.codePage = -1;
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
    this.pages.fill(-1);
    this.largePages = false;
    for (const context of this.contexts) context.codePage = -1;
    this.clearFast();
  }

  private flushContexts(matches: (context: Context) => boolean): void {
    this.contexts.forEach((context, index) => {
      if (!matches(context)) return;
      this.flushWhere((entry) => this.contextOf[entry] === index);
      context.codePage = -1;
      this.renew(context);
    });
  }

  private flushWhere(matches: (entry: number) => boolean): void {
    for (let entry = 0; entry < this.pages.length; entry++) if (this.pages[entry]! >= 0 && matches(entry)) this.pages[entry] = -1;
  }

  // --- views, hash, snapshots ------------------------------------------------------------------------------------------

  /** Every valid entry of every context, by set and way. */
  entries(): TlbEntry[] {
    const list: TlbEntry[] = [];
    for (let entry = 0; entry < this.pages.length; entry++) {
      if (this.pages[entry]! < 0) continue;
      const context = this.contexts[this.contextOf[entry]!]!;
      list.push({
        set: Math.floor(entry / this.ways),
        way: entry % this.ways,
        page: this.pages[entry]!,
        pages: 2 ** coveredOf(this.flagsOf[entry]!),
        mapped: 2 ** pageOf(this.flagsOf[entry]!),
        guestFrame: this.guestFrames[entry]!,
        hostFrame: this.hostFrames[entry]!,
        flags: this.flagsOf[entry]!,
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
      .filter(({ codePage }) => codePage >= 0)
      .sort((a, b) => a.vpid - b.vpid || a.eptRoot - b.eptRoot || a.pcid - b.pcid);
    const bytes = new Uint8Array(HEADER_BYTES + this.sets * 4 + (entries.length + codes.length) * RECORD_BYTES);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.statistics.accesses, true);
    view.setFloat64(8, this.statistics.misses, true);
    view.setFloat64(16, this.statistics.evictions, true);
    view.setFloat64(24, this.statistics.tableReads, true);
    view.setUint32(32, this.sets, true);
    view.setUint32(36, this.ways, true);
    this.nextWay.forEach((way, set) => view.setUint32(HEADER_BYTES + set * 4, way, true));
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
    this.statistics.accesses = view.getFloat64(0, true);
    this.statistics.misses = view.getFloat64(8, true);
    this.statistics.evictions = view.getFloat64(16, true);
    this.statistics.tableReads = view.getFloat64(24, true);
    for (let set = 0; set < this.sets; set++) this.nextWay[set] = view.getUint32(HEADER_BYTES + set * 4, true) % this.ways;
    for (let at = start; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      const slot = view.getUint32(at, true);
      const page = view.getUint32(at + 4, true);
      const flags = view.getUint32(at + 8, true);
      const hostFrame = view.getFloat64(at + 32, true);
      if (slot !== CODE_SLOT && slot >= this.pages.length)
        throw new RangeError(`this TLB has ${this.pages.length} entries, no entry ${slot}`);
      this.selectContext(view.getUint16(at + 12, true), view.getFloat64(at + 16, true), view.getUint16(at + 14, true));
      if (slot === CODE_SLOT) {
        this.enterCodePage(page, (flags & TLB_FLAG.user) !== 0, hostFrame);
        continue;
      }
      this.pages[slot] = page;
      this.contextOf[slot] = this.current;
      this.flagsOf[slot] = flags;
      if (pageOf(flags) > 0) this.largePages = true;
      this.guestFrames[slot] = view.getFloat64(at + 24, true);
      this.hostFrames[slot] = hostFrame;
    }
    this.selectContext(0, -1);
  }
}
