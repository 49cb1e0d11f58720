/**
 * What is compiled together: blocks that lead to each other, found from one that is hot, in its page and in those that it was seen
 * to go on to. Only blocks that the interpreter has met are taken, and of each the instructions up to the first that is not compiled.
 */
import { PAGE_SIZE } from '../../address';
import { LAZY } from '../flags';
import { IR, IR_OPCODES, IR_STRIDE, type IrBlock, type Mode } from '../lower/ir';
import { lowerBlock, MAX_BLOCK } from '../lower/lower';
import { KIND, NEED, becomesKnown, isCompiled, isOutsideCall, kindAfterOperation, needOf } from './supported';

export interface RegionBlock {
  /** distance of its first byte from the first of the region's home page, the hot block's; negative in pages below that */
  readonly start: number;
  readonly ir: IrBlock;
  /** instructions that are compiled; when not all, the region is left before the next */
  readonly count: number;
  /** data accesses that count as accesses to the TLB, of the compiled instructions */
  readonly accesses: number;
  /** where it jumps to directly, as `start` counts, as far as that is in the region */
  targets: readonly number[];
  /** `lazyKind` on entry where it is always the same, or a kind of the compiler's own (supported.ts) */
  kind: number | undefined;
  /** instructions that the budget must have on entry, for this block and those behind it that do not look; 0: it does not look */
  budget: number;
  /** … and those that it must have where the block is entered from outside and does not look itself */
  entryBudget: number;
}

export interface Region {
  /** by address */
  blocks: readonly RegionBlock[];
  indexOf: ReadonlyMap<number, number>;
  /** indexes of the blocks that can be entered from outside; a handle has a place in this list */
  entries: readonly number[];
  /** the places in that list of those that lie behind a call of the region's */
  returns: readonly number[];
  /** likewise, of those that jumps to a place worked out by the program were seen to go to */
  links: readonly number[];
  /** numbers of the pages that it has code of, counted from the home page, which comes first */
  pages: readonly number[];
  instructions: number;
  /** instructions looked at for it, as `mostInstructions` counts: some were met twice */
  explored: number;
}

/** Number of a block in the region's structure, where the entries come first. */
export const nodeOf = ({ entries }: Region, block: number): number => entries.length + block;

/** Number of the page that a place in a region lies in. */
export const pageOf = (start: number): number => start >> 12;

/** A handle keeps the entry's number in eight bits. */
const MOST_BLOCKS = 200;

const LOADS_AND_STORES = new Set<number>([IR.load8, IR.load16, IR.load32, IR.store8, IR.store16, IR.store32]);
const STORES = new Set<number>([IR.store8, IR.store16, IR.store32]);

/** A page that a region can have code of. */
export interface SourcePage {
  /** and which numbers there keep being patched */
  bytes: Uint8Array;
  patched?: (at: number) => boolean;
  /** does the interpreter know a block at this offset? */
  known: (offset: number) => boolean;
}

export interface RegionSource {
  /** by number, counted from the home page */
  pages: ReadonlyMap<number, SourcePage>;
  mode: Mode;
  mostInstructions: number;
}

/**
 * The region around the block at an offset of the home page; undefined when not even its first instruction is compiled.
 * @param links other places to begin from, in any of the pages
 */
export function discoverRegion(source: RegionSource, hot: number, links: readonly number[] = []): Region | undefined {
  const starts = new Set<number>();
  const isKnown = (start: number): boolean => source.pages.get(pageOf(start))?.known(start & (PAGE_SIZE - 1)) ?? false;
  let total = 0;
  const explore = (first: number, most: number): void => {
    const queue: number[] = [];
    const follow = (start: number | undefined): void => {
      if (start === undefined || starts.has(start) || !(start === hot || isKnown(start))) return;
      starts.add(start);
      queue.push(start);
    };
    follow(first);
    while (queue.length > 0 && starts.size < MOST_BLOCKS && total < most) {
      const made = lowerAt(source, queue.shift()!);
      if (made === undefined) continue;
      total += made.count;
      made.targets.forEach(follow);
      follow(returnOf(made));
    }
  };
  // what is linked to has its share, each as a whole if it can be
  explore(hot, source.mostInstructions / (links.length > 0 ? 2 : 1));
  for (const link of links) if (total < source.mostInstructions) explore(link, source.mostInstructions);
  const sorted = [...starts].sort((a, b) => a - b);
  const blocks = sorted.map((start) => lowerAt(source, start, starts)).filter((block) => block !== undefined);
  const indexOf = new Map(blocks.map((block, index) => [block.start, index]));
  if (!indexOf.has(hot)) return undefined;
  for (const block of blocks) block.targets = block.targets.filter((target) => indexOf.has(target));
  const returns = new Set(blocks.map(returnOf).filter((start) => start !== undefined));
  const direct = new Set(blocks.flatMap(({ targets }) => targets));
  const indirect = links.filter((link) => !direct.has(link));
  const entries = [...new Set([hot, ...returns, ...indirect])].map((start) => indexOf.get(start)).filter((index) => index !== undefined);
  const placesOf = (list: Iterable<number>): number[] =>
    [...list].map((start) => entries.indexOf(indexOf.get(start) ?? -1)).filter((place) => place >= 0);
  const pages = [...new Set([0, ...blocks.map(({ start }) => pageOf(start))])];
  placeBudgetChecks(blocks, indexOf);
  findKinds(blocks, indexOf, entries);
  const instructions = blocks.reduce((sum, { count }) => sum + count, 0);
  return { blocks, indexOf, entries, returns: placesOf(returns), links: placesOf(indirect), pages, instructions, explored: total };
}

function lowerAt({ pages, mode }: RegionSource, start: number, starts?: ReadonlySet<number>): RegionBlock | undefined {
  const splits = starts && ((distance: number): boolean => starts.has(start + distance));
  const { bytes, patched } = pages.get(pageOf(start))!;
  const ir = lowerBlock({ bytes, start: start & (PAGE_SIZE - 1), end: PAGE_SIZE, patched }, mode, MAX_BLOCK, splits);
  if (ir === 'truncated') return undefined;
  let count = 0;
  let accesses = 0;
  for (; count < ir.instructions.length; count++) {
    const [from, to] = operationsOf(ir, count);
    if (!canCompile(ir, from, to)) break;
    for (let at = from; at < to; at += IR_STRIDE) if (LOADS_AND_STORES.has(ir.ops[at]!)) accesses++;
  }
  if (count === 0) return undefined;
  const whole = count === ir.instructions.length;
  return { start, ir, count, accesses, targets: whole ? directTargets(ir, start) : [], kind: undefined, budget: 0, entryBudget: 0 };
}

/** Word indexes of an instruction's operations: first, and behind the last. */
export function operationsOf(ir: IrBlock, instruction: number): [from: number, to: number] {
  const next = ir.instructions[instruction + 1];
  return [ir.instructions[instruction]!.first * IR_STRIDE, next === undefined ? ir.ops.length : next.first * IR_STRIDE];
}

/**
 * An access that turns out to be the chipset's makes the interpreter execute the instruction again from its start, so nothing may be
 * accessed behind a store; but several stores (PUSHA) can be made again where nothing has been read from memory.
 */
function canCompile(ir: IrBlock, from: number, to: number): boolean {
  let stored = false;
  let loaded = false;
  if (ir.instructions[0]!.length === 0) return false;
  for (let at = from; at < to; at += IR_STRIDE) {
    if (!isCompiled(ir, at) && !isOutsideCall(ir, at)) return false;
    if (ir.ops[at] === IR.leave && advanceOf(ir) === undefined) return false;
    const opcode = IR_OPCODES[ir.ops[at]!]!;
    const stores = STORES.has(opcode.number);
    if (stored && opcode.faults && (!stores || loaded)) return false;
    stored ||= stores;
    loaded ||= !stores && LOADS_AND_STORES.has(opcode.number);
  }
  return true;
}

/** Where a block's end goes to directly, as `start` counts. */
function directTargets(ir: IrBlock, start: number): number[] {
  const targets: number[] = [];
  const last = ir.ops.length - IR_STRIDE;
  const { ops } = ir;
  for (let at = ir.instructions.at(-1)!.first * IR_STRIDE; at <= last; at += IR_STRIDE) {
    if (ops[at] === IR.exitIfZero) targets.push(start + ops[at + 2]!);
  }
  switch (ops[last]) {
    case IR.goto:
    case IR.jump:
      targets.push(start + ops[last + 1]!);
      break;
    case IR.branch:
    case IR.branchIf:
      targets.push(start + ops[last + 2]!, start + ops[last + 3]!);
      break;
    case IR.leave: {
      if (endsOutside(ir)) break;
      const next = advanceOf(ir);
      // beyond its page the region is left (region-code.ts)
      if (next !== undefined && pageOf(start + next) === pageOf(start)) targets.push(start + next);
    }
  }
  return targets.map((target) => target | 0);
}

/** Distance from the block's start to where its last instruction, a system instruction, goes on. */
export function advanceOf({ ops, instructions }: IrBlock): number | undefined {
  for (let at = instructions.at(-1)!.first * IR_STRIDE; at < ops.length; at += IR_STRIDE) if (ops[at] === IR.advance) return ops[at + 1]!;
  return undefined;
}

/** Does the block end with a call that the tier makes? */
function endsOutside(ir: IrBlock): boolean {
  for (let at = ir.instructions.at(-1)!.first * IR_STRIDE; at < ir.ops.length; at += IR_STRIDE) if (isOutsideCall(ir, at)) return true;
  return false;
}

/** Where the return of a block's call comes back to, as `start` counts; also behind a call of the system side that the tier makes. */
export function returnOf({ ir, start, count }: RegionBlock): number | undefined {
  const { ops, instructions } = ir;
  if (count !== instructions.length) return undefined;
  if (endsOutside(ir)) return start + advanceOf(ir)!;
  for (let at = instructions.at(-1)!.first * IR_STRIDE; at < ops.length; at += IR_STRIDE) {
    if (ops[at] === IR.nextRip && ops[at + 2] === instructions.at(-1)!.offset + instructions.at(-1)!.length) return start + ops[at + 2]!;
  }
  return undefined;
}

/** Instructions that may lie between two looks at the budget. */
const LONGEST_UNCHECKED = 48;

/**
 * Which blocks look at the budget: those entered by a jump backwards, so that every loop does, and more where the way would
 * become long. The others are sure of their instructions; who enters them from outside looks for them.
 */
function placeBudgetChecks(blocks: readonly RegionBlock[], indexOf: ReadonlyMap<number, number>): void {
  const checked = new Set<number>();
  const successors = blocks.map(({ targets }) => targets.map((target) => indexOf.get(target)!));
  successors.forEach((list, index) => {
    for (const to of list) if (to <= index) checked.add(to);
  });
  const needed: number[] = [];
  for (let index = blocks.length - 1; index >= 0; index--) {
    const { count } = blocks[index]!;
    const behind = (): number => Math.max(0, ...successors[index]!.filter((to) => !checked.has(to)).map((to) => needed[to]!));
    if (count + behind() > LONGEST_UNCHECKED) for (const to of successors[index]!) checked.add(to);
    needed[index] = count + behind();
  }
  blocks.forEach((block, index) => (block[checked.has(index) ? 'budget' : 'entryBudget'] = needed[index]!));
}

/** What each block asks of the flags that it starts with (NEED): everything where the region can be left before they are new. */
function findNeeds(blocks: readonly RegionBlock[], indexOf: ReadonlyMap<number, number>): number[] {
  const needs = blocks.map(({ budget }) => (budget > 0 ? NEED.all : NEED.nothing) as number);
  for (let index = blocks.length - 1; index >= 0; index--) {
    const block = blocks[index]!;
    if (needs[index] === NEED.all) continue;
    needs[index] = needOfBlock(block, (start) => {
      const to = indexOf.get(start | 0);
      // on the way to another page the region can be left
      return to === undefined || pageOf(start) !== pageOf(block.start) ? NEED.all : needs[to]!;
    });
  }
  return needs;
}

function needOfBlock({ ir, count, start }: RegionBlock, atTarget: (offset: number) => number): number {
  const { ops } = ir;
  const last = ir.instructions[count];
  const end = last === undefined ? ops.length : last.first * IR_STRIDE;
  let need = 0;
  for (let at = 0; at < end; at += IR_STRIDE) {
    const one = needOf(ir, at);
    need = Math.max(need, one.need);
    if (one.ends) return need;
    switch (ops[at]) {
      case IR.exitIfZero:
        need = Math.max(need, atTarget(start + ops[at + 2]!));
        break;
      case IR.goto:
        return Math.max(need, atTarget(start + ops[at + 1]!));
      case IR.jump:
        return Math.max(need, ops[at + 2] === 4 ? atTarget(start + ops[at + 1]!) : NEED.all);
      case IR.branch:
      case IR.branchIf:
        if (ops[at + 4] !== 4) return NEED.all;
        return Math.max(need, atTarget(start + ops[at + 2]!), atTarget(start + ops[at + 3]!));
    }
  }
  return NEED.all;
}

/** Which kind of flags each block starts with: what all ways to it agree on. */
function findKinds(blocks: readonly RegionBlock[], indexOf: ReadonlyMap<number, number>, entries: readonly number[]): void {
  const NOT_REACHED = -2;
  const UNKNOWN = -1;
  const needs = findNeeds(blocks, indexOf);
  const fixed = needs.map((need) => (need === NEED.nothing ? KIND.nothing : need === NEED.carry ? KIND.carryOnly : undefined));
  const kinds: number[] = blocks.map((_, index) => fixed[index] ?? (entries.includes(index) ? UNKNOWN : NOT_REACHED));
  const queue = blocks.flatMap((_, index) => (kinds[index] === NOT_REACHED ? [] : [index]));
  while (queue.length > 0) {
    const index = queue.pop()!;
    const before = kinds[index]!;
    const block = blocks[index]!;
    for (const [target, after] of edges(block, before)) {
      const to = indexOf.get(target);
      if (to === undefined || fixed[to] !== undefined) continue;
      const met = meet(kinds[to]!, after);
      if (met === kinds[to]) continue;
      kinds[to] = met;
      queue.push(to);
    }
  }
  blocks.forEach((block, index) => (block.kind = kinds[index]! < 0 ? undefined : kinds[index]));

  /** Where a block goes to, with the kind there. A repeated string instruction can be over before it has set any flags. */
  function edges(block: RegionBlock, before: number): [target: number, kind: number][] {
    const { ir, count, start } = block;
    let kind = before === UNKNOWN ? undefined : before;
    const list: [number, number][] = [];
    const end = operationsOf(ir, count - 1)[1];
    for (let at = 0; at < end; at += IR_STRIDE) {
      if (ir.ops[at] === IR.exitIfZero) list.push([(start + ir.ops[at + 2]!) | 0, kind ?? UNKNOWN]);
      kind = kindAfterOperation(ir, at, kind);
    }
    return [...list, ...block.targets.map((target): [number, number] => [target, kind ?? UNKNOWN])];
  }

  function meet(one: number, other: number): number {
    if (one === NOT_REACHED || one === other) return other;
    return one >= 0 && other >= 0 && becomesKnown(one) && becomesKnown(other) ? LAZY.known : UNKNOWN;
  }
}

/** A block's beginning at the head of a loop that no entry lies in, another block's, or in the middle of a block. */
export type Place = 'loop' | 'block' | 'middle';

/** What a region has where its instructions begin, as `start` counts. */
export function placesOf({ blocks, indexOf, entries }: Region): Map<number, Place> {
  const places = new Map<number, Place>();
  for (const { ir, count, start } of blocks) {
    for (const { offset } of ir.instructions.slice(1, count)) places.set(start + offset, 'middle');
  }
  const successors = blocks.map(({ targets }) => targets.map((target) => indexOf.get(target)!));
  const heads = new Set(successors.flatMap((list, from) => list.filter((to) => to <= from)));
  blocks.forEach(({ start }, index) => places.set(start, heads.has(index) && comesBack(index) ? 'loop' : 'block'));
  return places;

  /** Is there a way from a block to itself that passes no entry? */
  function comesBack(head: number): boolean {
    const seen = new Set(entries);
    const queue = seen.has(head) ? [] : [head];
    for (const index of queue) {
      for (const to of successors[index]!) {
        if (to === head) return true;
        if (seen.has(to)) continue;
        seen.add(to);
        queue.push(to);
      }
    }
    return false;
  }
}
