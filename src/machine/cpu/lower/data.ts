/** Data movement and the stack: SDM vol. 2, MOV, MOVZX, XCHG, LEA, PUSH, POP, ENTER, LEAVE, CMPXCHG, XADD and the like. */
import { SEGMENT_INDEX } from '../state-layout';
import type { BlockBuilder, Slot } from './builder';
import { EAX, EBP, EBX, EDX, ESP } from './builder';
import { EXCEPTION } from './exceptions';
import { packFarPointer } from './ir';

type Lower = (b: BlockBuilder) => void;

const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const segmentOperand = (b: BlockBuilder, position: number): number => SEGMENT_NAMES.indexOf(b.operand(position));

/** PUSHA, POPA order: EAX ECX EDX EBX ESP EBP ESI EDI. */
function pushAll(b: BlockBuilder): void {
  const size = b.instruction.operandSize;
  // tried in their order: a fault is reported for the first that cannot be made, wherever a page ends among them
  for (let register = 0; register < 8; register++) {
    const mark = b.mark;
    b.probe(size, SEGMENT_INDEX.SS, b.stackAddress(-(register + 1) * size));
    b.releaseTo(mark);
  }
  for (let register = 0; register < 8; register++) {
    const mark = b.mark;
    b.store(size, SEGMENT_INDEX.SS, b.stackAddress(-(register + 1) * size), register);
    b.releaseTo(mark);
  }
  b.drop(-8 * size);
}

function popAll(b: BlockBuilder): void {
  const size = b.instruction.operandSize;
  const values: number[] = [];
  for (let position = 0; position < 8; position++) {
    if (position === 7 - ESP) continue;
    const value = b.temporary();
    const mark = b.mark;
    b.emit(size === 4 ? 'load32' : 'load16', value, SEGMENT_INDEX.SS, b.stackAddress(position * size));
    b.releaseTo(mark);
    values[7 - position] = value;
  }
  values.forEach((value, register) => b.writeRegister(size, register, value));
  b.drop(8 * size);
}

/**
 * The frame pointer, then copies of the outer frames' pointers, then the new frame's own. All of it is tried first, in its order, so
 * that a fault in the middle leaves nothing written: with more than one level each pointer is read twice. The new frame's pointer
 * is SP or ESP by the operand's size (SDM vol. 2, ENTER), also where SP alone addresses the stack.
 */
function enter(b: BlockBuilder): void {
  const size = b.instruction.operandSize;
  const bytes = b.immediate(0);
  const level = b.immediate(1) & 31;
  const ss = SEGMENT_INDEX.SS;
  const depth = level === 0 ? 1 : level + 1;
  const outer = (index: number): Slot => {
    const address = b.add(EBP, -index * size);
    return b.load(size, ss, b.mode.stack32 ? address : b.mask16(address));
  };
  const aside = (work: () => void): void => {
    const mark = b.mark;
    work();
    b.releaseTo(mark);
  };
  for (let slot = 1; slot <= depth; slot++) {
    if (slot > 1 && slot < depth) aside(() => outer(slot - 1));
    aside(() => b.probe(size, ss, b.stackAddress(-slot * size)));
  }
  // and what the new stack pointer points to must be writable, though nothing is written there
  if (bytes > 0) b.probe(size, ss, b.stackAddress(-depth * size - bytes));
  const top = b.stackAddress(-size);
  const frame = b.mode.stack32 || size === 2 ? top : b.make('or', b.make('and', ESP, b.constant(~0xffff)), top);
  b.store(size, ss, top, EBP);
  for (let slot = 2; slot < depth; slot++) aside(() => b.store(size, ss, b.stackAddress(-slot * size), outer(slot - 1)));
  if (level > 0) b.store(size, ss, b.stackAddress(-depth * size), frame);
  b.setStack(b.stackAddress(-depth * size - bytes));
  b.writeRegister(size, EBP, frame);
}

function leave(b: BlockBuilder): void {
  const size = b.instruction.operandSize;
  const frame = b.mode.stack32 ? b.copy(EBP) : b.mask16(EBP);
  const value = b.load(size, SEGMENT_INDEX.SS, frame);
  b.setStack(b.add(frame, size));
  b.writeRegister(size, EBP, value);
}

function compareExchange(b: BlockBuilder): void {
  const size = b.size(0);
  const memory = b.isMemory(0);
  const target = memory ? b.readForWrite(0) : b.copy(b.read(0));
  const accumulator = b.copy(b.readRegister(size, EAX));
  const source = b.read(1);
  const same = b.make('equal', accumulator, target);
  const value = b.make('choose', same, source, target);
  b.write(0, value);
  b.flags('sub', size, accumulator, target, b.make('sub', accumulator, target));
  // When the comparison fails EAX takes the old value; when it holds EAX keeps what it has (which the write above may have set).
  b.writeRegister(size, EAX, b.make('choose', same, b.readRegister(size, EAX), target));
}

function compareExchange8(b: BlockBuilder): void {
  b.call('compareExchange8', b.constant(b.segment), b.address());
  b.leave();
}

function extend(signed: boolean): Lower {
  return (b) => {
    const value = b.read(1);
    b.write(0, signed ? b.make(b.size(1) === 1 ? 'sext8' : 'sext16', value) : value);
  };
}

export const DATA: Record<string, Lower> = {
  nop: () => undefined,
  nopModrm: () => undefined,
  mov: (b) => b.write(0, b.read(1)),
  movzx: extend(false),
  movsx: extend(true),
  lea: (b) => b.write(0, b.address()),
  xchg: (b) => {
    const left = b.copy(b.readForWrite(0));
    const right = b.copy(b.read(1));
    b.write(0, right);
    b.write(1, left);
  },
  xadd: (b) => {
    const size = b.size(0);
    const left = b.copy(b.readForWrite(0));
    const right = b.copy(b.read(1));
    const sum = b.make('add', left, right);
    if (b.isMemory(0)) {
      b.write(0, sum);
      b.write(1, left);
    } else {
      b.write(1, left);
      b.write(0, sum);
    }
    b.flags('add', size, left, right, sum);
  },
  cmpxchg: compareExchange,
  cmpxchg8b: compareExchange8,
  xlat: (b) => {
    const sum = b.make('add', EBX, b.make('get8', EAX, 0));
    const address = b.instruction.addressSize === 2 ? b.mask16(sum) : sum;
    b.emit('put8', EAX, b.load(1, b.stringSegment, address), 0);
  },
  cbw: (b) => {
    if (b.instruction.operandSize === 4) b.emit('sext16', EAX, EAX);
    else b.emit('put16', EAX, b.make('sext8', EAX));
  },
  cwd: (b) => {
    if (b.instruction.operandSize === 4) b.emit('sar', EDX, EAX, b.constant(31));
    else b.emit('put16', EDX, b.make('sar', b.make('sext16', EAX), b.constant(15)));
  },
  push: (b) => {
    // the 8086 stores SP as it is after the push
    const ofStackPointer = b.is8086 && !b.isMemory(0) && b.operand(0)[0] !== 'I' && b.register(0) === ESP;
    b.push(b.instruction.operandSize, ofStackPointer ? b.stackAddress(-2) : b.read(0));
  },
  pop: (b) => {
    const size = b.instruction.operandSize;
    const value = b.top(size);
    if (b.isMemory(0)) {
      b.store(size, b.segment, b.address(size), value);
      b.drop(size);
    } else {
      b.drop(size);
      b.write(0, value);
    }
  },
  pusha: pushAll,
  popa: popAll,
  enter,
  leave,
  pushSegment: (b) => b.push(b.instruction.operandSize, b.call('selector', b.constant(segmentOperand(b, 0)))),
  popSegment: (b) => {
    b.call('popSegment', b.constant(segmentOperand(b, 0)), b.constant(b.instruction.operandSize));
    b.leave();
  },
  movFromSegment: (b) => {
    const segment = b.is8086 ? b.instruction.reg & 3 : b.instruction.reg;
    if (segment > 5) return b.raise(EXCEPTION.UD);
    const selector = b.call('selector', b.constant(segment));
    if (b.isMemory(0)) b.store(2, b.segment, b.address(), selector);
    else b.write(0, selector);
  },
  movToSegment: (b) => {
    const segment = b.is8086 ? b.instruction.reg & 3 : b.instruction.reg;
    if (segment > 5 || (segment === SEGMENT_INDEX.CS && !b.is8086)) return b.raise(EXCEPTION.UD);
    b.call('loadSegment', b.constant(segment), b.read(1));
    if (segment === SEGMENT_INDEX.SS) b.call('shadow', b.constant(2));
    b.leave();
  },
  loadFarPointer: (b) => {
    const size = b.instruction.operandSize;
    const address = b.address();
    const pointer = packFarPointer(segmentOperand(b, 2), b.segment, b.register(0), size);
    b.call('loadFarPointer', b.constant(pointer), address, b.offsetBy(address, size));
    b.leave();
  },
  pushf: (b) => {
    b.emit('checkVirtual', 0);
    b.push(b.instruction.operandSize, b.make('and', b.make('getFlags'), b.constant(0x00fc_ffff)));
  },
  popf: (b) => {
    const size = b.instruction.operandSize;
    b.emit('checkVirtual', 0);
    const flags = b.top(size);
    b.drop(size);
    // nothing can fault any more, so that compiled code ends with the call and goes on behind it
    b.call('writeFlags', flags, b.constant(size));
    b.leave();
  },
};
