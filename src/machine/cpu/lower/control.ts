/** Transfers of control: SDM vol. 2, JMP, Jcc, CALL, RET, LOOP, INT, BOUND and their far forms. */
import type { BlockBuilder, Slot } from './builder';
import { ECX } from './builder';
import { EXCEPTION } from './exceptions';

type Lower = (b: BlockBuilder) => void;

/** RIP of a relative target, cut to the operand size. */
function relativeTarget(b: BlockBuilder): Slot {
  const target = patchedTarget(b) ?? b.make('nextRip', b.end + b.instruction.immediate);
  return b.instruction.operandSize === 2 ? b.mask16(target) : target;
}

/** The same where the distance keeps being patched, not yet cut; else undefined. */
function patchedTarget(b: BlockBuilder): Slot | undefined {
  const distance = b.patchedDistance();
  return distance === undefined ? undefined : b.make('add', distance, b.nextRip());
}

/** … and cut: the block then ends with a jump to what it holds. */
function patchedJump(b: BlockBuilder): Slot | undefined {
  const target = patchedTarget(b);
  return target === undefined || b.instruction.operandSize === 4 ? target : b.mask16(target);
}

/** Can a near target lie beyond CS's limit? Not in a 4 GiB segment, nor with 16-bit targets in a 64 KiB one. */
const limited = (b: BlockBuilder): boolean => b.mode.codeLimited || (!b.mode.code32 && b.instruction.operandSize === 4);

/** An absolute target, checked against CS's limit where that can matter. */
function checked(b: BlockBuilder, target: Slot): Slot {
  if (limited(b)) b.emit('checkTarget', target);
  return target;
}

function jumpRelative(b: BlockBuilder, patched: Slot | undefined): void {
  if (patched !== undefined) b.emit('jumpTo', patched);
  else b.emit('jump', b.end + b.instruction.immediate, b.instruction.operandSize, 0);
}

/** Checks a relative target, but only if `taken` holds a nonzero value. */
function checkIfTaken(b: BlockBuilder, taken: Slot): void {
  if (limited(b)) b.emit('checkTarget', b.make('choose', taken, relativeTarget(b), b.constant(0)));
}

function branchIf(b: BlockBuilder, value: Slot): void {
  const patched = patchedJump(b);
  if (patched !== undefined) return b.emit('jumpTo', b.make('choose', value, patched, b.nextRip()));
  b.emit('branchIf', value, b.end + b.instruction.immediate, b.end, b.instruction.operandSize, 0, 0);
}

function jumpCondition(b: BlockBuilder): void {
  const condition = b.instruction.opcode & 15;
  if (limited(b)) checkIfTaken(b, b.make('condition', condition));
  const patched = patchedJump(b);
  if (patched !== undefined) return b.emit('jumpTo', b.make('choose', b.make('condition', condition), patched, b.nextRip()));
  b.emit('branch', condition, b.end + b.instruction.immediate, b.end, b.instruction.operandSize, 0, 0);
}

function loop(kind: 'always' | 'while-equal' | 'while-not-equal'): Lower {
  return (b) => {
    const size = b.instruction.addressSize;
    const count = b.make('sub', b.readRegister(size, ECX), b.constant(1));
    const left = size === 2 ? b.mask16(count) : count;
    const taken = kind === 'always' ? left : b.make('choose', left, b.make('condition', kind === 'while-equal' ? 4 : 5), b.constant(0));
    checkIfTaken(b, taken);
    b.writeRegister(size, ECX, left);
    branchIf(b, taken);
  };
}

function callNear(b: BlockBuilder): void {
  const size = b.instruction.operandSize;
  if (b.operand(0) === 'Jv') {
    if (limited(b)) checked(b, relativeTarget(b));
    // before the push, which may overwrite it
    const patched = patchedJump(b);
    b.push(size, b.nextRip());
    jumpRelative(b, patched);
  } else {
    const target = checked(b, b.copy(b.read(0)));
    b.push(size, b.nextRip());
    b.emit('jumpTo', target);
  }
}

function returnNear(b: BlockBuilder): void {
  const size = b.instruction.operandSize;
  const target = checked(b, b.top(size));
  b.drop(size + (b.instruction.row.operands.length > 0 ? b.immediate(0) : 0));
  b.emit('jumpTo', target);
}

/** Selector and offset of a far target: immediate, or read from memory. */
function farTarget(b: BlockBuilder): { selector: Slot; offset: Slot } {
  if (b.operand(0) === 'Ap') return { offset: b.constant(b.instruction.immediate), selector: b.constant(b.instruction.immediate2) };
  const size = b.instruction.operandSize;
  const address = b.address();
  const offset = b.load(size, b.segment, address);
  return { offset, selector: b.load(2, b.segment, b.offsetBy(address, size)) };
}

function far(id: 'jumpFar' | 'callFar'): Lower {
  return (b) => {
    const { selector, offset } = farTarget(b);
    b.emit('advance', b.end);
    b.call(id, selector, offset, b.constant(b.instruction.operandSize));
    b.emit('leave');
  };
}

function returnFar(b: BlockBuilder): void {
  b.emit('advance', b.end);
  b.call('returnFar', b.constant(b.instruction.operandSize), b.constant(b.instruction.row.operands.length > 0 ? b.immediate(0) : 0));
  b.emit('leave');
}

/**
 * `sensitive`: INT n is #GP(0) in virtual-8086 mode with IOPL below 3; INT3 and INTO are not (SDM vol. 3, 20.3.3).
 * `checksGate`: against the gate's privilege; not for INT1 (SDM vol. 2, INT n).
 */
function interrupt(vector: (b: BlockBuilder) => number, sensitive = false, checksGate = true): Lower {
  return (b) => {
    if (sensitive) b.emit('checkVirtual', 0);
    const next = b.nextRip();
    b.emit('advance', b.end);
    b.call('softwareInterrupt', b.constant(vector(b)), next, b.constant(checksGate ? 1 : 0));
    b.emit('leave');
  };
}

function bound(b: BlockBuilder): void {
  const size = b.instruction.operandSize;
  const address = b.address();
  const extend = (value: Slot): Slot => (size === 2 ? b.make('sext16', value) : value);
  const lower = extend(b.load(size, b.segment, address));
  const upper = extend(b.load(size, b.segment, b.offsetBy(address, size)));
  const index = extend(b.read(0));
  const outside = b.make('or', b.make('less', index, lower), b.make('less', upper, index));
  b.emit('raiseIf', outside, EXCEPTION.BR, -1);
}

export const CONTROL: Record<string, Lower> = {
  jmp: (b) => {
    if (b.operand(0)[0] !== 'J') return b.emit('jumpTo', checked(b, b.read(0)));
    if (limited(b)) checked(b, relativeTarget(b));
    jumpRelative(b, patchedJump(b));
  },
  jcc: jumpCondition,
  jcxz: (b) => {
    const zero = b.make('equal', b.readRegister(b.instruction.addressSize, ECX), b.constant(0));
    checkIfTaken(b, zero);
    branchIf(b, zero);
  },
  loop: loop('always'),
  loope: loop('while-equal'),
  loopne: loop('while-not-equal'),
  call: callNear,
  ret: returnNear,
  jmpFar: far('jumpFar'),
  callFar: far('callFar'),
  retFar: returnFar,
  iret: (b) => {
    b.emit('advance', b.end);
    b.call('returnFromInterrupt', b.constant(b.instruction.operandSize));
    b.emit('leave');
  },
  int: interrupt((b) => b.immediate(0), true),
  int3: interrupt(() => EXCEPTION.BP),
  int1: interrupt(() => EXCEPTION.DB, false, false),
  into: (b) => {
    b.emit('exitIfZero', b.make('condition', 0), b.end, 0);
    interrupt(() => EXCEPTION.OF)(b);
  },
  bound,
  ud: (b) => b.raise(EXCEPTION.UD),
};
