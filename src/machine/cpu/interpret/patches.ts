/**
 * Code that patches itself usually changes one number in an instruction, again and again. A block that was overwritten so is
 * not made anew each time: its words still lie in the pool, and the constant that the number became is changed there.
 */
import type { IrBlock } from '../lower/ir';
import { HEADER_WORDS, OPERATIONS } from './encode';

/** A block that can be brought back, perhaps with another number in it. */
export interface Patch {
  /** word index of the block's header */
  readonly header: number;
  /** bytes that it was made from */
  readonly bytes: Uint8Array;
  /** the number that may differ: where its four bytes lie in them, and the word index of its constant */
  readonly number?: { readonly at: number; readonly constant: number };
  /** word indexes of its links, which may lead to blocks that are no more */
  readonly links: readonly number[];
}

/** Bytes of a number that can be patched. */
export const PATCH_BYTES = 4;
/** A number that no constant of a block is by chance. */
const UNLIKELY = 0x5bd1_e995;

/**
 * Which constant of a block are the four bytes at `at`? To find out, the block is made once more with another number there.
 * @param bytes what it was made from, and what follows that
 * @param lower makes the block from bytes
 * @returns its index, or undefined when the bytes are not a number that nothing else depends on
 */
export function constantAt(
  block: IrBlock,
  bytes: Uint8Array,
  at: number,
  lower: (bytes: Uint8Array) => IrBlock | 'truncated',
): number | undefined {
  if (at < 0 || at + PATCH_BYTES > block.bytes) return undefined;
  const changed = bytes.slice();
  new DataView(changed.buffer).setInt32(at, UNLIKELY, true);
  const other = lower(changed);
  if (other === 'truncated' || other.bytes !== block.bytes || other.constants.length !== block.constants.length) return undefined;
  if (other.ops.length !== block.ops.length || other.ops.some((word, index) => word !== block.ops[index])) return undefined;
  const different = [...block.constants.keys()].filter((index) => block.constants[index] !== other.constants[index]);
  const [index] = different;
  return different.length === 1 && other.constants[index!] === UNLIKELY ? index : undefined;
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
