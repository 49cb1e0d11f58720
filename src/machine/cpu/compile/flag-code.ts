/** The lazy flags (flags.ts) in compiled code: noted in locals, worked out where they are asked for. */
import { FLAG, LAZY } from '../flags';
import { OP, type FunctionBody } from './encoder';
import { AT, IMPORT, LOCAL } from './locals';
import { ROTATE } from '../lower/ir';
import { KIND as OWN, becomesKnown, isShift, kindWithoutCarry, shiftOf } from './supported';

const { kind: KIND, left: LEFT, right: RIGHT, result: RESULT, carry: CARRY, spare: SPARE, index: SAVED } = LOCAL;

/** none, inc and dec: CF is kept apart. */
const CARRY_APART = (1 << LAZY.none) | (1 << LAZY.inc) | (1 << LAZY.dec);

export class FlagCode {
  /** `lazyKind` at this point where it is known, or a kind of the compiler's own (supported.ts); its local is not up to date then */
  kind: number | undefined;

  constructor(private readonly body: FunctionBody) {}

  /** Sets the kind; the operands are in their locals. */
  become(kind: number): void {
    this.kind = kind;
  }

  /** Before the region is left: kind and operands are what flags.ts understands. */
  settle(): void {
    if (isShift(this.kind)) this.makeKnown();
    if (this.kind !== undefined) this.body.i32(this.kind).set(KIND);
  }

  /** Before a jump to a block that expects a kind (undefined: any). The kind here stays for what else is emitted. */
  convertTo(wanted: number | undefined): void {
    const before = this.kind;
    if (wanted === OWN.carryOnly) this.keepCarry();
    else if (wanted === undefined) this.settle();
    else if (wanted === LAZY.known && before !== LAZY.known) this.makeKnown();
    this.kind = before;
  }

  /** The flags of a shift by a constant, or of a logical operation, as `known`. */
  makeKnown(): void {
    const { body, kind } = this;
    if (!becomesKnown(kind)) throw new Error(`flags of kind ${kind} cannot be known`);
    if (kind === LAZY.logic) body.i32(0).set(RIGHT);
    else if (kind !== undefined && isShift(kind)) {
      const { operation, bits } = shiftOf(kind);
      this.carry();
      if (operation === ROTATE.shl) {
        // OF, in bit 1: CF against the sign
        body.tee(SPARE).get(SPARE).get(RESULT).i32(31).op(OP.shr_u, OP.xor).i32(1).op(OP.shl, OP.or);
      } else if (operation === ROTATE.shr) {
        this.topPair(bits);
        body.op(OP.or);
      }
      body.set(RIGHT);
    }
    this.kind = LAZY.known;
  }

  /** OF, in bit 1, of SHR, ROR and SHRD: the two highest bits of the result differ. */
  topPair(bits: number): void {
    this.body.get(RESULT).get(RESULT).i32(1).op(OP.shl, OP.xor).i32(bits - 2).op(OP.shr_u).i32(2).op(OP.and); // prettier-ignore
  }

  /** Bit 0 on the stack: the last bit that a shift by a constant moved out. */
  private shiftedOut(kind: number): void {
    const { operation, bits, count } = shiftOf(kind);
    const position = operation === ROTATE.shl ? bits - count : count - 1;
    this.body.get(LEFT);
    if (position !== 0) this.body.i32(position).op(OP.shr_u);
    this.body.i32(1).op(OP.and);
  }

  /** Before INC and DEC: CF goes where they expect it. */
  keepCarry(): void {
    const { body, kind } = this;
    if (kind === undefined) {
      body.i32(CARRY_APART).get(KIND).op(OP.shr_u).i32(1).op(OP.and, OP.eqz).ifUnlikely();
      this.carry();
      body.set(CARRY).end();
    } else if (kind !== OWN.carryOnly && (isShift(kind) || ((CARRY_APART >> kind) & 1) === 0)) {
      this.carry();
      body.set(CARRY);
    }
  }

  /** CF becomes bit 0 of the value on the stack; the other flags stay. */
  replaceCarry(): void {
    const { body } = this;
    if (this.kind === undefined || isShift(this.kind)) {
      body.set(SAVED);
      if (this.kind === undefined) this.materialise();
      else this.makeKnown();
      body.get(SAVED);
    }
    body.i32(1).op(OP.and);
    if (this.kind === LAZY.logic || this.kind === LAZY.known) {
      body.set(SPARE);
      if (this.kind === LAZY.known) body.get(RIGHT).i32(2).op(OP.and).get(SPARE).op(OP.or).set(RIGHT);
      else body.get(SPARE).set(RIGHT);
    } else body.set(CARRY);
    this.become(kindWithoutCarry(this.kind)!);
  }

  /** Every flag goes to the stored rflags (and CF also to its local). */
  materialise(): void {
    this.body.i32(0);
    this.eflags();
    this.body.memory(OP.store, AT.flags);
    this.body.word(AT.flags).i32(1).op(OP.and).set(CARRY);
    this.become(LAZY.none);
  }

  /** All of EFLAGS on the stack. */
  eflags(): void {
    this.operands();
    this.stored();
    this.body.call(IMPORT.eflags);
  }

  /** rflags as they would be stored. */
  stored(): void {
    this.body.word(AT.flags).i32(~1).op(OP.and).get(CARRY).op(OP.or);
  }

  /** CF, 0 or 1, on the stack. */
  carry(): void {
    const { body } = this;
    if (this.kind !== undefined && isShift(this.kind)) return this.shiftedOut(this.kind);
    switch (this.kind) {
      case undefined:
        this.operands();
        body.get(CARRY).call(IMPORT.carry);
        return;
      case LAZY.add:
        body.get(RESULT).get(LEFT).op(OP.lt_u);
        return;
      case LAZY.sub:
        body.get(LEFT).get(RIGHT).op(OP.lt_u);
        return;
      case LAZY.logic:
        body.i32(0);
        return;
      case LAZY.adc:
        // (l & r | (l | r) & ~result) >>> 31
        body.get(LEFT).get(RIGHT).op(OP.and).get(LEFT).get(RIGHT).op(OP.or);
        this.notResult();
        body.op(OP.and, OP.or).i32(31).op(OP.shr_u);
        return;
      case LAZY.sbb:
        // (~l & r | (~l | r) & result) >>> 31
        body.get(LEFT).i32(-1).op(OP.xor).tee(SPARE).get(RIGHT).op(OP.and);
        body.get(SPARE).get(RIGHT).op(OP.or).get(RESULT).op(OP.and, OP.or).i32(31).op(OP.shr_u);
        return;
      case LAZY.known:
        body.get(RIGHT).i32(1).op(OP.and);
        return;
      default:
        body.get(CARRY);
    }
  }

  /** 1 on the stack when condition `code` (the low four bits of Jcc) holds, else 0. */
  condition(code: number): void {
    const { body, kind } = this;
    const group = code >> 1;
    if (kind === undefined && (group === 2 || group === 4)) {
      // ZF and SF are the result's, whatever the kind, unless they are stored
      const bit = group === 2 ? FLAG.ZF : FLAG.SF;
      body.get(RESULT);
      if (group === 2) body.op(OP.eqz);
      else body.i32(31).op(OP.shr_u);
      body.word(AT.flags).i32(bit).op(OP.and).i32(0).op(OP.ne).get(KIND).op(OP.select);
    } else if (kind === undefined) {
      body.i32(code);
      this.operands();
      this.stored();
      body.call(IMPORT.condition);
      return;
    } else if (kind === LAZY.sub && SUBTRACTION[group] !== undefined) {
      body.get(LEFT).get(RIGHT).op(SUBTRACTION[group]);
    } else this.group(group);
    if (code & 1) body.op(OP.eqz);
  }

  private group(group: number): void {
    const { body } = this;
    switch (group) {
      case 0:
        return this.overflow();
      case 1:
        return this.carry();
      case 2:
        return this.zero();
      case 3:
        this.zero();
        if (this.kind === LAZY.logic) return;
        this.carry();
        body.op(OP.or);
        return;
      case 4:
        return this.sign();
      case 5:
        return this.parity();
      default:
        if (this.kind === LAZY.logic) {
          body
            .get(RESULT)
            .i32(0)
            .op(group === 6 ? OP.lt_s : OP.le_s);
          return;
        }
        this.sign();
        this.overflow();
        body.op(OP.xor);
        if (group === 7) {
          this.zero();
          body.op(OP.or);
        }
    }
  }

  private storedFlag(bit: number): void {
    this.body.word(AT.flags).i32(bit).op(OP.and).i32(0).op(OP.ne);
  }
  private zero(): void {
    if (this.kind === LAZY.none) this.storedFlag(FLAG.ZF);
    else this.body.get(RESULT).op(OP.eqz);
  }
  private sign(): void {
    if (this.kind === LAZY.none) this.storedFlag(FLAG.SF);
    else this.body.get(RESULT).i32(31).op(OP.shr_u);
  }
  private parity(): void {
    if (this.kind === LAZY.none) return this.storedFlag(FLAG.PF);
    const { body } = this;
    body.get(RESULT).i32(0xff).op(OP.and).tee(SPARE).get(SPARE).i32(4).op(OP.shr_u, OP.xor).i32(15).op(OP.and).set(SPARE);
    body.i32(0x9669).get(SPARE).op(OP.shr_u).i32(1).op(OP.and);
  }
  private overflow(): void {
    const { body } = this;
    if (isShift(this.kind)) this.makeKnown();
    switch (this.kind) {
      case LAZY.add:
      case LAZY.inc:
      case LAZY.adc:
        body.get(LEFT).get(RESULT).op(OP.xor).get(RIGHT).get(RESULT).op(OP.xor, OP.and).i32(31).op(OP.shr_u);
        return;
      case LAZY.sub:
      case LAZY.dec:
      case LAZY.sbb:
        body.get(LEFT).get(RIGHT).op(OP.xor).get(LEFT).get(RESULT).op(OP.xor, OP.and).i32(31).op(OP.shr_u);
        return;
      case LAZY.logic:
        body.i32(0);
        return;
      case LAZY.known:
        body.get(RIGHT).i32(1).op(OP.shr_u).i32(1).op(OP.and);
        return;
      case LAZY.none:
        this.storedFlag(FLAG.OF);
        return;
      default:
        throw new Error(`OF of kind ${this.kind}`);
    }
  }
  private notResult(): void {
    this.body.get(RESULT).i32(-1).op(OP.xor);
  }
  private operands(): void {
    if (isShift(this.kind)) this.makeKnown();
    if (this.kind === undefined) this.body.get(KIND);
    else this.body.i32(this.kind);
    this.body.get(LEFT).get(RIGHT).get(RESULT);
  }
}

/** After a subtraction: conditions that compare its operands, by group. */
const SUBTRACTION: Readonly<Record<number, number>> = { 1: OP.lt_u, 3: OP.le_u, 6: OP.lt_s, 7: OP.le_s };
