/** Every operation that can be threaded, by itself: what instructions are cut into whose shape has no handler. */
import { LAZY } from '../flags';
import { IR, IR_OPCODES, IR_STRIDE, DEVICE_CALLS, type IrBlock, type IrName } from '../lower/ir';
import { EXCEPTION } from '../lower/exceptions';
import type { SampleHandler } from './samples';
import { isMemory, makeUnit } from './unit';

const NO_ERROR_CODE = -1;
const SIZES = [1, 2, 4];
const SIGNED = [0, 1];
const CONDITIONS = Array.from({ length: 16 }, (_, condition) => condition);
const ROTATES = [0, 1, 2, 3, 4, 5, 7];
const DIRECTIONS = [0, 1];
/** masks of CLC and STC, the bit tests, decimal adjustment, CLD and STD, SAHF, those that set ZF alone */
const FLAG_MASKS = [0x1, 0x11, 0x40, 0x400, 0xd5];

/** Literals of an operation that its meaning depends on, in order; those of other operations are data. */
const LITERALS: Partial<Record<IrName, readonly (readonly number[])[]>> = {
  get8: [[0, 8]],
  put8: [[0, 8]],
  mulHigh: [SIGNED],
  mulOverflow: [SIZES, SIGNED],
  scan: [DIRECTIONS],
  rotate: [ROTATES, SIZES],
  rotateFlags: [ROTATES, SIZES],
  doubleShift: [DIRECTIONS, [2, 4]],
  doubleShiftFlags: [DIRECTIONS, [2, 4]],
  divide: [SIZES, SIGNED],
  flags: [[LAZY.add, LAZY.sub, LAZY.logic, LAZY.adc, LAZY.sbb, LAZY.known], SIZES],
  flagsIncDec: [[LAZY.inc, LAZY.dec], SIZES],
  setFlags: [FLAG_MASKS],
  condition: [CONDITIONS],
  stringStep: [SIZES],
  raiseIf: [[EXCEPTION.BR], [NO_ERROR_CODE]],
  branch: [CONDITIONS],
  code: [SIZES],
  call: [[...DEVICE_CALLS]],
};
const OF_KIND = new Set<number>([IR.branch, IR.condition, IR.carry, IR.flagsIncDec]);
/** segments, distances, sizes of targets */
const DATA = new Set<number>([IR.nextRip, IR.goto, IR.jump, IR.exitIfZero, IR.branchIf]);

const NAMES: readonly IrName[] = [
  'mov', 'get8', 'get16', 'put8', 'put16', 'sext8', 'sext16', 'bswap',
  'add', 'sub', 'and', 'or', 'xor', 'shl', 'shr', 'sar', 'mul', 'mulHigh', 'mulOverflow', 'equal', 'less', 'choose', 'scan',
  'rotate', 'rotateFlags', 'doubleShift', 'doubleShiftFlags', 'divide',
  'flags', 'flagsIncDec', 'carry', 'setFlags', 'getFlags', 'condition', 'stringStep',
  'load8', 'load16', 'load32', 'store8', 'store16', 'store32', 'probe', 'raiseIf', 'checkTarget', 'nextRip',
  'exitIfZero', 'goto', 'jump', 'branch', 'branchIf', 'jumpTo', 'code', 'call',
]; // prettier-ignore

function combinations(lists: readonly (readonly number[])[]): number[][] {
  return lists.reduce<number[][]>((made, list) => made.flatMap((head) => list.map((value) => [...head, value])), [[]]);
}

/** @param kinds of flags that have handlers of their own, undefined for any */
export function singleOperations(kinds: readonly (number | undefined)[]): SampleHandler[] {
  const list: SampleHandler[] = [];
  for (const name of NAMES) {
    const number = IR[name];
    const literals = name === 'probe' ? [SIZES] : (LITERALS[name] ?? []);
    for (const values of combinations(literals)) {
      const ir = blockOf(number, values);
      const range = { from: 0, to: IR_STRIDE };
      for (const flatSegments of isMemory(number) ? [0x3f, 0] : [0x3f]) {
        for (const kind of OF_KIND.has(number) ? kinds : [undefined]) {
          const place = { flatSegments, rip: 0, addend: 0, kind, instruction: 0, before: 0, ahead: 0, whole: range };
          list.push({ unit: makeUnit(ir, range, place)!, ir, range, kind });
        }
      }
    }
  }
  return list;
}

/** A block of one operation on registers that all differ. */
function blockOf(number: number, values: readonly number[]): IrBlock {
  const ops = new Int32Array(IR_STRIDE);
  ops[0] = number;
  let register = 0;
  let literal = 0;
  [...IR_OPCODES[number]!.operands].forEach((kind, i) => {
    if (kind === 'd' || kind === 'u') ops[i + 1] = register++;
    else if (kind === 'i' && !DATA.has(number) && !isPlace(number, i)) ops[i + 1] = values[literal++] ?? 0;
  });
  const mode = { code32: true, stack32: true, protectedMode: true, codeLimited: false };
  return { mode, ops, constants: new Int32Array(0), instructions: [{ offset: 0, length: 1, first: 0 }], bytes: 1 };
}

/** The first literal of an operation on memory, or of one on a number in the code. */
const isPlace = (number: number, operand: number): boolean =>
  (isMemory(number) || number === IR.code) && IR_OPCODES[number]!.operands.indexOf('i') === operand;
