/**
 * The tier between the interpreter and the compiled one, for code that is not hot: blocks become threaded code (unit.ts), which
 * one loop in WebAssembly executes. What it cannot execute is left to the interpreter, instruction by instruction, so the
 * state is the same at every instruction count whichever tier ran.
 */
import { PAGE_SIZE } from '../../address';
import { makeSegmentStores, type PushSegment, type SegmentStores } from '../compile/beside-code';
import { OP } from '../compile/encoder';
import { makeFill } from '../compile/fill-code';
import { IMPORTS as REGION_IMPORTS } from '../compile/locals';
import type { TierParts } from '../compile/tier';
import { REGION_KEY } from '../code-mode';
import { wordOf } from '../cpu-state';
import type { CodePage } from '../interpret/blocks';
import { divide } from '../interpret/divide';
import { doubleShiftValue, rotateValue } from '../interpret/integer';
import { noteDoubleShift, noteRotate } from '../interpret/shift-flags';
import { callDevice } from '../interpret/system-calls';
import { carryFlag } from '../flags';
import { ROTATE, type IrBlock, type Mode } from '../lower/ir';
import { lowerBlock, MAX_BLOCK, type LowerResult } from '../lower/lower';
import type { OperandSize, SegmentIndex } from '../runtime';
import { POOL_RESERVED, STOP } from '../state-layout';
import { REFUSED } from '../compiled-access';
import { FAST_TLB } from '../tlb-layout';
import { BLOCKS, HEADER, JUMPS, LEFT, NEVER_HOT, NOTE, WORD, jumpIndex, unpackAccess, unpackTold } from './layout';
import type { ImportName } from './locals';
import { theLoop, type Handlers } from './loop';
import { makeObservedFill } from './observed-fill';
import { makeStateFlags, type StateFlags } from './state-flags';
import { translate, untilAccess } from './translate';

/** Instructions of one entry into the loop: counters have 31 bits. */
const LONGEST_RUN = 1 << 24;
/** Blocks of dropped pages: more of them, and more than there are others, and all are made anew. */
const MOST_DEAD = 1024;
/** Different modes and addresses under which the code of one frame is threaded. */
const MOST_GROUPS = 8;

const RIP = wordOf('rip');
const PROGRESS = wordOf('blockProgress');
const LENGTH = wordOf('instructionLength');
const KIND = wordOf('lazyKind');
const LEFT_OPERAND = wordOf('lazyLeft');
const RIGHT = wordOf('lazyRight');
const RESULT = wordOf('lazyResult');
const FLAGS = wordOf('rflags');

/** The segment of an access, by its place among those of its unit. */
const segmentOfUnit: PushSegment = (body, note, pc) => {
  body.get(pc).memory(OP.load, 4).get(note).i32(7).op(OP.and).i32(NOTE.segmentBits).op(OP.mul);
  body.i32(NOTE.segmentShift).op(OP.add, OP.shr_u).i32(7).op(OP.and);
};

/** Executions of a hot block until the compiled tier, which had nothing for it, is asked again. */
export const ASKED_EVERY = 64;

/** In a group's key, beside the bits of the region key: its code tells of every access. */
const OBSERVED = 1 << 30;
/** The key of no mode. */
const NO_KEY = -1;

/** What compiled regions import besides accesses: the loop has its own. */
const NO_REGIONS = Object.fromEntries(REGION_IMPORTS.map(([name]) => [name, (): number => 0]));

/** Threaded code of one frame, made for one mode and one place in the address space. */
export interface ThreadedGroup {
  /** the page's frame, not its CodePage: blocks of dropped pages stay until the storage is full, and must not hold what they were made from */
  readonly frame: number;
  readonly key: number;
  readonly mode: Mode;
  readonly pageRip: number;
  /** by offset in the page: header of the block there, 0 when nothing there can be threaded */
  readonly headers: Map<number, number>;
  /** its frame was written to, or everything was dropped */
  dropped: boolean;
}

interface Block {
  readonly group: ThreadedGroup;
  /** word indexes of its links to other blocks */
  readonly links: readonly number[];
  /** of each instruction: bytes from the block's start, bytes, accesses from it on */
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
  readonly accessesFrom: readonly number[];
}

export class ThreadedTier {
  /** after `run`: the interpreter must execute the next instruction */
  interpretNext = false;
  /** after `run`, as the compiled tier has them: it never goes on by itself */
  readonly atBoundary = false;
  readonly justDelivered = false;
  /** after `run`: the block at RIP is hot */
  hot = false;
  /** blocks made, for measurements */
  translated = 0;
  /** executions after which a block is hot */
  hotAfter = NEVER_HOT;

  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  /** the loop, and that for observed memory; made when they are needed */
  private readonly loops: { plain?: () => number; observed?: () => number } = {};
  private observesMemory = false;
  private readonly groups = new Map<CodePage, ThreadedGroup[]>();
  /** found last, and for which page */
  private latest: ThreadedGroup | undefined;
  private latestPage: CodePage | undefined;
  private blocks: Block[] = [];
  /** of them, those of dropped pages */
  private dead = 0;
  private next = BLOCKS.offset;
  private limit = 0;
  /** group whose page the TLB was told of */
  private held: ThreadedGroup | undefined;
  private entered: ThreadedGroup | undefined;
  /** what the slow path left: where, and instructions and accesses to give back */
  private leftRip = 0;
  private leftBudget = 0;
  private leftUncounted = 0;

  /** frames of the running code */
  private readonly runningFrames = { has: (frame: number): boolean => frame === this.held!.frame };

  constructor(private readonly parts: TierParts) {
    this.words = new Int32Array(parts.memory.buffer, 0, POOL_RESERVED >> 2);
    this.doubles = new Float64Array(parts.memory.buffer, 0, POOL_RESERVED >> 3);
    parts.blocks.onDrop((page) => (page === undefined ? this.dropAll() : this.dropPage(page)));
  }

  /**
   * Must every access to memory be told of, one by one? Blocks end behind an access then, so that the loop can be left there, and
   * none of them gets hot. Those that do not tell stay until it must no longer. Only while it does not run.
   */
  get observed(): boolean {
    return this.observesMemory;
  }
  set observed(on: boolean) {
    if (on === this.observesMemory) return;
    this.observesMemory = on;
    this.latest = this.latestPage = undefined;
  }

  /** May a group be used as things are? */
  isCurrent(group: ThreadedGroup): boolean {
    return !group.dropped && ((group.key & OBSERVED) !== 0) === this.observesMemory;
  }

  /**
   * The group for the code of a page; undefined when the frame has too many already.
   * @param regionKey of the state
   */
  group(codePage: CodePage, mode: Mode, regionKey: number, pageRip: number): ThreadedGroup | undefined {
    const key = this.observesMemory ? regionKey | OBSERVED : regionKey;
    const { latest } = this;
    if (latest !== undefined && this.latestPage === codePage && latest.key === key && latest.pageRip === pageRip && !latest.dropped) {
      return latest;
    }
    this.latestPage = codePage;
    let groups = this.groups.get(codePage);
    if (groups === undefined) this.groups.set(codePage, (groups = []));
    const found = groups.find((group) => group.key === key && group.pageRip === pageRip);
    if (found !== undefined) return (this.latest = found);
    if (groups.filter((group) => this.isCurrent(group)).length >= MOST_GROUPS) return (this.latest = undefined);
    const made: ThreadedGroup = { frame: codePage.frame, key, mode, pageRip, headers: new Map(), dropped: false };
    groups.push(made);
    return (this.latest = made);
  }

  /** Header of the threaded block at an offset of the group's page, made now if need be; 0 when it cannot be. */
  header(group: ThreadedGroup, offset: number): number {
    const header = group.headers.get(offset) ?? this.make(group, offset);
    if (header !== 0) this.remember(group, offset, header);
    return header;
  }

  /** Has the block been executed often enough for the compiled tier? */
  isHot(header: number): boolean {
    return this.words[(header + HEADER.heat) >> 2]! <= 1;
  }
  /** Nothing is compiled there yet: the block is hot again after more executions. */
  askAgain(header: number): void {
    this.words[(header + HEADER.heat) >> 2] = ASKED_EVERY;
  }
  /** The block is not worth asking for again. */
  neverHot(header: number): void {
    this.words[(header + HEADER.heat) >> 2] = NEVER_HOT;
  }

  /**
   * Runs threaded code from a block, at most `limit` instructions. RIP, registers and flags are in the state afterwards, and
   * `stop` where the last instruction faulted or left.
   * @returns instructions completed; `instructions` and `ticks` are not advanced yet
   */
  run(header: number, limit: number): number {
    const { words } = this;
    const { group } = this.blockAt(header);
    this.limit = Math.min(limit, LONGEST_RUN);
    words[WORD.header >> 2] = header;
    words[WORD.budget >> 2] = words[WORD.limit >> 2] = this.limit;
    if (this.observesMemory) this.doubles[WORD.clock >> 3] = this.parts.clockOffset();
    words[WORD.accesses >> 2] = 0;
    words[WORD.leave >> 2] = 0;
    words[WORD.key >> 2] = group.key;
    words[WORD.flatCode >> 2] = (group.key >> 11) & 1;
    words[WORD.table >> 2] = group.key & (1 << 10) ? FAST_TLB.user : FAST_TLB.supervisor;
    this.held = this.entered = group;
    const code = this.loops[this.observesMemory ? 'observed' : 'plain']!();
    let budget = words[WORD.budget >> 2]!;
    let accesses = words[WORD.accesses >> 2]!;
    this.interpretNext = code === LEFT.budget || code === LEFT.interpret;
    this.hot = code === LEFT.hot;
    if (code === LEFT.stopped) {
      words[RIP] = this.leftRip;
      budget = this.leftBudget;
      accesses -= this.leftUncounted;
      this.interpretNext = words[WORD.leave >> 2] === REFUSED.deferred;
    } else words[RIP] = words[WORD.rip >> 2]!;
    this.parts.access.compiled.countAccesses(accesses);
    this.holdPage(this.blockAt(words[WORD.header >> 2]!).group);
    words[PROGRESS] = 0;
    if (code === LEFT.unknown) this.setLink();
    return this.limit - budget;
  }

  /** After `run`: the group of the page that execution has gone to, undefined when it stayed where it was entered. */
  get movedTo(): ThreadedGroup | undefined {
    return this.held === this.entered ? undefined : this.held;
  }

  // --- making ----------------------------------------------------------------------------------------------------------

  private make(group: ThreadedGroup, offset: number): number {
    const { poolOffset, blocks, memory } = this.parts;
    const pool = poolOffset(group.frame);
    if (pool < 0) return 0;
    const observed = this.observesMemory;
    const handlers = this.start(memory);
    const lower = (most: number): LowerResult => lowerBlock(blocks.source(group.frame, pool, offset), group.mode, most);
    let ir = lower(MAX_BLOCK);
    if (ir === 'truncated') return 0;
    if (this.dead > MOST_DEAD && this.dead > this.blocks.length / 2) this.empty();
    if (observed) ir = lower(untilAccess(ir)) as IrBlock;
    const { pageRip } = group;
    const place = { pageRip, rip: (pageRip + offset) | 0, addend: (pool - pageRip) | 0, flatSegments: (group.key >> 4) & 63, observed };
    const madeHere = (): ReturnType<typeof translate> =>
      translate(ir as IrBlock, { ...place, at: this.next, number: this.blocks.length }, handlers);
    let made = madeHere();
    if (made !== undefined && this.next + made.words.length * 4 > BLOCKS.end) {
      this.empty();
      made = madeHere();
    }
    if (made === undefined) {
      group.headers.set(offset, 0);
      return 0;
    }
    const header = this.next;
    this.words.set(made.words, header >> 2);
    this.words[(header + HEADER.heat) >> 2] = observed ? NEVER_HOT : Math.min(NEVER_HOT, this.hotAfter * blocks.patience(group.frame));
    this.next += made.words.length * 4;
    this.blocks.push({
      group,
      links: made.links.map((index) => (header >> 2) + index),
      offsets: ir.instructions.map((instruction) => instruction.offset),
      lengths: ir.instructions.map((instruction) => instruction.length),
      accessesFrom: made.accessesFrom,
    });
    group.headers.set(offset, header);
    this.translated++;
    return header;
  }

  private start(memory: WebAssembly.Memory): Handlers {
    const observed = this.observesMemory;
    const { module, handlers } = theLoop(observed);
    const which = observed ? 'observed' : 'plain';
    if (this.loops[which] === undefined) {
      const table = new WebAssembly.Table({ element: 'anyfunc', initial: 0 });
      const imports = { ...this.imports(), ...(observed ? this.observedImports() : {}) };
      const flags = makeStateFlags(memory, table);
      const { geometry } = this.parts;
      const { load, store, probe } = observed
        ? makeObservedFill(memory, table, { ...imports, slowTell: this.slowTell }, geometry)
        : makeFill(memory, table, { ...NO_REGIONS, ...imports }, geometry, false);
      const { segmentStore, segmentProbe } = makeSegmentStores(memory, table, imports, segmentOfUnit);
      const instance = new WebAssembly.Instance(module, {
        e: { ...imports, ...flags, m: memory, t: table, load, store, probe, segmentStore, segmentProbe },
      });
      this.loops[which] = instance.exports.loop as () => number;
    }
    return handlers;
  }

  private blockAt(header: number): Block {
    return this.blocks[this.words[(header + HEADER.number) >> 2]!]!;
  }

  private remember(group: ThreadedGroup, offset: number, header: number): void {
    const rip = (group.pageRip + offset) | 0;
    const at = (JUMPS.offset >> 2) + jumpIndex(rip) * 4;
    if (this.words[at] === rip && this.words[at + 1] === header) return;
    this.words[at] = rip;
    this.words[at + 1] = header;
    this.words[at + 2] = group.key;
    this.words[at + 3] = this.words[(header + HEADER.addend) >> 2]!;
  }

  /** The loop left because a link was not set: it is set when there is a block to set it to. */
  private setLink(): void {
    const { words } = this;
    const link = words[WORD.link >> 2]!;
    const group = this.held!;
    const offset = (words[RIP]! - group.pageRip) >>> 0;
    if (link === WORD.nowhere || offset >= PAGE_SIZE || group.dropped) return;
    const header = group.headers.get(offset);
    if (header !== undefined) words[link >> 2] = header;
  }

  // --- dropping --------------------------------------------------------------------------------------------------------

  private dropPage(page: CodePage): void {
    const groups = this.groups.get(page);
    if (groups === undefined) return;
    this.groups.delete(page);
    if (this.latestPage === page) this.latestPage = undefined;
    for (const group of groups) this.drop(group);
  }

  private drop(group: ThreadedGroup): void {
    group.dropped = true;
    this.dead += group.headers.size;
    for (const [offset, header] of group.headers) {
      const at = (JUMPS.offset >> 2) + jumpIndex((group.pageRip + offset) | 0) * 4;
      if (header !== 0 && this.words[at + 1] === header) this.words.fill(0, at, at + 4);
    }
  }

  private dropAll(): void {
    for (const groups of this.groups.values()) for (const group of groups) group.dropped = true;
    this.empty();
    this.groups.clear();
    this.latestPage = undefined;
  }

  /** Every block goes; the groups stay. */
  private empty(): void {
    for (const groups of this.groups.values()) for (const group of groups) group.headers.clear();
    this.words.fill(0, JUMPS.offset >> 2, (JUMPS.offset + JUMPS.bytes) >> 2);
    this.blocks = [];
    this.dead = 0;
    this.next = BLOCKS.offset;
  }

  // --- what the loop asks for --------------------------------------------------------------------------------------------

  private imports(): Record<
    Exclude<ImportName, 'load' | 'store' | 'probe' | keyof SegmentStores | keyof StateFlags>,
    (...values: number[]) => number | void
  > {
    const { state, system } = this.parts;
    const { words } = this;
    return {
      slowLoad: (offset, access, pc, budget) => this.load(offset!, access!, pc!, budget!),
      slowStore: (offset, access, pc, budget, value) => this.store(offset!, access!, pc!, budget!, value!),
      slowProbe: (offset, access, pc, budget) => this.probe(offset!, access!, pc!, budget!),
      fault: (vector, errorCode, before, pc, budget) => {
        state.raise(vector!, errorCode!);
        this.leave(pc!, budget!, REFUSED.stopped, before!);
      },
      divide: (size, isSigned, divisor, before, pc, budget) => {
        if (!divide(state, size!, isSigned !== 0, divisor!)) this.leave(pc!, budget!, REFUSED.stopped, before!);
      },
      device: (id, a, b, c, before, pc, budget) => {
        this.begin(pc!, budget!);
        const value = callDevice(system, id!, a!, b!, c!);
        this.afterCall(pc!, budget!, before!);
        return value;
      },
      setFlags: (value, mask) => {
        state.materialiseFlags();
        words[FLAGS] = (words[FLAGS]! & ~mask!) | (value! & mask!);
      },
      rotate: (operation, size, value, count) => {
        const throughCarry = operation === ROTATE.rcl || operation === ROTATE.rcr;
        const carry = throughCarry ? carryFlag(words[KIND]!, words[LEFT_OPERAND]!, words[RIGHT]!, words[RESULT]!, words[FLAGS]!) : 0;
        return rotateValue(operation!, size!, value!, count!, carry);
      },
      rotateFlags: (operation, size, value, count) => noteRotate(state, words, operation!, size!, value!, count!),
      doubleShift: (right, size, value, filler, count) => doubleShiftValue(right!, size!, value!, filler!, count!),
      doubleShiftFlags: (right, size, value, filler, count) => noteDoubleShift(words, right!, size!, value!, filler!, count!),
    };
  }

  /** Every access passes here when memory is observed: as the interpreter makes it. */
  private observedImports(): Record<'slowLoad' | 'slowStore' | 'slowProbe', (...values: number[]) => number | void> {
    const { access } = this.parts;
    return {
      slowLoad: (offset, note, pc, budget) => {
        this.begin(pc!, budget!);
        const { position, size } = unpackAccess(note!);
        const value = access.load(this.segment(pc!, position), offset! >>> 0, size as OperandSize);
        this.afterCall(pc!, budget!, 0);
        return value;
      },
      slowStore: (offset, note, pc, budget, value) => {
        this.begin(pc!, budget!);
        const { position, size } = unpackAccess(note!);
        const masked = size === 4 ? value! >>> 0 : value! & (size === 1 ? 0xff : 0xffff);
        access.store(this.segment(pc!, position), offset! >>> 0, size as OperandSize, masked);
        this.afterCall(pc!, budget!, 0);
      },
      slowProbe: (offset, note, pc, budget) => {
        this.begin(pc!, budget!);
        const { position, size } = unpackAccess(note!);
        access.prepareStore(this.segment(pc!, position), offset! >>> 0, size as OperandSize);
        this.afterCall(pc!, budget!, 0);
      },
    };
  }

  /** An access that is made in WebAssembly, but cannot be told of there: host frame, and what `unpackTold` has. */
  private readonly slowTell = (frame: number, what: number): void => {
    const { words } = this;
    const [pc, budget] = [words[WORD.toldPc >> 2]!, words[WORD.toldBudget >> 2]!];
    this.begin(pc, budget);
    const { offset, size, write } = unpackTold(what);
    this.parts.access.observer!.touch(frame * PAGE_SIZE + offset, size, write);
    this.afterCall(pc, budget, 0);
  };

  /** A fault or an exit leaves the loop at once, whatever else is due once the instruction has completed. */
  private afterCall(pc: number, budget: number, before: number): void {
    const { state, access } = this.parts;
    const { stop } = state;
    if (stop === STOP.none) return access.learnFrame();
    if (stop === STOP.fault || stop === STOP.exit) this.leave(pc, budget, REFUSED.stopped, before);
    else this.leaveBehindBlock();
  }

  /** The running block goes on to no other: its links are taken away, and in the mode that is no mode none is found. */
  private leaveBehindBlock(): void {
    const { words } = this;
    for (const link of this.blockAt(words[WORD.header >> 2]!).links) words[link] = 0;
    words[WORD.key >> 2] = NO_KEY;
  }

  private load(offset: number, note: number, pc: number, budget: number): number {
    this.begin(pc, budget);
    const { access } = this.parts;
    const { position, before, size } = unpackAccess(note);
    const value = access.compiled.load(this.segment(pc, position), offset >>> 0, size as OperandSize);
    if (access.compiled.refused !== 0) this.leave(pc, budget, access.compiled.refused, before);
    return value;
  }

  private store(offset: number, note: number, pc: number, budget: number, value: number): void {
    this.begin(pc, budget);
    const { access } = this.parts;
    const { position, before, size } = unpackAccess(note);
    access.compiled.store(this.segment(pc, position), offset >>> 0, size as OperandSize, value, this.runningFrames);
    if (access.compiled.refused !== 0) this.leave(pc, budget, access.compiled.refused, before);
  }

  private probe(offset: number, note: number, pc: number, budget: number): void {
    this.begin(pc, budget);
    const { position, before, size } = unpackAccess(note);
    if (this.parts.access.prepareStore(this.segment(pc, position), offset >>> 0, size as OperandSize)) return;
    this.leave(pc, budget, REFUSED.stopped, before);
  }

  private segment(pc: number, position: number): SegmentIndex {
    return ((this.words[(pc >> 2) + 1]! >> (NOTE.segmentShift + NOTE.segmentBits * position)) & 7) as SegmentIndex;
  }

  /** Devices and logs may look at the state meanwhile. */
  private begin(pc: number, budget: number): void {
    const { words } = this;
    const block = this.blockAt(words[WORD.header >> 2]!);
    const instruction = words[(pc >> 2) + 1]! & NOTE.instructionMask;
    words[RIP] = words[(words[WORD.header >> 2]! + HEADER.rip) >> 2]! + block.offsets[instruction]!;
    words[PROGRESS] = this.limit - budget - (block.accessesFrom.length - 1 - instruction);
    this.holdPage(block.group);
    this.parts.access.compiled.refused = 0;
  }

  /** The loop is left at the running instruction, after `before` accesses of its unit. */
  private leave(pc: number, budget: number, refused: number, before: number): void {
    const { words } = this;
    const header = words[WORD.header >> 2]!;
    const { offsets, lengths, accessesFrom } = this.blockAt(header);
    const note = words[(pc >> 2) + 1]!;
    const instruction = note & NOTE.instructionMask;
    words[WORD.leave >> 2] = refused;
    this.leftRip = words[(header + HEADER.rip) >> 2]! + offsets[instruction]!;
    this.leftBudget = budget + accessesFrom.length - 1 - instruction;
    this.leftUncounted = accessesFrom[instruction]!;
    if (refused === REFUSED.deferred) return;
    // observed accesses have not been counted in advance
    if (!this.observesMemory) this.leftUncounted -= before + ((note >> NOTE.beforeShift) & NOTE.beforeMask);
    words[LENGTH] = lengths[instruction]!;
  }

  private holdPage(group: ThreadedGroup): void {
    if (group === this.held) return;
    this.held = group;
    // only flat code goes on to other pages: there RIP is the linear address
    this.parts.access.compiled.holdCodePage(group.pageRip >>> 12, (group.key & REGION_KEY.user) !== 0, group.frame);
  }
}
