/** Flags of shifts and rotates, and CF kept apart for INC and DEC, on the state's words. */
import { wordOf, type CpuState } from '../cpu-state';
import { FLAG, LAZY, carryFlag } from '../flags';
import { ROTATE } from '../lower/ir';
import { doubleShiftCarryOverflow, doubleShiftValue, rotateCarryOverflow, rotateValue } from './integer';

const FLAGS = wordOf('rflags');
const KIND = wordOf('lazyKind');
const LEFT = wordOf('lazyLeft');
const RIGHT = wordOf('lazyRight');
const RESULT = wordOf('lazyResult');

const carryOf = (words: Int32Array): number => carryFlag(words[KIND]!, words[LEFT]!, words[RIGHT]!, words[RESULT]!, words[FLAGS]!);

/** CF goes to rflags, where an operation that keeps it expects it. */
export function keepCarry(words: Int32Array): void {
  const kind = words[KIND]!;
  if (kind === LAZY.none || kind === LAZY.inc || kind === LAZY.dec) return;
  words[FLAGS] = (words[FLAGS]! & ~FLAG.CF) | carryOf(words);
}

/**
 * Flags of a shift or rotate (ROTATE) of a `size`-byte value. A count of zero changes none; rotates change CF and OF only.
 * @param words the state's
 */
export function noteRotate(state: CpuState, words: Int32Array, operation: number, size: number, value: number, count: number): void {
  if (count === 0) return;
  const throughCarry = operation === ROTATE.rcl || operation === ROTATE.rcr;
  if (throughCarry && count % (size * 8 + 1) === 0) return;
  const result = rotateValue(operation, size, value, count, throughCarry ? carryOf(words) : 0);
  const bits = rotateCarryOverflow(operation, size, value, count, result);
  if (operation >= ROTATE.shl) return noteKnown(words, size, result, bits);
  state.materialiseFlags();
  words[FLAGS] = (words[FLAGS]! & ~(FLAG.CF | FLAG.OF)) | (bits & 1) | ((bits & 2) << 10);
}

/** Flags of SHLD (right 0) and SHRD (1). A count of zero changes none. */
export function noteDoubleShift(words: Int32Array, right: number, size: number, value: number, filler: number, count: number): void {
  if (count === 0) return;
  const result = doubleShiftValue(right, size, value, filler, count);
  noteKnown(words, size, result, doubleShiftCarryOverflow(right, size, value, filler, count, result));
}

/** @param bits CF and OF as bits 0 and 1 */
function noteKnown(words: Int32Array, size: number, result: number, bits: number): void {
  const shift = 32 - size * 8;
  words[KIND] = LAZY.known;
  words[RIGHT] = bits;
  words[RESULT] = (result << shift) >> shift;
}
