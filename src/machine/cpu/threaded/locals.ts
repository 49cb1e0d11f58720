/** The loop's locals, types and imports. */
import type { FunctionType } from '../compile/encoder';

export const LOCAL = {
  /** address of the running unit */
  pc: 0,
  /** address of the running block's header */
  header: 1,
  budget: 2,
  accesses: 3,
  /** fast table in use */
  table: 4,
  /** instruction pointer to go on at when `next` is 0 */
  rip: 5,
  /** address of the link to set once a block has been found for it */
  link: 6,
  /** LEFT */
  code: 7,
  linear: 8,
  index: 9,
  offset: 10,
  /** pool address that a probe has found to be writable, or 0 */
  probed: 11,
  left: 12,
  right: 13,
  result: 14,
  spare: 15,
  /** header of the block to go on with, 0: look for it */
  next: 16,
  /** from here on: a unit's operands and their addresses by their index in its words, and its temporaries */
  operands: 17,
  addresses: 37,
  temporaries: 57,
} as const;

/** Words that a unit may have. */
export const MOST_WORDS = LOCAL.addresses - LOCAL.operands;
export const LOCALS = LOCAL.temporaries + 16;

const types: FunctionType[] = [];
const typeOf = (parameters: number, results: 0 | 1): number => {
  const found = types.findIndex((type) => type.parameters === parameters && type.results === results);
  return found >= 0 ? found : types.push({ parameters, results }) - 1;
};

/** Imported functions in order: name, parameters, results. */
const ROWS = [
  /** in flat segments, where a TLB miss is filled if it can be; offset, access, pc, budget: the value */
  ['load', 4, 1],
  /** offset, access, pc, budget, value */
  ['store', 5, 0],
  /** offset, access, pc, budget */
  ['probe', 4, 0],
  /** the same without a look into the tables */
  ['slowLoad', 4, 1],
  ['slowStore', 5, 0],
  ['slowProbe', 4, 0],
  /** in segments that are not flat: data beside code */
  ['segmentStore', 5, 0],
  ['segmentProbe', 4, 0],
  /** vector, error code, accesses of the unit before it, pc, budget */
  ['fault', 5, 0],
  /** size, signed, divisor, accesses before it, pc, budget */
  ['divide', 6, 0],
  /** one of DEVICE_CALLS, its three arguments, accesses before it, pc, budget: its result */
  ['device', 7, 1],
  /** code: 1 or 0 */
  ['condition', 1, 1],
  /** CF */
  ['carry', 0, 1],
  ['keepCarry', 0, 0],
  ['eflags', 0, 1],
  /** value, mask */
  ['setFlags', 2, 0],
  /** operation, size, value, count: the result */
  ['rotate', 4, 1],
  /** operation, size, value, count */
  ['rotateFlags', 4, 0],
  /** direction, size, value, filler, count: the result */
  ['doubleShift', 5, 1],
  ['doubleShiftFlags', 5, 0],
] as const satisfies readonly (readonly [string, number, 0 | 1])[];

export type ImportName = (typeof ROWS)[number][0];

export const IMPORTS = ROWS.map(([name, parameters, results]) => [name, typeOf(parameters, results)] as const);
export const IMPORT = Object.fromEntries(ROWS.map(([name], index) => [name, index])) as Readonly<Record<ImportName, number>>;
/** The loop's own type, and that of `touch` (touch-code.ts) with its number: it stands behind the loop. */
export const LOOP_TYPE = typeOf(0, 1);
export const TOUCH_TYPE = typeOf(4, 1);
export const TOUCH = IMPORTS.length + 1;
export const TYPES: readonly FunctionType[] = types;
