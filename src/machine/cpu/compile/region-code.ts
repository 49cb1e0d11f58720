/**
 * One region as a WebAssembly function. Registers and lazy flags live in parameters; each block first takes its instructions
 * from the budget; memory goes through the fast TLB inline and else to the slow path, which never throws; the way out either
 * jumps on to another region or stores everything and returns why (LEFT).
 */
import { PAGE_SIZE } from '../../address';
import { NO_ERROR_CODE } from '../cpu-state';
import { STATUS_FLAGS, FLAG } from '../flags';
import { EXCEPTION } from '../lower/exceptions';
import { IR, IR_STRIDE, SYSTEM_CALL } from '../lower/ir';
import { ACCESS } from '../paging';
import { REGISTER_INDEX, SEGMENT, SEGMENT_INDEX, STATE, STOP } from '../state-layout';
import { FAST_TLB } from '../tlb-layout';
import { ArithmeticCode } from './arithmetic-code';
import { emitDivide } from './divide-code';
import { FunctionBody, OP, type Label } from './encoder';
import { FlagCode } from './flag-code';
import { JUMP_CACHE, JUMP_HASH, LEFT, WORD, packCall } from './layout';
import { AT, IMPORT, LOCAL, PARAMETERS, REGION_TYPE, packNote } from './locals';
import { INDEX_MASK, MemoryCode, type AccessContext } from './memory-code';
import { findNearPages } from './near-pages';
import { advanceOf, operationsOf, type Region, type RegionBlock } from './region';
import { Structure } from './structure';
import { constantOf, isOutsideCall } from './supported';

export interface RegionPlace {
  /** index in the function table */
  slot: number;
  /** RIP of the page's first byte */
  pageRip: number;
  /** pool offset of the page */
  pool: number;
  /** the mode it is made for, packed (regions.ts) */
  key: number;
  /** bit n: segment n is writable data from 0 to 4 GiB */
  flatSegments: number;
  /** accesses are the user's */
  user: boolean;
  /** CS is flat: other pages can be jumped to without leaving compiled code */
  flatCode: boolean;
  tailCalls: boolean;
}

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
/** Places that a return is compared with before the jump cache is asked. */
const MOST_RETURNS = 4;

const { rip: RIP, code: CODE, linear: LINEAR, index: INDEX, budget: BUDGET, accesses: ACCESSES } = LOCAL;

export function compileRegion(region: Region, place: RegionPlace): FunctionBody {
  return new RegionCode(region, place).body;
}

class RegionCode implements AccessContext {
  readonly body = new FunctionBody();
  private readonly flags = new FlagCode(this.body);
  private readonly structure: Structure;
  private readonly memory: MemoryCode;
  private readonly nearPage: ReturnType<typeof findNearPages>;
  private readonly table: number;
  private exit!: Label;
  private stopped!: Label;
  private out!: Label;

  // of the block and the instruction that are being emitted
  private block!: RegionBlock;
  values!: ArithmeticCode;
  private instruction = 0;
  private accessesDone = 0;
  private accessesBefore = 0;

  constructor(
    private readonly region: Region,
    private readonly place: RegionPlace,
  ) {
    this.table = place.user ? FAST_TLB.user : FAST_TLB.supervisor;
    this.memory = new MemoryCode(this.body, place.flatSegments, place.user);
    this.nearPage = findNearPages(region);
    const { blocks, indexOf, entries } = region;
    this.structure = new Structure(
      {
        size: entries.length + blocks.length,
        entries: new Set(entries.keys()),
        successors: (node) =>
          node < entries.length
            ? [this.nodeOf(entries[node]!)]
            : blocks[node - entries.length]!.targets.map((target) => this.nodeOf(indexOf.get(target)!)),
      },
      this.body,
      LOCAL.selector,
    );
    this.emit();
  }

  private emit(): void {
    const { body } = this;
    this.memory.forgetPages();
    this.exit = body.block();
    const again = body.loop();
    this.out = body.block();
    this.stopped = body.block();
    const { blocks, entries } = this.region;
    this.structure.emit((node) =>
      node < entries.length ? this.emitEntry(entries[node]!) : this.emitBlock(blocks[node - entries.length]!),
    );
    body.end();
    body.i32(LEFT.stopped).set(CODE).br(this.exit);
    body.end();
    this.emitChain(again);
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
    const { pageRip, pool } = this.place;
    body.i32(0).i32(pageRip).memory(OP.store, WORD.pageRip);
    body.i32(0).i32(pool - pageRip).memory(OP.store, WORD.addend); // prettier-ignore
  }

  /** The entries come first in the structure, then the blocks. */
  private nodeOf(block: number): number {
    return this.region.entries.length + block;
  }

  // --- blocks ----------------------------------------------------------------------------------------------------------

  /** From outside, with any kind of flags, to a block, which may expect less than all of them and a budget that is enough. */
  private emitEntry(index: number): void {
    const { flags } = this;
    const { start, kind, entryBudget } = this.region.blocks[index]!;
    flags.kind = undefined;
    if (entryBudget > 0) this.leaveIfSpent(start, entryBudget);
    flags.convertTo(kind);
    this.structure.jump(this.nodeOf(index));
  }

  /** Leaves before the block at an offset when the budget has fewer instructions than are needed. */
  private leaveIfSpent(offset: number, needed: number): void {
    const { body } = this;
    body.get(BUDGET).i32(needed).op(OP.lt_s).ifUnlikely();
    this.leaveAt(this.ripAt(offset), LEFT.budget);
    body.end();
  }

  private emitBlock(block: RegionBlock): void {
    const { body } = this;
    this.block = block;
    this.values = new ArithmeticCode(body, this.flags, block.ir, this.place.pool + block.start);
    this.flags.kind = block.kind;
    if (block.budget > 0) this.leaveIfSpent(block.start, block.budget);
    body.get(BUDGET).i32(block.count).op(OP.sub).set(BUDGET);
    if (block.accesses > 0) body.get(ACCESSES).i32(block.accesses).op(OP.add).set(ACCESSES);
    this.accessesDone = 0;
    for (this.instruction = 0; this.instruction < block.count; this.instruction++) {
      this.accessesBefore = this.accessesDone;
      const [from, to] = operationsOf(block.ir, this.instruction);
      for (let at = from; at < to; at += IR_STRIDE) {
        if (isOutsideCall(block.ir, at)) return this.callOutside(at);
        this.emitOperation(at);
      }
    }
    const next = block.ir.instructions[block.count];
    if (next !== undefined) this.leaveAt(this.ripAt(block.start + next.offset), LEFT.unknown);
  }

  private ripAt(offset: number): number {
    return (this.place.pageRip + offset) | 0;
  }
  /** Leaves the region; what is emitted next is not behind this. */
  private leaveAt(rip: number, code: number): void {
    this.settled();
    this.body.i32(rip).set(RIP).i32(code).set(CODE).br(this.exit);
  }

  /** The flags' locals are as flags.ts has them, on a way out; other ways go on with the kind there is. */
  private settled(): void {
    const { kind } = this.flags;
    this.flags.settle();
    this.flags.kind = kind;
  }

  /** Leaves when the slow path has asked for it. */
  leaveIfStopped(): void {
    this.body.word(WORD.leave).ifUnlikely();
    this.settled();
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
        this.memory.load(this, SIZES[number]!, a, b, c, this.nearPage(this.block.ir, at));
        this.accessesDone++;
        return;
      case IR.store8:
      case IR.store16:
      case IR.store32:
        this.memory.store(this, SIZES[number]!, a, b, c, this.nearPage(this.block.ir, at));
        this.accessesDone++;
        return;
      case IR.probe:
        this.memory.probe(this, c, a, b, this.nearPage(this.block.ir, at));
        return;
      case IR.divide:
        emitDivide(body, a, b, () => values.push(c), () => this.faultIf(EXCEPTION.DE, NO_ERROR_CODE)); // prettier-ignore
        return;
      case IR.call:
        this.call(a, b, c, d);
        return;
      case IR.checkVirtual:
        // not in virtual-8086 mode (isCompiled)
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
        this.goTo(b, 4);
        body.end();
        return;
      case IR.goto:
        this.goTo(a, 4);
        return;
      case IR.jump:
        this.goTo(a, b);
        return;
      case IR.branch:
      case IR.branchIf:
        if (number === IR.branch) flags.condition(a);
        else values.push(a);
        body.if();
        this.goTo(b, d);
        body.end();
        this.goTo(c, 4);
        return;
      case IR.jumpTo:
        values.push(a);
        body.set(RIP);
        this.settled();
        if (this.isReturn()) this.tryReturns();
        body.br(this.out);
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
    this.leaveAt(this.ripAt(block.start + offset), LEFT.fault);
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

  private call(to: number, id: number, first: number, second: number): void {
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
    if (id === SYSTEM_CALL.invalidatePage) this.invalidatePage(constantOf(this.block.ir, first)!, second);
    this.noteAndPlace(0, 0);
    body.get(BUDGET).i32(id);
    values.push(first);
    values.push(second);
    body.call(IMPORT.system);
    values.pop(to);
    this.leaveIfStopped();
    if (id === SYSTEM_CALL.invalidatePage) body.end();
    this.memory.forgetPages();
  }

  /** INVLPG; what follows is for when that could not be done without the system side. */
  private invalidatePage(segment: number, offset: number): void {
    const { body, values, block } = this;
    values.push(offset);
    if (!this.memory.isFlat(segment)) body.word(STATE.segments.offset + segment * SEGMENT.size + SEGMENT.base).op(OP.add);
    body.i32(this.ripAt(block.start + block.ir.instructions[this.instruction]!.offset)).call(IMPORT.invalidate);
    body.op(OP.eqz).ifUnlikely();
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
    this.leaveAt(this.ripAt(block.start + offset + length), LEFT.call);
  }

  /**
   * A system instruction is over. When it took the code page away from the TLB, the page is looked up again before the next
   * instruction, if there is one to come in this run.
   */
  private afterSystem(): void {
    const { body, place } = this;
    const distance = advanceOf(this.block.ir)!;
    const offset = this.block.start + distance;
    const next = this.ripAt(offset);
    if (offset >= PAGE_SIZE) return this.leaveAt(next, LEFT.unknown);
    body.word(WORD.slot).op(OP.eqz).if();
    if (place.flatCode) {
      body.get(BUDGET).i32(0).op(OP.le_s).if();
      this.leaveAt(next, LEFT.budget);
      body.end();
      body.i32(next).i32(this.executeAccess).call(IMPORT.fill).i32(-PAGE_SIZE).op(OP.and).i32(place.pool).op(OP.ne).if();
      this.leaveAt(next, LEFT.unknown);
      body.end();
      body.get(ACCESSES).i32(1).op(OP.add).set(ACCESSES);
      body.i32(0).i32(place.slot).memory(OP.store, WORD.slot);
      this.memory.forgetPages();
    } else this.leaveAt(next, LEFT.unknown);
    body.end();
    this.goTo(distance, 4);
  }

  private get executeAccess(): number {
    return ACCESS.execute | (this.place.user ? ACCESS.user : 0);
  }

  // --- jumps -----------------------------------------------------------------------------------------------------------

  /** The block is over; RIP moves by `distance` from its start, cut to `size` bytes. */
  private goTo(distance: number, size: number): void {
    const offset = this.block.start + distance;
    const plain = this.ripAt(offset);
    const rip = size === 2 ? plain & 0xffff : plain;
    const index = rip === plain ? this.region.indexOf.get(offset) : undefined;
    if (index !== undefined) {
      this.flags.convertTo(this.region.blocks[index]!.kind);
      this.structure.jump(this.nodeOf(index));
      return;
    }
    this.settled();
    this.body.i32(rip).set(RIP).br(this.out);
  }

  /** Is the running instruction one that takes its target from the top of the stack? */
  private isReturn(): boolean {
    const { ir } = this.block;
    const [from, to] = operationsOf(ir, this.instruction);
    for (let at = from; at < to; at += IR_STRIDE)
      if (ir.ops[at] === IR.load32 && ir.ops[at + 2] === SEGMENT_INDEX.SS && ir.ops[at + 3] === REGISTER_INDEX.RSP) return true;
    return false;
  }

  /** RIP and the flags are set: most returns go to where the region itself has called from. */
  private tryReturns(): void {
    const { body, region } = this;
    for (const entry of region.returns.slice(0, MOST_RETURNS)) {
      const { start } = region.blocks[region.entries[entry]!]!;
      body.get(RIP).i32(this.ripAt(start)).op(OP.eq).if();
      this.structure.jump(entry);
      body.end();
    }
  }

  /** RIP is set: goes on at what the jump cache says, or leaves. */
  private emitChain(again: Label): void {
    const { body, place } = this;
    const { offset } = JUMP_CACHE;
    body.get(RIP).i32(JUMP_HASH.multiplier).op(OP.mul).i32(JUMP_HASH.shift).op(OP.shr_u).i32(4).op(OP.shl).tee(INDEX);
    body.memory(OP.load, offset).get(RIP).op(OP.eq);
    body
      .get(INDEX)
      .memory(OP.load, offset + 8)
      .i32(place.key)
      .op(OP.eq, OP.and)
      .if();
    const here = (place.pool - place.pageRip) | 0;
    body.get(RIP).i32(place.pageRip).op(OP.sub).i32(PAGE_SIZE).op(OP.lt_u).if();
    body
      .get(INDEX)
      .memory(OP.load, offset + 4)
      .i32(here)
      .op(OP.eq)
      .if();
    body
      .get(INDEX)
      .memory(OP.load, offset + 12)
      .tee(INDEX)
      .i32(0xff)
      .op(OP.and)
      .set(LOCAL.selector);
    body.get(INDEX).i32(8).op(OP.shr_u).tee(INDEX).i32(place.slot).op(OP.eq).brIf(again);
    this.enterRegion();
    body.end();
    if (place.flatCode) {
      // who has no budget left does not enter the page either
      body.else().get(BUDGET).i32(0).op(OP.gt_s).if();
      this.chainToPage();
      body.end();
    }
    body.end().end();
    body.i32(LEFT.unknown).set(CODE).br(this.exit);
  }

  /** To another page, if its translation is in the fast table or can be filled; entering it counts as an access to the TLB. */
  private chainToPage(): void {
    const { body } = this;
    const { offset } = JUMP_CACHE;
    const page = (): FunctionBody => body.get(RIP).i32(-PAGE_SIZE).op(OP.and);
    body
      .get(RIP)
      .i32(8)
      .op(OP.shr_u)
      .i32(INDEX_MASK)
      .op(OP.and)
      .tee(LINEAR)
      .memory(OP.load, this.table + 8);
    page().word(AT.generation).op(OP.or, OP.eq).if();
    body
      .get(LINEAR)
      .memory(OP.load, this.table + 12)
      .set(LINEAR);
    body.else();
    body.get(RIP).i32(this.executeAccess).call(IMPORT.fill).i32(-PAGE_SIZE).op(OP.and);
    page().op(OP.sub).set(LINEAR).end();
    body
      .get(LINEAR)
      .get(INDEX)
      .memory(OP.load, offset + 4)
      .op(OP.eq)
      .if();
    body.get(ACCESSES).i32(1).op(OP.add).set(ACCESSES);
    body
      .get(INDEX)
      .memory(OP.load, offset + 12)
      .tee(INDEX)
      .i32(0xff)
      .op(OP.and)
      .set(LOCAL.selector);
    body.i32(0).get(INDEX).i32(8).op(OP.shr_u).tee(INDEX).memory(OP.store, WORD.slot);
    this.enterRegion();
    body.end();
  }

  /** Goes on in the region whose slot is in `index`, at the block in `selector`. */
  private enterRegion(): void {
    const { body } = this;
    if (this.place.tailCalls) {
      for (let parameter = 0; parameter < PARAMETERS; parameter++) body.get(parameter);
      body.get(INDEX).op(OP.return_call_indirect, REGION_TYPE, 0);
      return;
    }
    body.i32(0).get(INDEX).i32(8).op(OP.shl).get(LOCAL.selector).op(OP.or).memory(OP.store, WORD.next);
    body.i32(LEFT.next).set(CODE).br(this.exit);
  }
}
