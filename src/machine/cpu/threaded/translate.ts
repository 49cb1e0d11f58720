/** A block of IR to threaded code: units in order, each the longest for which there is a handler. */
import { LAZY, STATUS_FLAGS } from '../flags';
import { IR, IR_OPCODES, IR_STRIDE, ROTATE, type IrBlock } from '../lower/ir';
import { HEADER, NEVER_HOT } from './layout';
import { INTERPRET, type Handlers } from './loop';
import { isAccess, isMemory, isThreaded, makeUnit, sequenceOf, type Range, type UnitPlace } from './unit';

export interface ThreadedPlace {
  /** byte offset at which the block will lie */
  at: number;
  /** RIP of its first byte, and of its page's; pool offset of the page less that */
  rip: number;
  pageRip: number;
  addend: number;
  /** number among the tier's blocks */
  number: number;
  flatSegments: number;
  /** accesses count themselves when they are made, and the block ends behind the first instruction that makes any */
  observed?: boolean;
}

export interface ThreadedBlock {
  words: number[];
  /** indexes in `words` of the links to other blocks */
  links: number[];
  /** instructions that are threaded */
  count: number;
  /** accesses from each of them on */
  accessesFrom: number[];
}

/** Threaded code of a block; undefined when not even its first instruction is threaded. */
export function translate(ir: IrBlock, place: ThreadedPlace, handlers: Handlers): ThreadedBlock | undefined {
  return new Translation(ir, place, handlers).block();
}

class Translation {
  private readonly words: number[] = [];
  private readonly constants: { index: number; value: number }[] = [];
  private readonly links: number[] = [];
  private kind: number | undefined;

  constructor(
    private readonly ir: IrBlock,
    private readonly place: ThreadedPlace,
    private readonly handlers: Handlers,
  ) {}

  block(): ThreadedBlock | undefined {
    const { ir, place, words } = this;
    const ranges = threadedRanges(ir);
    const count = ranges.length;
    if (count === 0) return undefined;
    const accessesFrom = new Array<number>(count + 1).fill(0);
    for (let i = count - 1; i >= 0; i--) accessesFrom[i] = accessesFrom[i + 1]! + this.accessesIn(ranges[i]!);
    const { rip, pageRip, addend, number } = place;
    const header = { count, accesses: accessesFrom[0]!, heat: NEVER_HOT, rip, pageRip, addend, number };
    for (const [field, value] of Object.entries(header)) words[HEADER[field as keyof typeof header] >> 2] = value;
    for (let i = 0; i < count;) i += this.instructions(ranges, i);
    const next = ir.instructions[count];
    if (next !== undefined) words.push(INTERPRET, (rip + next.offset) | 0);
    for (const { index, value } of this.constants) {
      words[index] = place.at + words.length * 4;
      words.push(value);
    }
    return { words, links: this.links, count, accessesFrom };
  }

  /** Emits one instruction, or two where they have a handler together. Gives how many. */
  private instructions(ranges: readonly Range[], i: number): number {
    const { from, to } = ranges[i]!;
    const next = ranges[i + 1];
    if (next !== undefined && i + 2 === ranges.length) {
      const both = { from, to: next.to };
      if (this.handlers.sequences.has(sequenceOf(this.ir, both)) && this.unit(both, i, both)) return 2;
    }
    for (let at = from; at < to;) at = this.longest({ from: at, to }, i, { from, to });
    return 1;
  }

  /** Emits the longest unit from the start of a range, and gives where it ends. */
  private longest({ from, to }: Range, instruction: number, whole: Range): number {
    const { ir, handlers } = this;
    const sequence = sequenceOf(ir, { from, to });
    for (let end = to; end > from; end -= IR_STRIDE) {
      if (!handlers.sequences.has(sequence.slice(0, (end - from) / IR_STRIDE))) continue;
      if (this.unit({ from, to: end }, instruction, whole)) return end;
    }
    throw new Error(`operation ${IR_OPCODES[this.ir.ops[from]!]!.name} has no handler`);
  }

  private unit(range: Range, instruction: number, whole: Range): boolean {
    const { ir, words, constants, place, handlers } = this;
    const place_: UnitPlace = {
      flatSegments: place.flatSegments,
      rip: place.rip,
      addend: place.addend,
      kind: this.kind,
      instruction,
      before: this.accessesIn({ from: whole.from, to: range.from }),
      ahead: this.accessesIn({ from: range.from, to: whole.to }),
      whole,
    };
    let unit = makeUnit(ir, range, place_);
    if (unit === undefined) return false;
    let handler = handlers.get(unit.shape);
    if (handler === undefined && this.kind !== undefined) {
      unit = makeUnit(ir, range, { ...place_, kind: undefined })!;
      handler = handlers.get(unit.shape);
    }
    if (handler === undefined) return false;
    for (const { index, value } of unit.constants) constants.push({ index: words.length + index, value });
    for (const index of unit.links) this.links.push(words.length + index);
    words.push(handler, ...unit.words.slice(1));
    for (let at = range.from; at < range.to; at += IR_STRIDE) this.kind = kindAfter(ir, at, this.kind);
    return true;
  }

  /** Accesses that are counted in advance. */
  private accessesIn(range: Range): number {
    return this.place.observed === true ? 0 : accessesIn(this.ir, range);
  }
}

/** Instructions up to the first that makes an access, that one included; or all. */
export function untilAccess(ir: IrBlock): number {
  for (let i = 0; i < ir.instructions.length; i++) {
    const to = (ir.instructions[i + 1]?.first ?? ir.ops.length / IR_STRIDE) * IR_STRIDE;
    for (let at = ir.instructions[i]!.first * IR_STRIDE; at < to; at += IR_STRIDE) if (isMemory(ir.ops[at]!)) return i + 1;
  }
  return ir.instructions.length;
}

/** Operations of the instructions up to the first that is not threaded; what only ends the block is by itself. */
function threadedRanges(ir: IrBlock): Range[] {
  const ranges: Range[] = [];
  for (let i = 0; i < ir.instructions.length; i++) {
    const { first, length } = ir.instructions[i]!;
    const range = { from: first * IR_STRIDE, to: (ir.instructions[i + 1]?.first ?? ir.ops.length / IR_STRIDE) * IR_STRIDE };
    if (length === 0 || !isThreaded(ir, range.from, range.to)) break;
    ranges.push(range);
  }
  return ranges;
}

function accessesIn(ir: IrBlock, { from, to }: Range): number {
  let accesses = 0;
  for (let at = from; at < to; at += IR_STRIDE) if (isAccess(ir.ops[at]!)) accesses++;
  return accesses;
}

/** `lazyKind` after the operation at a word, when it was `kind` before (undefined: any). */
function kindAfter({ ops }: IrBlock, at: number, kind: number | undefined): number | undefined {
  switch (ops[at]) {
    case IR.flags:
    case IR.flagsIncDec:
      return ops[at + 1];
    case IR.setFlags:
      return (ops[at + 2]! & STATUS_FLAGS) === 0 ? kind : LAZY.none;
    case IR.rotateFlags:
      // a count in a register may be zero
      return ops[at + 1]! >= ROTATE.shl && ops[at + 4]! < 0 ? LAZY.known : undefined;
    case IR.doubleShiftFlags:
      return undefined;
    default:
      return kind;
  }
}
