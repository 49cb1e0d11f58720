/**
 * The way from JavaScript into compiled code: a function that loads the registers and enters a region by its handle. When a
 * region is left for an event of the plain kind (event-code.ts) it is delivered or returned from at once, and execution goes on
 * where that leads, if that is compiled and nothing has to be looked at between; all without JavaScript.
 */
import { REGION_KEY } from '../code-mode';
import { PREFIXES } from '../decode/repeated-string';
import { FLAG } from '../flags';
import { EXCEPTION } from '../lower/exceptions';
import { SYSTEM_CALL } from '../lower/ir';
import { ACCESS } from '../page-rights';
import { CR0 } from '../paging-registers';
import { SEGMENT, SEGMENT_INDEX, STATE, STOP } from '../state-layout';
import { FAST_TLB, TLB_CONTEXT, TLB_WORD } from '../tlb-layout';
import { pushesErrorCode } from '../vectors';
import { FunctionBody, OP, encodeModule, type Label } from './encoder';
import { EVENT, EVENT_LOCALS, QUICK, deliver, iret, quickKey, systemTransfer } from './event-code';
import { EVENT_LOG, JUMP_CACHE, JUMP_HASH, LEAVE, LEFT, WORD } from './layout';
import { AT, FILL_TYPE, PARAMETERS, REGION_TYPE, TYPES } from './locals';
import { FILL } from './walk-code';

/** Can this engine jump from function to function without returning? */
export function supportsTailCalls(): boolean {
  const body = new FunctionBody();
  for (let parameter = 0; parameter < PARAMETERS; parameter++) body.get(parameter);
  body.i32(0).op(OP.return_call_indirect, REGION_TYPE, 0);
  return WebAssembly.validate(encodeModule({ types: TYPES, imports: [], functions: [{ name: 'f', type: REGION_TYPE, locals: 0, body }] }));
}

/** What the way needs of others. */
export interface EntryImports {
  /** from fill-code.ts */
  fill: unknown;
  /** from flag-functions.ts */
  eflags: unknown;
  /** 1 when the next instruction can follow at once (Boundary.isQuiet) */
  quiet: () => number;
}

/** Types beyond TYPES, and functions by number. */
const TYPE = { run: TYPES.length, four: TYPES.length + 1, none: TYPES.length + 2 } as const;
const FLAG_TYPE = 4;
const NUMBER = { fill: 0, eflags: 1, quiet: 2, deliver: 3, iret: 4, enter: 5, exit: 6, key: 7 } as const;

/**
 * `enter(handle)`: runs regions until one leaves for what is not done here, with what it left (LEFT).
 * @param memory the pool
 * @param flags EFLAGS of the model: bits that there are, and bits that are always set
 */
export function makeEntry(
  memory: WebAssembly.Memory,
  table: WebAssembly.Table,
  flags: { mask: number; fixed: number },
  imports: EntryImports,
): (handle: number) => number {
  const bytes = encodeModule({
    types: [...TYPES, { parameters: 1, results: 1 }, { parameters: 4, results: 1 }, { parameters: 0, results: 1 }],
    imports: [
      ['fill', FILL_TYPE],
      ['eflags', FLAG_TYPE],
      ['quiet', TYPE.none],
    ],
    functions: [
      { name: 'deliver', type: TYPE.four, locals: EVENT_LOCALS, body: deliver(NUMBER.fill) },
      { name: 'iret', type: TYPE.none, locals: EVENT_LOCALS, body: iret(NUMBER.fill, flags) },
      { name: 'sysenter', type: TYPE.none, locals: EVENT_LOCALS, body: systemTransfer(true) },
      { name: 'sysexit', type: TYPE.none, locals: EVENT_LOCALS, body: systemTransfer(false) },
      { name: 'key', type: TYPE.none, locals: 0, body: quickKey() },
      { name: 'enter', type: TYPE.run, locals: LOCALS, body: new EntryCode().body },
    ],
  });
  const { fill, eflags, quiet } = imports;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory, t: table, fill, eflags, quiet } });
  return instance.exports.enter as (handle: number) => number;
}

const SS_ATTRIBUTES = STATE.segments.offset + SEGMENT_INDEX.SS * SEGMENT.size + SEGMENT.attributes;
const DPL_3 = 0x60;
/** vectors of exceptions that push an error code, as bits */
const WITH_ERROR_CODE = Array.from({ length: 32 }, (_, vector) => vector).reduce((set, v) => set | (pushesErrorCode(v) ? 1 << v : 0), 0);

const [HANDLE, CODE, DONE, BUDGET, RIP, INDEX, ADDEND, KEY, BYTE] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
const LOCALS = 8;

class EntryCode {
  readonly body = new FunctionBody();
  /** where `CODE` is returned */
  private readonly out: Label;

  constructor() {
    const { body } = this;
    this.out = body.block();
    const again = body.loop();
    this.runRegion();
    body.get(CODE).i32(LEFT.next).op(OP.eq).if();
    body.word(WORD.next).set(HANDLE).br(again).end();
    this.settleStop();
    body.get(CODE).i32(LEFT.fault).op(OP.lt_u).get(CODE).i32(LEFT.call).op(OP.gt_u, OP.or).brIf(this.out);
    body.word(WORD.goesOn).op(OP.eqz).brIf(this.out);
    body.word(WORD.key).i32(QUICK).op(OP.and).i32(QUICK).op(OP.ne).brIf(this.out);
    body.word(WORD.events).i32(EVENT_LOG.entries).op(OP.ge_u).brIf(this.out);
    body.word(WORD.budget).set(BUDGET);
    body.get(CODE).i32(LEFT.call).op(OP.eq).if();
    this.makeCall();
    body.else();
    this.deliverFault();
    body.end();
    this.add(WORD.quickEvents, 1);
    body.i32(LEFT.between).set(CODE);
    this.needQuiet();
    this.findCode();
    body.br(again);
    body.end().end();
    body.get(CODE);
  }

  private store(offset: number, value: () => unknown): void {
    this.body.i32(0);
    value();
    this.body.memory(OP.store, offset);
  }
  private add(offset: number, value: number): void {
    this.store(offset, () => this.body.word(offset).i32(value).op(OP.add));
  }

  /** The region of `HANDLE`, and those that it goes on to: `CODE`. */
  private runRegion(): void {
    const { body } = this;
    body.get(HANDLE).i32(0xff).op(OP.and);
    for (let register = 0; register < 8; register++) body.word(AT.register(register));
    for (const offset of [AT.kind, AT.left, AT.right, AT.result]) body.word(offset);
    body.word(AT.flags).i32(1).op(OP.and);
    body.word(WORD.budget).word(WORD.accesses);
    body.get(HANDLE).i32(8).op(OP.shr_u).op(OP.call_indirect, REGION_TYPE, 0).set(CODE);
  }

  /** Left by the slow path: the block's counts are put right. What was not done must be interpreted; else `stop` says what it is. */
  private settleStop(): void {
    const { body } = this;
    body.get(CODE).i32(LEFT.stopped).op(OP.eq).if();
    this.store(AT.rip, () => body.word(WORD.leftRip));
    this.store(WORD.budget, () => body.word(WORD.leftBudget));
    this.store(WORD.accesses, () => body.word(WORD.accesses).word(WORD.leftUncounted).op(OP.sub));
    body.i32(LEFT.deferred).i32(LEFT.fault).word(WORD.leave).i32(LEAVE.deferred).op(OP.eq, OP.select).set(CODE);
    this.store(WORD.leave, () => body.i32(0));
    body.end();
  }

  /** The call that ended the block, when it is one of those done here. */
  private makeCall(): void {
    const { body } = this;
    const done = body.block();
    const isCall = (id: number): FunctionBody => body.get(INDEX).i32(id).op(OP.eq);
    body.word(WORD.call).i32(0xff).op(OP.and).set(INDEX);
    isCall(SYSTEM_CALL.returnFromInterrupt).if();
    body.word(WORD.arguments).i32(4).op(OP.ne).brIf(this.out);
    body.call(NUMBER.iret).tee(DONE).op(OP.eqz).brIf(this.out).br(done).end();
    isCall(SYSTEM_CALL.softwareInterrupt).if();
    // INT1 is not checked against its gate
    body.word(WORD.arguments + 8).op(OP.eqz).brIf(this.out); // prettier-ignore
    body.word(WORD.arguments).i32(-1);
    this.flags();
    body.i32(1).call(NUMBER.deliver).tee(DONE).op(OP.eqz).brIf(this.out);
    this.log(() => body.word(WORD.arguments), () => body.i32(-1), 1, 1); // prettier-ignore
    body.br(done).end();
    isCall(SYSTEM_CALL.sysenter).if();
    body.call(NUMBER.enter).tee(DONE).op(OP.eqz).brIf(this.out).br(done).end();
    isCall(SYSTEM_CALL.sysexit).if();
    body.call(NUMBER.exit).tee(DONE).op(OP.eqz).brIf(this.out).br(done).end();
    body.br(this.out).end();
  }

  /** EFLAGS. */
  private flags(): void {
    const { body } = this;
    for (const offset of [AT.kind, AT.left, AT.right, AT.result, AT.flags]) body.word(offset);
    body.call(NUMBER.eflags);
  }

  /** The fault that the state holds. */
  private deliverFault(): void {
    const { body } = this;
    body.word(STATE.stop.offset).i32(STOP.fault).op(OP.ne).brIf(this.out);
    // one that comes before anything was executed is counted by the caller, lest it go on for ever
    body.get(BUDGET).word(WORD.limit).op(OP.eq).get(BUDGET).word(WORD.deliveredAt).op(OP.eq, OP.or).brIf(this.out);
    body.word(STATE.faultVector.offset).tee(INDEX).i32(EXCEPTION.DB).op(OP.eq).brIf(this.out);
    body.get(INDEX);
    body.word(STATE.faultErrorCode.offset).i32(-1).i32(WITH_ERROR_CODE).get(INDEX).op(OP.shr_u).i32(1).op(OP.and, OP.select);
    this.flags();
    body.i32(FLAG.RF).op(OP.or).i32(0);
    body.call(NUMBER.deliver).tee(DONE).op(OP.eqz).brIf(this.out);
    this.store(STATE.stop.offset, () => body.i32(STOP.none));
    this.store(WORD.resumedAt, () => body.i32(-1));
    this.store(WORD.deliveredAt, () => body.get(BUDGET));
    this.add(WORD.deliveries, 1);
    this.log(() => body.get(INDEX), () => body.word(STATE.faultErrorCode.offset), 0, 0); // prettier-ignore
    // the VMM's answers were for the instruction that has faulted
    body.word(STATE.virtualizationMode.offset).if();
    this.store(STATE.completionCount.offset, () => body.i32(0));
    body.end();
  }

  /** An event for the log, which the tier reads. `unfinished`: instructions counted that had not completed then. */
  private log(vector: () => unknown, errorCode: () => unknown, software: number, unfinished: number): void {
    const { body } = this;
    body.word(WORD.events).i32(EVENT_LOG.bytes).op(OP.mul).set(ADDEND);
    const put = (offset: number, value: () => unknown): void => {
      body.get(ADDEND);
      value();
      body.memory(OP.store, EVENT_LOG.offset + offset);
    };
    put(EVENT_LOG.vector, vector);
    put(EVENT_LOG.errorCode, errorCode);
    put(EVENT_LOG.software, () => body.i32(software));
    put(EVENT_LOG.cr2, () => body.word(STATE.cr2.offset));
    put(EVENT_LOG.instructions, () => body.word(WORD.limit).get(BUDGET).op(OP.sub).i32(unfinished).op(OP.sub));
    this.add(WORD.events, 1);
  }

  /**
   * Leaves unless the next instruction can follow at once. What cannot have changed since the run began (debug registers) is not
   * looked at; interrupts wait only for who lets them in.
   */
  private needQuiet(): void {
    const { body } = this;
    const fields = ['stop', 'debugPending', 'activity', 'interruptShadow', 'nmiPending', 'machineCheckPending'] as const;
    body.word(AT.flags).i32(FLAG.TF).op(OP.and);
    for (const field of fields) body.word(STATE[field].offset).op(OP.or);
    // alignment
    body.word(SS_ATTRIBUTES).i32(DPL_3).op(OP.and).i32(DPL_3).op(OP.eq);
    body.word(AT.flags).i32(FLAG.AC).op(OP.and).i32(0).op(OP.ne, OP.and);
    body.word(STATE.cr0.offset).i32(CR0.AM).op(OP.and).i32(0).op(OP.ne, OP.and, OP.or);
    body.get(BUDGET).op(OP.eqz, OP.or).brIf(this.out);
    body.word(AT.flags).i32(FLAG.IF).op(OP.and).word(STATE.virtualizationMode.offset).op(OP.or).if();
    body.call(NUMBER.quiet).op(OP.eqz).brIf(this.out).end();
  }

  /**
   * `HANDLE` of the compiled code at RIP, in the page that is held or in another one that is entered; leaves when there is none, or
   * when RF, which holds for one instruction, might have to stay.
   */
  private findCode(): void {
    const { body } = this;
    const { offset } = JUMP_CACHE;
    const page = (): FunctionBody => body.get(RIP).i32(-4096).op(OP.and);
    body.word(WORD.key).set(KEY);
    body.get(DONE).i32(EVENT.changed).op(OP.eq).if();
    body.call(NUMBER.key).set(KEY).end();
    body.word(AT.rip).tee(RIP).i32(JUMP_HASH.multiplier).op(OP.mul).i32(JUMP_HASH.shift).op(OP.shr_u).i32(4).op(OP.shl).tee(INDEX);
    body.memory(OP.load, offset).get(RIP).op(OP.ne);
    body
      .get(INDEX)
      .memory(OP.load, offset + 8)
      .get(KEY)
      .op(OP.ne, OP.or)
      .brIf(this.out);
    body
      .get(INDEX)
      .memory(OP.load, offset + 4)
      .set(ADDEND);
    const found = body.block();
    const enters = body.block();
    // is it the page that is held, for accesses of the same kind?
    body.word(WORD.slot).op(OP.eqz).brIf(enters);
    page().word(WORD.pageRip).op(OP.ne);
    body.get(KEY).word(WORD.key).op(OP.xor).i32(REGION_KEY.user).op(OP.and, OP.or).brIf(enters);
    body.get(ADDEND).word(WORD.addend).op(OP.ne).brIf(this.out);
    this.resume();
    body.br(found).end();
    this.enterPage(page);
    body.end();
    this.store(WORD.key, () => body.get(KEY));
    body
      .get(INDEX)
      .memory(OP.load, offset + 12)
      .tee(HANDLE);
    body.i32(8).op(OP.shr_u).set(ADDEND);
    this.store(WORD.slot, () => body.get(ADDEND));
  }

  /** The page at RIP is looked up and must be where the code in the jump cache is; that counts as an access to the TLB. */
  private enterPage(page: () => FunctionBody): void {
    const { body } = this;
    const user = (): FunctionBody => body.get(KEY).i32(REGION_KEY.user).op(OP.and).i32(0).op(OP.ne);
    // nothing held here, but perhaps by the TLB
    body.word(WORD.slot).op(OP.eqz);
    body
      .word(TLB_WORD.context)
      .i32(Math.log2(TLB_CONTEXT.bytes))
      .op(OP.shl)
      .memory(OP.load, TLB_CONTEXT.offset + TLB_CONTEXT.codePage);
    body.i32(0).op(OP.ge_s, OP.and).brIf(this.out);
    body.get(RIP).i32(8).op(OP.shr_u).i32((FAST_TLB.entries - 1) << 4).op(OP.and); // prettier-ignore
    user()
      .i32(Math.log2(FAST_TLB.user - FAST_TLB.supervisor))
      .op(OP.shl, OP.add)
      .tee(BYTE);
    body.memory(OP.load, FAST_TLB.supervisor + 8);
    page().word(AT.generation).op(OP.or, OP.eq).if();
    body.get(BYTE).memory(OP.load, FAST_TLB.supervisor + 12).get(ADDEND).op(OP.ne).brIf(this.out); // prettier-ignore
    body.else();
    body.get(RIP);
    user().i32(Math.log2(ACCESS.user)).op(OP.shl).i32(ACCESS.execute).op(OP.or).call(NUMBER.fill).tee(BYTE);
    body.i32(FILL.faults).op(OP.le_u).brIf(this.out);
    body.get(BYTE).get(RIP).op(OP.sub).get(ADDEND).op(OP.ne).brIf(this.out);
    body.end();
    this.resume();
    this.add(WORD.accesses, 1);
  }

  /** RF goes, unless the instruction at RIP may be a repeated one. */
  private resume(): void {
    const { body } = this;
    body.word(AT.flags).i32(FLAG.RF).op(OP.and).if();
    body.get(ADDEND).get(RIP).op(OP.add).memory(OP.load8_u, 0).set(BYTE);
    // an instruction that REP repeats begins with one of these
    body.i32(0);
    for (const prefix of PREFIXES) body.get(BYTE).i32(prefix).op(OP.eq, OP.or);
    body.brIf(this.out);
    this.store(AT.flags, () => body.word(AT.flags).i32(~FLAG.RF).op(OP.and));
    this.store(WORD.resumedAt, () => body.get(BUDGET));
    body.end();
  }
}
