/**
 * Memory as instructions see it: segment check, then the fast table, then the pool. What the fast table does not know goes
 * to the architectural TLB, to the walker, and at last to a frame or (device registers, nobody) to the chipset. A guest's
 * mistake sets `stop` in the state and returns 0 or false; nothing here throws for one.
 */
import { hostPhysical } from '../address';
import type { AccessKind } from '../journey/journey';
import type { MemoryObserver, PhysicalMemory } from '../memory/physical-memory';
import type { CpuState, SegmentRegister } from './cpu-state';
import { COMPLETION } from './control-block';
import { EPT_ACCESS } from './ept';
import type { DebugRegisters } from './debug';
import type { VmExit } from './exit';
import { ACCESS, PageWalk, WALK, onAddressLines, pageAllows, pagingEnabled, walkPaging } from './paging';
import type { PagingContext } from './paging';
import type { DataAccess, OperandSize, SegmentIndex } from './runtime';
import { segmentAllows } from './segmentation';
import { POOL_RESERVED, SEGMENT, SEGMENT_INDEX, STATE, STOP } from './state-layout';
import type { TableMemory } from './table-memory';
import { FrameCache } from './frame-cache';
import type { FrameStore } from '../memory/frame-store';
import { FAST_RIGHT, TLB_FLAG, tlbSizes } from './tlb';
import type { Tlb } from './tlb';
import { CODE_MAP_OF, FAST_TLB, OBSERVED_PAGES, TLB_COUNTER, TLB_WORD, besideCode } from './tlb-layout';
import { VECTOR } from './vectors';

/** Which frames the running code is made of. */
export interface RunningFrames {
  has(frame: number): boolean;
}

/** What the system side needs of virtualization while a guest runs. */
export interface GuestExits {
  /** Value for the next access of the instruction that is executed again, or -1 when the VMM gave none for it. */
  takeCompletion(kind: number, address: number, size: number): number;
  /** Leaves the guest for an EPT violation or misconfiguration found by `walk`. */
  leaveForEpt(walk: PageWalk, linear: number, access: VmExit['access']): void;
  /** LEAVES bits: what the control block asks to leave for. */
  readonly leaves: number;
  /** Leaves the guest for a page fault when the control block asks for it. */
  leavesForPageFault(linear: number, errorCode: number): boolean;
}

export interface LastAccess {
  /** null: the processor's own, or not known */
  through: AccessedSegment | null;
  offset: number;
  linear: number;
  size: number;
  kind: AccessKind;
  /** made with the rights of ring 3 */
  user: boolean;
}

/** A segment register as it was at an access: the same instruction may have loaded it anew since (a call through a gate). */
export interface AccessedSegment {
  /** SEGMENT_INDEX */
  segment: number;
  register: SegmentRegister;
  protectedMode: boolean;
  virtual8086: boolean;
}

/** Why an access for compiled code was not made: `stop` is set, or the interpreter must make it, and nothing has happened yet. */
export const REFUSED = { stopped: 1, deferred: 2 } as const;

/** Results of `resolve` that are not pool offsets. */
const STOPPED = -1;
const CHIPSET = -2;
const VIOLATION = -3;

const SEGMENT_WORDS = SEGMENT.size >> 2;
const FIRST_SEGMENT = STATE.segments.offset >> 2;
const ATTRIBUTES = SEGMENT.attributes >> 2;
const LIMIT = SEGMENT.limit >> 2;
const BASE = SEGMENT.base >> 2;
const SS_ATTRIBUTES = FIRST_SEGMENT + SEGMENT_INDEX.SS * SEGMENT_WORDS + ATTRIBUTES;
const GENERATION = STATE.tlbGeneration.offset >> 2;
const ACCESSES = TLB_COUNTER.accesses >> 3;
const HIGH_LIMIT = TLB_WORD.highLimit >> 2;
const LEAVES_WORD = TLB_WORD.leaves >> 2;
const DPL_3 = 0x60;
/** words from an entry of the fast table to that of its code map */
const MAP = CODE_MAP_OF.distance >> 2;
/** attributes of an ordinary data segment: usable, S, not code, not expand-down (and writable) */
const READ_MASK = 0x1_001c;
const READ_PLAIN = 0x10;
const WRITE_MASK = 0x1_001e;
const WRITE_PLAIN = 0x12;

export class MemoryAccess implements DataAccess {
  /** When on, `lastAccess` is the last data access of the instruction, or the fetch that failed. */
  recordAccess = false;
  lastAccess: LastAccess | null = null;

  /**
   * Is told of every access to memory before it is made. While there is one, compiled code must not run, nor threaded code that
   * does not tell: they would use the fast table. What has been in it says nothing of who was told; call `Tlb.clearFast` after changing it.
   */
  observer: MemoryObserver | undefined;

  /** Why the last access for compiled code was not made (REFUSED), or 0. */
  refused = 0;

  private readonly walk = new PageWalk();
  /** host-physical address of the last `resolve` that ended at the chipset, and whether it can be read directly */
  private host = 0;
  private hostReadable = false;
  /** linear address of the last access for compiled code */
  private compiledLinear = 0;
  /** 1 while linear addresses are translated at all, and so count as TLB accesses */
  private translating = 0;
  /** CR0.AM, EFLAGS.AC and CPL 3: accesses of the program must be aligned. Then nothing of its is in the fast table. */
  private aligned = false;
  /** what compiled code fills the fast table from */
  private readonly frameCache: FrameCache;
  /** the pool's bottom as doubles: statistics */
  private readonly doubles: Float64Array;

  constructor(
    private readonly state: CpuState,
    private readonly pool: FrameStore,
    private readonly memory: PhysicalMemory,
    private readonly tables: TableMemory,
    private readonly tlb: Tlb,
    private readonly context: PagingContext,
    private readonly exits: GuestExits,
    private readonly debug: DebugRegisters,
    /** the 8086: a word at offset FFFF has its second byte at 0, and nothing is refused */
    private readonly wraps = false,
  ) {
    this.frameCache = new FrameCache(pool, memory, context, tables, tlb);
    this.doubles = new Float64Array(pool.memory.buffer, 0, POOL_RESERVED >> 3);
    pool.i32[HIGH_LIMIT] = 2 ** Math.min(11, Math.max(0, context.physicalAddressBits - 32));
    debug.onChange = () => this.renewQuickFills();
  }

  /** Alignment checks on or off (SDM vol. 3, 6.15, interrupt 17). */
  get checksAlignment(): boolean {
    return this.aligned;
  }
  set checksAlignment(on: boolean) {
    if (on === this.aligned) return;
    this.aligned = on;
    this.tlb.clearFast();
    this.renewQuickFills();
  }

  /** To be called when paging was turned on or off, or a guest entered or left. */
  contextChanged(): void {
    this.translating = pagingEnabled(this.context) || this.context.eptPointer >= 0 ? 1 : 0;
    this.pool.i32[LEAVES_WORD] = this.exits.leaves;
    this.debug.refresh();
    this.renewQuickFills();
  }

  private renewQuickFills(): void {
    this.tlb.quickFills = this.translating !== 0 && !this.wraps && !this.aligned && !this.debug.watches;
  }

  // --- instructions ----------------------------------------------------------------------------------------------------

  load(segment: SegmentIndex, offset: number, size: OperandSize): number {
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & READ_MASK) !== READ_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (this.wraps && offset + size > 0x1_0000) return this.loadWrapped(segment, offset, size);
      if (!this.wraps && !this.checkSegment(segment, offset, size, false)) return 0;
    }
    const linear = (u32[words + BASE]! + offset) >>> 0;
    if (this.recordAccess) this.note(segment, offset, linear, size, 'read');
    return this.loadLinear(linear, size, (u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3);
  }

  store(segment: SegmentIndex, offset: number, size: OperandSize, value: number): void {
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & WRITE_MASK) !== WRITE_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (this.wraps && offset + size > 0x1_0000) return this.storeWrapped(segment, offset, size, value);
      if (!this.wraps && !this.checkSegment(segment, offset, size, true)) return;
    }
    const linear = (u32[words + BASE]! + offset) >>> 0;
    if (this.recordAccess) this.note(segment, offset, linear, size, 'write');
    this.storeLinear(linear, size, value, (u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3);
  }

  private note(segment: number, offset: number, linear: number, size: number, kind: AccessKind): void {
    const { state } = this;
    const user = (state.u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    const { protectedMode, virtual8086 } = state;
    const through = { segment, register: state.segment(segment), protectedMode, virtual8086 };
    this.lastAccess = { through, offset, linear, size, kind, user };
  }

  /** The 8086: the second byte of a word at offset FFFF is the segment's first. */
  private loadWrapped(segment: SegmentIndex, offset: number, size: OperandSize): number {
    let value = 0;
    for (let index = 0; index < size; index++) value |= this.load(segment, (offset + index) & 0xffff, 1) << (8 * index);
    return value;
  }
  private storeWrapped(segment: SegmentIndex, offset: number, size: OperandSize, value: number): void {
    for (let index = 0; index < size; index++) this.store(segment, (offset + index) & 0xffff, 1, (value >>> (8 * index)) & 0xff);
  }

  prepareStore(segment: SegmentIndex, offset: number, size: OperandSize | 8): boolean {
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & WRITE_MASK) !== WRITE_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (this.wraps) return true;
      if (!this.checkSegment(segment, offset, size, true)) return false;
    }
    const linear = (u32[words + BASE]! + offset) >>> 0;
    const user = (u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    if (!this.prepareLinear(linear, size, user) || this.misaligned(linear, size, user)) return false;
    this.frameCache.learn();
    return true;
  }

  /** Does the segment allow a read there? Sets the fault if not. Nothing is translated. */
  checkRead(segment: SegmentIndex, offset: number, size: OperandSize): boolean {
    return this.wraps || this.checkSegment(segment, offset, size, false);
  }

  loadSystem(linear: number, size: OperandSize): number {
    return this.loadLinear(linear >>> 0, size, false);
  }

  storeSystem(linear: number, size: OperandSize, value: number): void {
    this.storeLinear(linear >>> 0, size, value, false);
  }

  fetchFrame(linear: number, continued = false): number {
    const user = (this.state.u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    const page = linear >>> 12;
    if (this.translating !== 0) {
      const held = continued ? -1 : this.tlb.codeFrame(page, user);
      if (held >= 0) return held;
      this.tlb.countAccesses(1);
    }
    const at = this.resolve(linear >>> 0, user ? ACCESS.user | ACCESS.execute : ACCESS.execute);
    if (at === VIOLATION) this.exits.leaveForEpt(this.walk, linear >>> 0, { kind: 'execute', size: 1, value: 0 });
    if (at < 0 && at !== CHIPSET) {
      const { CS } = SEGMENT_INDEX;
      if (this.recordAccess) this.note(CS, (linear - this.state.segmentBase(CS)) >>> 0, linear >>> 0, 1, 'execute');
      return -1;
    }
    this.frameCache.learn();
    const frame = Math.floor(this.host / 4096);
    if (this.translating !== 0 && !continued) this.tlb.enterCodePage(page, user, frame);
    return frame;
  }

  // --- compiled code ---------------------------------------------------------------------------------------------------

  /** Accesses that compiled code made through the fast table; entering another page with code is one of them. */
  countAccesses(count: number): void {
    if (this.translating !== 0) this.tlb.countAccesses(count);
  }

  /** Does the TLB hold the page of the running code? Always, while nothing is translated. */
  get holdsCodePage(): boolean {
    return this.translating === 0 || this.tlb.holdsCodePage;
  }

  /** The frame that a fill of compiled code looked for in vain, before what has been done instead, is found by the next one. */
  learnFrame(): void {
    this.frameCache.learn();
  }

  /** Compiled code has gone on to another page, with the user's rights or not. */
  holdCodePage(page: number, user: boolean, frame: number): void {
    if (this.translating !== 0) this.tlb.enterCodePage(page, user, frame);
  }

  /**
   * As `load`, for what the fast table did not allow. The access is in `countAccesses` already, unless it is `refused`:
   * deferred when it crosses a page or belongs to the chipset.
   */
  loadForCompiled(segment: SegmentIndex, offset: number, size: OperandSize): number {
    const outcome = this.resolveForCompiled(segment, offset, size, false);
    if (outcome >= 0) return this.readPool(outcome, size);
    if (outcome === CHIPSET) {
      this.refused = REFUSED.deferred;
      return 0;
    }
    const value = outcome === VIOLATION ? this.readElsewhere(outcome, this.compiledLinear, size) : 0;
    this.noteStop();
    return value;
  }

  /**
   * As `store`, likewise.
   * @param running frames of the running code: a write to translated code there is deferred
   */
  storeForCompiled(segment: SegmentIndex, offset: number, size: OperandSize, value: number, running: RunningFrames): void {
    const outcome = this.resolveForCompiled(segment, offset, size, true);
    if (outcome >= 0) return this.writePool(outcome, size, value);
    if (outcome === CHIPSET) {
      const frame = Math.floor(this.host / 4096);
      if (this.refused !== 0 || running.has(frame) || !this.hostReadable) {
        this.refused = REFUSED.deferred;
        return;
      }
      // code of another page, which the running code is not made of
      this.writeElsewhere(outcome, this.compiledLinear, size, value);
      if (this.state.stop === STOP.codeWritten) this.state.clearStop();
      return;
    }
    if (outcome === VIOLATION) this.writeElsewhere(outcome, this.compiledLinear, size, value);
    this.noteStop();
  }

  /** As `resolve`, from a segment's offset; CHIPSET (and `refused`) without having looked for what crosses a page. */
  private resolveForCompiled(segment: SegmentIndex, offset: number, size: OperandSize, write: boolean): number {
    if (this.recordAccess || this.observer !== undefined || this.wraps || this.aligned || this.debug.watches) {
      this.refused = REFUSED.deferred;
      return CHIPSET;
    }
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & WRITE_MASK) !== WRITE_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (!this.checkSegment(segment, offset, size, write)) {
        this.refused = REFUSED.stopped;
        return STOPPED;
      }
    }
    const linear = (this.compiledLinear = (u32[words + BASE]! + offset) >>> 0);
    if ((linear & 0xfff) + size > 4096) {
      this.refused = REFUSED.deferred;
      return CHIPSET;
    }
    const user = (this.state.u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3 ? ACCESS.user : 0;
    const outcome = this.resolve(linear, write ? user | ACCESS.write : user);
    this.frameCache.learn();
    return outcome;
  }

  /** The access has been made in vain: it counts all the same, unless the segment did not allow it. */
  private noteStop(): void {
    if (this.refused !== 0 || this.state.stop === STOP.none) return;
    this.countAccesses(1);
    this.refused = REFUSED.stopped;
  }

  // --- linear addresses ------------------------------------------------------------------------------------------------

  /** Reads at a linear address (unsigned 32 bits; the access may wrap at 2^32) with user or supervisor rights. */
  loadLinear(linear: number, size: OperandSize, user: boolean): number {
    this.doubles[ACCESSES] = this.doubles[ACCESSES]! + this.translating;
    const i32 = this.pool.i32;
    const at = ((user ? FAST_TLB.user : FAST_TLB.supervisor) >> 2) + ((linear >>> 10) & ((FAST_TLB.entries - 1) << 2));
    if (i32[at] === (((linear + size - 1) & ~0xfff) | this.state.i32[GENERATION]!)) {
      const offset = (linear + i32[at + 3]!) >>> 0;
      if (this.observer !== undefined) this.observe(offset, size, false);
      return this.readPool(offset, size);
    }
    if ((linear & 0xfff) + size > 4096) return this.loadCrossing(linear, size, user);
    const access = user ? ACCESS.user : 0;
    const offset = this.resolve(linear, access);
    if (offset === STOPPED || this.misaligned(linear, size, user)) return 0;
    if (this.debug.watches) this.debug.touched(linear, size, false);
    if (offset !== VIOLATION) this.observer?.touch(this.host, size, false);
    return offset >= 0 ? this.readPool(offset, size) : this.readElsewhere(offset, linear, size);
  }

  storeLinear(linear: number, size: OperandSize, value: number, user: boolean): void {
    this.doubles[ACCESSES] = this.doubles[ACCESSES]! + this.translating;
    const i32 = this.pool.i32;
    const at = ((user ? FAST_TLB.user : FAST_TLB.supervisor) >> 2) + ((linear >>> 10) & ((FAST_TLB.entries - 1) << 2));
    const tag = ((linear + size - 1) & ~0xfff) | this.state.i32[GENERATION]!;
    if (i32[at + 1] === tag || (i32[at + 1] === besideCode(tag) && !this.writesCode(at, linear, size))) {
      const offset = (linear + i32[at + 3]!) >>> 0;
      if (this.observer !== undefined) this.observe(offset, size, true);
      return this.writePool(offset, size, value);
    }
    if ((linear & 0xfff) + size > 4096) return this.storeCrossing(linear, size, value, user);
    const offset = this.resolve(linear, user ? ACCESS.user | ACCESS.write : ACCESS.write);
    if (offset === STOPPED || this.misaligned(linear, size, user)) return;
    if (this.debug.watches) this.debug.touched(linear, size, true);
    if (offset !== VIOLATION) this.observer?.touch(this.host, size, true);
    if (offset >= 0) this.writePool(offset, size, value);
    else this.writeElsewhere(offset, linear, size, value);
  }

  /** Tells of an access that the fast table allowed. */
  private observe(offset: number, size: number, write: boolean): void {
    this.observer!.touch(this.pool.frameAt(offset) * 4096 + (offset & 0xfff), size, write);
  }

  /**
   * Would a write of `size` bytes (any length) fault? Both pages of a crossing are asked, the lower first. An EPT violation is
   * left to the store itself, which knows the value that the VMM needs; the instruction is then executed again as a whole.
   */
  prepareLinear(linear: number, size: number, user: boolean): boolean {
    const access = user ? ACCESS.user | ACCESS.write : ACCESS.write;
    if (this.isFast(linear, size, user)) return true;
    for (let done = 0; done < size;) {
      const at = (linear + done) >>> 0;
      if (this.resolve(at, access) === STOPPED) return false;
      done += 4096 - (at & 0xfff);
    }
    return true;
  }

  /** Does the fast table allow a write of up to 4096 bytes, be it one to code? */
  private isFast(linear: number, size: number, user: boolean): boolean {
    const i32 = this.pool.i32;
    const at = ((user ? FAST_TLB.user : FAST_TLB.supervisor) >> 2) + ((linear >>> 10) & ((FAST_TLB.entries - 1) << 2));
    const tag = ((linear + size - 1) & ~0xfff) | this.state.i32[GENERATION]!;
    return size <= 4096 && (i32[at + 1] === tag || i32[at + 1] === besideCode(tag));
  }

  /** Is one of up to 4 bytes in one page code, of which the fast table's entry at a word knows the map? */
  private writesCode(at: number, linear: number, size: number): boolean {
    const { i32, u8 } = this.pool;
    const byte = i32[at + MAP]! + ((linear & 0xfff) >> 3);
    return (((u8[byte]! | (u8[byte + 1]! << 8)) >> (linear & 7)) & ((1 << size) - 1)) !== 0;
  }

  /** #AC: after everything else that an access can be refused for. */
  private misaligned(linear: number, size: number, user: boolean): boolean {
    if (!this.aligned || !user || (linear & (size - 1)) === 0) return false;
    this.state.raise(VECTOR.alignmentCheck, 0);
    return true;
  }

  private loadCrossing(linear: number, size: OperandSize, user: boolean): number {
    const access = user ? ACCESS.user : 0;
    const second = ((linear + size - 1) & ~0xfff) >>> 0;
    if (this.resolve(linear, access) === STOPPED || this.resolve(second, access) === STOPPED) return 0;
    if (this.misaligned(linear, size, user)) return 0;
    if (this.debug.watches) this.debug.touched(linear, size, false);
    let value = 0;
    for (let index = 0; index < size; index++) {
      const at = (linear + index) >>> 0;
      const offset = this.resolve(at, access);
      if (offset !== VIOLATION && begins(index, at)) this.observer?.touch(this.host, 1, false);
      const byte = offset >= 0 ? this.pool.u8[offset]! : this.readElsewhere(offset, at, 1);
      if (this.state.stop === STOP.exit) return 0;
      value += byte * 2 ** (8 * index);
    }
    return value;
  }

  private storeCrossing(linear: number, size: OperandSize, value: number, user: boolean): void {
    if (!this.prepareLinear(linear, size, user) || this.misaligned(linear, size, user)) return;
    if (this.debug.watches) this.debug.touched(linear, size, true);
    const access = user ? ACCESS.user | ACCESS.write : ACCESS.write;
    for (let index = 0; index < size; index++) {
      const at = (linear + index) >>> 0;
      const byte = (value >>> (8 * index)) & 0xff;
      const offset = this.resolve(at, access);
      if (offset !== VIOLATION && begins(index, at)) this.observer?.touch(this.host, 1, true);
      if (offset >= 0) this.pool.u8[offset] = byte;
      else if (!this.writeElsewhere(offset, at, 1, byte)) return;
    }
  }

  // --- the slow path ---------------------------------------------------------------------------------------------------

  /**
   * Pool offset of the byte at a linear address for an access (ACCESS bits), or STOPPED (fault or exit is set), CHIPSET (at
   * `host`), VIOLATION (the final page, in `walk`: a device of the VMM's, or a page not backed yet).
   */
  private resolve(linear: number, access: number): number {
    const context = this.context;
    const page = linear >>> 12;
    const user = (access & ACCESS.user) !== 0;
    let rights = FAST_RIGHT.read | FAST_RIGHT.write | FAST_RIGHT.execute;
    let frame = page;
    if (this.translating === 0) frame = Math.floor(onAddressLines(context, linear) / 4096);
    else {
      let entry = this.tlb.lookup(page);
      if (entry >= 0) {
        rights = tlbRights(context.cr0, this.tlb.flags(entry), user);
        if ((rights & wantedRight(access)) === 0) {
          this.tlb.dropPage(page);
          entry = -1;
        }
      }
      if (entry >= 0) {
        frame = this.tlb.hostFrame(entry, page);
      } else {
        const walk = this.walk;
        const found = walkPaging(context, linear, access, this.tables, true, walk);
        this.tlb.countMiss(walk.tableReads);
        if (!found) return this.stopped(walk, linear);
        frame = Math.floor(walk.hostPhysical / 4096);
        const flags = flagsOf(walk) | sizesOf(walk, context);
        rights = tlbRights(context.cr0, flags, user);
        this.tlb.fill(page, flags, Math.floor(walk.guestPhysical / 4096), frame);
      }
    }
    this.host = frame * 4096 + (linear & 0xfff);
    const readable = this.memory.readableFrame(frame);
    const writable = this.memory.writableFrame(frame);
    const codeMap = writable < 0 ? this.memory.codeMap(frame) : 0;
    this.hostReadable = readable >= 0;
    if (writable < 0 && codeMap === 0) rights &= ~FAST_RIGHT.write;
    if (readable < 0) return CHIPSET;
    if (!(user && this.aligned) && !this.debug.watchesPage(page)) {
      this.tlb.fillFast(linear, user, readable, rights, codeMap);
      this.observer?.describe?.(frame, this.pool.i32, (fastEntry(linear, user) + OBSERVED_PAGES.distance) >> 2);
    }
    if ((access & ACCESS.write) !== 0 && writable < 0) return CHIPSET;
    return readable + (linear & 0xfff);
  }

  private stopped(walk: PageWalk, linear: number): number {
    if (walk.outcome === WALK.pageFault) {
      this.tlb.invalidatePage(linear >>> 12);
      if (this.exits.leavesForPageFault(linear, walk.errorCode)) return STOPPED;
      this.state.cr2 = linear;
      this.state.raise(VECTOR.pageFault, walk.errorCode);
      return STOPPED;
    }
    const final = (walk.qualification & 0x100) !== 0;
    if (walk.outcome === WALK.eptViolation && final) return VIOLATION;
    this.exits.leaveForEpt(walk, linear, undefined);
    return STOPPED;
  }

  private readElsewhere(outcome: number, linear: number, size: OperandSize): number {
    if (outcome === CHIPSET) {
      this.state.requestEndSlice();
      return this.memory.read(hostPhysical(this.host), size);
    }
    if (outcome !== VIOLATION) return 0;
    const value = this.exits.takeCompletion(COMPLETION.memoryRead, this.walk.guestPhysical, size);
    if (value >= 0) return value;
    this.exits.leaveForEpt(this.walk, linear, { kind: 'read', size, value: 0 });
    return 0;
  }

  /** False when the instruction stops here. */
  private writeElsewhere(outcome: number, linear: number, size: OperandSize, value: number): boolean {
    if (outcome === CHIPSET) {
      const device = !this.hostReadable;
      this.memory.write(hostPhysical(this.host), size, size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1));
      if (device) this.state.requestEndSlice();
      return true;
    }
    if (outcome !== VIOLATION) return false;
    if (this.exits.takeCompletion(COMPLETION.memoryWrite, this.walk.guestPhysical, size) >= 0) return true;
    const masked = size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1);
    this.exits.leaveForEpt(this.walk, linear, { kind: 'write', size, value: masked });
    return false;
  }

  private readPool(offset: number, size: OperandSize): number {
    if (size === 4) return (offset & 3) === 0 ? this.pool.i32[offset >>> 2]! >>> 0 : this.pool.view.getUint32(offset, true);
    return size === 1 ? this.pool.u8[offset]! : this.pool.view.getUint16(offset, true);
  }

  private writePool(offset: number, size: OperandSize, value: number): void {
    if (size === 4) {
      if ((offset & 3) === 0) this.pool.i32[offset >>> 2] = value;
      else this.pool.view.setInt32(offset, value, true);
    } else if (size === 1) this.pool.u8[offset] = value;
    else this.pool.view.setUint16(offset, value, true);
  }

  /** The full segment check; sets the fault. */
  private checkSegment(segment: SegmentIndex, offset: number, size: OperandSize | 8, write: boolean): boolean {
    const state = this.state;
    if (segmentAllows(state.segmentAttributes(segment), state.segmentLimit(segment), offset, size, write, !state.protectedMode))
      return true;
    if (this.recordAccess) this.note(segment, offset, (state.segmentBase(segment) + offset) >>> 0, size, write ? 'write' : 'read');
    return state.raise(segment === SEGMENT_INDEX.SS ? VECTOR.stackFault : VECTOR.generalProtection, 0);
  }
}

/** Byte offset of an address's entry in the fast table. */
const fastEntry = (linear: number, user: boolean): number =>
  (user ? FAST_TLB.user : FAST_TLB.supervisor) + ((linear >>> 8) & ((FAST_TLB.entries - 1) << 4));

/** Is this byte of a crossing access the first in its page? */
const begins = (index: number, linear: number): boolean => index === 0 || (linear & 0xfff) === 0;

/** What a TLB entry with these flags lets an access do without a walk: FAST_RIGHT bits. A write needs D to be set. */
export function tlbRights(cr0: number, flags: number, user: boolean): number {
  const access = user ? ACCESS.user : 0;
  const writable = (flags & TLB_FLAG.writable) !== 0;
  const userPage = (flags & TLB_FLAG.user) !== 0;
  const noExecute = (flags & TLB_FLAG.noExecute) !== 0;
  let rights = 0;
  if (flags & TLB_FLAG.eptRead && pageAllows(cr0, access, writable, userPage, noExecute)) rights |= FAST_RIGHT.read;
  if (flags & TLB_FLAG.dirty && flags & TLB_FLAG.eptWrite && pageAllows(cr0, access | ACCESS.write, writable, userPage, noExecute)) {
    rights |= FAST_RIGHT.write;
  }
  if (flags & TLB_FLAG.eptExecute && pageAllows(cr0, access | ACCESS.execute, writable, userPage, noExecute)) rights |= FAST_RIGHT.execute;
  return rights;
}

/** The one FAST_RIGHT that an access (ACCESS bits) needs. */
export function wantedRight(access: number): number {
  if (access & ACCESS.execute) return FAST_RIGHT.execute;
  return access & ACCESS.write ? FAST_RIGHT.write : FAST_RIGHT.read;
}

/** Entries of large pages cover them whole, where what lies behind is one piece. */
function sizesOf({ pageBits, ept }: PageWalk, context: PagingContext): number {
  const page = pageBits - 12;
  if (page === 0) return 0;
  const whole =
    context.eptPointer >= 0 ? ept.pageSize >= 2 ** pageBits : context.a20Masked !== true && context.physicalAddressBits >= pageBits;
  return tlbSizes(page, whole ? page : 0);
}

function flagsOf(walk: PageWalk): number {
  const ept = walk.eptPermissions;
  return (
    (walk.writable ? TLB_FLAG.writable : 0) |
    (walk.user ? TLB_FLAG.user : 0) |
    (walk.noExecute ? TLB_FLAG.noExecute : 0) |
    (walk.dirty ? TLB_FLAG.dirty : 0) |
    (walk.global ? TLB_FLAG.global : 0) |
    (ept & EPT_ACCESS.read ? TLB_FLAG.eptRead : 0) |
    (ept & EPT_ACCESS.write ? TLB_FLAG.eptWrite : 0) |
    (ept & EPT_ACCESS.execute ? TLB_FLAG.eptExecute : 0)
  );
}
