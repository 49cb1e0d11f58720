/**
 * Memory by linear address: the fast table, then the pool. What the fast table does not know goes to the architectural TLB, to
 * the walker, and at last to a frame or (device registers, nobody) to the chipset. A guest's mistake sets `stop` in the state and
 * returns 0 or false; nothing here throws for one.
 */
import { hostPhysical } from '../address';
import type { FrameStore } from '../memory/frame-store';
import type { MemoryObserver, PhysicalMemory } from '../memory/physical-memory';
import type { CpuState } from './cpu-state';
import { COMPLETION } from './control-block';
import type { DebugRegisters } from './debug';
import type { VmExit } from './exit';
import { FrameCache } from './frame-cache';
import { ACCESS } from './page-rights';
import { PageWalk, WALK, walkPaging } from './paging';
import { onAddressLines, pagingEnabled, type PagingContext } from './paging-registers';
import type { OperandSize } from './runtime';
import { POOL_RESERVED, STATE, STOP } from './state-layout';
import type { TableMemory } from './table-memory';
import { FAST_RIGHT } from './fast-tlb';
import type { Tlb } from './tlb';
import { CODE_MAP_OF, FAST_TLB, OBSERVED_PAGES, TLB_COUNTER, TLB_WORD, besideCode } from './tlb-layout';
import { flagsOf, tlbRights, wantedRight } from './tlb-rights';
import { VECTOR } from './vectors';

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

/** Results of `resolve` that are not pool offsets: a fault or an exit is set; the chipset's; the final page is the VMM's. */
export const STOPPED = -1;
export const CHIPSET = -2;
export const VIOLATION = -3;

const GENERATION = STATE.tlbGeneration.offset >> 2;
const ACCESSES = TLB_COUNTER.accesses >> 3;
const HIGH_LIMIT = TLB_WORD.highLimit >> 2;
const LEAVES_WORD = TLB_WORD.leaves >> 2;
/** words from an entry of the fast table to that of its code map */
const MAP = CODE_MAP_OF.distance >> 2;

export class LinearAccess {
  /**
   * Is told of every access to memory before it is made. While there is one, compiled code must not run, nor threaded code that
   * does not tell: they would use the fast table. What has been in it says nothing of who was told; call `Tlb.clearFast` after changing it.
   */
  observer: MemoryObserver | undefined;
  /** the same, also while it is not told: it describes frames all the time */
  describer: MemoryObserver | undefined;

  /** host-physical address of the last `resolve` that ended at the chipset, and whether it can be read directly */
  host = 0;
  hostReadable = false;
  /** of the last miss */
  protected readonly walk = new PageWalk();
  /** called when the program has reached a device; the slice that runs may have to end */
  afterDevice: () => void = () => this.state.requestEndSlice();
  /** 1 while linear addresses are translated at all, and so count as TLB accesses */
  private translating = 0;
  /** CR0.AM, EFLAGS.AC and CPL 3: accesses of the program must be aligned. Then nothing of its is in the fast table. */
  private aligned = false;
  /** what compiled code fills the fast table from */
  private readonly frameCache: FrameCache;
  /** the pool's bottom as doubles: statistics */
  private readonly doubles: Float64Array;

  constructor(
    protected readonly state: CpuState,
    private readonly pool: FrameStore,
    private readonly memory: PhysicalMemory,
    private readonly tables: TableMemory,
    protected readonly tlb: Tlb,
    private readonly context: PagingContext,
    protected readonly exits: GuestExits,
    private readonly debug: DebugRegisters,
    /** the 8086: a word at offset FFFF has its second byte at 0, and nothing is refused */
    protected readonly wraps = false,
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

  /** Must accesses of the program be looked at one by one, so that only the interpreter may make them? */
  get isWatched(): boolean {
    return this.observer !== undefined || this.wraps || this.aligned || this.debug.watches;
  }

  /** Are linear addresses translated at all? Only then does the TLB count accesses and hold code pages. */
  get translates(): boolean {
    return this.translating !== 0;
  }

  /** The frame that a fill of compiled code looked for in vain, before what has been done instead, is found by the next one. */
  learnFrame(): void {
    this.frameCache.learn(this.describer, this.observer !== undefined);
  }

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
  protected misaligned(linear: number, size: number, user: boolean): boolean {
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
  resolve(linear: number, access: number): number {
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
        const flags = flagsOf(walk, context);
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

  /** What the pool does not hold: the chipset's, or the VMM's. 0 when the instruction stops here. */
  readElsewhere(outcome: number, linear: number, size: OperandSize): number {
    if (outcome === CHIPSET) {
      const value = this.memory.read(hostPhysical(this.host), size);
      this.afterDevice();
      return value;
    }
    if (outcome !== VIOLATION) return 0;
    const value = this.exits.takeCompletion(COMPLETION.memoryRead, this.walk.guestPhysical, size);
    if (value >= 0) return value;
    this.exits.leaveForEpt(this.walk, linear, { kind: 'read', size, value: 0 });
    return 0;
  }

  /** False when the instruction stops here. */
  writeElsewhere(outcome: number, linear: number, size: OperandSize, value: number): boolean {
    if (outcome === CHIPSET) {
      const device = !this.hostReadable;
      this.memory.write(hostPhysical(this.host), size, size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1));
      if (device) this.afterDevice();
      return true;
    }
    if (outcome !== VIOLATION) return false;
    if (this.exits.takeCompletion(COMPLETION.memoryWrite, this.walk.guestPhysical, size) >= 0) return true;
    const masked = size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1);
    this.exits.leaveForEpt(this.walk, linear, { kind: 'write', size, value: masked });
    return false;
  }

  /** A value at a pool offset, unsigned. */
  readPool(offset: number, size: OperandSize): number {
    if (size === 4) return (offset & 3) === 0 ? this.pool.i32[offset >>> 2]! >>> 0 : this.pool.view.getUint32(offset, true);
    return size === 1 ? this.pool.u8[offset]! : this.pool.view.getUint16(offset, true);
  }

  writePool(offset: number, size: OperandSize, value: number): void {
    if (size === 4) {
      if ((offset & 3) === 0) this.pool.i32[offset >>> 2] = value;
      else this.pool.view.setInt32(offset, value, true);
    } else if (size === 1) this.pool.u8[offset] = value;
    else this.pool.view.setUint16(offset, value, true);
  }
}

/** Byte offset of an address's entry in the fast table. */
const fastEntry = (linear: number, user: boolean): number =>
  (user ? FAST_TLB.user : FAST_TLB.supervisor) + ((linear >>> 8) & ((FAST_TLB.entries - 1) << 4));

/** Is this byte of a crossing access the first in its page? */
const begins = (index: number, linear: number): boolean => index === 0 || (linear & 0xfff) === 0;
