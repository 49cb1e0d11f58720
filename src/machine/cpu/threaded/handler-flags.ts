/**
 * The lazy flags in the loop: they stay in the state. What is common is worked out in place, the rest by the state's own
 * functions.
 */
import type { FunctionBody } from '../compile/encoder';
import { OP } from '../compile/encoder';
import { FLAG, LAZY, STATUS_FLAGS } from '../flags';
import { STATE } from '../state-layout';
import { IMPORT, LOCAL } from './locals';

const FLAGS = STATE.rflags.offset;
const KIND = STATE.lazyKind.offset;
const LEFT = STATE.lazyLeft.offset;
const RIGHT = STATE.lazyRight.offset;
const RESULT = STATE.lazyResult.offset;

/** none, inc and dec: CF is in rflags. */
const CARRY_APART = (1 << LAZY.none) | (1 << LAZY.inc) | (1 << LAZY.dec);

/** Comparisons of the operands that conditions are after a subtraction, by condition / 2. */
const SUBTRACTION: Readonly<Record<number, number>> = { 1: OP.lt_u, 3: OP.le_u, 6: OP.lt_s, 7: OP.le_s };

export class HandlerFlags {
  /** are left, right and result in their locals too? */
  private held = false;

  constructor(
    private readonly body: FunctionBody,
    /** `lazyKind` at this point where it is known */
    private kind: number | undefined,
  ) {}

  /**
   * Notes what an operation left: its operands and result are pushed by the functions, sign-extended from `size`.
   * @param keepsCarry INC and DEC
   */
  note(kind: number, size: number, keepsCarry: boolean, push: { left: () => void; right: () => void; result: () => void }): void {
    const { body } = this;
    if (keepsCarry) this.keepCarry();
    const one = (pushValue: () => void, local: number, offset: number): void => {
      pushValue();
      if (size < 4) body.op(size === 1 ? OP.extend8_s : OP.extend16_s);
      body.set(local).i32(0).get(local).memory(OP.store, offset);
    };
    if (kind !== LAZY.logic && kind !== LAZY.known) one(push.left, LOCAL.left, LEFT);
    if (kind !== LAZY.logic) one(push.right, LOCAL.right, RIGHT);
    one(push.result, LOCAL.result, RESULT);
    body.i32(0).i32(kind).memory(OP.store, KIND);
    this.kind = kind;
    this.held = true;
  }

  /** SHL, SHR, SAR by a nonzero count: result, and CF and OF as bits 0 and 1, are in the locals `result` and `right`. */
  noteKnown(): void {
    const { body } = this;
    body.i32(0).get(LOCAL.result).memory(OP.store, RESULT).i32(0).get(LOCAL.right).memory(OP.store, RIGHT);
    body.i32(0).i32(LAZY.known).memory(OP.store, KIND);
    this.kind = LAZY.known;
    this.held = true;
  }

  /** The state's functions have changed the flags. */
  changed(): void {
    this.kind = undefined;
    this.held = false;
  }

  /** 1 on the stack when condition `code` (the low four bits of Jcc) holds, else 0. */
  condition(code: number): void {
    const { body, kind } = this;
    const group = code >> 1;
    if (kind === LAZY.sub && SUBTRACTION[group] !== undefined) {
      this.left();
      this.right();
      body.op(SUBTRACTION[group]);
    } else if (group === 2 && kind !== LAZY.none) {
      this.zero();
    } else if (group === 4 && kind !== undefined && kind !== LAZY.none) {
      this.result();
      body.i32(31).op(OP.shr_u);
    } else if (group === 1 && kind !== undefined && this.hasCarry(kind)) {
      this.carry();
    } else if (group === 3 && kind !== undefined && kind !== LAZY.none && this.hasCarry(kind)) {
      this.zero();
      this.carry();
      body.op(OP.or);
    } else if (kind === LAZY.logic && group >= 6) {
      this.result();
      body.i32(0).op(group === 6 ? OP.lt_s : OP.le_s);
    } else {
      body.i32(code).call(IMPORT.condition);
      return;
    }
    if (code & 1) body.op(OP.eqz);
  }

  /** CF, 0 or 1, on the stack. */
  carry(): void {
    const { body } = this;
    switch (this.kind) {
      case LAZY.add:
        this.result();
        this.left();
        body.op(OP.lt_u);
        return;
      case LAZY.sub:
        this.left();
        this.right();
        body.op(OP.lt_u);
        return;
      case LAZY.logic:
        body.i32(0);
        return;
      case LAZY.known:
        this.right();
        body.i32(1).op(OP.and);
        return;
      case LAZY.none:
      case LAZY.inc:
      case LAZY.dec:
        body.word(FLAGS).i32(1).op(OP.and);
        return;
      default:
        body.call(IMPORT.carry);
    }
  }

  /** Sets the rflags bits under `mask` to those of a value. */
  set(mask: number, pushValue: () => void): void {
    const { body } = this;
    if (mask & STATUS_FLAGS) {
      pushValue();
      body.i32(mask).call(IMPORT.setFlags);
      this.changed();
      return;
    }
    body.i32(0).word(FLAGS).i32(~mask).op(OP.and);
    pushValue();
    body.i32(mask).op(OP.and, OP.or).memory(OP.store, FLAGS);
  }

  /** `distance` or `-distance` on the stack, by DF. */
  stringStep(distance: number): void {
    this.body.i32(-distance).i32(distance).word(FLAGS).i32(FLAG.DF).op(OP.and, OP.select);
  }

  /** Before INC and DEC: CF goes to rflags. */
  private keepCarry(): void {
    const { body, kind } = this;
    if (kind === undefined) {
      body.i32(CARRY_APART).word(KIND).op(OP.shr_u).i32(1).op(OP.and, OP.eqz).if();
      body.call(IMPORT.keepCarry).end();
    } else if (((CARRY_APART >> kind) & 1) === 0) {
      body.i32(0).word(FLAGS).i32(~FLAG.CF).op(OP.and);
      this.carry();
      body.op(OP.or).memory(OP.store, FLAGS);
    }
  }

  private hasCarry(kind: number): boolean {
    return kind !== LAZY.adc && kind !== LAZY.sbb;
  }

  /** ZF, 0 or 1: the result's, unless the flags are stored. */
  private zero(): void {
    const { body } = this;
    this.result();
    body.op(OP.eqz);
    if (this.kind === undefined) body.word(FLAGS).i32(FLAG.ZF).op(OP.and).i32(0).op(OP.ne).word(KIND).op(OP.select);
  }

  private left(): void {
    this.value(LOCAL.left, LEFT);
  }
  private right(): void {
    this.value(LOCAL.right, RIGHT);
  }
  private result(): void {
    this.value(LOCAL.result, RESULT);
  }
  private value(local: number, offset: number): void {
    if (this.held) this.body.get(local);
    else this.body.word(offset);
  }
}
