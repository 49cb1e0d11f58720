/** Drops operations on flags that nobody can see: overwritten by a later one with nothing between that reads or faults. */
import { IR, IR_OPCODES, IR_STRIDE, type IrBlock } from './ir';

/** Operations with no effect but on the status flags, some of which they keep or may keep. */
const PARTIAL = new Set<number>([IR.flagsIncDec, IR.rotateFlags, IR.doubleShiftFlags]);

/** Which status flags can still be seen, going backwards. */
const SEEN = { none: 0, carry: 1, all: 2 } as const;

/** The same block without the dead operations. */
export function dropDeadFlags(block: IrBlock): IrBlock {
  const total = block.ops.length / IR_STRIDE;
  const dead = new Uint8Array(total);
  let seen: number = SEEN.all;
  let found = false;
  for (let n = total - 1; n >= 0; n--) {
    const opcode = IR_OPCODES[block.ops[n * IR_STRIDE]!]!;
    const { number } = opcode;
    if (seen === SEEN.none ? number === IR.flags || PARTIAL.has(number) : seen === SEEN.carry && number === IR.flagsIncDec) {
      dead[n] = 1;
      found = true;
    } else if (number === IR.flags) seen = SEEN.none;
    // INC and DEC keep CF, and what is before them shows in nothing else
    else if (number === IR.flagsIncDec) seen = SEEN.carry;
    else if (opcode.faults || opcode.terminator || opcode.flags !== 'none' || number === IR.exitIfZero) seen = SEEN.all;
  }
  if (!found) return block;
  const ops: number[] = [];
  const newIndex = new Int32Array(total + 1);
  for (let n = 0; n < total; n++) {
    newIndex[n] = ops.length / IR_STRIDE;
    if (!dead[n]) for (let w = 0; w < IR_STRIDE; w++) ops.push(block.ops[n * IR_STRIDE + w]!);
  }
  return {
    ...block,
    flagsDropped: true,
    ops: Int32Array.from(ops),
    instructions: block.instructions.map((instruction) => ({ ...instruction, first: newIndex[instruction.first]! })),
  };
}
