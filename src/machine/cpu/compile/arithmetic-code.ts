/** Operations on values alone, in compiled code. */
import { LAZY } from '../flags';
import { IR, ROTATE, type IrBlock } from '../lower/ir';
import { OP, type FunctionBody } from './encoder';
import type { FlagCode } from './flag-code';
import { AT, IMPORT, LOCAL } from './locals';
import { becomesKnown, shiftCount, shiftKind } from './supported';

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

const CODE_LOAD: Readonly<Record<number, number>> = { 1: OP.load8_u, 2: OP.load16_u, 4: OP.load };

const { left: LEFT, right: RIGHT, result: RESULT, carry: CARRY, spare: SPARE, kind: KIND } = LOCAL;

export class ArithmeticCode {
  constructor(
    private readonly body: FunctionBody,
    private readonly flags: FlagCode,
    private readonly ir: IrBlock,
    /** pool offset of the block's first byte */
    private readonly code: number,
  ) {}

  push(slot: number): void {
    if (slot < 0) this.body.i32(this.ir.constants[-1 - slot]!);
    else this.body.get(localOf(slot));
  }
  pop(slot: number): void {
    this.body.set(localOf(slot));
  }

  /** Emits the operation at word `at`; false when it is none of these. */
  emit(at: number): boolean {
    const { body, ir } = this;
    const [number, a, b, c, d, e] = ir.ops.subarray(at, at + 6) as unknown as [number, number, number, number, number, number];
    const operator = BINARY[number];
    if (operator !== undefined) {
      this.push(b);
      this.push(c);
      body.op(operator);
      this.pop(a);
      return true;
    }
    switch (number) {
      case IR.mov:
        this.push(b);
        break;
      case IR.code:
        body.i32(0).memory(CODE_LOAD[c]!, this.code + b);
        break;
      case IR.get8:
        this.push(b);
        if (c !== 0) body.i32(c).op(OP.shr_u);
        body.i32(0xff).op(OP.and);
        break;
      case IR.get16:
        this.push(b);
        body.i32(0xffff).op(OP.and);
        break;
      case IR.put8:
        this.push(a);
        body.i32(~(0xff << c)).op(OP.and);
        this.push(b);
        body.i32(0xff).op(OP.and);
        if (c !== 0) body.i32(c).op(OP.shl);
        body.op(OP.or);
        break;
      case IR.put16:
        this.push(a);
        body.i32(~0xffff).op(OP.and);
        this.push(b);
        body.i32(0xffff).op(OP.and, OP.or);
        break;
      case IR.sext8:
        this.push(b);
        body.op(OP.extend8_s);
        break;
      case IR.sext16:
        this.push(b);
        body.op(OP.extend16_s);
        break;
      case IR.bswap:
        // both pairs of bytes that lie 16 apart are swapped by one rotation each
        this.push(b);
        body.i32(8).op(OP.rotl).i32(0x00ff_00ff).op(OP.and);
        this.push(b);
        body.i32(8).op(OP.rotr).i32(0xff00_ff00).op(OP.and, OP.or);
        break;
      case IR.mulHigh:
        this.product(b, c, d !== 0);
        body.op(OP.const64, 32, OP.shr64_u, OP.wrap);
        break;
      case IR.mulOverflow:
        this.multiplyOverflow(b, c, d, e !== 0);
        break;
      case IR.choose:
        this.push(c);
        this.push(d);
        this.push(b);
        body.op(OP.select);
        break;
      case IR.scan:
        body.i32(31);
        this.push(b);
        if (c === 0) {
          body.i32(0);
          this.push(b);
          body.op(OP.sub, OP.and);
        }
        body.op(OP.clz, OP.sub);
        break;
      case IR.rotate:
        this.rotate(b, c, d, e);
        break;
      case IR.doubleShift:
        this.doubleShift(b, d, e, this.constant(ir.ops[at + 6]!));
        break;
      case IR.doubleShiftFlags:
        this.doubleShiftFlags(a, c, d, this.constant(e));
        return true;
      case IR.rotateFlags: {
        const count = shiftCount(ir, at);
        if (count === undefined) this.shiftFlagsByRegister(a, c, d);
        else if (a >= ROTATE.shl) this.shiftFlags(a, b, c, count);
        else this.rotateFlags(a, b, c, count);
        return true;
      }
      default:
        return false;
    }
    this.pop(a);
    return true;
  }

  private constant(slot: number): number {
    return this.ir.constants[-1 - slot]!;
  }

  private product(a: number, b: number, isSigned: boolean): void {
    const extend = isSigned ? OP.extend_s : OP.extend_u;
    this.push(a);
    this.body.op(extend);
    this.push(b);
    this.body.op(extend, OP.mul64);
  }

  private multiplyOverflow(a: number, b: number, size: number, isSigned: boolean): void {
    const { body } = this;
    if (size === 4) {
      this.product(a, b, isSigned);
      if (isSigned) {
        this.push(a);
        this.push(b);
        body.op(OP.mul, OP.extend_s, OP.ne64);
      } else body.op(OP.const64, 32, OP.shr64_u, OP.wrap).i32(0).op(OP.ne);
    } else {
      this.push(a);
      this.push(b);
      body.op(OP.mul).tee(SPARE);
      if (isSigned) body.get(SPARE).op(size === 1 ? OP.extend8_s : OP.extend16_s);
      else
        body
          .get(SPARE)
          .i32(size === 1 ? 0xff : 0xffff)
          .op(OP.and);
      body.op(OP.ne);
    }
    body.i32(3).op(OP.mul);
  }

  /** The value zero-extended from its size. */
  private narrow(size: number): void {
    if (size < 4) this.body.i32(size === 1 ? 0xff : 0xffff).op(OP.and);
  }
  private signExtend(size: number): void {
    if (size < 4) this.body.op(size === 1 ? OP.extend8_s : OP.extend16_s);
  }

  private rotate(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    if (operation < ROTATE.shl) {
      if (size === 4) {
        this.push(value);
        this.push(count);
        body.op(operation === ROTATE.rol ? OP.rotl : OP.rotr);
        return;
      }
      body.i32(operation).i32(size);
      this.push(value);
      this.push(count);
      body.i32(0).call(IMPORT.rotate);
      return;
    }
    this.push(value);
    if (operation === ROTATE.shr) this.narrow(size);
    if (operation === ROTATE.sar) this.signExtend(size);
    this.push(count);
    body.op(operation === ROTATE.shl ? OP.shl : operation === ROTATE.shr ? OP.shr_u : OP.shr_s);
    this.narrow(size);
  }

  private bit(position: number): void {
    if (position !== 0) this.body.i32(position).op(OP.shr_u);
    this.body.i32(1).op(OP.and);
  }

  /** SHL, SHR, SAR by a constant smaller than the operand. */
  private shiftFlags(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    this.rotateBy(operation, size, value, count, this.countSlot(count));
    this.signExtend(size);
    body.set(RESULT);
    this.push(value);
    body.set(LEFT);
    this.flags.become(shiftKind(operation, size, count));
  }

  /** SHL, SHR, SAR of 32 bits by CL: a count of zero changes nothing. */
  private shiftFlagsByRegister(operation: number, value: number, count: number): void {
    const { body, flags } = this;
    const known = becomesKnown(flags.kind);
    if (known) flags.makeKnown();
    else flags.settle();
    this.push(count);
    body.if();
    this.push(value);
    this.push(count);
    body.op(operation === ROTATE.shl ? OP.shl : operation === ROTATE.shr ? OP.shr_u : OP.shr_s).set(RESULT);
    this.push(value);
    if (operation === ROTATE.shl) {
      body.i32(0);
      this.push(count);
      body.op(OP.sub, OP.shr_u).i32(1).op(OP.and);
      body.tee(SPARE).get(SPARE).get(RESULT).i32(31).op(OP.shr_u, OP.xor).i32(1).op(OP.shl, OP.or);
    } else {
      this.push(count);
      body
        .i32(1)
        .op(OP.sub, operation === ROTATE.shr ? OP.shr_u : OP.shr_s)
        .i32(1)
        .op(OP.and);
      if (operation === ROTATE.shr) {
        this.flags.topPair(32);
        body.op(OP.or);
      }
    }
    body.set(RIGHT);
    if (!known) body.i32(LAZY.known).set(KIND);
    body.end();
    flags.kind = known ? LAZY.known : undefined;
  }

  /** ROL and ROR change CF and OF only. */
  private rotateFlags(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    const bits = size * 8;
    const top = bits - 1;
    this.flags.materialise();
    this.rotateBy(operation, size, value, count, this.countSlot(count));
    body.tee(RESULT);
    this.bit(operation === ROTATE.rol ? 0 : top);
    body.set(CARRY);
    // OF: CF against the highest bit (ROL), or against the one below it (ROR)
    body.i32(0).word(AT.flags).i32(~0x801).op(OP.and).get(CARRY).op(OP.or);
    body.get(RESULT);
    this.bit(operation === ROTATE.rol ? top : top - 1);
    body.get(CARRY).op(OP.xor).i32(11).op(OP.shl, OP.or).memory(OP.store, AT.flags);
  }

  private doubleShift(right: number, value: number, filler: number, count: number): void {
    const { body } = this;
    this.push(value);
    body.i32(count).op(right ? OP.shr_u : OP.shl);
    this.push(filler);
    body.i32(32 - count).op(right ? OP.shl : OP.shr_u, OP.or);
  }

  private doubleShiftFlags(right: number, value: number, filler: number, count: number): void {
    const { body } = this;
    this.doubleShift(right, value, filler, count);
    body.set(RESULT);
    this.push(value);
    this.bit(right ? count - 1 : 32 - count);
    if (right) {
      this.flags.topPair(32);
      body.op(OP.or);
    } else body.tee(SPARE).get(SPARE).get(RESULT).i32(31).op(OP.shr_u, OP.xor).i32(1).op(OP.shl, OP.or);
    body.set(RIGHT);
    this.flags.become(LAZY.known);
  }

  /** Notes left, right and result as `flags` does: sign-extended. */
  note(kind: number, size: number, left: number, right: number, result: number): void {
    const { body } = this;
    const one = (slot: number, local: number): void => {
      this.push(slot);
      this.signExtend(size);
      body.set(local);
    };
    if (kind !== LAZY.logic && kind !== LAZY.known) one(left, LEFT);
    if (kind !== LAZY.logic) one(right, RIGHT);
    one(result, RESULT);
    this.flags.become(kind);
  }

  private countSlot(count: number): number {
    return -1 - this.ir.constants.indexOf(count);
  }
  private rotateBy(operation: number, size: number, value: number, count: number, slot: number): void {
    if (this.ir.constants[-1 - slot] !== count) throw new Error(`no constant ${count}`);
    this.rotate(operation, size, value, slot);
  }
}

/** Local of a register or temporary. */
function localOf(slot: number): number {
  return slot < 16 ? LOCAL.registers + slot : LOCAL.temporaries + slot - 16;
}
