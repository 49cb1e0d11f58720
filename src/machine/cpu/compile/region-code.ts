/**
 * One region as a WebAssembly function. Registers and lazy flags live in parameters; each block first takes its instructions
 * from the budget; memory goes through the fast TLB inline and else to the slow path, which never throws; the way out either
 * jumps on to another region or stores everything and returns why (LEFT).
 */
import { NO_ERROR_CODE } from '../cpu-state';
import { STATUS_FLAGS, FLAG } from '../flags';
import { EXCEPTION } from '../lower/exceptions';
import { IR, IR_STRIDE, DEVICE_CALLS, SYSTEM_CALL } from '../lower/ir';
import { SEGMENT, SEGMENT_INDEX, STATE, STOP } from '../state-layout';
import { ArithmeticCode } from './arithmetic-code';
import { emitDivide } from './divide-code';
import { FunctionBody, OP, type Label } from './encoder';
import { FlagCode } from './flag-code';
import { JumpCode, type RegionPlace } from './jump-code';
import { LEAVE, LEFT, WORD, packCall } from './layout';
import { AT, IMPORT, LOCAL, packNote } from './locals';
import { MemoryCode, type AccessContext } from './memory-code';
import { findNearPages, type NearPages } from './near-pages';
import { advanceOf, nodeOf, operationsOf, pageOf, type Region, type RegionBlock } from './region';
import { Structure } from './structure';
import { constantOf, isOutsideCall } from './supported';

const SIZES: Readonly<Record<number, 1 | 2 | 4>> = {
  [IR.load8]: 1,
  [IR.load16]: 2,
  [IR.load32]: 4,
  [IR.store8]: 1,
  [IR.store16]: 2,
  [IR.store32]: 4,
};
const CS_LIMIT = STATE.segments.offset + SEGMENT_INDEX.CS * SEGMENT.size + SEGMENT.limit;
const SS_ATTRIBUTES = STATE.segments.offset + SEGMENT_INDEX.SS * SEGMENT.size + SEGMENT.attributes;
const DPL_3 = 0x60;
const DF = 10;

const { rip: RIP, code: CODE, budget: BUDGET, accesses: ACCESSES } = LOCAL;

export function compileRegion(region: Region, place: RegionPlace): FunctionBody {
  return new RegionCode(region, place).body;
}

class RegionCode implements AccessContext {
  readonly body = new FunctionBody();
  private readonly flags = new FlagCode(this.body);
  private readonly structure: Structure;
  private readonly memory: MemoryCode;
  private readonly nearPages: NearPages;
  private readonly jumps: JumpCode;
  private stopped!: Label;

  // of the block and the instruction that are being emitted
  private block!: RegionBlock;
  values!: ArithmeticCode;
  private instruction = 0;
  private accessesDone = 0;
  private accessesBefore = 0;
  /** the block's last instruction reaches a device */
  private asksToLeave = false;

  constructor(
    private readonly region: Region,
    place: RegionPlace,
  ) {
    this.nearPages = findNearPages(region);
    this.memory = new MemoryCode(this.body, place.flatSegments, place.user, this.nearPages.count);
    const { blocks, indexOf, entries } = region;
    this.structure = new Structure(
      {
        size: entries.length + blocks.length,
        entries: new Set(entries.keys()),
        successors: (node) =>
          node < entries.length
            ? [nodeOf(region, entries[node]!)]
            : blocks[node - entries.length]!.targets.map((target) => nodeOf(region, indexOf.get(target)!)),
      },
      this.body,
      LOCAL.selector,
    );
    this.jumps = new JumpCode(this.body, this.flags, region, place, this.structure, () => this.memory.forgetPages());
    this.emit();
  }

  private emit(): void {
    const { body, jumps } = this;
    this.memory.begin();
    jumps.exit = body.block();
    const again = body.loop();
    jumps.out = body.block();
    this.stopped = body.block();
    const { blocks, entries } = this.region;
    this.structure.emit((node) =>
      node < entries.length ? this.emitEntry(entries[node]!) : this.emitBlock(blocks[node - entries.length]!),
    );
    body.end();
    body.i32(LEFT.stopped).set(CODE).br(jumps.exit);
    body.end();
    jumps.emitChain(again);
    body.end().op(OP.unreachable).end();
    this.storeAll();
    body.get(CODE);
  }

  private storeAll(): void {
    const { body } = this;
    const store = (local: number, offset: number): void => void body.i32(0).get(local).memory(OP.store, offset);
    for (let register = 0; register < 8; register++) store(LOCAL.registers + register, AT.register(register));
    store(LOCAL.kind, AT.kind);
    store(LOCAL.left, AT.left);
    store(LOCAL.right, AT.right);
    store(LOCAL.result, AT.result);
    body.i32(0);
    this.flags.stored();
    body.memory(OP.store, AT.flags);
    store(RIP, AT.rip);
    store(BUDGET, WORD.budget);
    store(ACCESSES, WORD.accesses);
    this.jumps.storePage();
  }

  // --- blocks ----------------------------------------------------------------------------------------------------------

  /** From outside, with any kind of flags, to a block, which may expect less than all of them and a budget that is enough. */
  private emitEntry(index: number): void {
    const { flags } = this;
    const block = this.region.blocks[index]!;
    const { kind, entryBudget } = block;
    flags.kind = undefined;
    if (entryBudget > 0) this.leaveIfSpent(block, entryBudget);
    flags.convertTo(kind);
    this.structure.jump(nodeOf(this.region, index));
  }

  /** Leaves before a block when the budget has fewer instructions than are needed. */
  private leaveIfSpent(block: RegionBlock, needed: number): void {
    const { body } = this;
    body.get(BUDGET).i32(needed).op(OP.lt_s).ifUnlikely();
    this.jumps.leaveAt(block, block.start, LEFT.budget);
    body.end();
  }

  private emitBlock(block: RegionBlock): void {
    const { body } = this;
    this.block = block;
    this.values = new ArithmeticCode(body, this.flags, block.ir, this.jumps.poolAt(block.start));
    this.flags.kind = block.kind;
    if (block.budget > 0) this.leaveIfSpent(block, block.budget);
    body.get(BUDGET).i32(block.count).op(OP.sub).set(BUDGET);
    if (block.accesses > 0) body.get(ACCESSES).i32(block.accesses).op(OP.add).set(ACCESSES);
    this.accessesDone = 0;
    this.asksToLeave = false;
    for (this.instruction = 0; this.instruction < block.count; this.instruction++) {
      this.accessesBefore = this.accessesDone;
      const [from, to] = operationsOf(block.ir, this.instruction);
      for (let at = from; at < to; at += IR_STRIDE) {
        if (isOutsideCall(block.ir, at)) return this.callOutside(at);
        this.emitOperation(at);
      }
    }
    const next = block.ir.instructions[block.count];
    if (next !== undefined) this.jumps.leaveAt(block, block.start + next.offset, LEFT.single);
  }

  private ripAt(start: number): number {
    return this.jumps.ripAt(start);
  }

  /** Leaves when the slow path has asked for it. */
  leaveIfAsked(): void {
    this.body.word(WORD.leave);
    this.leaveIfStopped();
  }

  /** Leaves at the running instruction when the value on the stack is not zero. */
  private leaveIfStopped(): void {
    this.body.ifUnlikely();
    this.jumps.settled();
    this.jumps.leaveFrom(this.block);
    this.body.br(this.stopped).end();
  }

  private emitOperation(at: number): void {
    const { body, values, flags } = this;
    if (values.emit(at)) return;
    const { ops } = this.block.ir;
    const [number, a, b, c, d, e] = ops.subarray(at, at + 6) as unknown as [number, number, number, number, number, number];
    switch (number) {
      case IR.flagsIncDec:
        flags.keepCarry();
        values.note(a, b, c, d, e);
        return;
      case IR.flags:
        values.note(a, b, c, d, e);
        return;
      case IR.carry:
        flags.carry();
        values.pop(a);
        return;
      case IR.condition:
        flags.condition(b);
        values.pop(a);
        return;
      case IR.getFlags:
        flags.eflags();
        values.pop(a);
        return;
      case IR.setFlags:
        this.setFlags(a, b);
        return;
      case IR.stringStep:
        body.i32(-b).i32(b).word(AT.flags).i32(DF).op(OP.shr_u).i32(1).op(OP.and, OP.select);
        values.pop(a);
        return;
      case IR.load8:
      case IR.load16:
      case IR.load32:
        this.memory.load(this, SIZES[number]!, a, b, c, this.nearPages.of(this.block.ir, at));
        this.accessesDone++;
        return;
      case IR.store8:
      case IR.store16:
      case IR.store32:
        this.memory.store(this, SIZES[number]!, a, b, c, this.nearPages.of(this.block.ir, at));
        this.accessesDone++;
        return;
      case IR.probe:
        this.memory.probe(this, c, a, b, this.nearPages.of(this.block.ir, at));
        return;
      case IR.divide:
        emitDivide(body, a, b, () => values.push(c), () => this.faultIf(EXCEPTION.DE, NO_ERROR_CODE)); // prettier-ignore
        return;
      case IR.call:
        this.call(a, b, c, d, e);
        return;
      case IR.checkVirtual:
        // in protected mode without VM there is nothing to check
        if (this.block.ir.mode.protectedMode) return;
        body
          .word(AT.flags)
          .i32(FLAG.VM | FLAG.IOPL)
          .op(OP.and)
          .i32(FLAG.VM)
          .op(OP.sub)
          .i32(FLAG.IOPL)
          .op(OP.lt_u);
        this.faultIf(EXCEPTION.GP, 0);
        return;
      case IR.advance:
        // `leave` knows where it goes on
        return;
      case IR.leave:
        this.afterSystem();
        return;
      case IR.raiseIf:
        values.push(a);
        this.faultIf(b, c);
        return;
      case IR.checkTarget:
        values.push(a);
        body.word(CS_LIMIT).op(OP.gt_u);
        this.faultIf(EXCEPTION.GP, 0);
        return;
      case IR.nextRip:
        body.i32(this.ripAt(this.block.start + b));
        values.pop(a);
        return;
      case IR.exitIfZero:
        values.push(a);
        body.op(OP.eqz).if();
        this.giveBackAccesses();
        this.jumps.goTo(this.block, b, 4);
        body.end();
        return;
      case IR.goto:
        this.goTo(a);
        return;
      case IR.jump:
        this.jumps.goTo(this.block, a, b);
        return;
      case IR.branch:
      case IR.branchIf:
        if (number === IR.branch) flags.condition(a);
        else values.push(a);
        body.if();
        this.goTo(b, d);
        body.end();
        this.goTo(c);
        return;
      case IR.jumpTo:
        values.push(a);
        this.jumps.jumpTo(this.block, this.instruction);
        return;
      default:
        throw new Error(`operation ${number} is not compiled`);
    }
  }

  private setFlags(value: number, mask: number): void {
    const { body, flags } = this;
    if (mask === FLAG.CF) {
      this.values.push(value);
      flags.replaceCarry();
      return;
    }
    if (mask & STATUS_FLAGS) flags.materialise();
    body.i32(0).word(AT.flags).i32(~mask).op(OP.and);
    this.values.push(value);
    body.i32(mask).op(OP.and, OP.or).memory(OP.store, AT.flags);
    if (mask & FLAG.CF) body.word(AT.flags).i32(1).op(OP.and).set(LOCAL.carry);
  }

  // --- faults ----------------------------------------------------------------------------------------------------------

  /** Raises an exception at the running instruction when the value on the stack is not zero. */
  private faultIf(vector: number, errorCode: number): void {
    const { body, block } = this;
    const { offset, length } = block.ir.instructions[this.instruction]!;
    const word = (value: number, field: 'faultVector' | 'faultErrorCode' | 'stop' | 'instructionLength'): void =>
      void body.i32(0).i32(value).memory(OP.store, STATE[field].offset);
    body.ifUnlikely();
    word(vector, 'faultVector');
    word(errorCode, 'faultErrorCode');
    word(STOP.fault, 'stop');
    word(length, 'instructionLength');
    body
      .get(BUDGET)
      .i32(block.count - this.instruction)
      .op(OP.add)
      .set(BUDGET);
    this.giveBackAccesses();
    this.jumps.leaveAt(block, block.start + offset, LEFT.fault);
    body.end();
  }

  /** The block is left before accesses that were counted when it began. */
  private giveBackAccesses(): void {
    const uncounted = this.block.accesses - this.accessesDone;
    if (uncounted > 0) this.body.get(ACCESSES).i32(uncounted).op(OP.sub).set(ACCESSES);
  }

  // --- memory ----------------------------------------------------------------------------------------------------------

  tellSlowPath(segment: number, size: number): void {
    this.noteAndPlace(segment, size);
    this.body.get(BUDGET);
  }

  /** What the slow path is told of the running instruction: the note, and RIP. */
  private noteAndPlace(segment: number, size: number): void {
    const { block } = this;
    const { offset, length } = block.ir.instructions[this.instruction]!;
    const note = packNote({
      segment,
      size,
      before: this.accessesDone - this.accessesBefore,
      length,
      uncounted: block.accesses - this.accessesDone,
      unfinished: block.count - this.instruction,
    });
    this.body.i32(note).i32(this.ripAt(block.start + offset));
  }

  // --- the system side -------------------------------------------------------------------------------------------------

  private call(to: number, id: number, first: number, second: number, third: number): void {
    const { body, values } = this;
    if (id === SYSTEM_CALL.requirePrivilege) {
      body.word(SS_ATTRIBUTES).i32(DPL_3).op(OP.and);
      this.faultIf(EXCEPTION.GP, 0);
      return;
    }
    if (id === SYSTEM_CALL.readControl && constantOf(this.block.ir, first) === 2) {
      // reading CR2 leaves no guest
      body.word(STATE.cr2.offset);
      values.pop(to);
      return;
    }
    const reachesDevice = DEVICE_CALLS.has(id);
    const flushes = id === SYSTEM_CALL.invalidatePage || id === SYSTEM_CALL.writeControl;
    if (flushes) this.flush(id, constantOf(this.block.ir, first)!, second);
    this.noteAndPlace(0, 0);
    body.get(BUDGET).i32(id);
    values.push(first);
    values.push(second);
    if (reachesDevice) values.push(third);
    body.call(reachesDevice ? IMPORT.device : IMPORT.system);
    values.pop(to);
    if (reachesDevice) {
      body.word(WORD.leave).i32(LEAVE.stop).op(OP.eq);
      this.leaveIfStopped();
      this.asksToLeave = true;
    } else this.leaveIfAsked();
    if (flushes) body.end();
    this.memory.forgetPages();
  }

  /** INVLPG (segment, offset) or MOV to CR3 (3, value); what follows is for when that could not be done without the system side. */
  private flush(id: number, first: number, second: number): void {
    const { body, values, block } = this;
    const invalidates = id === SYSTEM_CALL.invalidatePage;
    values.push(second);
    if (invalidates && !this.memory.isFlat(first)) body.word(STATE.segments.offset + first * SEGMENT.size + SEGMENT.base).op(OP.add);
    body.i32(this.ripAt(block.start + block.ir.instructions[this.instruction]!.offset));
    body
      .call(invalidates ? IMPORT.invalidate : IMPORT.reload)
      .op(OP.eqz)
      .ifUnlikely();
  }

  /** The block is over. Where a device was reached, what it has asked for is done first. */
  private goTo(distance: number, size = 4): void {
    const { body, block } = this;
    if (this.asksToLeave) {
      body.word(WORD.leave).ifUnlikely();
      this.jumps.leaveAt(block, block.start + distance, LEFT.between);
      body.end();
    }
    this.jumps.goTo(block, distance, size);
  }

  /** Leaves the region for the call at word `at`, which is the last that its block does. */
  private callOutside(at: number): void {
    const { body, values, block } = this;
    const { ops } = block.ir;
    const { offset, length, first } = block.ir.instructions[this.instruction]!;
    let advanced = false;
    for (let before = first * IR_STRIDE; before < at; before += IR_STRIDE) advanced ||= ops[before] === IR.advance;
    body
      .i32(0)
      .i32(packCall(ops[at + 2]!, length, advanced))
      .memory(OP.store, WORD.call);
    for (let argument = 0; argument < 3; argument++) {
      body.i32(0);
      values.push(ops[at + 3 + argument]!);
      body.memory(OP.store, WORD.arguments + argument * 4);
    }
    this.jumps.leaveAt(block, block.start + offset + length, LEFT.call);
  }

  /** A system instruction is over, behind which the next page is another block's matter. */
  private afterSystem(): void {
    const { jumps, block } = this;
    const distance = advanceOf(block.ir)!;
    const start = block.start + distance;
    if (pageOf(start) !== pageOf(block.start)) return jumps.leaveAt(block, start, LEFT.unknown);
    jumps.holdAgain(block, start);
    jumps.goTo(block, distance, 4);
  }
}
