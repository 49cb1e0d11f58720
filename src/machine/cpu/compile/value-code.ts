/** IR operations that only make one value of others, in WebAssembly: the same in regions and in the handlers of threaded code. */
import { IR } from '../lower/ir';
import { OP, type FunctionBody } from './encoder';

const BINARY: Readonly<Record<number, number>> = {
  [IR.add]: OP.add,
  [IR.sub]: OP.sub,
  [IR.and]: OP.and,
  [IR.or]: OP.or,
  [IR.xor]: OP.xor,
  [IR.shl]: OP.shl,
  [IR.shr]: OP.shr_u,
  [IR.sar]: OP.shr_s,
  [IR.mul]: OP.mul,
  [IR.equal]: OP.eq,
  [IR.less]: OP.lt_s,
};

/**
 * Leaves the value of the operation at word `at` on the stack; it belongs into slot `ops[at + 1]`. False when the operation is none
 * of these: nothing was emitted.
 * @param push emits the value of a slot; may be called several times for one
 */
export function emitValue(body: FunctionBody, ops: Int32Array, at: number, push: (slot: number) => void): boolean {
  const [number, a, b, c, d, e] = ops.subarray(at, at + 6) as unknown as [number, number, number, number, number, number];
  const operator = BINARY[number];
  if (operator !== undefined) {
    push(b);
    push(c);
    body.op(operator);
    return true;
  }
  switch (number) {
    case IR.mov:
      push(b);
      break;
    case IR.get8:
      push(b);
      if (c !== 0) body.i32(c).op(OP.shr_u);
      body.i32(0xff).op(OP.and);
      break;
    case IR.get16:
      push(b);
      body.i32(0xffff).op(OP.and);
      break;
    case IR.put8:
      push(a);
      body.i32(~(0xff << c)).op(OP.and);
      push(b);
      body.i32(0xff).op(OP.and);
      if (c !== 0) body.i32(c).op(OP.shl);
      body.op(OP.or);
      break;
    case IR.put16:
      push(a);
      body.i32(~0xffff).op(OP.and);
      push(b);
      body.i32(0xffff).op(OP.and, OP.or);
      break;
    case IR.sext8:
      push(b);
      body.op(OP.extend8_s);
      break;
    case IR.sext16:
      push(b);
      body.op(OP.extend16_s);
      break;
    case IR.bswap:
      // both pairs of bytes that lie 16 apart are swapped by one rotation each
      push(b);
      body.i32(8).op(OP.rotl).i32(0x00ff_00ff).op(OP.and);
      push(b);
      body.i32(8).op(OP.rotr).i32(0xff00_ff00).op(OP.and, OP.or);
      break;
    case IR.mulHigh:
      emitProduct(body, push, b, c, d !== 0);
      body.op(OP.const64, 32, OP.shr64_u, OP.wrap);
      break;
    case IR.mulOverflow:
      emitOverflow(body, push, b, c, d, e !== 0);
      break;
    case IR.choose:
      push(c);
      push(d);
      push(b);
      body.op(OP.select);
      break;
    case IR.scan:
      body.i32(31);
      push(b);
      if (c === 0) {
        body.i32(0);
        push(b);
        body.op(OP.sub, OP.and);
      }
      body.op(OP.clz, OP.sub);
      break;
    default:
      return false;
  }
  return true;
}

/** All 64 bits of it. */
function emitProduct(body: FunctionBody, push: (slot: number) => void, left: number, right: number, isSigned: boolean): void {
  const extend = isSigned ? OP.extend_s : OP.extend_u;
  push(left);
  body.op(extend);
  push(right);
  body.op(extend, OP.mul64);
}

/** 3 when a product of operands of `size` bytes, extended to 32 bits as they are signed or not, does not fit into that size; else 0. */
function emitOverflow(
  body: FunctionBody,
  push: (slot: number) => void,
  left: number,
  right: number,
  size: number,
  isSigned: boolean,
): void {
  const low = (): void => {
    push(left);
    push(right);
    body.op(OP.mul);
  };
  if (size < 4) {
    low();
    low();
    if (isSigned) body.op(size === 1 ? OP.extend8_s : OP.extend16_s);
    else body.i32(size === 1 ? 0xff : 0xffff).op(OP.and);
    body.op(OP.ne);
  } else {
    emitProduct(body, push, left, right, isSigned);
    if (isSigned) {
      low();
      body.op(OP.extend_s, OP.ne64);
    } else body.op(OP.const64, 32, OP.shr64_u, OP.wrap).i32(0).op(OP.ne);
  }
  body.i32(3).op(OP.mul);
}
