/**
 * Events of the plainest kind, in WebAssembly: a fault or INT n delivered through a 32-bit gate, a 32-bit IRET, SYSENTER and
 * SYSEXIT, within ring 0, within ring 3, and between the two, among flat segments. What events.ts and transfers.ts do for them is
 * done here without a call for each access; in every other case nothing is changed and the caller takes that way. Tables and stacks
 * are read as bytes, through the fast table, each time. SDM vol. 3, 5.8.7, 6.12; vol. 2, IRET.
 */
import { REGION_KEY } from '../code-mode';
import { FLAG } from '../flags';
import { modeKey } from '../lower/ir';
import { ACCESS } from '../page-rights';
import { ATTRIBUTE, FLAT_CODE, FLAT_DATA } from '../segmentation';
import { SEGMENT, SEGMENT_INDEX, STATE } from '../state-layout';
import { FAST_TLB } from '../tlb-layout';
import { FunctionBody, OP, type Label } from './encoder';
import { PINS, WORD } from './layout';
import { AT } from './locals';
import { FILL, FOR_EVENT } from './walk-code';

/** What the functions return: nothing has happened, or done, and the privilege is as before or has changed. */
export const EVENT = { nothing: 0, same: 1, changed: 2 } as const;

const segmentAt = (segment: number): number => STATE.segments.offset + segment * SEGMENT.size;
const CS = segmentAt(SEGMENT_INDEX.CS);
const SS = segmentAt(SEGMENT_INDEX.SS);
const TR = segmentAt(SEGMENT_INDEX.TR);
const DATA = [SEGMENT_INDEX.ES, SEGMENT_INDEX.DS, SEGMENT_INDEX.FS, SEGMENT_INDEX.GS] as const;
const ESP = AT.register(4);

/** Of a region key: flat 32-bit code in protected mode with a flat 32-bit stack. Without it these functions must not be called. */
export const QUICK =
  modeKey({ code32: true, stack32: true, protectedMode: true, codeLimited: false }) |
  REGION_KEY.flatCode |
  (1 << (REGION_KEY.flat + SEGMENT_INDEX.SS));

/** of the descriptor of a flat segment: its low word, and in its high word the limit's high bits */
const FLAT_LOW = 0xffff;
const FLAT_HIGH = 0xf_0000;
const DPL_SHIFT = 13;
/** what does not matter in the high word of a code descriptor: the privilege, which is looked at by itself, AVL, readable */
const CODE_ANY = (3 << DPL_SHIFT) | 0x10_0000 | 0x200;
/** The high word of accessed, present, flat 32-bit code that is not conforming, without those. */
const CODE = ((FLAT_CODE << 8) | FLAT_HIGH) & ~CODE_ANY;
/** Likewise of a stack. */
const STACK_ANY = 0x10_0000;
const stackOf = (level: number): number => (((FLAT_DATA << 8) | FLAT_HIGH) & ~STACK_ANY) | (level << DPL_SHIFT);
/** a present 32-bit interrupt or trap gate; bit 8 tells which */
const GATE_MASK = 0x9e00;
const GATE = 0x8e00;
const TRAP_GATE = 8;
/** of a TSS of 32 bits: where the stack of ring 0 is, ESP and SS */
const WIDE_TSS = 8;
const TSS_STACK = 4;

/** What IRET takes from the stack at any privilege, below IOPL, and at level 0 (transfers.ts). */
const ANY_LEVEL =
  FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.TF | FLAG.DF | FLAG.OF | FLAG.NT | FLAG.RF | FLAG.AC | FLAG.ID; // prettier-ignore
const LEVEL_0 = FLAG.IOPL | FLAG.VIF | FLAG.VIP;
const IOPL_SHIFT = Math.log2(FLAG.IOPL / 3);

const NAMES = ['linear', 'index', 'at', 'low', 'high', 'selector', 'level', 'stack', 'first', 'second', 'frame', 'inner'] as const;
type Names = Readonly<Record<(typeof NAMES)[number], number>>;
/** Locals of each function beyond its parameters. */
export const EVENT_LOCALS = NAMES.length;

const localsFrom = (first: number): Names =>
  Object.fromEntries(NAMES.map((name, index) => [name, first + index])) as Record<(typeof NAMES)[number], number>;

/** What they have in common. `no` is where they give up. */
class EventBody {
  readonly body = new FunctionBody();
  readonly local: Names;
  private readonly no: Label;
  private pins = 0;

  /** @param fill number of the function from fill-code.ts */
  constructor(
    parameters: number,
    private readonly fill: number,
  ) {
    const { body } = this;
    this.local = localsFrom(parameters);
    this.no = body.block();
    body.word(SS + SEGMENT.attributes).i32(5).op(OP.shr_u).i32(3).op(OP.and).set(this.local.level); // prettier-ignore
  }

  /** Before the first access. */
  begin(): void {
    for (let pin = 0; pin < PINS.count; pin++) this.store(PINS.offset + pin * 4, () => this.body.i32(-1));
  }

  /** Gives up when the value on the stack is not zero. */
  unless(): void {
    this.body.brIf(this.no);
  }

  store(offset: number, value: () => unknown, opcode: number = OP.store): void {
    this.body.i32(0);
    value();
    this.body.memory(opcode, offset);
  }

  /**
   * The pool address of `bytes` bytes at the linear address on the stack, which must be in one page: in `at`.
   * @param byProgram with the program's privilege, not the processor's own
   */
  translate(bytes: number, write: boolean, byProgram: boolean): void {
    const { body, local } = this;
    body.tee(local.linear).i32(0xfff).op(OP.and).i32(4096 - bytes).op(OP.gt_u); // prettier-ignore
    this.unless();
    body.get(local.linear).i32(8).op(OP.shr_u).i32((FAST_TLB.entries - 1) << 4).op(OP.and); // prettier-ignore
    if (byProgram) this.isUser().i32(Math.log2(FAST_TLB.user - FAST_TLB.supervisor)).op(OP.shl, OP.add); // prettier-ignore
    body.tee(local.index).memory(OP.load, FAST_TLB.supervisor + (write ? 4 : 0));
    body.get(local.linear).i32(-4096).op(OP.and).word(AT.generation).op(OP.or, OP.eq).if();
    body.get(local.index).memory(OP.load, FAST_TLB.supervisor + 12).get(local.linear).op(OP.add).set(local.at); // prettier-ignore
    body.else();
    body.get(local.linear);
    if (byProgram)
      this.isUser().i32(Math.log2(ACCESS.user)).op(OP.shl); // prettier-ignore
    else body.i32(0);
    body.i32(FOR_EVENT | (write ? ACCESS.write : 0)).op(OP.or);
    body.call(this.fill).tee(local.at).i32(FILL.faults).op(OP.le_u);
    this.unless();
    body.end();
    // should this event have to be begun again, what it has used must still be there
    if (this.pins < PINS.count) this.store(PINS.offset + 4 * this.pins++, () => body.get(local.linear).i32(12).op(OP.shr_u)); // prettier-ignore
  }

  private isUser(): FunctionBody {
    return this.body.get(this.local.level).i32(3).op(OP.eq);
  }

  /** A descriptor or gate at the linear address on the stack: `low` and `high`. */
  readTable(): void {
    const { body, local } = this;
    this.translate(8, false, false);
    body.get(local.at).memory(OP.load, 0).set(local.low);
    body.get(local.at).memory(OP.load, 4).set(local.high);
  }

  /** The descriptor in the GDT that `selector` names. */
  private readDescriptor(): void {
    const { body, local } = this;
    body.get(local.selector).i32(4).op(OP.and);
    this.unless();
    body.get(local.selector).i32(0xfff8).op(OP.and).tee(local.index).op(OP.eqz);
    this.unless();
    body.get(local.index).i32(7).op(OP.add).word(STATE.gdtrLimit.offset).op(OP.gt_u);
    this.unless();
    body.word(STATE.gdtrBase.offset).get(local.index).op(OP.add);
    this.readTable();
    body.get(local.low).i32(FLAT_LOW).op(OP.ne);
    this.unless();
  }

  /** Gives up unless `selector` names flat code; `index` becomes its privilege level. */
  readCode(): void {
    const { body, local } = this;
    this.readDescriptor();
    body.get(local.high).i32(~CODE_ANY).op(OP.and).i32(CODE).op(OP.ne);
    this.unless();
    body.get(local.high).i32(DPL_SHIFT).op(OP.shr_u).i32(3).op(OP.and).set(local.index);
  }

  /** Gives up unless `selector` names a flat stack of a privilege level, and has that level itself. */
  readStack(level: number): void {
    const { body, local } = this;
    body.get(local.selector).i32(3).op(OP.and).i32(level).op(OP.ne);
    this.unless();
    this.readDescriptor();
    body.get(local.high).i32(~STACK_ANY).op(OP.and).i32(stackOf(level)).op(OP.ne);
    this.unless();
  }

  /** Loads CS or SS from `selector` and `high`; base and limit are those of a flat segment before and after. */
  install(segment: number): void {
    const { body, local } = this;
    this.store(segment + SEGMENT.selector, () => body.get(local.selector), OP.store16);
    this.store(segment + SEGMENT.attributes, () => body.get(local.high).i32(8).op(OP.shr_u).i32(0xf0ff).op(OP.and));
  }

  countAccesses(push: () => unknown): void {
    this.store(WORD.accesses, () => {
      this.body.word(WORD.accesses);
      push();
      this.body.op(OP.add);
    });
  }

  /** What is emitted next is where they end who have given up. */
  giveUpHere(): FunctionBody {
    return this.body.end().i32(EVENT.nothing);
  }
}

/**
 * `deliver(vector, errorCode, flags, software)`: a fault, or with `software` INT n. The caller has seen to it that nothing is
 * aligned by force. `errorCode` is -1 when none is pushed; `flags` is EFLAGS as it is pushed. Not for debug exceptions. EVENT.
 */
export function deliver(fill: number): FunctionBody {
  const [VECTOR, ERROR, FLAGS, SOFTWARE] = [0, 1, 2, 3];
  const code = new EventBody(4, fill);
  const { body, local } = code;
  code.begin();
  body.get(VECTOR).i32(3).op(OP.shl).tee(local.index).i32(7).op(OP.add).word(STATE.idtrLimit.offset).op(OP.gt_u); // prettier-ignore
  code.unless();
  body.word(STATE.idtrBase.offset).get(local.index).op(OP.add);
  code.readTable();
  body.get(local.high).i32(GATE_MASK).op(OP.and).i32(GATE).op(OP.ne);
  code.unless();
  body.get(local.high).i32(DPL_SHIFT).op(OP.shr_u).i32(3).op(OP.and).get(local.level).op(OP.lt_u).get(SOFTWARE).op(OP.and); // prettier-ignore
  code.unless();
  body.get(local.low).tee(local.first).i32(16).op(OP.shr_u).set(local.selector);
  body.get(local.high).set(local.second);
  code.readCode();
  body.get(local.index).get(local.level).op(OP.ne).tee(local.inner).if();
  // from ring 3 to ring 0 only
  body.get(local.index).get(local.level).i32(3).op(OP.xor, OP.or);
  code.unless();
  body.end();
  // of the code segment, while the stack's is looked at
  const [codeSelector, codeHigh] = [local.first, local.second];
  body.get(local.first).i32(0xffff).op(OP.and).get(local.second).i32(-0x1_0000).op(OP.and, OP.or).set(local.frame); // prettier-ignore
  body.get(local.second).i32(TRAP_GATE).op(OP.shr_u).set(VECTOR);
  body.get(local.selector).i32(0xfffc).op(OP.and).get(local.index).op(OP.or).set(codeSelector);
  body.get(local.high).set(codeHigh);
  // the frame: error code or not, then EIP, CS, EFLAGS, and from another level ESP and SS
  const errorBytes = (): FunctionBody => body.get(ERROR).i32(0).op(OP.ge_s).i32(2).op(OP.shl);
  const makeRoom = (bytes: number, byProgram: boolean): void => {
    body.get(local.stack).i32(bytes + 4).op(OP.lt_u); // prettier-ignore
    code.unless();
    body.get(local.stack).i32(bytes).op(OP.sub);
    errorBytes().op(OP.sub).tee(local.stack).i32(0xfff).op(OP.and).i32(bytes).op(OP.add);
    errorBytes().op(OP.add).i32(4096).op(OP.gt_u);
    code.unless();
    body.get(local.stack);
    code.translate(bytes, true, byProgram);
  };
  body.get(local.inner).if();
  body
    .word(TR + SEGMENT.attributes)
    .i32(WIDE_TSS)
    .op(OP.and, OP.eqz);
  code.unless();
  body.word(TR + SEGMENT.limit).i32(TSS_STACK + 7).op(OP.lt_u); // prettier-ignore
  code.unless();
  body
    .word(TR + SEGMENT.base)
    .i32(TSS_STACK)
    .op(OP.add);
  code.translate(6, false, false);
  body.get(local.at).memory(OP.load, 0).set(local.stack);
  body.get(local.at).memory(OP.load16_u, 4).set(local.selector);
  code.readStack(0);
  makeRoom(20, false);
  body.get(local.at);
  errorBytes().op(OP.add).tee(local.index).word(ESP).memory(OP.store, 12);
  body
    .get(local.index)
    .i32(0)
    .memory(OP.load16_u, SS + SEGMENT.selector)
    .memory(OP.store, 16);
  code.install(SS);
  body.else();
  body.word(ESP).set(local.stack);
  makeRoom(12, true);
  body.end();
  body.get(ERROR).i32(0).op(OP.ge_s).if();
  body.get(local.at).get(ERROR).memory(OP.store, 0);
  body.get(local.at).i32(4).op(OP.add).set(local.at).end();
  body.get(local.at).word(AT.rip).memory(OP.store, 0);
  body.get(local.at).i32(0).memory(OP.load16_u, CS + SEGMENT.selector).memory(OP.store, 4); // prettier-ignore
  body.get(local.at).get(FLAGS).memory(OP.store, 8);
  body.get(codeSelector).set(local.selector).get(codeHigh).set(local.high);
  code.install(CS);
  // an interrupt gate takes IF, too
  code.store(AT.flags, () => {
    body.word(AT.flags).i32(~(FLAG.TF | FLAG.NT | FLAG.RF | FLAG.VM)).op(OP.and); // prettier-ignore
    body.get(VECTOR).i32(-2).op(OP.or).i32(Math.log2(FLAG.IF)).op(OP.rotl, OP.and); // prettier-ignore
  });
  code.store(AT.rip, () => body.get(local.frame));
  code.store(ESP, () => body.get(local.stack));
  // gate and descriptor, and from another level those of the stack
  code.countAccesses(() => body.i32(13).i32(7).get(local.inner).op(OP.select).get(ERROR).i32(0).op(OP.ge_s, OP.add));
  body.get(local.inner).i32(EVENT.same).op(OP.add, OP.return);
  return code.giveUpHere();
}

/** `iret()`: IRET with 32-bit operands, under the same conditions. EVENT. */
export function iret(fill: number, model: { mask: number; fixed: number }): FunctionBody {
  const code = new EventBody(0, fill);
  const { body, local } = code;
  body.word(AT.flags).i32(FLAG.NT | FLAG.VM).op(OP.and); // prettier-ignore
  code.unless();
  code.begin();
  body.word(ESP).i32(20).op(OP.add).i32(20).op(OP.lt_u);
  code.unless();
  body.word(ESP);
  code.translate(12, false, true);
  body.get(local.at).tee(local.frame).memory(OP.load, 0).set(local.first);
  body.get(local.at).memory(OP.load, 8).tee(local.second).i32(FLAG.VM).op(OP.and);
  code.unless();
  body.get(local.at).memory(OP.load16_u, 4).tee(local.selector).i32(3).op(OP.and).get(local.level).op(OP.ne).tee(local.inner).if();
  // from ring 0 to ring 3 only
  body.get(local.level).get(local.selector).i32(-1).op(OP.xor).i32(3).op(OP.and, OP.or);
  code.unless();
  body
    .word(ESP)
    .i32(0xfff)
    .op(OP.and)
    .i32(4096 - 20)
    .op(OP.gt_u);
  code.unless();
  body.end();
  code.readCode();
  body.get(local.index).get(local.selector).i32(3).op(OP.and, OP.ne);
  code.unless();
  body.get(local.inner).if();
  // the code's, while the stack's are looked at; a descriptor's high word is not 0 either
  const [codeSelector, codeHigh] = [local.stack, local.inner];
  body.get(local.selector).set(codeSelector).get(local.high).set(codeHigh);
  body.get(local.frame).memory(OP.load16_u, 16).set(local.selector);
  code.readStack(3);
  code.install(SS);
  body.get(codeSelector).set(local.selector).get(codeHigh).set(local.high);
  code.store(ESP, () => body.get(local.frame).memory(OP.load, 12));
  dropInaccessible(body);
  body.else();
  code.store(ESP, () => body.word(ESP).i32(12).op(OP.add));
  body.end();
  code.install(CS);
  code.store(AT.rip, () => body.get(local.first));
  // which flags change: `low`
  body.i32(ANY_LEVEL).i32(FLAG.IF).i32(0);
  body.get(local.level).word(AT.flags).i32(IOPL_SHIFT).op(OP.shr_u).i32(3).op(OP.and, OP.le_u, OP.select, OP.or); // prettier-ignore
  body.i32(0).i32(LEVEL_0).get(local.level).op(OP.select, OP.or).set(local.low);
  code.store(AT.flags, () => {
    body.word(AT.flags).get(local.low).i32(-1).op(OP.xor, OP.and);
    body.get(local.second).get(local.low).op(OP.and, OP.or);
    body.i32(model.mask).op(OP.and).i32(model.fixed).op(OP.or);
  });
  code.store(AT.kind, () => body.i32(0));
  code.store(STATE.nmiBlocked.offset, () => body.i32(0));
  code.countAccesses(() => body.i32(9).i32(5).get(local.inner).op(OP.select));
  body.i32(EVENT.changed).i32(EVENT.same).get(local.inner).op(OP.select, OP.return);
  return code.giveUpHere();
}

/** On a return to ring 3: data segments that it may not see become null (segment-loads.ts). */
function dropInaccessible(body: FunctionBody): void {
  for (const segment of DATA) {
    const at = segmentAt(segment);
    const attributes = (): FunctionBody => body.word(at + SEGMENT.attributes);
    attributes().i32(0x1c).op(OP.and).i32(0x1c).op(OP.ne);
    attributes().i32(0x60).op(OP.and).i32(0x60).op(OP.ne, OP.and);
    attributes().i32(ATTRIBUTE.unusable).op(OP.and, OP.or).if();
    for (const offset of [SEGMENT.base, SEGMENT.base + 4, SEGMENT.limit])
      body
        .i32(0)
        .i32(0)
        .memory(OP.store, at + offset);
    body.i32(0).i32(0).memory(OP.store16, at + SEGMENT.selector); // prettier-ignore
    body
      .i32(0)
      .i32(ATTRIBUTE.unusable)
      .memory(OP.store, at + SEGMENT.attributes)
      .end();
  }
}

/** `enterSystem()`, SYSENTER, and `exitSystem()`, SYSEXIT (control.ts). EVENT. */
export function systemTransfer(enters: boolean): FunctionBody {
  const code = new EventBody(0, 0);
  const { body, local } = code;
  body.word(STATE.sysenterCs.offset).i32(0xfffc).op(OP.and).tee(local.selector).op(OP.eqz);
  code.unless();
  if (!enters) {
    body.get(local.level);
    code.unless();
  }
  const load = (segment: number, distance: number, attributes: number): void => {
    code.store(segment + SEGMENT.selector, () => body.get(local.selector).i32(distance).op(OP.add), OP.store16);
    code.store(segment + SEGMENT.attributes, () => body.i32(attributes));
  };
  const [first, privilege] = enters ? [0, 0] : [16 + 3, 0x60];
  load(CS, first, FLAT_CODE | privilege);
  load(SS, first + 8, FLAT_DATA | privilege);
  if (enters)
    code.store(AT.flags, () =>
      body
        .word(AT.flags)
        .i32(~(FLAG.VM | FLAG.IF | FLAG.RF))
        .op(OP.and),
    );
  code.store(ESP, () => body.word(enters ? STATE.sysenterEsp.offset : AT.register(1)));
  code.store(AT.rip, () => body.word(enters ? STATE.sysenterEip.offset : AT.register(2)));
  body.i32(EVENT.changed).op(OP.return);
  return code.giveUpHere();
}

/** `regionKey()`: the key of the code that goes on (code-mode.ts), which is QUICK as before. */
export function quickKey(): FunctionBody {
  const body = new FunctionBody();
  body.i32(QUICK);
  for (const segment of DATA) {
    const at = segmentAt(segment);
    body.word(at + SEGMENT.attributes).i32(0x1_001e).op(OP.and).i32(0x12).op(OP.eq); // prettier-ignore
    body.word(at + SEGMENT.base).op(OP.eqz, OP.and);
    body
      .word(at + SEGMENT.limit)
      .i32(-1)
      .op(OP.eq, OP.and);
    body.i32(REGION_KEY.flat + segment).op(OP.shl, OP.or);
  }
  body
    .word(SS + SEGMENT.attributes)
    .i32(0x60)
    .op(OP.and)
    .i32(0x60)
    .op(OP.eq)
    .i32(Math.log2(REGION_KEY.user))
    .op(OP.shl, OP.or);
  return body;
}
