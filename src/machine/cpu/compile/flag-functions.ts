/**
 * The lazy flags (flags.ts) where compiled code does not know how they were made: the same functions in WebAssembly, so that
 * asking for one costs no call into JavaScript. flag-functions.spec.ts holds them against flags.ts.
 */
import { FLAG, LAZY, STATUS_FLAGS } from '../flags';
import { FunctionBody, OP, encodeModule } from './encoder';
import { TYPES } from './locals';

export interface FlagFunctions {
  /** as conditionHolds */
  condition: (code: number, kind: number, left: number, right: number, result: number, flags: number) => number;
  /** as carryFlag */
  carry: (kind: number, left: number, right: number, result: number, flags: number) => number;
  /** all of EFLAGS */
  eflags: (kind: number, left: number, right: number, result: number, flags: number) => number;
}

const CONDITION_TYPE = 3;
const FLAG_TYPE = 4;
const [CARRY, OVERFLOW] = [0, 1];

/** @param memory the pool; not used, but every module here imports it */
export function makeFlagFunctions(memory: WebAssembly.Memory, table: WebAssembly.Table): FlagFunctions {
  const bytes = encodeModule({
    types: TYPES,
    imports: [],
    functions: [
      { name: 'carry', type: FLAG_TYPE, locals: 0, body: carry() },
      { name: 'overflow', type: FLAG_TYPE, locals: 0, body: overflow() },
      { name: 'condition', type: CONDITION_TYPE, locals: 2, body: condition() },
      { name: 'eflags', type: FLAG_TYPE, locals: 1, body: eflags() },
    ],
  });
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory, t: table } }).exports as unknown as FlagFunctions;
}

const [KIND, LEFT, RIGHT, RESULT, FLAGS] = [0, 1, 2, 3, 4];

/** A function with a case for each kind: what the case leaves on the stack is returned. */
function byKind(
  cases: Readonly<Record<number, (body: FunctionBody) => unknown>>,
  otherwise: (body: FunctionBody) => unknown,
): FunctionBody {
  const body = new FunctionBody();
  for (const [kind, emit] of Object.entries(cases)) {
    body.get(KIND).i32(Number(kind)).op(OP.eq).if();
    emit(body);
    body.op(OP.return).end();
  }
  otherwise(body);
  return body;
}

const bit = (body: FunctionBody, local: number, position: number): FunctionBody =>
  body.get(local).i32(position).op(OP.shr_u).i32(1).op(OP.and);

function carry(): FunctionBody {
  return byKind(
    {
      [LAZY.sub]: (body) => body.get(LEFT).get(RIGHT).op(OP.lt_u),
      [LAZY.add]: (body) => body.get(RESULT).get(LEFT).op(OP.lt_u),
      [LAZY.logic]: (body) => body.i32(0),
      [LAZY.known]: (body) => bit(body, RIGHT, 0),
      // (l & r | (l | r) & ~result) >>> 31
      [LAZY.adc]: (body) =>
        body.get(LEFT).get(RIGHT).op(OP.and).get(LEFT).get(RIGHT).op(OP.or).get(RESULT).i32(-1).op(OP.xor, OP.and, OP.or).i32(31).op(OP.shr_u), // prettier-ignore
      // (~l & r | (~l | r) & result) >>> 31
      [LAZY.sbb]: (body) => {
        body.get(LEFT).i32(-1).op(OP.xor).get(RIGHT).op(OP.and).get(LEFT).i32(-1).op(OP.xor).get(RIGHT).op(OP.or);
        body.get(RESULT).op(OP.and, OP.or).i32(31).op(OP.shr_u);
      },
    },
    (body) => bit(body, FLAGS, 0),
  );
}

function overflow(): FunctionBody {
  const sum = (body: FunctionBody): unknown =>
    body.get(LEFT).get(RESULT).op(OP.xor).get(RIGHT).get(RESULT).op(OP.xor, OP.and).i32(31).op(OP.shr_u);
  const difference = (body: FunctionBody): unknown =>
    body.get(LEFT).get(RIGHT).op(OP.xor).get(LEFT).get(RESULT).op(OP.xor, OP.and).i32(31).op(OP.shr_u);
  return byKind(
    {
      [LAZY.sub]: difference,
      [LAZY.dec]: difference,
      [LAZY.sbb]: difference,
      [LAZY.add]: sum,
      [LAZY.inc]: sum,
      [LAZY.adc]: sum,
      [LAZY.logic]: (body) => body.i32(0),
      [LAZY.known]: (body) => bit(body, RIGHT, 1),
    },
    (body) => bit(body, FLAGS, 11),
  );
}

/** The arguments of carry and overflow, passed on; `shift` parameters come before them. */
function ask(body: FunctionBody, which: number, shift: number): void {
  for (let parameter = 0; parameter < 5; parameter++) body.get(parameter + shift);
  body.call(which);
}

/** Bit `position` of the stored flags while the kind is none, else what `otherwise` leaves. */
function storedOr(body: FunctionBody, position: number, to: number, otherwise: () => unknown): void {
  body
    .get(1 + KIND)
    .i32(LAZY.none)
    .op(OP.eq)
    .if();
  bit(body, 1 + FLAGS, position).set(to);
  body.else();
  otherwise();
  body.set(to).end();
}

/** 1 on the stack when the low byte of a local has an even number of ones; `scratch` is overwritten. */
function parity(body: FunctionBody, value: number, scratch: number): void {
  body.get(value).i32(0xff).op(OP.and).tee(scratch).get(scratch).i32(4).op(OP.shr_u, OP.xor).i32(15).op(OP.and).set(scratch);
  body.i32(0x9669).get(scratch).op(OP.shr_u).i32(1).op(OP.and);
}

function condition(): FunctionBody {
  const body = new FunctionBody();
  const [CODE, ONE, HOLDS] = [0, 6, 7];
  const isGroup = (group: number): FunctionBody => body.get(CODE).i32(1).op(OP.shr_u).i32(group).op(OP.eq);
  const zero = (): void => storedOr(body, 6, ONE, () => body.get(1 + RESULT).op(OP.eqz));
  const sign = (): void =>
    storedOr(body, 7, ONE, () =>
      body
        .get(1 + RESULT)
        .i32(31)
        .op(OP.shr_u),
    );
  const done = body.block();
  const group = (number: number, emit: () => void): void => {
    isGroup(number).if();
    emit();
    body.br(done).end();
  };
  group(2, () => {
    zero();
    body.get(ONE).set(HOLDS);
  });
  group(1, () => {
    ask(body, CARRY, 1);
    body.set(HOLDS);
  });
  group(3, () => {
    zero();
    ask(body, CARRY, 1);
    body.get(ONE).op(OP.or).set(HOLDS);
  });
  group(4, () => {
    sign();
    body.get(ONE).set(HOLDS);
  });
  group(0, () => {
    ask(body, OVERFLOW, 1);
    body.set(HOLDS);
  });
  group(5, () => storedOr(body, 2, HOLDS, () => parity(body, 1 + RESULT, ONE)));
  // 6: SF ≠ OF; 7: that, or ZF
  sign();
  ask(body, OVERFLOW, 1);
  body.get(ONE).op(OP.xor).set(HOLDS);
  isGroup(7).if();
  zero();
  body.get(HOLDS).get(ONE).op(OP.or).set(HOLDS).end();
  body.end();
  return body.get(HOLDS).get(CODE).i32(1).op(OP.and, OP.xor);
}

function eflags(): FunctionBody {
  const body = new FunctionBody();
  const ONE = 5;
  body.get(KIND).i32(LAZY.none).op(OP.eq).if().get(FLAGS).op(OP.return).end();
  const or = (shift: number): void => {
    if (shift > 0) body.i32(shift).op(OP.shl);
    body.op(OP.or);
  };
  body.get(FLAGS).i32(~STATUS_FLAGS).op(OP.and);
  ask(body, CARRY, 0);
  or(0);
  parity(body, RESULT, ONE);
  or(Math.log2(FLAG.PF));
  // AF is clear after logic and known
  body.get(LEFT).get(RIGHT).op(OP.xor).get(RESULT).op(OP.xor).i32(FLAG.AF).op(OP.and);
  body
    .i32((1 << LAZY.logic) | (1 << LAZY.known))
    .get(KIND)
    .op(OP.shr_u)
    .i32(1)
    .op(OP.and)
    .i32(1)
    .op(OP.sub, OP.and, OP.or);
  body.get(RESULT).op(OP.eqz);
  or(Math.log2(FLAG.ZF));
  body.get(RESULT).i32(31).op(OP.shr_u);
  or(Math.log2(FLAG.SF));
  ask(body, OVERFLOW, 0);
  or(Math.log2(FLAG.OF));
  return body;
}
