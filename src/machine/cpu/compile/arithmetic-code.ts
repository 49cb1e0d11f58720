/** Operations on values alone, in compiled code. */
import { LAZY } from '../flags';
import { IR, type IrBlock } from '../lower/ir';
import { OP, type FunctionBody } from './encoder';
import type { FlagCode } from './flag-code';
import { LOCAL } from './locals';
import { ShiftCode } from './shift-code';

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

const { left: LEFT, right: RIGHT, result: RESULT, spare: SPARE } = LOCAL;

export class ArithmeticCode {
  private readonly shifts: ShiftCode;

  constructor(
    private readonly body: FunctionBody,
    private readonly flags: FlagCode,
    private readonly ir: IrBlock,
    /** pool offset of the block's first byte */
    private readonly code: number,
  ) {
    this.shifts = new ShiftCode(body, flags, ir, (slot) => this.push(slot));
  }

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
      case IR.doubleShift:
        this.shifts.value(at);
        break;
      case IR.rotateFlags:
      case IR.doubleShiftFlags:
        this.shifts.flagsOf(at);
        return true;
      default:
        return false;
    }
    this.pop(a);
    return true;
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

  private signExtend(size: number): void {
    if (size < 4) this.body.op(size === 1 ? OP.extend8_s : OP.extend16_s);
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
}

/** Local of a register or temporary. */
function localOf(slot: number): number {
  return slot < 16 ? LOCAL.registers + slot : LOCAL.temporaries + slot - 16;
}
