/**
 * Events of the plainest kind, in WebAssembly: a fault delivered through a 32-bit gate, and a 32-bit IRET, that stay at their
 * privilege level and in the code segment that is loaded. What events.ts and transfers.ts do for them is done here without
 * a call for each access; in every other case nothing is changed and the caller takes that way. Tables and stack are read as
 * bytes, through the fast table, each time. SDM vol. 3, 6.12; vol. 2, IRET.
 */
import { FLAG } from '../flags';
import { ACCESS } from '../paging';
import { SEGMENT, SEGMENT_INDEX, STATE } from '../state-layout';
import { FAST_TLB } from '../tlb-layout';
import { FunctionBody, OP, encodeModule, type Label } from './encoder';
import { WORD } from './layout';
import { AT, FILL_TYPE, TYPES } from './locals';

export interface QuickEvents {
  /**
   * Delivers a fault. The caller has seen to it that the stack is flat and 32 bits wide, and that nothing is aligned by force.
   * @param vector not that of a debug exception
   * @param errorCode -1 when none is pushed
   * @param flags EFLAGS as it is pushed
   * @returns 1; 0 when nothing has happened
   */
  deliver: (vector: number, errorCode: number, flags: number) => number;
  /** IRET with 32-bit operands in protected mode, likewise. 1, or 0 when nothing has happened. */
  iret: () => number;
}

const segmentAt = (segment: number): number => STATE.segments.offset + segment * SEGMENT.size;
const CS = segmentAt(SEGMENT_INDEX.CS);
const SS = segmentAt(SEGMENT_INDEX.SS);
const ESP = AT.register(4);
/** number of the imported `fill` */
const FILL = 0;

/** of the descriptor of a flat segment: its low word, and in its high word the limit's high bits */
const FLAT_LOW = 0xffff;
const FLAT_HIGH = 0xf_0000;
/** code, S, present and accessed must be set, conforming clear */
const CODE_MASK = 0x9d;
const CODE = 0x99;
/** a present 32-bit interrupt or trap gate; bit 8 tells which */
const GATE_MASK = 0x9e00;
const GATE = 0x8e00;
const TRAP_GATE = 8;

/** What IRET takes from the stack at any privilege, below IOPL, and at level 0 (transfers.ts). */
const ANY_LEVEL =
  FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.TF | FLAG.DF | FLAG.OF | FLAG.NT | FLAG.RF | FLAG.AC | FLAG.ID; // prettier-ignore
const LEVEL_0 = FLAG.IOPL | FLAG.VIF | FLAG.VIP;
const IOPL_SHIFT = Math.log2(FLAG.IOPL / 3);

/**
 * @param fill from fill-code.ts
 * @param flags EFLAGS of the model: bits that there are, and bits that are always set
 */
export function makeQuickEvents(
  memory: WebAssembly.Memory,
  table: WebAssembly.Table,
  fill: unknown,
  flags: { mask: number; fixed: number },
): QuickEvents {
  const bytes = encodeModule({
    types: [...TYPES, { parameters: 3, results: 1 }, { parameters: 0, results: 1 }],
    imports: [['fill', FILL_TYPE]],
    functions: [
      { name: 'deliver', type: TYPES.length, locals: LOCALS, body: deliver() },
      { name: 'iret', type: TYPES.length + 1, locals: LOCALS, body: iret(flags) },
    ],
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory, t: table, fill } });
  return instance.exports as unknown as QuickEvents;
}

const LOCALS = 12;

/** Locals from a number on. */
const localsFrom = (first: number): Record<(typeof NAMES)[number], number> =>
  Object.fromEntries(NAMES.map((name, index) => [name, first + index])) as Record<(typeof NAMES)[number], number>;
const NAMES = ['linear', 'index', 'at', 'low', 'high', 'selector', 'level', 'stack', 'first', 'second'] as const;

/** What both have in common. `no` is where they give up. */
class EventBody {
  readonly body = new FunctionBody();
  readonly local: ReturnType<typeof localsFrom>;
  readonly no: Label;

  constructor(parameters: number) {
    this.local = localsFrom(parameters);
    this.no = this.body.block();
    this.body.word(SS + SEGMENT.attributes).i32(5).op(OP.shr_u).i32(3).op(OP.and).set(this.local.level); // prettier-ignore
  }

  /** Gives up when the value on the stack is not zero. */
  unless(): void {
    this.body.brIf(this.no);
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
    if (write) body.i32(ACCESS.write).op(OP.or);
    body.call(FILL).tee(local.at).op(OP.eqz);
    this.unless();
    body.end();
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

  /** Gives up unless `selector` names, in the GDT, the code segment that is loaded: flat, not conforming, of the current level. */
  checkCode(): void {
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
    body.get(local.high).word(CS + SEGMENT.attributes).i32(8).op(OP.shl).i32(FLAT_HIGH).op(OP.or, OP.ne); // prettier-ignore
    this.unless();
    body.word(CS + SEGMENT.attributes).tee(local.index).i32(CODE_MASK).op(OP.and).i32(CODE).op(OP.ne); // prettier-ignore
    this.unless();
    body.get(local.index).i32(5).op(OP.shr_u).i32(3).op(OP.and).get(local.level).op(OP.ne);
    this.unless();
  }

  /** Everything is certain: stack pointer, CS's selector, accesses to count. RIP's new value is on the stack. */
  finish(accesses: number | undefined, moreAccesses?: () => unknown): FunctionBody {
    const { body, local } = this;
    body.set(local.index);
    body.i32(0).get(local.index).memory(OP.store, AT.rip);
    body.i32(0).get(local.stack).memory(OP.store, ESP);
    body
      .i32(0)
      .get(local.selector)
      .memory(OP.store16, CS + SEGMENT.selector);
    body.i32(0).word(WORD.accesses).i32(accesses ?? 0).op(OP.add); // prettier-ignore
    if (moreAccesses) {
      moreAccesses();
      body.op(OP.add);
    }
    body.memory(OP.store, WORD.accesses);
    body.i32(1).op(OP.return);
    return body.end().i32(0);
  }
}

function deliver(): FunctionBody {
  const [VECTOR, ERROR, FLAGS] = [0, 1, 2];
  const code = new EventBody(3);
  const { body, local } = code;
  body.get(VECTOR).i32(3).op(OP.shl).tee(local.index).i32(7).op(OP.add).word(STATE.idtrLimit.offset).op(OP.gt_u); // prettier-ignore
  code.unless();
  body.word(STATE.idtrBase.offset).get(local.index).op(OP.add);
  code.readTable();
  body.get(local.high).i32(GATE_MASK).op(OP.and).i32(GATE).op(OP.ne);
  code.unless();
  body.get(local.low).tee(local.first).i32(16).op(OP.shr_u).set(local.selector);
  body.get(local.high).set(local.second);
  code.checkCode();
  body.get(local.selector).i32(0xfffc).op(OP.and).get(local.level).op(OP.or).set(local.selector);
  // the frame: error code or not, then EIP, CS, EFLAGS
  const hasError = (): FunctionBody => body.get(ERROR).i32(0).op(OP.ge_s);
  body.word(ESP).i32(16).op(OP.lt_u);
  code.unless();
  body.word(ESP).i32(12).op(OP.sub);
  hasError().i32(2).op(OP.shl, OP.sub).tee(local.stack).i32(0xfff).op(OP.and).i32(12).op(OP.add);
  hasError().i32(2).op(OP.shl, OP.add).i32(4096).op(OP.gt_u);
  code.unless();
  body.get(local.stack);
  code.translate(12, true, true);
  hasError().if();
  body.get(local.at).get(ERROR).memory(OP.store, 0);
  body.get(local.at).i32(4).op(OP.add).set(local.at).end();
  body.get(local.at).word(AT.rip).memory(OP.store, 0);
  body.get(local.at).i32(0).memory(OP.load16_u, CS + SEGMENT.selector).memory(OP.store, 4); // prettier-ignore
  body.get(local.at).get(FLAGS).memory(OP.store, 8);
  body.i32(0).word(AT.flags).i32(~(FLAG.TF | FLAG.NT | FLAG.RF | FLAG.VM)).op(OP.and); // prettier-ignore
  // an interrupt gate takes IF, too
  body.get(local.second).i32(TRAP_GATE).op(OP.shr_u).i32(-2).op(OP.or).i32(Math.log2(FLAG.IF)).op(OP.rotl).op(OP.and); // prettier-ignore
  body.memory(OP.store, AT.flags);
  body.get(local.first).i32(0xffff).op(OP.and).get(local.second).i32(-0x1_0000).op(OP.and, OP.or);
  return code.finish(7, hasError);
}

function iret(model: { mask: number; fixed: number }): FunctionBody {
  const code = new EventBody(0);
  const { body, local } = code;
  body.word(AT.flags).i32(FLAG.NT | FLAG.VM).op(OP.and); // prettier-ignore
  code.unless();
  body.word(ESP).i32(12).op(OP.add).tee(local.stack).i32(12).op(OP.lt_u);
  code.unless();
  body.word(ESP);
  code.translate(12, false, true);
  body.get(local.at).memory(OP.load, 0).set(local.first);
  body.get(local.at).memory(OP.load16_u, 4).set(local.selector);
  body.get(local.at).memory(OP.load, 8).tee(local.second).i32(FLAG.VM).op(OP.and);
  code.unless();
  body.get(local.selector).i32(3).op(OP.and).get(local.level).op(OP.ne);
  code.unless();
  code.checkCode();
  // which flags change: `low`
  body.i32(ANY_LEVEL).i32(FLAG.IF).i32(0);
  body.get(local.level).word(AT.flags).i32(IOPL_SHIFT).op(OP.shr_u).i32(3).op(OP.and, OP.le_u, OP.select, OP.or); // prettier-ignore
  body.i32(0).i32(LEVEL_0).get(local.level).op(OP.select, OP.or).set(local.low);
  body.i32(0);
  body.word(AT.flags).get(local.low).i32(-1).op(OP.xor, OP.and);
  body.get(local.second).get(local.low).op(OP.and, OP.or);
  body.i32(model.mask).op(OP.and).i32(model.fixed).op(OP.or).memory(OP.store, AT.flags);
  body.i32(0).i32(0).memory(OP.store, AT.kind);
  body.i32(0).i32(0).memory(OP.store, STATE.nmiBlocked.offset);
  body.get(local.first);
  return code.finish(5);
}
