/** Operations on values alone, in compiled code. */
import { LAZY } from '../flags';
import { IR, type IrBlock } from '../lower/ir';
import { OP, type FunctionBody } from './encoder';
import type { FlagCode } from './flag-code';
import { LOCAL } from './locals';
import { ShiftCode } from './shift-code';
import { emitValue } from './value-code';

const CODE_LOAD: Readonly<Record<number, number>> = { 1: OP.load8_u, 2: OP.load16_u, 4: OP.load };

const { left: LEFT, right: RIGHT, result: RESULT } = LOCAL;

export class ArithmeticCode {
  private readonly shifts: ShiftCode;
  private readonly pushed = (slot: number): void => this.push(slot);

  constructor(
    private readonly body: FunctionBody,
    private readonly flags: FlagCode,
    private readonly ir: IrBlock,
    /** pool offset of the block's first byte */
    private readonly code: number,
  ) {
    this.shifts = new ShiftCode(body, flags, ir, this.pushed);
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
    const [number, a, b, c] = ir.ops.subarray(at, at + 4) as unknown as [number, number, number, number];
    if (emitValue(body, ir.ops, at, this.pushed)) {
      this.pop(a);
      return true;
    }
    switch (number) {
      case IR.code:
        body.i32(0).memory(CODE_LOAD[c]!, this.code + b);
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
