/**
 * The tier between the interpreter and the compiled one, for code that is not hot: blocks become threaded code (unit.ts), which
 * one loop in WebAssembly executes. What it cannot execute is left to the interpreter, instruction by instruction, so the
 * state is the same at every instruction count whichever tier ran.
 */
import { PAGE_SIZE } from '../../address';
import { makeSegmentStores, type PushSegment } from '../compile/beside-code';
import { OP } from '../compile/encoder';
import { makeFill } from '../compile/fill-code';
import { IMPORTS as REGION_IMPORTS } from '../compile/locals';
import type { TierParts } from '../compile/tier';
import { wordOf } from '../cpu-state';
import type { CodePage } from '../interpret/blocks';
import type { IrBlock, Mode } from '../lower/ir';
import { lowerBlock, MAX_BLOCK, type LowerResult } from '../lower/lower';
import { POOL_RESERVED } from '../state-layout';
import { REFUSED } from '../compiled-access';
import { FAST_TLB } from '../tlb-layout';
import { OBSERVED, type Block, type ThreadedGroup } from './block';
import { BLOCKS, HEADER, JUMPS, LEFT, NEVER_HOT, NOTE, WORD, jumpIndex } from './layout';
import { theLoop, type Handlers } from './loop';
import { LoopCalls } from './loop-calls';
import { ObservedCalls } from './observed-calls';
import { makeObservedFill } from './observed-fill';
import { makeStateFlags } from './state-flags';
import { translate, untilAccess } from './translate';

/** Instructions of one entry into the loop: counters have 31 bits. */
const LONGEST_RUN = 1 << 24;
/** Blocks of dropped pages: more of them, and more than there are others, and all are made anew. */
const MOST_DEAD = 1024;
/** Different modes and addresses under which the code of one frame is threaded. */
const MOST_GROUPS = 8;

const RIP = wordOf('rip');
const PROGRESS = wordOf('blockProgress');

/** The segment of an access, by its place among those of its unit. */
const segmentOfUnit: PushSegment = (body, note, pc) => {
  body.get(pc).memory(OP.load, 4).get(note).i32(7).op(OP.and).i32(NOTE.segmentBits).op(OP.mul);
  body.i32(NOTE.segmentShift).op(OP.add, OP.shr_u).i32(7).op(OP.and);
};

/** Executions of a hot block until the compiled tier, which had nothing for it, is asked again. */
export const ASKED_EVERY = 64;

/** What compiled regions import besides accesses: the loop has its own. */
const NO_REGIONS = Object.fromEntries(REGION_IMPORTS.map(([name]) => [name, (): number => 0]));

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
  private entered: ThreadedGroup | undefined;
  /** what the plain loop calls, and that for observed memory; and which of them runs, or ran last */
  private readonly plainCalls: LoopCalls;
  private readonly observedCalls: ObservedCalls;
  private calls: LoopCalls;

  constructor(private readonly parts: TierParts) {
    this.words = new Int32Array(parts.memory.buffer, 0, POOL_RESERVED >> 2);
    this.doubles = new Float64Array(parts.memory.buffer, 0, POOL_RESERVED >> 3);
    const blockAt = (header: number): Block => this.blockAt(header);
    this.calls = this.plainCalls = new LoopCalls(parts, blockAt);
    this.observedCalls = new ObservedCalls(parts, blockAt);
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
    const most = Math.min(limit, LONGEST_RUN);
    const calls = (this.calls = this.observesMemory ? this.observedCalls : this.plainCalls);
    calls.enter(group, most);
    words[WORD.header >> 2] = header;
    words[WORD.budget >> 2] = words[WORD.limit >> 2] = most;
    if (this.observesMemory) this.doubles[WORD.clock >> 3] = this.parts.clockOffset();
    words[WORD.accesses >> 2] = 0;
    words[WORD.leave >> 2] = 0;
    words[WORD.key >> 2] = group.key;
    words[WORD.flatCode >> 2] = (group.key >> 11) & 1;
    words[WORD.table >> 2] = group.key & (1 << 10) ? FAST_TLB.user : FAST_TLB.supervisor;
    this.entered = group;
    const code = this.loops[this.observesMemory ? 'observed' : 'plain']!();
    let budget = words[WORD.budget >> 2]!;
    let accesses = words[WORD.accesses >> 2]!;
    this.interpretNext = code === LEFT.budget || code === LEFT.interpret;
    this.hot = code === LEFT.hot;
    if (code === LEFT.stopped) {
      words[RIP] = calls.left.rip;
      budget = calls.left.budget;
      accesses -= calls.left.uncounted;
      this.interpretNext = words[WORD.leave >> 2] === REFUSED.deferred;
    } else words[RIP] = words[WORD.rip >> 2]!;
    this.parts.access.compiled.countAccesses(accesses);
    calls.holdPage(this.blockAt(words[WORD.header >> 2]!).group);
    words[PROGRESS] = 0;
    if (code === LEFT.unknown) this.setLink();
    return most - budget;
  }

  /** After `run`: the group of the page that execution has gone to, undefined when it stayed where it was entered. */
  get movedTo(): ThreadedGroup | undefined {
    const { held } = this.calls;
    return held === this.entered ? undefined : held;
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
      const imports = (observed ? this.observedCalls : this.plainCalls).imports();
      const flags = makeStateFlags(memory, table);
      const { geometry } = this.parts;
      const { load, store, probe } = observed
        ? makeObservedFill(memory, table, { ...imports, slowTell: this.observedCalls.slowTell }, geometry)
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
    const group = this.calls.held!;
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
}
