/**
 * IR to the words that the interpreter executes: slots become word indices into the pool (registers, temporaries, and the
 * block's constants, which follow its code), and an operation that can fault also carries its instruction's number. Frequent
 * sequences become one operation of the interpreter's own (FUSED).
 *
 * A block in the pool: number of instructions, block number, executions until it is hot, then operations, then constants.
 */
import { IR, IR_OPCODES, IR_STRIDE, TEMPORARY, type IrBlock } from '../lower/ir';
import { STATE } from '../state-layout';

/** Words before a block's first operation. */
export const HEADER_WORDS = 3;
/** Word of the header that counts executions down: at 0 and below, the block is left to the compiled tier. */
export const HEAT = 2;

const SCRATCH = STATE.scratch.offset >> 2;

/** Operations of the interpreter's own, numbered after the IR's: what they stand for, and their operands as in IR_OPCODES. */
const FUSED_ROWS = [
  // add d = a + b; flags add a b d, 32 bits
  ['addFlags', 'duu'],
  ['subFlags', 'duu'],
  ['andFlags', 'duu'],
  ['orFlags', 'duu'],
  ['xorFlags', 'duu'],
  ['incFlags', 'duu'],
  ['decFlags', 'duu'],
  // the same without a destination: CMP, TEST
  ['compare', 'uu'],
  ['test', 'uu'],
  // load / store at base + constant: segment, base, constant
  ['load32At', 'diuu'],
  ['load8At', 'diuu'],
  ['store32At', 'iuuu'],
] as const;

export type FusedName = (typeof FUSED_ROWS)[number][0];

/** Operand pattern and fault mark of every operation the interpreter knows, by number. */
export const OPERATIONS: readonly { name: string; operands: string; faults: boolean }[] = [
  ...IR_OPCODES.map(({ name, operands, faults }) => ({ name, operands, faults })),
  ...FUSED_ROWS.map(([name, operands]) => ({ name, operands, faults: /load|store/.test(name) })),
];

export const FUSED = Object.fromEntries(FUSED_ROWS.map(([name], i) => [name, IR_OPCODES.length + i])) as Readonly<
  Record<FusedName, number>
>;

export interface EncodedBlock {
  words: Int32Array;
  /** word, from the block's first, at which each instruction starts */
  starts: number[];
}

/** One operation ready to be written: number and operand words, slots not yet resolved. */
interface Operation {
  number: number;
  words: readonly number[];
}

const FUSED_ARITHMETIC: Readonly<Record<number, number>> = {
  [IR.add]: FUSED.addFlags,
  [IR.sub]: FUSED.subFlags,
  [IR.and]: FUSED.andFlags,
  [IR.or]: FUSED.orFlags,
  [IR.xor]: FUSED.xorFlags,
};

/**
 * Encodes a block for the pool.
 * @param at word index at which the block will lie
 * @param code pool offset of the code's first byte
 */
export function encode(block: IrBlock, at: number, code: number): EncodedBlock {
  const words: number[] = [block.instructions.length, 0, 0];
  const patches: { position: number; constant: number }[] = [];
  const starts: number[] = [];
  const total = block.ops.length / IR_STRIDE;
  let instruction = -1;
  let nextStart = 0;
  for (let n = 0; n < total;) {
    while (nextStart < block.instructions.length && block.instructions[nextStart]!.first === n) {
      starts.push(words.length);
      instruction = nextStart++;
    }
    const end = nextStart < block.instructions.length ? block.instructions[nextStart]!.first : total;
    const { operation, consumed } = fuse(block, n, end);
    const { operands, faults } = OPERATIONS[operation.number]!;
    words.push(operation.number);
    for (let i = 0; i < operands.length; i++) {
      const word = operation.words[i]!;
      const kind = operands[i];
      if (operation.number === IR.code && i === 1) words.push(code + word);
      else if (kind === 'i' || kind === 'l') words.push(word);
      else if (word < 0) {
        patches.push({ position: words.length, constant: -1 - word });
        words.push(0);
      } else words.push(word < TEMPORARY ? word * 2 : SCRATCH + (word - TEMPORARY) * 2);
    }
    if (faults) words.push(instruction);
    n += consumed;
  }
  const firstConstant = at + words.length;
  for (const { position, constant } of patches) words[position] = firstConstant + constant;
  words.push(...block.constants);
  return { words: Int32Array.from(words), starts };
}

/** Word indexes of the links of the block at `header`, whose constants begin at `constants`. */
export function linksOf(words: Int32Array, header: number, constants: number): number[] {
  const links: number[] = [];
  for (let at = header + HEADER_WORDS; at < constants;) {
    const { operands, faults } = OPERATIONS[words[at]!]!;
    for (let operand = 0; operand < operands.length; operand++) if (operands[operand] === 'l') links.push(at + 1 + operand);
    at += 1 + operands.length + (faults ? 1 : 0);
  }
  return links;
}

/** The operation at `n`, joined with those behind it (before `end`) when they make a frequent sequence. */
function fuse(block: IrBlock, n: number, end: number): { operation: Operation; consumed: number } {
  const ops = block.ops;
  const base = n * IR_STRIDE;
  const number = ops[base]!;
  const plain = { operation: { number, words: ops.subarray(base + 1, base + IR_STRIDE) as unknown as readonly number[] }, consumed: 1 };
  if (n + 1 >= end) return plain;
  const next = base + IR_STRIDE;
  const d = ops[base + 1]!;
  const arithmetic = FUSED_ARITHMETIC[number];
  if (arithmetic !== undefined && isFlags32(ops, next, d, ops[base + 2]!, ops[base + 3]!, number)) {
    const [left, right] = [ops[base + 2]!, ops[base + 3]!];
    const step = ops[next] === IR.flagsIncDec;
    const after = next + IR_STRIDE;
    const moves = n + 2 < end && ops[after] === IR.mov && ops[after + 2] === d;
    if (!moves && n + 2 === end && !step) {
      // nothing takes the result: CMP, TEST
      if (number === IR.sub) return { operation: { number: FUSED.compare, words: [left, right] }, consumed: 2 };
      if (number === IR.and) return { operation: { number: FUSED.test, words: [left, right] }, consumed: 2 };
    }
    const target = moves ? ops[after + 1]! : d;
    const fused = step ? (number === IR.add ? FUSED.incFlags : FUSED.decFlags) : arithmetic;
    return { operation: { number: fused, words: [target, left, right] }, consumed: moves ? 3 : 2 };
  }
  if (number === IR.add && ops[base + 3]! < 0) {
    const [pointer, distance] = [ops[base + 2]!, ops[base + 3]!];
    const isLast = n + 2 === end;
    const second = ops[next]!;
    if ((second === IR.load32 || second === IR.load8) && ops[next + 3] === d && isLast && number === IR.add) {
      const fused = second === IR.load32 ? FUSED.load32At : FUSED.load8At;
      return { operation: { number: fused, words: [ops[next + 1]!, ops[next + 2]!, pointer, distance] }, consumed: 2 };
    }
    if (second === IR.store32 && ops[next + 2] === d && isLast) {
      return { operation: { number: FUSED.store32At, words: [ops[next + 1]!, pointer, distance, ops[next + 3]!] }, consumed: 2 };
    }
  }
  return plain;
}

/** Is the operation at word `at` the 32-bit flags of `number left right → result`? */
function isFlags32(ops: Int32Array, at: number, result: number, left: number, right: number, number: number): boolean {
  if (ops[at + 2] !== 4 || ops[at + 3] !== left || ops[at + 4] !== right || ops[at + 5] !== result) return false;
  const kind = ops[at + 1]!;
  if (ops[at] === IR.flagsIncDec) return (number === IR.add && kind === 4) || (number === IR.sub && kind === 5);
  if (ops[at] !== IR.flags) return false;
  return number === IR.add ? kind === 1 : number === IR.sub ? kind === 2 : kind === 3;
}
