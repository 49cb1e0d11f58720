/** Integer arithmetic and logic: SDM vol. 2, ADD … XOR, INC, DEC, NEG, MUL, DIV. */
import { FLAG } from '../flags';
import type { BlockBuilder } from './builder';
import { EAX, EDX } from './builder';
import type { IrName } from './ir';

type Lower = (b: BlockBuilder) => void;

function binary(operation: IrName, kind: 'add' | 'sub' | 'logic'): Lower {
  return (b) => {
    const size = b.size(0);
    const left = b.readForWrite(0);
    const right = b.read(1);
    const result = b.make(operation, left, right);
    b.writeThenFlags(0, result, () => b.flags(kind, size, left, right, result));
  };
}

function withCarry(operation: 'add' | 'sub', kind: 'adc' | 'sbb'): Lower {
  return (b) => {
    const size = b.size(0);
    const left = b.readForWrite(0);
    const right = b.read(1);
    const carry = b.make('carry');
    const result = b.make(operation, b.make(operation, left, right), carry);
    b.writeThenFlags(0, result, () => b.flags(kind, size, left, right, result));
  };
}

function compare(operation: IrName, kind: 'sub' | 'logic'): Lower {
  return (b) => {
    const left = b.read(0);
    const right = b.read(1);
    b.flags(kind, b.size(0), left, right, b.make(operation, left, right));
  };
}

function step(operation: 'add' | 'sub', kind: 'inc' | 'dec'): Lower {
  return (b) => {
    const left = b.readForWrite(0);
    const one = b.constant(1);
    const result = b.make(operation, left, one);
    b.writeThenFlags(0, result, () => b.flags(kind, b.size(0), left, one, result));
  };
}

/** Operands of the multiplication sign- or zero-extended to 32 bits. */
function extended(b: BlockBuilder, value: number, size: 1 | 2 | 4, signed: boolean): number {
  return !signed || size === 4 ? value : b.make(size === 1 ? 'sext8' : 'sext16', value);
}

/** MUL and one-operand IMUL: AX, DX:AX or EDX:EAX. */
function multiplyWide(signed: boolean): Lower {
  return (b) => {
    const size = b.size(0);
    const left = extended(b, b.readRegister(size, EAX), size, signed);
    const right = extended(b, b.read(0), size, signed);
    const product = b.make('mul', left, right);
    const overflow = b.make('mulOverflow', left, right, size, signed ? 1 : 0);
    const high = size === 4 ? b.make('mulHigh', left, right, signed ? 1 : 0) : undefined;
    b.flags('known', size, product, overflow, product);
    if (size === 1) b.writeRegister(2, EAX, product);
    else {
      b.writeRegister(size, EAX, product);
      b.writeRegister(size, EDX, high ?? b.make('shr', product, b.constant(16)));
    }
  };
}

/** Two- and three-operand IMUL: the product cut to the operand size. */
function multiplyInto(left: 0 | 1, right: 1 | 2): Lower {
  return (b) => {
    const size = b.size(0);
    const x = extended(b, b.read(left), size, true);
    const y = extended(b, b.read(right), size, true);
    const product = b.make('mul', x, y);
    const overflow = b.make('mulOverflow', x, y, size, 1);
    b.flags('known', size, product, overflow, product);
    b.write(0, product);
  };
}

const divide = (signed: boolean): Lower => {
  return (b) => {
    const size = b.size(0);
    b.emit('divide', size, signed ? (b.is8086 ? 2 : 1) : 0, b.read(0));
  };
};

const setFlag = (mask: number, value: boolean): Lower => {
  return (b) => b.emit('setFlags', b.constant(value ? mask : 0), mask);
};

/** SAHF and LAHF's flags. */
const LOW_FLAGS = FLAG.SF | FLAG.ZF | FLAG.AF | FLAG.PF | FLAG.CF;

export const ARITHMETIC: Record<string, Lower> = {
  add: binary('add', 'add'),
  sub: binary('sub', 'sub'),
  and: binary('and', 'logic'),
  or: binary('or', 'logic'),
  xor: binary('xor', 'logic'),
  adc: withCarry('add', 'adc'),
  sbb: withCarry('sub', 'sbb'),
  cmp: compare('sub', 'sub'),
  test: compare('and', 'logic'),
  inc: step('add', 'inc'),
  dec: step('sub', 'dec'),
  not: (b) => b.write(0, b.make('xor', b.readForWrite(0), b.constant(-1))),
  neg: (b) => {
    const size = b.size(0);
    const zero = b.constant(0);
    const value = b.readForWrite(0);
    const result = b.make('sub', zero, value);
    b.writeThenFlags(0, result, () => b.flags('sub', size, zero, value, result));
  },
  mul: multiplyWide(false),
  imul: multiplyWide(true),
  imul2: multiplyInto(0, 1),
  imul3: multiplyInto(1, 2),
  div: divide(false),
  idiv: divide(true),
  clc: setFlag(FLAG.CF, false),
  stc: setFlag(FLAG.CF, true),
  cld: setFlag(FLAG.DF, false),
  std: setFlag(FLAG.DF, true),
  cmc: (b) => b.emit('setFlags', b.make('xor', b.make('carry'), b.constant(1)), FLAG.CF),
  lahf: (b) => b.emit('put8', EAX, b.make('or', b.make('and', b.make('getFlags'), b.constant(LOW_FLAGS)), b.constant(2)), 8),
  sahf: (b) => b.emit('setFlags', b.make('get8', EAX, 8), LOW_FLAGS),
  salc: (b) => b.emit('put8', EAX, b.make('sub', b.constant(0), b.make('carry')), 0),
};
