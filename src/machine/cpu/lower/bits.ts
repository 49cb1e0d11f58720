/** Shifts, rotates, bit tests and scans: SDM vol. 2, RCL … SHRD, BT … BSR, SETcc, CMOVcc, BSWAP. */
import { FLAG } from '../flags';
import type { BlockBuilder, Slot } from './builder';
import { ROTATE } from './ir';

type Lower = (b: BlockBuilder) => void;

/**
 * The count in CL, as a number below 32 that does the same. From the 80186 on only five bits count. The 8086 counts to 255: a
 * shift by more than 31 does what one by 31 does, a rotation repeats with its width (and only a count of 0 leaves CF alone).
 */
function countInCl(b: BlockBuilder, kind: keyof typeof ROTATE, bits: number): Slot {
  const cl = b.make('get8', 1, 0);
  if (!b.is8086) return b.make('and', cl, b.constant(31));
  const count = b.temporary();
  if (kind === 'rol' || kind === 'ror') {
    const turned = b.add(b.make('and', b.add(cl, -1), b.constant(bits - 1)), 1);
    b.emit('choose', count, cl, turned, cl);
  } else if (kind === 'rcl' || kind === 'rcr') {
    // the remainder by bits + 1, by subtracting what fits
    b.emit('mov', count, cl);
    for (let times = 16; times > 0; times >>= 1) {
      const mark = b.mark;
      const part = b.constant((bits + 1) * times);
      b.emit('choose', count, b.make('less', count, part), count, b.make('sub', count, part));
      b.releaseTo(mark);
    }
  } else b.emit('choose', count, b.make('less', cl, b.constant(31)), cl, b.constant(31));
  return count;
}

/** SETMO of the 8086: a shift that its tables lack sets all bits (by CL: unless that is 0). */
function setAllOnes(b: BlockBuilder): void {
  const size = b.size(0);
  const ones = b.constant(-1);
  const value = b.operand(1) === 'CL' ? b.make('choose', b.make('get8', 1, 0), ones, b.copy(b.readForWrite(0))) : ones;
  b.writeThenFlags(0, value, () => b.flags('logic', size, value, value, value));
}

function rotate(kind: keyof typeof ROTATE): Lower {
  return (b) => {
    const size = b.size(0);
    const value = b.copy(b.readForWrite(0));
    const count = b.operand(1) === 'CL' ? countInCl(b, kind, size * 8) : b.constant(b.immediate(1) & 31);
    if (b.isConstant(count) && (b.immediate(1) & 31) === 0) return;
    const simple = size === 4 && b.isConstant(count) && (kind === 'shl' || kind === 'shr' || kind === 'sar');
    const result = simple ? b.make(kind, value, count) : b.make('rotate', ROTATE[kind], size, value, count);
    b.writeThenFlags(0, result, () => b.emit('rotateFlags', ROTATE[kind], size, value, count));
  };
}

function doubleShift(right: 0 | 1): Lower {
  return (b) => {
    const size = b.size(0);
    const value = b.copy(b.readForWrite(0));
    const filler = b.copy(b.read(1));
    const count = b.operand(2) === 'CL' ? b.make('and', b.make('get8', 1, 0), b.constant(31)) : b.constant(b.immediate(2) & 31);
    const result = b.make('doubleShift', right, size, value, filler, count);
    b.writeThenFlags(0, result, () => b.emit('doubleShiftFlags', right, size, value, filler, count));
  };
}

/** BT and its kin. A register index on memory reaches beyond the operand, in both directions. */
function bitTest(change: 'none' | 'set' | 'reset' | 'complement'): Lower {
  return (b) => {
    const size = b.size(0) as 2 | 4;
    const bits = size * 8;
    const fromRegister = b.operand(1)[0] === 'G';
    const index = b.read(1);
    const bit = b.make('and', index, b.constant(bits - 1));
    let address = 0;
    const memory = b.isMemory(0);
    if (memory) {
      address = b.address();
      if (fromRegister) {
        const signed = size === 4 ? index : b.make('sext16', index);
        const unit = b.make('sar', signed, b.constant(size === 4 ? 5 : 4));
        address = b.make('add', address, b.make('shl', unit, b.constant(size === 4 ? 2 : 1)));
        if (b.instruction.addressSize === 2) address = b.mask16(address);
      }
      if (change !== 'none') b.probe(size, b.segment, address);
    }
    const value = memory ? b.load(size, b.segment, address) : b.read(0);
    const carry = b.make('and', b.make('shr', value, bit), b.constant(1));
    const flags = (): void => b.emit('setFlags', carry, FLAG.CF);
    if (change === 'none') return flags();
    const mask = b.make('shl', b.constant(1), bit);
    const result =
      change === 'set'
        ? b.make('or', value, mask)
        : change === 'complement'
          ? b.make('xor', value, mask)
          : b.make('and', value, b.make('xor', mask, b.constant(-1)));
    if (memory) b.store(size, b.segment, address, result);
    else b.write(0, result);
    flags();
  };
}

function scan(highest: 0 | 1): Lower {
  return (b) => {
    const value = b.read(1);
    const empty = b.make('equal', value, b.constant(0));
    const found = b.make('scan', value, highest);
    const before = b.read(0);
    b.write(0, b.make('choose', empty, before, found));
    b.emit('setFlags', b.make('shl', empty, b.constant(6)), FLAG.ZF);
  };
}

export const BITS: Record<string, Lower> = {
  rol: rotate('rol'),
  ror: rotate('ror'),
  rcl: rotate('rcl'),
  rcr: rotate('rcr'),
  shl: rotate('shl'),
  shr: rotate('shr'),
  sar: rotate('sar'),
  setAllOnes,
  shld: doubleShift(0),
  shrd: doubleShift(1),
  bt: bitTest('none'),
  bts: bitTest('set'),
  btr: bitTest('reset'),
  btc: bitTest('complement'),
  bsf: scan(0),
  bsr: scan(1),
  setcc: (b) => b.write(0, b.make('condition', b.instruction.opcode & 15)),
  cmov: (b) => {
    const value = b.read(1);
    b.write(0, b.make('choose', b.make('condition', b.instruction.opcode & 15), value, b.read(0)));
  },
  bswap: (b) => b.emit('bswap', b.register(0), b.register(0)),
};
