/**
 * Shifts and rotates in compiled code, as interpret/integer.ts and shift-flags.ts have them (SDM vol. 2, RCL … SHRD). The IR has the
 * value and its flags as two operations with whatever is written between them, so each works its result out by itself. Counts are
 * below 32; one of zero, or one that turns through CF the whole way around, changes no flag.
 */
import { LAZY } from '../flags';
import { IR, ROTATE, type IrBlock } from '../lower/ir';
import { OP, type FunctionBody } from './encoder';
import type { FlagCode } from './flag-code';
import { AT, LOCAL } from './locals';
import { becomesKnown, constantOf, shiftCount, shiftKind } from './supported';

const { left: LEFT, right: RIGHT, result: RESULT, carry: CARRY, spare: SPARE, index: TURN, kind: KIND, wideLeft: WIDE } = LOCAL;

/** What makes a copy of a byte or word in every place of 32 bits. */
const COPIES: Readonly<Record<number, number>> = { 1: 0x0101_0101, 2: 0x0001_0001 };
/** CF and OF */
const CARRY_OVERFLOW = 0x801;

export class ShiftCode {
  constructor(
    private readonly body: FunctionBody,
    private readonly flags: FlagCode,
    private readonly ir: IrBlock,
    private readonly push: (slot: number) => void,
  ) {}

  /** Emits the operation at word `at`, one of `rotate` and `doubleShift`: its value is on the stack. */
  value(at: number): void {
    const [number, , b, c, d, e, f] = this.operands(at);
    if (number === IR.rotate) this.rotate(b, c, d, e);
    else this.doubleShift(b, c, d, e, f);
  }

  /** Emits the operation at word `at`, one of `rotateFlags` and `doubleShiftFlags`. */
  flagsOf(at: number): void {
    const [number, a, b, c, d, e] = this.operands(at);
    const count = shiftCount(this.ir, at);
    if (number === IR.doubleShiftFlags) this.doubleShiftFlags(a, b, c, d, e);
    else if (a === ROTATE.rcl || a === ROTATE.rcr) this.throughCarryFlags(a, b, c, d);
    else if (a < ROTATE.shl) this.rotateFlags(a, b, c, d);
    else if (count !== undefined) this.shiftFlagsByConstant(a, b, c, d, count);
    else this.shiftFlags(a, b, c, d);
  }

  private operands(at: number): [number, number, number, number, number, number, number] {
    return this.ir.ops.subarray(at, at + 7) as unknown as [number, number, number, number, number, number, number];
  }

  // --- values ----------------------------------------------------------------------------------------------------------

  /** The value zero-extended from its size. */
  private narrow(size: number): void {
    if (size < 4) this.body.i32(size === 1 ? 0xff : 0xffff).op(OP.and);
  }
  private signExtend(size: number): void {
    if (size < 4) this.body.op(size === 1 ? OP.extend8_s : OP.extend16_s);
  }

  private rotate(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    if (operation === ROTATE.rcl || operation === ROTATE.rcr) {
      this.flags.carry();
      this.throughCarry(operation, size, value, count);
      body.op(OP.wrap);
      this.narrow(size);
      return;
    }
    this.push(value);
    if (operation < ROTATE.shl) {
      if (size < 4) {
        this.narrow(size);
        body.i32(COPIES[size]!).op(OP.mul);
      }
      this.push(count);
      body.op(operation === ROTATE.rol ? OP.rotl : OP.rotr);
    } else {
      if (operation === ROTATE.shr) this.narrow(size);
      if (operation === ROTATE.sar) this.signExtend(size);
      this.push(count);
      body.op(operation === ROTATE.shl ? OP.shl : operation === ROTATE.shr ? OP.shr_u : OP.shr_s);
    }
    this.narrow(size);
  }

  /**
   * CF is on the stack. CF and the value are turned together, CF above the value: 64 bits on the stack, of which the size's lowest
   * are the result and the next one is CF. `TURN` is by how much.
   */
  private throughCarry(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    const bits = size * 8;
    body.op(OP.extend_u, OP.const64, bits, OP.shl64);
    this.push(value);
    this.narrow(size);
    body.op(OP.extend_u, OP.or64).set(WIDE);
    this.push(count);
    if (size < 4) body.i32(bits + 1).op(OP.rem_u);
    body.set(TURN);
    const by = (left: boolean): void => {
      body.get(WIDE);
      if (left) body.get(TURN);
      else
        body
          .i32(bits + 1)
          .get(TURN)
          .op(OP.sub);
      body.op(OP.extend_u);
    };
    by(operation === ROTATE.rcl);
    body.op(OP.shl64);
    by(operation === ROTATE.rcr);
    body.op(OP.shr64_u, OP.or64);
  }

  /**
   * SHLD and SHRD as one shift of 64 bits: the value with the filler below or above it, and for 16 bits the one of the two again that
   * larger counts bring in.
   */
  private pair(right: number, size: number, value: number, filler: number): void {
    const { body } = this;
    const bits = size * 8;
    const parts = size === 4 ? (right ? [filler, value] : [value, filler]) : right ? [value, filler, value] : [value, filler, filler];
    parts.forEach((slot, index) => {
      this.push(slot);
      this.narrow(size);
      body.op(OP.extend_u);
      if (index > 0) body.op(OP.or64);
      if (index < parts.length - 1) body.op(OP.const64, bits, OP.shl64);
    });
  }

  private doubleShift(right: number, size: number, value: number, filler: number, count: number): void {
    const { body } = this;
    const known = constantOf(this.ir, count);
    if (size === 4 && known !== undefined && known !== 0) {
      this.push(value);
      body.i32(known).op(right ? OP.shr_u : OP.shl);
      this.push(filler);
      body.i32(32 - known).op(right ? OP.shl : OP.shr_u, OP.or);
      return;
    }
    this.pair(right, size, value, filler);
    this.push(count);
    body.op(OP.extend_u, right ? OP.shr64_u : OP.shl64);
    if (!right) body.op(OP.const64, 32, OP.shr64_u);
    body.op(OP.wrap);
    this.narrow(size);
  }

  // --- flags -----------------------------------------------------------------------------------------------------------

  private bit(position: number): void {
    if (position !== 0) this.body.i32(position).op(OP.shr_u);
    this.body.i32(1).op(OP.and);
  }

  /** OF in bit 1 over CF, which is on the stack: CF against the sign of the result. */
  private withSign(): void {
    this.body.tee(SPARE).get(SPARE).get(RESULT).i32(31).op(OP.shr_u, OP.xor).i32(1).op(OP.shl, OP.or);
  }

  /** `noting` leaves RESULT and, in RIGHT, CF and OF; where the count may be zero it is asked first. */
  private noteKnown(count: number, noting: () => void): void {
    const { body, flags } = this;
    const fixed = constantOf(this.ir, count);
    if (fixed !== undefined && fixed !== 0) {
      noting();
      flags.become(LAZY.known);
      return;
    }
    const known = becomesKnown(flags.kind);
    if (known) flags.makeKnown();
    else flags.settle();
    this.push(count);
    body.if();
    noting();
    if (!known) body.i32(LAZY.known).set(KIND);
    body.end();
    flags.kind = known ? LAZY.known : undefined;
  }

  /** SHL, SHR, SAR by a constant smaller than the operand: worked out where somebody asks. */
  private shiftFlagsByConstant(operation: number, size: number, value: number, slot: number, count: number): void {
    this.rotate(operation, size, value, slot);
    this.signExtend(size);
    this.body.set(RESULT);
    this.push(value);
    this.body.set(LEFT);
    this.flags.become(shiftKind(operation, size, count));
  }

  private shiftFlags(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    this.noteKnown(count, () => {
      this.rotate(operation, size, value, count);
      this.signExtend(size);
      body.set(RESULT);
      this.push(value);
      if (operation === ROTATE.sar) this.signExtend(size);
      if (operation !== ROTATE.shl) {
        this.push(count);
        body
          .i32(1)
          .op(OP.sub, operation === ROTATE.shr ? OP.shr_u : OP.shr_s)
          .i32(1)
          .op(OP.and);
        if (operation === ROTATE.shr) {
          this.flags.topPair(size * 8);
          body.op(OP.or);
        }
      } else if (size === 4) {
        body.i32(0);
        this.push(count);
        body.op(OP.sub, OP.shr_u).i32(1).op(OP.and);
        this.withSign();
      } else {
        this.push(count);
        body.op(OP.shl);
        this.bit(size * 8);
        this.withSign();
      }
      body.set(RIGHT);
    });
  }

  private doubleShiftFlags(right: number, size: number, value: number, filler: number, count: number): void {
    const { body } = this;
    const fixed = constantOf(this.ir, count);
    this.noteKnown(count, () => {
      this.doubleShift(right, size, value, filler, count);
      this.signExtend(size);
      body.set(RESULT);
      if (size === 4 && fixed !== undefined) {
        this.push(value);
        this.bit(right ? fixed - 1 : 32 - fixed);
      } else {
        this.pair(right, size, value, filler);
        if (right) {
          this.push(count);
          body.i32(1);
        } else {
          body.i32(size === 4 ? 64 : 48);
          this.push(count);
        }
        body.op(OP.sub, OP.extend_u, OP.shr64_u, OP.wrap).i32(1).op(OP.and);
      }
      if (right) {
        this.flags.topPair(size * 8);
        body.op(OP.or);
      } else this.withSign();
      body.set(RIGHT);
    });
  }

  /** CF, on the stack, and OF, worked out by `overflow`, go to the stored flags; the others stay. */
  private storeCarryOverflow(overflow: () => void): void {
    const { body } = this;
    body.set(CARRY);
    body.i32(0).word(AT.flags).i32(~CARRY_OVERFLOW).op(OP.and).get(CARRY).op(OP.or);
    overflow();
    body.i32(11).op(OP.shl, OP.or).memory(OP.store, AT.flags);
  }

  /** ROL and ROR change CF and OF only. OF: CF against the highest bit (ROL), or against the one below it (ROR). */
  private rotateFlags(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    const top = size * 8 - 1;
    const fixed = constantOf(this.ir, count);
    const asks = fixed === undefined || fixed === 0;
    this.flags.materialise();
    if (asks) {
      this.push(count);
      body.if();
    }
    this.rotate(operation, size, value, count);
    body.tee(RESULT);
    this.bit(operation === ROTATE.rol ? 0 : top);
    this.storeCarryOverflow(() => {
      body.get(RESULT);
      this.bit(operation === ROTATE.rol ? top : top - 1);
      body.get(CARRY).op(OP.xor);
    });
    if (asks) body.end();
  }

  /** RCL and RCR, likewise. OF of RCL: CF against the highest bit; of RCR: the two highest bits differ. */
  private throughCarryFlags(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    const bits = size * 8;
    this.flags.materialise();
    body.get(CARRY);
    this.throughCarry(operation, size, value, count);
    body.set(WIDE);
    body.get(TURN).if();
    body.get(WIDE).op(OP.wrap).set(RESULT);
    body.get(WIDE).op(OP.const64, bits, OP.shr64_u, OP.wrap).i32(1).op(OP.and);
    this.storeCarryOverflow(() => {
      body.get(RESULT);
      this.bit(bits - 1);
      if (operation === ROTATE.rcl) body.get(CARRY);
      else {
        body.get(RESULT);
        this.bit(bits - 2);
      }
      body.op(OP.xor);
    });
    body.end();
  }
}
