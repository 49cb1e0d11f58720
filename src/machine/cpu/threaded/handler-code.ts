/**
 * The handler of one shape (unit.ts): the operations of a sample unit in WebAssembly, with every register and constant read
 * from the running unit's words. A register is loaded once and stored whenever it is written; temporaries are locals.
 * Operations on memory are in handler-memory.ts.
 */
import type { FunctionBody, Label } from '../compile/encoder';
import { OP } from '../compile/encoder';
import { emitValue } from '../compile/value-code';
import { EXCEPTION } from '../lower/exceptions';
import { IR, IR_STRIDE, ROTATE, TEMPORARY, type IrBlock } from '../lower/ir';
import { SEGMENT, SEGMENT_INDEX, STATE } from '../state-layout';
import { HandlerFlags } from './handler-flags';
import { FastMemory, ObservedMemory, type HandlerMemory, type MemoryUser } from './handler-memory';
import { WORD } from './layout';
import { IMPORT, LOCAL } from './locals';
import type { SampleHandler } from './samples';
import { endsBlock, type Range, type Unit } from './unit';

const SIZES: Readonly<Record<number, 1 | 2 | 4>> = {
  [IR.load8]: 1,
  [IR.load16]: 2,
  [IR.load32]: 4,
  [IR.store8]: 1,
  [IR.store16]: 2,
  [IR.store32]: 4,
};
const CODE_LOAD: Readonly<Record<number, number>> = { 1: OP.load8_u, 2: OP.load16_u, 4: OP.load };
const CS_LIMIT = STATE.segments.offset + SEGMENT_INDEX.CS * SEGMENT.size + SEGMENT.limit;

/** Where handlers go on. */
export interface Ways {
  /** to the unit at `pc` */
  readonly step: Label;
  /** to the block at `next`, or at `rip` when that is 0 */
  readonly block: Label;
  /** out of the loop: the slow path asked for it */
  readonly stopped: Label;
}

/**
 * Emits the handler of a sample's shape.
 * @param observed every access is told of
 */
export function emitHandler(body: FunctionBody, ways: Ways, { unit, ir, range, kind }: SampleHandler, observed: boolean): void {
  new HandlerCode(body, ways, unit, ir, kind, observed).emit(range);
}

class HandlerCode implements MemoryUser {
  private readonly flags: HandlerFlags;
  private readonly memory: HandlerMemory;
  /** operands whose value, and registers whose address, is in its local */
  private readonly valueHeld = new Set<number>();
  private readonly addressHeld = new Set<number>();
  private readonly pushed = (slot: number): void => this.push(slot);
  constructor(
    readonly body: FunctionBody,
    readonly ways: Ways,
    readonly unit: Unit,
    private readonly ir: IrBlock,
    kind: number | undefined,
    private readonly observed: boolean,
  ) {
    this.flags = new HandlerFlags(body, kind);
    this.memory = new (observed ? ObservedMemory : FastMemory)(this);
  }

  emit({ from, to }: Range): void {
    const { body, ir } = this;
    for (let at = from; at < to; at += IR_STRIDE) this.operation(at);
    if (endsBlock(ir.ops[to - IR_STRIDE]!)) return;
    body
      .get(LOCAL.pc)
      .i32(this.unit.words.length * 4)
      .op(OP.add)
      .set(LOCAL.pc)
      .br(this.ways.step);
  }

  // --- operands --------------------------------------------------------------------------------------------------------

  word(index: number): void {
    this.body.get(LOCAL.pc).memory(OP.load, index * 4);
  }

  push(slot: number): void {
    const { body } = this;
    if (slot >= TEMPORARY) {
      body.get(LOCAL.temporaries + slot - TEMPORARY);
      return;
    }
    const index = this.unit.slots.get(slot)!;
    if (this.valueHeld.has(index)) {
      body.get(LOCAL.operands + index);
      return;
    }
    if (slot < 0) this.word(index);
    else {
      this.address(index);
      body.memory(OP.load, 0);
    }
    body.tee(LOCAL.operands + index);
    this.valueHeld.add(index);
  }

  private address(index: number): void {
    const { body } = this;
    if (this.addressHeld.has(index)) body.get(LOCAL.addresses + index);
    else {
      this.word(index);
      body.tee(LOCAL.addresses + index);
      this.addressHeld.add(index);
    }
  }

  /** The value on the stack goes to a register or temporary. */
  pop(slot: number): void {
    const { body } = this;
    if (slot >= TEMPORARY) {
      body.set(LOCAL.temporaries + slot - TEMPORARY);
      return;
    }
    const index = this.unit.slots.get(slot)!;
    body.set(LOCAL.operands + index);
    this.valueHeld.add(index);
    this.address(index);
    body.get(LOCAL.operands + index).memory(OP.store, 0);
  }

  // --- operations ------------------------------------------------------------------------------------------------------

  private operation(at: number): void {
    const { body, flags, ir } = this;
    const [number, a, b, c, d, e, f] = ir.ops.subarray(at, at + IR_STRIDE) as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    if (emitValue(body, ir.ops, at, this.pushed)) {
      this.pop(a);
      return;
    }
    switch (number) {
      case IR.rotate:
        this.rotate(b, c, d, e);
        break;
      case IR.rotateFlags:
        this.rotateFlags(a, b, c, d);
        return;
      case IR.doubleShift:
        body.i32(b).i32(c);
        for (const slot of [d, e, f]) this.push(slot);
        body.call(IMPORT.doubleShift);
        break;
      case IR.doubleShiftFlags:
        body.i32(a).i32(b);
        for (const slot of [c, d, e]) this.push(slot);
        body.call(IMPORT.doubleShiftFlags);
        flags.changed();
        return;
      case IR.divide:
        body.i32(a).i32(b);
        this.push(c);
        this.slow();
        body.i32(this.memory.accesses).get(LOCAL.pc).get(LOCAL.budget).call(IMPORT.divide);
        this.leaveIfAsked();
        return;
      case IR.call:
        this.slow();
        body.i32(b);
        for (const slot of [c, d, e]) this.push(slot);
        body.i32(this.memory.accesses).get(LOCAL.pc).get(LOCAL.budget).call(IMPORT.device);
        this.pop(a);
        this.leaveIfAsked();
        return;
      case IR.flags:
      case IR.flagsIncDec:
        flags.note(a, b, number === IR.flagsIncDec, {
          left: () => this.push(c),
          right: () => this.push(d),
          result: () => this.push(e),
        });
        return;
      case IR.carry:
        flags.carry();
        break;
      case IR.condition:
        flags.condition(b);
        break;
      case IR.getFlags:
        body.call(IMPORT.eflags);
        break;
      case IR.setFlags:
        flags.set(b, () => this.push(a));
        return;
      case IR.stringStep:
        flags.stringStep(b);
        break;
      case IR.nextRip:
        this.word(this.unit.places.get(at)!);
        break;
      case IR.code:
        this.word(this.unit.places.get(at)!);
        body.memory(CODE_LOAD[c]!, 0);
        break;
      case IR.load8:
      case IR.load16:
      case IR.load32:
        this.memory.load(at, SIZES[number]!, a, c);
        return;
      case IR.store8:
      case IR.store16:
      case IR.store32:
        this.memory.store(at, SIZES[number]!, b, c);
        return;
      case IR.probe:
        this.memory.probe(at, b, c);
        return;
      case IR.raiseIf:
        this.push(a);
        this.faultIf(b, c);
        return;
      case IR.checkTarget:
        this.push(a);
        body.word(CS_LIMIT).op(OP.gt_u);
        this.faultIf(EXCEPTION.GP, 0);
        return;
      case IR.exitIfZero:
        this.exitIfZero(a, at);
        return;
      case IR.goto:
      case IR.jump:
        this.goTo(this.unit.places.get(at)!);
        return;
      case IR.branch:
      case IR.branchIf:
        if (number === IR.branch) flags.condition(a);
        else this.push(a);
        body.if();
        this.goTo(this.unit.places.get(at)!);
        body.end();
        this.goTo(this.unit.places.get(at)! + 2);
        return;
      case IR.jumpTo:
        body.i32(0).set(LOCAL.next);
        this.push(a);
        body.set(LOCAL.rip).i32(WORD.nowhere).set(LOCAL.link).br(this.ways.block);
        return;
      default:
        throw new Error(`operation ${number} is not threaded`);
    }
    this.pop(a);
  }

  private rotate(operation: number, size: number, value: number, count: number): void {
    const { body } = this;
    if (size !== 4 || operation === ROTATE.rcl || operation === ROTATE.rcr) {
      body.i32(operation).i32(size);
      this.push(value);
      this.push(count);
      body.call(IMPORT.rotate);
      return;
    }
    this.push(value);
    this.push(count);
    body.op(ROTATE_OP[operation]!);
  }

  /** Shifts of 32 bits work their flags out themselves; a count of zero changes none. */
  private rotateFlags(operation: number, size: number, value: number, count: number): void {
    const { body, flags } = this;
    if (size !== 4 || operation < ROTATE.shl || count >= 0) {
      body.i32(operation).i32(size);
      this.push(value);
      this.push(count);
      body.call(IMPORT.rotateFlags);
      flags.changed();
      return;
    }
    // a constant count is not zero (lower/bits.ts)
    this.push(value);
    this.push(count);
    body.op(ROTATE_OP[operation]!).set(LOCAL.result);
    this.push(value);
    if (operation === ROTATE.shl) {
      body.i32(0);
      this.push(count);
      body.op(OP.sub, OP.shr_u).i32(1).op(OP.and);
      body.tee(LOCAL.spare).get(LOCAL.spare).get(LOCAL.result).i32(31).op(OP.shr_u, OP.xor).i32(1).op(OP.shl, OP.or);
    } else {
      this.push(count);
      body
        .i32(1)
        .op(OP.sub, operation === ROTATE.shr ? OP.shr_u : OP.shr_s)
        .i32(1)
        .op(OP.and);
      if (operation === ROTATE.shr) {
        // OF: the two highest bits of the result differ
        body.get(LOCAL.result).get(LOCAL.result).i32(1).op(OP.shl, OP.xor).i32(30).op(OP.shr_u).i32(2).op(OP.and, OP.or);
      }
    }
    body.set(LOCAL.right);
    flags.noteKnown();
  }

  // --- faults and the slow path ----------------------------------------------------------------------------------------

  /** Raises an exception at the running instruction when the value on the stack is not zero. */
  private faultIf(vector: number, errorCode: number): void {
    const { body } = this;
    body.if();
    this.slow();
    body.i32(vector).i32(errorCode).i32(this.memory.accesses).get(LOCAL.pc).get(LOCAL.budget).call(IMPORT.fault).br(this.ways.stopped);
    body.end();
  }

  /** Before a call that may want to know where it is. */
  slow(): void {
    this.body.i32(0).get(LOCAL.header).memory(OP.store, WORD.header);
  }
  leaveIfAsked(): void {
    this.body.word(WORD.leave).brIf(this.ways.stopped);
  }

  // --- jumps -----------------------------------------------------------------------------------------------------------

  /** To the target whose instruction pointer and link are at an index of the unit's words. */
  private goTo(index: number): void {
    const { body } = this;
    this.word(index + 1);
    body.tee(LOCAL.next).brIf(this.ways.block);
    this.word(index);
    body
      .set(LOCAL.rip)
      .get(LOCAL.pc)
      .i32((index + 1) * 4)
      .op(OP.add)
      .set(LOCAL.link)
      .br(this.ways.block);
  }

  /** The block is over when a value is zero: the instruction's accesses have been counted in advance. */
  private exitIfZero(value: number, at: number): void {
    const { body } = this;
    const place = this.unit.places.get(at)!;
    this.push(value);
    body.op(OP.eqz).if();
    if (!this.observed) {
      body.get(LOCAL.accesses);
      this.word(place + 2);
      body.op(OP.sub).set(LOCAL.accesses);
    }
    this.goTo(place);
    body.end();
  }
}

const ROTATE_OP: Readonly<Record<number, number>> = {
  [ROTATE.rol]: OP.rotl,
  [ROTATE.ror]: OP.rotr,
  [ROTATE.shl]: OP.shl,
  [ROTATE.shr]: OP.shr_u,
  [ROTATE.sar]: OP.shr_s,
};
