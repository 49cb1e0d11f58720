/**
 * What the loop in WebAssembly calls: accesses that it cannot make itself, faults, devices, and arithmetic that is not worth code of
 * its own. Whatever may look at the processor meanwhile finds it at the running instruction; a call that wants the loop left says
 * why, and what the tier must give back.
 */
import { REGION_KEY } from '../code-mode';
import { REFUSED } from '../compiled-access';
import type { TierParts } from '../compile/tier';
import type { SegmentStores } from '../compile/beside-code';
import { wordOf } from '../cpu-state';
import { carryFlag } from '../flags';
import { divide } from '../interpret/divide';
import { doubleShiftValue, rotateValue } from '../interpret/integer';
import { noteDoubleShift, noteRotate } from '../interpret/shift-flags';
import { callDevice } from '../interpret/system-calls';
import { ROTATE } from '../lower/ir';
import type { OperandSize, SegmentIndex } from '../runtime';
import { POOL_RESERVED, STOP } from '../state-layout';
import type { Block, ThreadedGroup } from './block';
import { HEADER, NOTE, WORD, unpackAccess } from './layout';
import type { ImportName } from './locals';
import type { StateFlags } from './state-flags';

const RIP = wordOf('rip');
const PROGRESS = wordOf('blockProgress');
const LENGTH = wordOf('instructionLength');
const KIND = wordOf('lazyKind');
const LEFT_OPERAND = wordOf('lazyLeft');
const RIGHT = wordOf('lazyRight');
const RESULT = wordOf('lazyResult');
const FLAGS = wordOf('rflags');

/** The key of no mode. */
const NO_KEY = -1;

/** Those that are not made in WebAssembly too. */
export type LoopImports = Record<
  Exclude<ImportName, 'load' | 'store' | 'probe' | keyof SegmentStores | keyof StateFlags>,
  (...values: number[]) => number | void
>;

export class LoopCalls {
  /** what a call has left: where, and instructions and accesses to give back */
  readonly left = { rip: 0, budget: 0, uncounted: 0 };
  /** group whose page the TLB was told of */
  held: ThreadedGroup | undefined;
  protected readonly words: Int32Array;
  /** instructions of this entry into the loop */
  private limit = 0;

  /** frames of the running code */
  private readonly runningFrames = { has: (frame: number): boolean => frame === this.held!.frame };

  /** @param blockAt the block with a header */
  constructor(
    protected readonly parts: TierParts,
    private readonly blockAt: (header: number) => Block,
  ) {
    this.words = new Int32Array(parts.memory.buffer, 0, POOL_RESERVED >> 2);
  }

  /** The loop is about to be entered at a block of a group, for so many instructions. */
  enter(group: ThreadedGroup, limit: number): void {
    this.held = group;
    this.limit = limit;
  }

  imports(): LoopImports {
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

  // --- accesses --------------------------------------------------------------------------------------------------------

  protected load(offset: number, note: number, pc: number, budget: number): number {
    this.begin(pc, budget);
    const { access } = this.parts;
    const { position, before, size } = unpackAccess(note);
    const value = access.compiled.load(this.segment(pc, position), offset >>> 0, size as OperandSize);
    if (access.compiled.refused !== 0) this.leave(pc, budget, access.compiled.refused, before);
    return value;
  }

  protected store(offset: number, note: number, pc: number, budget: number, value: number): void {
    this.begin(pc, budget);
    const { access } = this.parts;
    const { position, before, size } = unpackAccess(note);
    access.compiled.store(this.segment(pc, position), offset >>> 0, size as OperandSize, value, this.runningFrames);
    if (access.compiled.refused !== 0) this.leave(pc, budget, access.compiled.refused, before);
  }

  protected probe(offset: number, note: number, pc: number, budget: number): void {
    this.begin(pc, budget);
    const { position, before, size } = unpackAccess(note);
    if (this.parts.access.prepareStore(this.segment(pc, position), offset >>> 0, size as OperandSize)) return;
    this.leave(pc, budget, REFUSED.stopped, before);
  }

  protected segment(pc: number, position: number): SegmentIndex {
    return ((this.words[(pc >> 2) + 1]! >> (NOTE.segmentShift + NOTE.segmentBits * position)) & 7) as SegmentIndex;
  }

  // --- before and after ------------------------------------------------------------------------------------------------

  /** Devices and logs may look at the state meanwhile. */
  protected begin(pc: number, budget: number): void {
    const { words } = this;
    const header = words[WORD.header >> 2]!;
    const block = this.blockAt(header);
    const instruction = words[(pc >> 2) + 1]! & NOTE.instructionMask;
    words[RIP] = words[(header + HEADER.rip) >> 2]! + block.offsets[instruction]!;
    words[PROGRESS] = this.limit - budget - (block.accessesFrom.length - 1 - instruction);
    this.holdPage(block.group);
    this.parts.access.compiled.refused = 0;
  }

  /** A fault or an exit leaves the loop at once, whatever else is due once the instruction has completed. */
  protected afterCall(pc: number, budget: number, before: number): void {
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

  /** The loop is left at the running instruction, after `before` accesses of its unit. */
  private leave(pc: number, budget: number, refused: number, before: number): void {
    const { words } = this;
    const header = words[WORD.header >> 2]!;
    const { offsets, lengths, accessesFrom } = this.blockAt(header);
    const note = words[(pc >> 2) + 1]!;
    const instruction = note & NOTE.instructionMask;
    words[WORD.leave >> 2] = refused;
    this.left.rip = words[(header + HEADER.rip) >> 2]! + offsets[instruction]!;
    this.left.budget = budget + accessesFrom.length - 1 - instruction;
    this.left.uncounted = accessesFrom[instruction]!;
    if (refused === REFUSED.deferred) return;
    this.left.uncounted -= this.countedBefore(before + ((note >> NOTE.beforeShift) & NOTE.beforeMask));
    words[LENGTH] = lengths[instruction]!;
  }

  /** Of so many accesses that the instruction has made before it is left, those that were counted when its block began. */
  protected countedBefore(accesses: number): number {
    return accesses;
  }

  /** The code that runs is that of a group. */
  holdPage(group: ThreadedGroup): void {
    if (group === this.held) return;
    this.held = group;
    // only flat code goes on to other pages: there RIP is the linear address
    this.parts.access.compiled.holdCodePage(group.pageRip >>> 12, (group.key & REGION_KEY.user) !== 0, group.frame);
  }
}
