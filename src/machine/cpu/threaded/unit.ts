/**
 * A unit of threaded code: some operations as one step of the loop, mostly those of one instruction, or of two that often
 * come together. What a unit does depends on its shape alone: the operations, and which of their operands are registers,
 * constants or the same as each other. Which registers and constants they are is data. Units of one shape share a handler.
 *
 * An instruction whose shape has no handler is cut into units that have one; temporaries that cross a cut lie in the state's
 * scratch area, and so are the same as registers. A single operation is a unit of its own kind, whatever its operands are:
 * then constants lie behind the block and are the same as registers too.
 */
import { IR, IR_OPCODES, IR_STRIDE, DEVICE_CALLS, TEMPORARY, type IrBlock } from '../lower/ir';
import { SEGMENT, STATE } from '../state-layout';
import { MOST_POSITIONS, NOTE } from './layout';

/** Word range of operations in an IR block. */
export interface Range {
  from: number;
  to: number;
}

/** Where a unit lies. */
export interface UnitPlace {
  /** bit n: segment n is writable data from 0 to 4 GiB */
  flatSegments: number;
  /** RIP of the block's first byte, and what leads from there to its pool offset */
  rip: number;
  addend: number;
  /** `lazyKind` before the unit, where it is known */
  kind: number | undefined;
  /** number of its (first) instruction in the block */
  instruction: number;
  /** accesses of that instruction before the unit, and from it on */
  before: number;
  ahead: number;
  /** the operations of its instruction or instructions: temporaries used outside of the unit are not its own */
  whole: Range;
}

export interface Unit {
  /** names its shape */
  shape: string;
  /** the code: a place for the handler's number, the note if it can fault, operands */
  words: number[];
  /** index in `words` of a register's or a constant's word, by slot */
  slots: ReadonlyMap<number, number>;
  /** index in `words` of what else an operation needs, by its place in the IR: a segment; where a number lies in the pool; a target; targets with their links */
  places: ReadonlyMap<number, number>;
  /** indexes in `words` of links to other blocks */
  links: readonly number[];
  /** words to be replaced by the address of a constant: index in `words`, value */
  constants: readonly { index: number; value: number }[];
}

const MEMORY = new Set<number>([IR.load8, IR.load16, IR.load32, IR.store8, IR.store16, IR.store32, IR.probe]);
const STORES = new Set<number>([IR.store8, IR.store16, IR.store32]);
/** Operations whose meaning depends on the flags that there are. */
const READS_FLAGS = new Set<number>([IR.branch, IR.condition, IR.carry, IR.flagsIncDec, IR.setFlags]);
/** Operations with words of their own besides their operands. */
const WITH_PLACE = new Set<number>([IR.code, IR.nextRip, IR.goto, IR.exitIfZero, IR.jump, IR.branch, IR.branchIf]);
/** Operations that a block can be left after. */
const ENDS = new Set<number>([IR.goto, IR.jump, IR.branch, IR.branchIf, IR.jumpTo]);

const THREADED = new Set<number>(
  (
    [
      'mov', 'get8', 'get16', 'put8', 'put16', 'sext8', 'sext16', 'bswap',
      'add', 'sub', 'and', 'or', 'xor', 'shl', 'shr', 'sar', 'mul', 'mulHigh', 'mulOverflow', 'equal', 'less', 'choose', 'scan',
      'rotate', 'rotateFlags', 'doubleShift', 'doubleShiftFlags', 'divide',
      'flags', 'flagsIncDec', 'carry', 'setFlags', 'getFlags', 'condition', 'stringStep',
      'load8', 'load16', 'load32', 'store8', 'store16', 'store32', 'probe', 'raiseIf', 'checkTarget', 'nextRip',
      'exitIfZero', 'goto', 'jump', 'branch', 'branchIf', 'jumpTo', 'code',
    ] as const
  ).map((name) => IR[name]),
); // prettier-ignore

export const isMemory = (number: number): boolean => MEMORY.has(number);
export const endsBlock = (number: number): boolean => ENDS.has(number);
export const isAccess = (number: number): boolean => MEMORY.has(number) && number !== IR.probe;

/**
 * Can the operations of an instruction be threaded? What turns out to be the chipset's is executed again by the interpreter
 * from the instruction's start, so nothing may be accessed behind a store.
 */
export function isThreaded(ir: IrBlock, from: number, to: number): boolean {
  let stored = false;
  for (let at = from; at < to; at += IR_STRIDE) {
    const number = ir.ops[at]!;
    const threaded = number === IR.call ? DEVICE_CALLS.has(ir.ops[at + 2]!) : THREADED.has(number);
    if (!threaded || (stored && IR_OPCODES[number]!.faults)) return false;
    stored ||= STORES.has(number);
  }
  return true;
}

/** Which segment an operation on memory names. */
export const segmentOf = (ir: IrBlock, at: number): number => ir.ops[at + (STORES.has(ir.ops[at]!) || ir.ops[at] === IR.probe ? 1 : 2)]!;

/** Which operations a range consists of, a character each: the part of a shape that can be compared before the shape is made. */
export function sequenceOf({ ops }: IrBlock, { from, to }: Range): string {
  let sequence = '';
  for (let at = from; at < to; at += IR_STRIDE) sequence += String.fromCharCode(ops[at]!);
  return sequence;
}

/** The unit of a range of a block's operations; undefined when it has too many operations on memory. */
export function makeUnit(ir: IrBlock, { from, to }: Range, place: UnitPlace): Unit | undefined {
  const { ops } = ir;
  const single = to - from === IR_STRIDE;
  const slots = new Map<number, number>();
  const places = new Map<number, number>();
  const temporaries = new Map<number, number>();
  const constants: { index: number; value: number }[] = [];
  const links: number[] = [];
  const parts: string[] = [];
  let faults = false;
  for (let at = from; at < to; at += IR_STRIDE) faults ||= IR_OPCODES[ops[at]!]!.faults;
  const words = faults ? [0, place.instruction | (place.before << NOTE.beforeShift)] : [0];
  let position = 0;
  let ahead = place.ahead;
  let flagsRead = false;
  let flagsWritten = false;

  const isOwn = (temporary: number): boolean =>
    !mentions(ir, place.whole.from, from, temporary) && !mentions(ir, to, place.whole.to, temporary);
  const slot = (value: number): string => {
    if (!single && value >= TEMPORARY && isOwn(value)) {
      if (!temporaries.has(value)) temporaries.set(value, temporaries.size);
      return `t${temporaries.get(value)}`;
    }
    let index = single ? undefined : slots.get(value);
    if (index === undefined) {
      index = words.length;
      slots.set(value, index);
      if (value < 0 && single) constants.push({ index, value: ir.constants[-1 - value]! });
      words.push(value < 0 ? ir.constants[-1 - value]! : addressOf(value));
    }
    return value < 0 && !single ? `c${index}` : `r${index}`;
  };
  /** a target of a jump, cut to the size of the instruction pointer, and its link */
  const target = (distance: number, size: number): void => {
    const rip = (place.rip + distance) | 0;
    links.push(words.length + 1);
    words.push(size === 2 ? rip & 0xffff : rip, 0);
  };

  for (let at = from; at < to; at += IR_STRIDE) {
    const number = ops[at]!;
    const { name, operands } = IR_OPCODES[number]!;
    const part: (string | number)[] = [name];
    flagsRead ||= !flagsWritten && READS_FLAGS.has(number);
    flagsWritten ||= number === IR.flags;
    if (MEMORY.has(number)) {
      const segment = segmentOf(ir, at);
      words[1]! |= segment << (NOTE.segmentShift + NOTE.segmentBits * position++);
      if (isAccess(number)) ahead--;
      if ((place.flatSegments >> segment) & 1) part.push('flat');
      else {
        places.set(at, words.length);
        words.push(STATE.segments.offset + segment * SEGMENT.size);
      }
    }
    for (let i = 0; i < operands.length; i++) {
      const operand = ops[at + 1 + i]!;
      if (operands[i] === 'u' || operands[i] === 'd') part.push(slot(operand));
      else if (operands[i] === 'i' && isBaked(number, i)) part.push(operand);
    }
    if (WITH_PLACE.has(number)) places.set(at, words.length);
    switch (number) {
      case IR.code:
        words.push((place.addend + place.rip + ops[at + 2]!) | 0);
        break;
      case IR.nextRip:
        words.push((place.rip + ops[at + 2]!) | 0);
        break;
      case IR.goto:
        target(ops[at + 1]!, 4);
        break;
      case IR.exitIfZero:
        target(ops[at + 2]!, 4);
        words.push(ahead);
        break;
      case IR.jump:
        target(ops[at + 1]!, ops[at + 2]!);
        break;
      case IR.branch:
      case IR.branchIf:
        target(ops[at + 2]!, ops[at + 4]!);
        target(ops[at + 3]!, 4);
    }
    parts.push(part.join(' '));
  }
  if (position > MOST_POSITIONS) return undefined;
  const before = flagsRead && place.kind !== undefined ? `after ${place.kind}: ` : '';
  return { shape: before + parts.join('; '), words, slots, places, links, constants };
}

const addressOf = (slot: number): number =>
  slot < TEMPORARY ? STATE.gpr.offset + slot * STATE.gpr.stride : STATE.scratch.offset + (slot - TEMPORARY) * STATE.scratch.stride;

function mentions(ir: IrBlock, from: number, to: number, slot: number): boolean {
  for (let at = from; at < to; at += IR_STRIDE) {
    const { operands } = IR_OPCODES[ir.ops[at]!]!;
    for (let i = 0; i < operands.length; i++) {
      if ((operands[i] === 'u' || operands[i] === 'd') && ir.ops[at + 1 + i] === slot) return true;
    }
  }
  return false;
}

/** Is a literal operand part of the shape? Distances and segments are data. */
function isBaked(number: number, operand: number): boolean {
  switch (number) {
    case IR.nextRip:
    case IR.goto:
    case IR.jump:
    case IR.exitIfZero:
    case IR.branchIf:
      return false;
    case IR.branch:
      return operand === 0;
    case IR.code:
      return operand === 2;
    default:
      return !(MEMORY.has(number) && operand === (STORES.has(number) || number === IR.probe ? 0 : 1));
  }
}
