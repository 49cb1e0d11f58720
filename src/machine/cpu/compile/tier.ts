/**
 * The compiled tier: runs the regions of hot code, goes on from one to the next across events, and answers their slow path.
 * Whatever it does not compile is left to the interpreter, instruction by instruction, so the state is the
 * same at every instruction count whichever tier ran.
 */
import type { MemoryAccess } from '../access';
import { PAGE_SIZE } from '../../address';
import { REGION_KEY, regionKey } from '../code-mode';
import { NO_ERROR_CODE, wordOf, type CpuState } from '../cpu-state';
import { FLAG } from '../flags';
import type { BlockCache } from '../interpret/blocks';
import { rotateValue } from '../interpret/integer';
import { callSystem } from '../interpret/system-calls';
import { EXCEPTION } from '../lower/exceptions';
import { SYSTEM_CALL, modeKey } from '../lower/ir';
import type { OperandSize, SegmentIndex, SystemInstructions } from '../runtime';
import { POOL_RESERVED, SEGMENT_INDEX, STOP } from '../state-layout';
import { pushesErrorCode } from '../vectors';
import { JUMP_CACHE, LEAVE, LEFT, WORD, jumpIndex, unpackCall } from './layout';
import { CompiledRegions, type RegionGroup } from './regions';

/** Instructions of one entry into compiled code: counters have 31 bits. */
const LONGEST_RUN = 1 << 24;

/** prefixes that may come before REP's */
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0]);

/** Of a region key: flat 32-bit code in protected mode with a flat 32-bit stack. */
const QUICK =
  modeKey({ code32: true, stack32: true, protectedMode: true, codeLimited: false }) |
  REGION_KEY.flatCode |
  (1 << (REGION_KEY.flat + SEGMENT_INDEX.SS));

const ARGUMENTS = WORD.arguments >> 2;
const RIP = wordOf('rip');
const FLAGS = wordOf('rflags');
const STOPPED = wordOf('stop');
const PROGRESS = wordOf('blockProgress');
const LENGTH = wordOf('instructionLength');

/** What lies between instructions, as the tiers need it. */
export interface Boundary {
  /** Delivers the fault that the state holds. */
  deliverFault(): void;
  /** A fault has been delivered by somebody else. */
  delivered(vector: number, errorCode: number): void;
  /** Does nothing have to be looked at before the next instruction: no trap, no waiting interrupt, nothing that has stopped? RF aside. */
  readonly isQuiet: boolean;
}

export interface TierParts {
  memory: WebAssembly.Memory;
  /** pool offset of a frame */
  poolOffset: (frame: number) => number;
  state: CpuState;
  access: MemoryAccess;
  blocks: BlockCache;
  system: SystemInstructions;
  boundary: Boundary;
  /** the machine clock less the ticks in the state, which are a guest's while one runs */
  clockOffset: () => number;
  /** of the architectural TLB */
  geometry: { sets: number; ways: number };
}

export class CompiledTier {
  /**
   * Set before `run`: between instructions nothing has to be looked at but what `Boundary` knows of (no breakpoint, no single step),
   * so faults are delivered, and execution goes on behind calls of the system side, without coming back.
   */
  goesOn = false;
  /** after `run`: the interpreter must execute the next instruction */
  interpretNext = false;
  /** after `run`: the boundary between instructions must be looked at by who called the interpreter */
  atBoundary = false;
  /** after `run`: RIP and the mode may be anything */
  relocated = false;
  /** after `run`: it ended just behind the delivery of a fault */
  justDelivered = false;
  /** faults delivered without leaving the tier, for measurements */
  deliveries = 0;
  /** of them, and of returns from interrupts, those done the quick way */
  quickEvents = 0;

  /** what there is to run */
  readonly regions: CompiledRegions;

  private readonly words: Int32Array;
  /** slot whose page the TLB was told of */
  private heldSlot = 0;
  private enteredSlot = 0;
  private limit = 0;
  /** key of the running region */
  private runningKey = 0;
  /** budget when a fault was delivered last, and when RF was taken away because its one instruction began; -1: not */
  private deliveredAt = -1;
  private resumedAt = -1;
  /** what the slow path left: instructions and accesses to give back */
  private leftBudget = 0;
  private leftUncounted = 0;
  private leftRip = 0;

  constructor(private readonly parts: TierParts) {
    const { memory, poolOffset, blocks, geometry, state } = parts;
    this.words = new Int32Array(memory.buffer, 0, POOL_RESERVED >> 2);
    const slowPath = {
      slowLoad: (offset: number, note: number, rip: number, budget: number) => this.load(offset, note, rip, budget),
      slowStore: (offset: number, note: number, rip: number, budget: number, value: number) => this.store(offset, note, rip, budget, value),
      slowProbe: (offset: number, note: number, rip: number, budget: number) => this.probe(offset, note, rip, budget),
      system: (note: number, rip: number, budget: number, id: number, a: number, b: number) => this.system(note, rip, budget, id, a, b),
      rotate: rotateValue,
    };
    const flags = { mask: state.flagsMask, fixed: state.fixedFlags };
    this.regions = new CompiledRegions({ memory, poolOffset, blocks, flags, geometry, slowPath });
  }

  /**
   * Runs compiled code from a handle, at most `limit` instructions. RIP, registers and flags are in the state afterwards, and
   * `stop` where the last instruction faulted or left.
   * @returns instructions completed; `instructions` and `ticks` are not advanced yet
   */
  run(handle: number, limit: number): number {
    const { words } = this;
    this.limit = Math.min(limit, LONGEST_RUN);
    words[WORD.budget >> 2] = this.limit;
    words[WORD.accesses >> 2] = 0;
    words[WORD.leave >> 2] = 0;
    words[WORD.slot >> 2] = this.heldSlot = this.enteredSlot = handle >>> 8;
    this.runningKey = this.regions.groupOf(handle >>> 8).key;
    this.relocated = this.atBoundary = false;
    this.resumedAt = this.deliveredAt = -1;
    for (let next = handle; next !== 0;) {
      const code = this.regions.enter!(next);
      this.interpretNext = code === LEFT.budget;
      if (code === LEFT.stopped) {
        words[RIP] = this.leftRip;
        words[WORD.budget >> 2] = this.leftBudget;
        words[WORD.accesses >> 2]! -= this.leftUncounted;
        this.interpretNext = words[WORD.leave >> 2] === LEAVE.deferred;
        words[WORD.leave >> 2] = 0;
      }
      if (code === LEFT.call) next = this.goOn(this.callOutside());
      else if (this.interpretNext || (code !== LEFT.stopped && code !== LEFT.fault)) break;
      else next = this.goOn(true);
    }
    const budget = words[WORD.budget >> 2]!;
    this.parts.access.countAccesses(words[WORD.accesses >> 2]!);
    this.holdPage();
    words[PROGRESS] = 0;
    if (budget === this.resumedAt) {
      this.parts.state.setFlag(FLAG.RF, true);
      this.atBoundary = true;
    }
    this.justDelivered = budget === this.deliveredAt;
    return this.limit - budget;
  }

  /** Makes the call with which a block ended. When it fails, the instruction has not been executed. True: as in `goOn`. */
  private callOutside(): boolean {
    const { words } = this;
    const { state, system } = this.parts;
    const { id, length, advanced } = unpackCall(words[WORD.call >> 2]!);
    const next = words[RIP]!;
    const quick = id === SYSTEM_CALL.returnFromInterrupt && (this.runningKey & QUICK) === QUICK && words[ARGUMENTS] === 4;
    if (quick && !this.parts.access.checksAlignment && this.regions.quick!.iret() !== 0) {
      this.quickEvents++;
      return true;
    }
    if (!advanced) words[RIP] = next - length;
    words[PROGRESS] = this.limit - words[WORD.budget >> 2]! - 1;
    this.holdPage();
    const [a, b, c] = [words[ARGUMENTS]!, words[ARGUMENTS + 1]!, words[ARGUMENTS + 2]!];
    callSystem(state, system, id, a, b, c);
    if (state.stop === STOP.fault || state.stop === STOP.exit) {
      words[RIP] = next - length;
      words[LENGTH] = length;
      words[WORD.budget >> 2]!++;
    } else if (!advanced) words[RIP] = next;
    return false;
  }

  /**
   * Between two instructions, everything in the state: delivers a fault if there is one, and finds where execution goes on.
   * @param sameCode CS has not changed but for its selector, and nothing else that regions are made for
   * @returns a handle; 0 when `run` must end here
   */
  private goOn(sameCode: boolean): number {
    const { words } = this;
    const { state, access, boundary } = this.parts;
    const budget = words[WORD.budget >> 2]!;
    let same = sameCode;
    this.holdPage();
    for (;;) {
      this.relocated = true;
      if (!this.goesOn) break;
      if (state.stop === STOP.fault) {
        // one that comes before anything was executed is counted by the caller, lest it go on for ever
        if (budget === this.limit || budget === this.deliveredAt) break;
        if (budget === this.resumedAt) state.setFlag(FLAG.RF, true);
        words[PROGRESS] = this.limit - budget;
        same = this.deliver();
        this.deliveries++;
        this.resumedAt = -1;
        this.deliveredAt = budget;
      }
      if (state.stop === STOP.codeWritten) state.clearStop();
      if (!same) this.leaveCode();
      if (!boundary.isQuiet) break;
      if (budget === 0) return 0;
      if (!same) this.runningKey = regionKey(state);
      const rip = words[RIP]! >>> 0;
      if ((this.runningKey & REGION_KEY.flatCode) === 0) break;
      const held = this.heldSlot === 0 || !access.holdsCodePage ? undefined : this.regions.groupOf(this.heldSlot);
      if (held !== undefined && ((rip ^ held.pageRip) & -PAGE_SIZE) === 0) return this.resume(rip, held.addend, budget);
      this.leaveCode();
      const frame = access.fetchFrame(rip);
      if (frame >= 0) return this.resume(rip, (this.parts.poolOffset(frame) - (rip & -PAGE_SIZE)) | 0, budget);
      words[LENGTH] = 0;
      same = false;
    }
    this.atBoundary = true;
    return 0;
  }

  /** Delivers the fault in the state, the quick way if that can be. True: the running code's mode and privilege are the same. */
  private deliver(): boolean {
    const { words } = this;
    const { state, boundary, access } = this.parts;
    const vector = state.faultVector;
    if ((this.runningKey & QUICK) === QUICK && vector !== EXCEPTION.DB && !access.checksAlignment) {
      const errorCode = pushesErrorCode(vector) ? state.faultErrorCode : NO_ERROR_CODE;
      if (this.regions.quick!.deliver(vector, errorCode, state.eflags | FLAG.RF) !== 0) {
        words[STOPPED] = STOP.none;
        this.quickEvents++;
        boundary.delivered(vector, state.faultErrorCode);
        return true;
      }
    }
    boundary.deliverFault();
    return false;
  }

  /** Handle of the code at a linear address whose page lies in the pool at linear + `addend`; 0 when there is none. */
  private resume(rip: number, addend: number, budget: number): number {
    const { words } = this;
    const { state } = this.parts;
    const at = (JUMP_CACHE.offset >> 2) + jumpIndex(rip) * 4;
    const found = words[at] === (rip | 0) && words[at + 1] === addend && words[at + 2] === this.runningKey;
    if ((words[FLAGS]! & FLAG.RF) !== 0) {
      // it holds for one instruction, which a repeated one is not
      if (!found || this.repeats((addend + rip) >>> 0)) {
        this.atBoundary = true;
        return 0;
      }
      state.setFlag(FLAG.RF, false);
      this.resumedAt = budget;
    }
    if (!found) return 0;
    const handle = words[at + 3]!;
    words[WORD.slot >> 2] = this.heldSlot = handle >>> 8;
    return handle;
  }

  /** Is the instruction at a pool offset one that REP may repeat? */
  private repeats(offset: number): boolean {
    const first = this.parts.blocks.byteAt(offset);
    if (first !== 0xf2 && first !== 0xf3 && !PREFIXES.has(first)) return false;
    let at = offset;
    while (at % PAGE_SIZE !== 0 && PREFIXES.has(this.parts.blocks.byteAt(at))) at++;
    const byte = this.parts.blocks.byteAt(at);
    return (at % PAGE_SIZE === 0 && at !== offset) || byte === 0xf2 || byte === 0xf3;
  }

  /** What was held of the running code says nothing any more. */
  private leaveCode(): void {
    this.words[WORD.slot >> 2] = this.heldSlot = 0;
  }

  /** After `run`: the group of the page that execution has gone to, undefined when it stayed where it was entered. */
  get movedTo(): RegionGroup | undefined {
    return this.heldSlot === this.enteredSlot || this.heldSlot === 0 ? undefined : this.regions.groupOf(this.heldSlot);
  }

  /** After `run`: the TLB holds no code page any more, it must be looked up again. */
  get lostPage(): boolean {
    return this.heldSlot === 0;
  }

  // --- the slow path ---------------------------------------------------------------------------------------------------

  private load(offset: number, note: number, rip: number, budget: number): number {
    this.begin(note, rip, budget);
    const { access } = this.parts;
    const value = access.loadForCompiled((note & 7) as SegmentIndex, offset >>> 0, ((note >> 3) & 7) as OperandSize);
    if (access.refused !== 0) this.leave(note, rip, budget);
    return value;
  }

  private store(offset: number, note: number, rip: number, budget: number, value: number): void {
    this.begin(note, rip, budget);
    const { access } = this.parts;
    const size = ((note >> 3) & 7) as OperandSize;
    const frame = this.regions.groupOf(this.words[WORD.slot >> 2]!).codePage.frame;
    access.storeForCompiled((note & 7) as SegmentIndex, offset >>> 0, size, value, frame);
    if (access.refused !== 0) this.leave(note, rip, budget);
  }

  private probe(offset: number, note: number, rip: number, budget: number): void {
    this.begin(note, rip, budget);
    const size = ((note >> 3) & 7) as OperandSize;
    if (this.parts.access.prepareStore((note & 7) as SegmentIndex, offset >>> 0, size)) return;
    this.parts.access.refused = LEAVE.stop;
    this.leave(note, rip, budget);
  }

  private system(note: number, rip: number, budget: number, id: number, a: number, b: number): number {
    this.begin(note, rip, budget);
    const { state, access } = this.parts;
    const value = callSystem(state, this.parts.system, id, a, b, 0);
    if (state.stop !== STOP.none) {
      access.refused = LEAVE.stop;
      this.leave(note, rip, budget);
    } else if (!access.holdsCodePage) this.words[WORD.slot >> 2] = this.heldSlot = 0;
    return value;
  }

  /** Devices and logs may look at the state meanwhile. */
  private begin(note: number, rip: number, budget: number): void {
    this.words[RIP] = rip;
    this.words[PROGRESS] = this.limit - budget - (note >>> 22);
    if (this.words[WORD.slot >> 2] !== this.heldSlot) this.holdPage();
    this.parts.access.refused = 0;
  }

  private leave(note: number, rip: number, budget: number): void {
    const { refused } = this.parts.access;
    this.words[WORD.leave >> 2] = refused;
    this.leftRip = rip;
    this.leftBudget = budget + (note >>> 22);
    this.leftUncounted = (note >> 14) & 255;
    if (refused === LEAVE.deferred) this.leftUncounted += (note >> 6) & 15;
    else this.words[LENGTH] = (note >> 10) & 15;
  }

  private holdPage(): void {
    const slot = this.words[WORD.slot >> 2]!;
    if (slot === this.heldSlot) return;
    this.heldSlot = slot;
    const group = this.regions.groupOf(slot);
    // only regions in flat code go on to other pages: there RIP is the linear address
    this.parts.access.holdCodePage(group.pageRip >>> 12, group.codePage.frame);
  }
}
