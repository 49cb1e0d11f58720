/**
 * Decimal adjustment of AL and AX in plain operations: SDM vol. 2, DAA, DAS, AAA, AAS, AAM, AAD. Undefined flags: OF clear; AAA and
 * AAS take SF, ZF, PF from AL.
 */
import { FLAG } from '../flags';
import type { BlockBuilder, Slot } from './builder';
import { EAX } from './builder';
import { EXCEPTION } from './exceptions';

type Lower = (b: BlockBuilder) => void;

const ADJUST_BIT = Math.log2(FLAG.AF);

/** A temporary that `make` computes; what it needs meanwhile is free again behind it. */
function kept(b: BlockBuilder, make: (into: Slot) => void): Slot {
  const slot = b.temporary();
  const mark = b.mark;
  make(slot);
  b.releaseTo(mark);
  return slot;
}

const lowByte = (b: BlockBuilder): Slot => b.make('get8', EAX, 0);

/** SF, ZF and PF of AL, and CF and AF, each 0 or 1; OF = 0. */
function setStatus(b: BlockBuilder, al: Slot, carry: Slot, adjust: Slot): void {
  b.flags('logic', 1, al, al, al);
  b.emit('setFlags', b.make('or', carry, b.make('shl', adjust, b.constant(ADJUST_BIT))), FLAG.CF | FLAG.AF);
}

/** 1 when the low digit is none, or AF is set; else 0. */
const digitCarries = (b: BlockBuilder, al: Slot): Slot =>
  kept(b, (into) => {
    const beyond = b.make('less', b.constant(9), b.make('and', al, b.constant(15)));
    const adjusted = b.make('and', b.make('shr', b.make('getFlags'), b.constant(ADJUST_BIT)), b.constant(1));
    b.emit('or', into, beyond, adjusted);
  });

function packed(step: 'add' | 'sub'): Lower {
  return (b) => {
    const old = lowByte(b);
    const adjust = digitCarries(b, old);
    const high = kept(b, (into) => b.emit('or', into, b.make('less', b.constant(0x99), old), b.make('carry')));
    const al = kept(b, (into) => {
      const low = b.make(step, old, b.make('mul', adjust, b.constant(6)));
      b.emit('and', into, b.make(step, low, b.make('mul', high, b.constant(0x60))), b.constant(0xff));
    });
    // the low digit's six can borrow by itself; where it carries, the high digit does, too
    const carry = step === 'add' ? high : b.make('or', high, b.make('and', adjust, b.make('less', old, b.constant(6))));
    setStatus(b, al, carry, adjust);
    b.writeRegister(1, EAX, al);
  };
}

function unpacked(step: 'add' | 'sub'): Lower {
  return (b) => {
    const adjust = digitCarries(b, lowByte(b));
    const stepped = b.make(step, EAX, b.make('mul', adjust, b.constant(0x106)));
    const ax = b.make('and', stepped, b.constant(0xff0f));
    setStatus(b, b.make('and', ax, b.constant(15)), adjust, adjust);
    b.writeRegister(2, EAX, ax);
  };
}

function afterMultiply(b: BlockBuilder): void {
  const base = b.immediate(0) & 0xff;
  if (base === 0) return b.raise(EXCEPTION.DE);
  const al = lowByte(b);
  // al × ⌈65536 / base⌉ is too large by less than 65536 / base, so its upper half is the quotient
  const quotient = b.make('shr', b.make('mul', al, b.constant(Math.ceil(0x1_0000 / base))), b.constant(16));
  const rest = b.make('sub', al, b.make('mul', quotient, b.constant(base)));
  const none = b.constant(0);
  setStatus(b, rest, none, none);
  b.writeRegister(2, EAX, b.make('or', b.make('shl', quotient, b.constant(8)), rest));
}

function beforeDivide(b: BlockBuilder): void {
  const tens = b.make('mul', b.make('get8', EAX, 8), b.constant(b.immediate(0) & 0xff));
  const al = b.make('and', b.make('add', lowByte(b), tens), b.constant(0xff));
  const none = b.constant(0);
  setStatus(b, al, none, none);
  b.writeRegister(2, EAX, al);
}

export const DECIMAL: Record<string, Lower> = {
  daa: packed('add'),
  das: packed('sub'),
  aaa: unpacked('add'),
  aas: unpacked('sub'),
  aam: afterMultiply,
  aad: beforeDivide,
};
