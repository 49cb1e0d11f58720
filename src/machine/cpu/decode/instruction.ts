/** One decoded instruction: what the bytes say, before anything is known about registers or memory. */
import type { SegmentIndex } from '../runtime';
import type { Level } from '../instruction-set';
import type { Row } from './table';

export type RepeatPrefix = 'none' | 'repe' | 'repne';

/** No register takes part here (base or index of an address). */
export const NO_REGISTER = -1;

export interface Instruction {
  row: Row;
  /** bytes, prefixes included */
  length: number;
  /** the opcode's last byte; its low bits may name a register */
  opcode: number;
  operandSize: 2 | 4;
  addressSize: 2 | 4;
  /** prefix, or -1: the default of the address form */
  segmentOverride: SegmentIndex | -1;
  repeat: RepeatPrefix;
  lock: boolean;
  /** ModRM fields; mod 3 names a register */
  mod: number;
  reg: number;
  rm: number;
  /** address form: base + index × 2^scale + displacement, registers by encoding or NO_REGISTER */
  base: number;
  index: number;
  scale: number;
  displacement: number;
  /** bytes from the instruction's first to the displacement's, and how many it has; 0 when there is none */
  displacementAt: number;
  displacementBytes: number;
  /** immediates in the order of the operands, sign-extended to 32 bits; the second of ENTER and of a far pointer */
  immediate: number;
  immediate2: number;
  /** bytes from the instruction's first to the first immediate's */
  immediateAt: number;
}

/** What the processor is set to while it decodes: CS.D, and its instruction set (the newest unless told). */
export interface DecodeMode {
  code32: boolean;
  level?: Level;
}
