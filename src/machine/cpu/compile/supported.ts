/** Which operations are compiled, and what is known of the flags behind them. */
import { LAZY, STATUS_FLAGS, FLAG } from '../flags';
import { IR, IR_OPCODES, IR_STRIDE, DEVICE_CALLS, ROTATE, SYSTEM_CALL, type IrBlock, type IrName } from '../lower/ir';

const PLAIN: readonly IrName[] = [
  'mov', 'get8', 'get16', 'put8', 'put16', 'sext8', 'sext16', 'bswap',
  'add', 'sub', 'and', 'or', 'xor', 'shl', 'shr', 'sar', 'mul', 'mulHigh', 'mulOverflow', 'equal', 'less', 'choose', 'scan',
  'rotate', 'rotateFlags', 'doubleShift', 'doubleShiftFlags', 'flags', 'flagsIncDec', 'carry', 'setFlags', 'getFlags', 'condition', 'stringStep',
  'load8', 'load16', 'load32', 'store8', 'store16', 'store32', 'probe', 'raiseIf', 'checkTarget', 'checkVirtual', 'nextRip',
  'exitIfZero', 'goto', 'jump', 'branch', 'branchIf', 'jumpTo', 'advance', 'leave', 'divide', 'code',
]; // prettier-ignore

const COMPILED = new Set<number>(PLAIN.map((name) => IR[name]));

/** Value of a slot when it is a constant of the block. */
export const constantOf = (ir: IrBlock, slot: number): number | undefined => (slot < 0 ? ir.constants[-1 - slot] : undefined);

/** Calls of the system side that need no registers in the state and change no mode: compiled code makes them and goes on. */
const CALLS = new Set<number>([
  SYSTEM_CALL.requirePrivilege, SYSTEM_CALL.readControl, SYSTEM_CALL.invalidatePage, SYSTEM_CALL.selector,
  SYSTEM_CALL.tableBase, SYSTEM_CALL.tableLimit, SYSTEM_CALL.machineStatus, SYSTEM_CALL.checkCoprocessor,
  SYSTEM_CALL.readDebug, SYSTEM_CALL.readTest,
  ...DEVICE_CALLS,
]); // prettier-ignore

/** Is the call at word `at` one of those? MOV to CR3 is, too. */
function isCompiledCall(ir: IrBlock, at: number): boolean {
  const id = ir.ops[at + 2]!;
  return CALLS.has(id) || (id === SYSTEM_CALL.writeControl && constantOf(ir, ir.ops[at + 3]!) === 3);
}

/**
 * Does the call at word `at` end its block outside of compiled code? Nothing follows it but the end, so the region is left with
 * everything in the state, the tier makes the call, and execution goes on from what it left there.
 */
export function isOutsideCall(ir: IrBlock, at: number): boolean {
  const { ops } = ir;
  if (ops[at] !== IR.call || isCompiledCall(ir, at)) return false;
  for (let next = at + IR_STRIDE; next < ops.length; next += IR_STRIDE) {
    if (ops[next] !== IR.advance && ops[next] !== IR.leave) return false;
  }
  return true;
}

/** Is the operation at word `at` compiled? */
export function isCompiled(ir: IrBlock, at: number): boolean {
  const { ops } = ir;
  const number = ops[at]!;
  if (number === IR.call) return isCompiledCall(ir, at);
  return COMPILED.has(number);
}

/** Is the count of a `doubleShiftFlags` a constant other than 0? */
function shiftsSurely(ir: IrBlock, at: number): boolean {
  const count = constantOf(ir, ir.ops[at + 5]!);
  return count !== undefined && count !== 0;
}

/** The count of a `rotateFlags` when it is a constant other than 0 and smaller than the operand, on SHL, SHR, SAR, ROL, ROR. */
export function shiftCount(ir: IrBlock, at: number): number | undefined {
  const count = constantOf(ir, ir.ops[at + 4]!);
  const operation = ir.ops[at + 1]!;
  if (operation === ROTATE.rcl || operation === ROTATE.rcr) return undefined;
  return count !== undefined && count !== 0 && count < ir.ops[at + 2]! * 8 ? count : undefined;
}

/**
 * Kinds that only the compiler knows, beside those of flags.ts. After a shift by a constant the operand is in `left` and the
 * result in `result`, and the flags are worked out from them where somebody asks. `carryOnly`: CF is in its local, the rest
 * will not be asked for; `nothing`: nobody will ask.
 */
export const KIND = { shift: 0x1000, carryOnly: 0x2000, nothing: 0x2001 } as const;

export const shiftKind = (operation: number, size: number, count: number): number => KIND.shift | (operation << 8) | (size << 5) | count;
export const isShift = (kind: number | undefined): boolean => kind !== undefined && (kind & KIND.shift) !== 0;
export const shiftOf = (kind: number): { operation: number; bits: number; count: number } => ({
  operation: (kind >> 8) & 7,
  bits: ((kind >> 5) & 7) * 8,
  count: kind & 31,
});
/** Can these flags be held as `known`? They have AF clear. */
export const becomesKnown = (kind: number | undefined): boolean => kind === LAZY.logic || kind === LAZY.known || isShift(kind);

/** What a piece of code asks of the flags that it starts with, so far as it can be told: nothing, CF, or everything. */
export const NEED = { nothing: 0, carry: 1, all: 2 } as const;

/** What an operation asks, and whether all flags are new behind it. */
export function needOf(ir: IrBlock, at: number): { need: number; ends: boolean } {
  const { ops } = ir;
  const opcode = IR_OPCODES[ops[at]!]!;
  switch (opcode.number) {
    case IR.flags:
      return { need: NEED.nothing, ends: true };
    case IR.flagsIncDec:
      return { need: NEED.carry, ends: true };
    case IR.carry:
      return { need: NEED.carry, ends: false };
    case IR.condition:
      return { need: ops[at + 2]! >> 1 === 1 ? NEED.carry : NEED.all, ends: false };
    case IR.branch:
      return { need: ops[at + 1]! >> 1 === 1 ? NEED.carry : NEED.all, ends: false };
    case IR.rotateFlags:
      return shiftCount(ir, at) !== undefined && ops[at + 1]! >= ROTATE.shl
        ? { need: NEED.nothing, ends: true }
        : { need: NEED.all, ends: false };
    case IR.doubleShiftFlags:
      return shiftsSurely(ir, at) ? { need: NEED.nothing, ends: true } : { need: NEED.all, ends: false };
    default:
      return { need: opcode.faults || opcode.flags !== 'none' ? NEED.all : NEED.nothing, ends: false };
  }
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
      return isShift(kind) ? LAZY.known : kind;
  }
}

/** `lazyKind` behind an operation, when it was `kind` before (undefined: any). */
export function kindAfterOperation(ir: IrBlock, at: number, kind: number | undefined): number | undefined {
  const { ops } = ir;
  switch (ops[at]) {
    case IR.flags:
    case IR.flagsIncDec:
      return ops[at + 1];
    case IR.setFlags:
      if ((ops[at + 2]! & STATUS_FLAGS) === 0) return kind;
      return ops[at + 2] === FLAG.CF && kind !== undefined ? kindWithoutCarry(kind) : LAZY.none;
    case IR.rotateFlags: {
      const [, operation, size] = ops.subarray(at, at + 3) as unknown as [number, number, number];
      if (operation < ROTATE.shl) return LAZY.none;
      const count = shiftCount(ir, at);
      if (count !== undefined) return shiftKind(operation, size, count);
      const fixed = constantOf(ir, ops[at + 4]!);
      return (fixed !== undefined && fixed !== 0) || becomesKnown(kind) ? LAZY.known : undefined;
    }
    case IR.doubleShiftFlags:
      return shiftsSurely(ir, at) || becomesKnown(kind) ? LAZY.known : undefined;
    default:
      return kind;
  }
}
