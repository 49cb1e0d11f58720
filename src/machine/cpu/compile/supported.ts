/** Which operations are compiled, and what is known of the flags behind them. */
import { LAZY, STATUS_FLAGS, FLAG } from '../flags';
import { IR, IR_STRIDE, ROTATE, SYSTEM_CALL, type IrBlock, type IrName } from '../lower/ir';

const PLAIN: readonly IrName[] = [
  'mov', 'get8', 'get16', 'put8', 'put16', 'sext8', 'sext16', 'bswap',
  'add', 'sub', 'and', 'or', 'xor', 'shl', 'shr', 'sar', 'mul', 'mulHigh', 'mulOverflow', 'equal', 'less', 'choose', 'scan',
  'rotate', 'flags', 'flagsIncDec', 'carry', 'setFlags', 'getFlags', 'condition', 'stringStep',
  'load8', 'load16', 'load32', 'store8', 'store16', 'store32', 'probe', 'raiseIf', 'checkTarget', 'nextRip',
  'exitIfZero', 'goto', 'jump', 'branch', 'branchIf', 'jumpTo', 'advance', 'leave',
]; // prettier-ignore

const COMPILED = new Set<number>(PLAIN.map((name) => IR[name]));

/** Value of a slot when it is a constant of the block. */
export const constantOf = (ir: IrBlock, slot: number): number | undefined => (slot < 0 ? ir.constants[-1 - slot] : undefined);

/** Calls of the system side that need no registers in the state and change no mode: compiled code makes them and goes on. */
const CALLS = new Set<number>([
  SYSTEM_CALL.requirePrivilege, SYSTEM_CALL.readControl, SYSTEM_CALL.invalidatePage, SYSTEM_CALL.selector,
  SYSTEM_CALL.tableBase, SYSTEM_CALL.tableLimit, SYSTEM_CALL.machineStatus, SYSTEM_CALL.checkCoprocessor,
]); // prettier-ignore

/** Is the call at word `at` one of those? MOV to CR3 is, too. */
function isCompiledCall(ir: IrBlock, at: number): boolean {
  const id = ir.ops[at + 2]!;
  return CALLS.has(id) || (id === SYSTEM_CALL.writeControl && constantOf(ir, ir.ops[at + 3]!) === 3);
}

/** Is the operation at word `at` compiled? */
export function isCompiled(ir: IrBlock, at: number): boolean {
  const { ops } = ir;
  const number = ops[at]!;
  if (number === IR.call) return isCompiledCall(ir, at);
  if (number === IR.rotate) return ops[at + 2] !== ROTATE.rcl && ops[at + 2] !== ROTATE.rcr;
  if (number === IR.rotateFlags) return shiftCount(ir, at) !== undefined || (ops[at + 2] === 4 && ops[at + 1]! >= ROTATE.shl);
  if (number === IR.doubleShift || number === IR.doubleShiftFlags) {
    const count = constantOf(ir, ops[at + (number === IR.doubleShift ? 6 : 5)]!);
    return ops[at + (number === IR.doubleShift ? 3 : 2)] === 4 && count !== undefined && count !== 0;
  }
  return COMPILED.has(number);
}

/** The count of a `rotateFlags` when it is a constant other than 0 and smaller than the operand, on SHL, SHR, SAR, ROL, ROR. */
export function shiftCount(ir: IrBlock, at: number): number | undefined {
  const count = constantOf(ir, ir.ops[at + 4]!);
  const operation = ir.ops[at + 1]!;
  if (operation === ROTATE.rcl || operation === ROTATE.rcr) return undefined;
  return count !== undefined && count !== 0 && count < ir.ops[at + 2]! * 8 ? count : undefined;
}

/**
 * The kind that stands for the same flags with CF kept apart; undefined when that cannot be told.
 * INC and DEC work out everything but CF as ADD, ADC and SUB, SBB do.
 */
export function kindWithoutCarry(kind: number | undefined): number | undefined {
  switch (kind) {
    case LAZY.add:
    case LAZY.adc:
    case LAZY.inc:
      return LAZY.inc;
    case LAZY.sub:
    case LAZY.sbb:
    case LAZY.dec:
      return LAZY.dec;
    case LAZY.logic:
      return LAZY.known;
    default:
      return kind;
  }
}

/** `lazyKind` after the first `count` instructions, when it was `kind` before (undefined: any). */
export function kindAfter(ir: IrBlock, count: number, kind: number | undefined): number | undefined {
  const next = ir.instructions[count];
  const end = next === undefined ? ir.ops.length : next.first * IR_STRIDE;
  let known = kind;
  for (let at = 0; at < end; at += IR_STRIDE) known = kindAfterOperation(ir, at, known);
  return known;
}

export function kindAfterOperation(ir: IrBlock, at: number, kind: number | undefined): number | undefined {
  const { ops } = ir;
  switch (ops[at]) {
    case IR.flags:
    case IR.flagsIncDec:
      return ops[at + 1];
    case IR.setFlags:
      if ((ops[at + 2]! & STATUS_FLAGS) === 0) return kind;
      return ops[at + 2] === FLAG.CF && kind !== undefined ? kindWithoutCarry(kind) : LAZY.none;
    case IR.rotateFlags:
      if (shiftCount(ir, at) === undefined) return undefined;
      return ops[at + 1]! >= ROTATE.shl ? LAZY.known : LAZY.none;
    case IR.doubleShiftFlags:
      return LAZY.known;
    default:
      return kind;
  }
}
