/**
 * The compiled tier: runs the regions of hot code, goes on from one to the next across events, and answers their slow path.
 * Whatever it does not compile is left to the interpreter, instruction by instruction, so the state is the
 * same at every instruction count whichever tier ran.
 */
import type { MemoryAccess } from '../access';
import { PAGE_SIZE } from '../../address';
import { REGION_KEY, regionKey } from '../code-mode';
import { wordOf, type CpuState } from '../cpu-state';
import { PREFIXES, isRepeatPrefix } from '../decode/repeated-string';
import { FLAG } from '../flags';
import type { BlockCache } from '../interpret/blocks';
import { callDevice, callSystem } from '../interpret/system-calls';
import type { OperandSize, SegmentIndex, SystemInstructions } from '../runtime';
import { POOL_RESERVED, SEGMENT_INDEX, STOP } from '../state-layout';
import { EVENT_LOG, JUMP_CACHE, LEAVE, LEFT, WORD, jumpIndex, unpackCall } from './layout';
import { CompiledRegions, type RegionGroup } from './regions';

/** Instructions of one entry into compiled code: counters have 31 bits. */
const LONGEST_RUN = 1 << 24;

const ARGUMENTS = WORD.arguments >> 2;
const W = {
  budget: WORD.budget >> 2,
  accesses: WORD.accesses >> 2,
  leave: WORD.leave >> 2,
  slot: WORD.slot >> 2,
  call: WORD.call >> 2,
  leftRip: WORD.leftRip >> 2,
  leftBudget: WORD.leftBudget >> 2,
  leftUncounted: WORD.leftUncounted >> 2,
  held: WORD.heldSlot >> 2,
  key: WORD.key >> 2,
  limit: WORD.limit >> 2,
  goesOn: WORD.goesOn >> 2,
  deliveredAt: WORD.deliveredAt >> 2,
  resumedAt: WORD.resumedAt >> 2,
  events: WORD.events >> 2,
} as const;
const RIP = wordOf('rip');
const FLAGS = wordOf('rflags');
const PROGRESS = wordOf('blockProgress');
const LENGTH = wordOf('instructionLength');

const EVENTS = EVENT_LOG.offset >> 2;
const EVENT_WORDS = EVENT_LOG.bytes >> 2;
const E = {
  vector: EVENT_LOG.vector >> 2,
  errorCode: EVENT_LOG.errorCode >> 2,
  software: EVENT_LOG.software >> 2,
  cr2: EVENT_LOG.cr2 >> 2,
  instructions: EVENT_LOG.instructions >> 2,
} as const;

/** What lies between instructions, as the tiers need it. */
export interface Boundary {
  /** Delivers the fault that the state holds. */
  deliverFault(): void;
  /** Compiled code has delivered a fault or an INT n. */
  delivered(vector: number, software: boolean, errorCode: number, cr2: number): void;
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
  /** after `run`: that one only, which is not compiled; behind it code may be compiled again */
  interpretOne = false;
  /** after `run`: the boundary between instructions must be looked at by who called the interpreter */
  atBoundary = false;
  /** after `run`: RIP and the mode may be anything */
  relocated = false;
  /** after `run`: it ended just behind the delivery of a fault */
  justDelivered = false;

  /** what there is to run */
  readonly regions: CompiledRegions;

  private readonly words: Int32Array;
  private enteredSlot = 0;

  constructor(private readonly parts: TierParts) {
    const { memory, poolOffset, blocks, geometry, state } = parts;
    this.words = new Int32Array(memory.buffer, 0, POOL_RESERVED >> 2);
    const slowPath = {
      slowLoad: (offset: number, note: number, rip: number, budget: number) => this.load(offset, note, rip, budget),
      slowStore: (offset: number, note: number, rip: number, budget: number, value: number) => this.store(offset, note, rip, budget, value),
      slowProbe: (offset: number, note: number, rip: number, budget: number) => this.probe(offset, note, rip, budget),
      system: (note: number, rip: number, budget: number, id: number, a: number, b: number) => this.system(note, rip, budget, id, a, b),
      device: (note: number, rip: number, budget: number, id: number, a: number, b: number, c: number) =>
        this.device(note, rip, budget, id, a, b, c),
    };
    const flags = { mask: state.flagsMask, fixed: state.fixedFlags };
    const quiet = (): number => (parts.boundary.isQuiet ? 1 : 0);
    this.regions = new CompiledRegions({ memory, poolOffset, blocks, flags, geometry, slowPath, quiet });
  }

  /**
   * Runs compiled code from a handle, at most `limit` instructions. RIP, registers and flags are in the state afterwards, and
   * `stop` where the last instruction faulted or left.
   * @returns instructions completed; `instructions` and `ticks` are not advanced yet
   */
  run(handle: number, limit: number): number {
    const { words } = this;
    const { access, state } = this.parts;
    words[W.limit] = words[W.budget] = Math.min(limit, LONGEST_RUN);
    words[W.accesses] = 0;
    words[W.leave] = 0;
    words[W.slot] = words[W.held] = this.enteredSlot = handle >>> 8;
    words[W.key] = this.regions.groupOf(handle >>> 8).key;
    words[W.goesOn] = this.goesOn && !access.checksAlignment ? 1 : 0;
    words[W.resumedAt] = words[W.deliveredAt] = -1;
    this.relocated = this.atBoundary = false;
    const { quickEvents } = this;
    for (let next = handle; next !== 0;) {
      const code = this.regions.enter!(next);
      if (words[W.events] !== 0) this.tellOfEvents();
      this.interpretOne = code === LEFT.single;
      this.interpretNext = this.interpretOne || code === LEFT.budget || code === LEFT.deferred;
      if (code === LEFT.crossed) this.regions.crossed(words[W.slot]!, words[RIP]!);
      if (code === LEFT.call) {
        this.callOutside();
        next = this.goOn(false);
      } else if (code === LEFT.fault || code === LEFT.between) {
        words[W.leave] = 0;
        next = this.goOn(code === LEFT.fault);
      } else break;
    }
    if (quickEvents !== this.quickEvents) this.relocated = true;
    const budget = words[W.budget]!;
    access.compiled.countAccesses(words[W.accesses]!);
    this.holdPage();
    words[PROGRESS] = 0;
    if (budget === words[W.resumedAt]) {
      state.setFlag(FLAG.RF, true);
      this.atBoundary = true;
    }
    this.justDelivered = budget === words[W.deliveredAt];
    return words[W.limit]! - budget;
  }

  /** Faults delivered without leaving the tier, for measurements. */
  get deliveries(): number {
    return this.words[WORD.deliveries >> 2]!;
  }
  /** Events delivered and returned from by compiled code itself, likewise. */
  get quickEvents(): number {
    return this.words[WORD.quickEvents >> 2]!;
  }

  /** What compiled code has delivered meanwhile. */
  private tellOfEvents(): void {
    const { words } = this;
    const { boundary } = this.parts;
    const end = EVENTS + words[W.events]! * EVENT_WORDS;
    for (let at = EVENTS; at < end; at += EVENT_WORDS) {
      words[PROGRESS] = words[at + E.instructions]!;
      boundary.delivered(words[at + E.vector]!, words[at + E.software] !== 0, words[at + E.errorCode]!, words[at + E.cr2]! >>> 0);
    }
    words[W.events] = 0;
  }

  /** Makes the call with which a block ended. When it fails, the instruction has not been executed. */
  private callOutside(): void {
    const { words } = this;
    const { state, system, access } = this.parts;
    const { id, length, advanced } = unpackCall(words[W.call]!);
    const next = words[RIP]!;
    if (!advanced) words[RIP] = next - length;
    words[PROGRESS] = words[W.limit]! - words[W.budget]! - 1;
    this.holdPage();
    const [a, b, c] = [words[ARGUMENTS]!, words[ARGUMENTS + 1]!, words[ARGUMENTS + 2]!];
    callSystem(state, system, id, a, b, c);
    access.learnFrame();
    if (state.stop === STOP.fault || state.stop === STOP.exit) {
      words[RIP] = next - length;
      words[LENGTH] = length;
      words[W.budget]!++;
    } else if (!advanced) words[RIP] = next;
  }

  /**
   * Between two instructions, everything in the state: delivers a fault if there is one, and finds where execution goes on.
   * @param sameCode CS has not changed but for its selector, and nothing else that regions are made for
   * @returns a handle; 0 when `run` must end here
   */
  private goOn(sameCode: boolean): number {
    const { words } = this;
    const { state, access, boundary } = this.parts;
    const budget = words[W.budget]!;
    let same = sameCode;
    this.holdPage();
    for (;;) {
      this.relocated = true;
      if (!this.goesOn) break;
      if (state.stop === STOP.fault) {
        // one that comes before anything was executed is counted by the caller, lest it go on for ever
        if (budget === words[W.limit] || budget === words[W.deliveredAt]) break;
        if (budget === words[W.resumedAt]) state.setFlag(FLAG.RF, true);
        words[PROGRESS] = words[W.limit]! - budget;
        boundary.deliverFault();
        same = false;
        access.learnFrame();
        words[WORD.deliveries >> 2]!++;
        words[W.resumedAt] = -1;
        words[W.deliveredAt] = budget;
      }
      if (state.stop === STOP.codeWritten) state.clearStop();
      if (!same) this.leaveCode();
      if (!boundary.isQuiet) break;
      if (budget === 0) return 0;
      if (!same) words[W.key] = regionKey(state);
      const rip = words[RIP]! >>> 0;
      if ((words[W.key]! & REGION_KEY.flatCode) === 0) break;
      const held = words[W.held] === 0 || !access.compiled.holdsCodePage ? undefined : this.regions.groupOf(words[W.held]!);
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

  /** Handle of the code at a linear address whose page lies in the pool at linear + `addend`; 0 when there is none. */
  private resume(rip: number, addend: number, budget: number): number {
    const { words } = this;
    const { state } = this.parts;
    const at = (JUMP_CACHE.offset >> 2) + jumpIndex(rip) * 4;
    const found = words[at] === (rip | 0) && words[at + 1] === addend && words[at + 2] === words[W.key];
    if ((words[FLAGS]! & FLAG.RF) !== 0) {
      // it holds for one instruction, which a repeated one is not
      if (!found || this.repeats((addend + rip) >>> 0)) {
        this.atBoundary = true;
        return 0;
      }
      state.setFlag(FLAG.RF, false);
      words[W.resumedAt] = budget;
    }
    if (!found) return 0;
    const handle = words[at + 3]!;
    words[W.slot] = words[W.held] = handle >>> 8;
    return handle;
  }

  /** Is the instruction at a pool offset one that REP may repeat? */
  private repeats(offset: number): boolean {
    const { blocks } = this.parts;
    if (!PREFIXES.has(blocks.byteAt(offset))) return false;
    let at = offset;
    while (at % PAGE_SIZE !== 0 && PREFIXES.has(blocks.byteAt(at)) && !isRepeatPrefix(blocks.byteAt(at))) at++;
    return (at % PAGE_SIZE === 0 && at !== offset) || isRepeatPrefix(blocks.byteAt(at));
  }

  /** What was held of the running code says nothing any more. */
  private leaveCode(): void {
    this.words[W.slot] = this.words[W.held] = 0;
  }

  /** After `run`: the group of the page that execution has gone to, undefined when it stayed where it was entered. */
  get movedTo(): RegionGroup | undefined {
    const held = this.words[W.held]!;
    if (held === this.enteredSlot || held === 0) return undefined;
    const group = this.regions.groupOf(held);
    return (group.key & REGION_KEY.flatCode) === 0 ? undefined : group;
  }

  /** After `run`: the TLB holds no code page any more, it must be looked up again. */
  get lostPage(): boolean {
    return this.words[W.held] === 0;
  }

  // --- the slow path ---------------------------------------------------------------------------------------------------

  private load(offset: number, note: number, rip: number, budget: number): number {
    this.begin(note, rip, budget);
    const { access } = this.parts;
    const value = access.compiled.load((note & 7) as SegmentIndex, offset >>> 0, ((note >> 3) & 7) as OperandSize);
    if (access.compiled.refused !== 0) this.leave(note, rip, budget);
    return value;
  }

  private store(offset: number, note: number, rip: number, budget: number, value: number): void {
    this.begin(note, rip, budget);
    const { access } = this.parts;
    const size = ((note >> 3) & 7) as OperandSize;
    const running = this.regions.framesOf(this.words[W.slot]!);
    access.compiled.store((note & 7) as SegmentIndex, offset >>> 0, size, value, running);
    if (access.compiled.refused !== 0) this.leave(note, rip, budget);
  }

  private probe(offset: number, note: number, rip: number, budget: number): void {
    this.begin(note, rip, budget);
    const size = ((note >> 3) & 7) as OperandSize;
    if (this.parts.access.prepareStore((note & 7) as SegmentIndex, offset >>> 0, size)) return;
    this.parts.access.compiled.refused = LEAVE.stop;
    this.leave(note, rip, budget);
  }

  private system(note: number, rip: number, budget: number, id: number, a: number, b: number): number {
    this.begin(note, rip, budget);
    const { state, access } = this.parts;
    const value = callSystem(state, this.parts.system, id, a, b, 0);
    if (state.stop !== STOP.none) {
      access.compiled.refused = LEAVE.stop;
      this.leave(note, rip, budget);
    } else if (!access.compiled.holdsCodePage) this.words[W.slot] = this.words[W.held] = 0;
    return value;
  }

  private device(note: number, rip: number, budget: number, id: number, a: number, b: number, c: number): number {
    this.begin(note, rip, budget);
    const { state, access } = this.parts;
    const value = callDevice(this.parts.system, id, a, b, c);
    const { stop } = state;
    if (stop === STOP.fault || stop === STOP.exit) {
      access.compiled.refused = LEAVE.stop;
      this.leave(note, rip, budget);
    } else if (stop !== STOP.none) this.words[W.leave] = LEAVE.behind;
    return value;
  }

  /** Devices and logs may look at the state meanwhile. */
  private begin(note: number, rip: number, budget: number): void {
    this.words[RIP] = rip;
    this.words[PROGRESS] = this.words[W.limit]! - budget - (note >>> 22);
    this.holdPage();
    this.parts.access.compiled.refused = 0;
  }

  private leave(note: number, rip: number, budget: number): void {
    const { words } = this;
    const { refused } = this.parts.access.compiled;
    words[W.leave] = refused;
    words[W.leftRip] = rip;
    words[W.leftBudget] = budget + (note >>> 22);
    words[W.leftUncounted] = (note >> 14) & 255;
    if (refused === LEAVE.deferred) words[W.leftUncounted]! += (note >> 6) & 15;
    else words[LENGTH] = (note >> 10) & 15;
    // a page fault in the running code's page
    if (!this.parts.access.compiled.holdsCodePage) this.leaveCode();
  }

  /** Tells the TLB which page the running code is in, when that has changed since. */
  private holdPage(): void {
    const slot = this.words[W.slot]!;
    if (slot === this.words[W.held]) return;
    this.words[W.held] = slot;
    if (slot === 0) return;
    const group = this.regions.groupOf(slot);
    // only regions in flat code go on to other pages; elsewhere this is another region of the page, which begins where CS says
    const base = group.key & REGION_KEY.flatCode ? 0 : this.parts.state.segmentBase(SEGMENT_INDEX.CS);
    this.parts.access.compiled.holdCodePage((group.pageRip + base) >>> 12, (group.key & REGION_KEY.user) !== 0, group.codePage.frame);
  }
}
