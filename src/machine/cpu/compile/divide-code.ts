/**
 * DIV and IDIV in compiled code (SDM vol. 2), as interpret/divide.ts has them: the dividend is AX, DX:AX or EDX:EAX. Most
 * dividends of 64 bits are the extension of one of 32, for which the processor underneath is quicker.
 */
import { REGISTER_INDEX } from '../state-layout';
import { OP, type FunctionBody } from './encoder';
import { LOCAL } from './locals';

const EAX = LOCAL.registers + REGISTER_INDEX.RAX;
const EDX = LOCAL.registers + REGISTER_INDEX.RDX;
const { index: QUOTIENT, spare: REFUSED, offset: REST, linear: DIVISOR, wideLeft: DIVIDEND, wideRight: WIDE_QUOTIENT } = LOCAL;
const LOWEST = -0x8000_0000;

/**
 * @param size bytes of the divisor
 * @param kind 0 DIV, 1 IDIV, 2 the 8086's IDIV, whose lowest quotient does not fit
 * @param pushDivisor pushes the divisor, zero-extended
 * @param faultIf raises #DE when the value on the stack is not zero
 */
export function emitDivide(body: FunctionBody, size: number, kind: number, pushDivisor: () => void, faultIf: () => void): void {
  pushDivisor();
  if (kind !== 0) extend(body, size);
  body.set(DIVISOR);
  body.i32(1).set(REFUSED);
  const refused = body.block();
  body.get(DIVISOR).op(OP.eqz).brIf(refused);
  if (size < 4) divideNarrow(body, size, kind, () => body.brIf(refused));
  else if (kind === 0) divideUnsigned(body, () => body.brIf(refused));
  else divideSigned(body, () => body.brIf(refused));
  body.end();
  body.get(REFUSED);
  faultIf();
  take(body, size);
}

function extend(body: FunctionBody, size: number): void {
  if (size < 4) body.op(size === 1 ? OP.extend8_s : OP.extend16_s);
}

/** Quotient and remainder go where they belong. */
function take(body: FunctionBody, size: number): void {
  switch (size) {
    case 1:
      body.get(EAX).i32(~0xffff).op(OP.and).get(REST).i32(0xff).op(OP.and).i32(8).op(OP.shl, OP.or);
      body.get(QUOTIENT).i32(0xff).op(OP.and, OP.or).set(EAX);
      return;
    case 2:
      body.get(EAX).i32(~0xffff).op(OP.and).get(QUOTIENT).i32(0xffff).op(OP.and, OP.or).set(EAX);
      body.get(EDX).i32(~0xffff).op(OP.and).get(REST).i32(0xffff).op(OP.and, OP.or).set(EDX);
      return;
    default:
      body.get(QUOTIENT).set(EAX).get(REST).set(EDX);
  }
}

/** `REST` from the low half of the dividend, on the stack. */
function rest(body: FunctionBody): void {
  body.get(QUOTIENT).get(DIVISOR).op(OP.mul, OP.sub).set(REST);
}

/** 16 or 32 bits by 8 or 16. */
function divideNarrow(body: FunctionBody, size: number, kind: number, leaveIf: () => void): void {
  const bits = size * 8;
  const dividend = (): void => {
    if (size === 1) body.get(EAX).op(...(kind === 0 ? [] : [OP.extend16_s]));
    else body.get(EDX).i32(16).op(OP.shl).get(EAX);
    if (size === 2 || kind === 0) body.i32(0xffff).op(OP.and);
    if (size === 2) body.op(OP.or);
  };
  if (kind !== 0 && size === 2) {
    dividend();
    body.i32(LOWEST).op(OP.eq).get(DIVISOR).i32(-1).op(OP.eq, OP.and);
    leaveIf();
  }
  dividend();
  body
    .get(DIVISOR)
    .op(kind === 0 ? OP.div_u : OP.div_s)
    .tee(QUOTIENT);
  if (kind === 0)
    body.i32(2 ** bits - 1).op(OP.gt_u).set(REFUSED); // prettier-ignore
  else {
    body.get(QUOTIENT);
    extend(body, size);
    body.op(OP.ne);
    if (kind === 2) body.get(QUOTIENT).i32(-(2 ** (bits - 1))).op(OP.eq, OP.or); // prettier-ignore
    body.set(REFUSED);
  }
  dividend();
  rest(body);
}

/** EDX:EAX as 64 bits, on the stack. */
function wideDividend(body: FunctionBody): void {
  body.get(EDX).op(OP.extend_u).i64(32).op(OP.shl64).get(EAX).op(OP.extend_u, OP.or64);
}

function divideUnsigned(body: FunctionBody, leaveIf: () => void): void {
  body.get(EDX).get(DIVISOR).op(OP.ge_u);
  leaveIf();
  body.get(EDX).op(OP.eqz).if();
  body.get(EAX).get(DIVISOR).op(OP.div_u).set(QUOTIENT);
  body.else();
  wideDividend(body);
  body.get(DIVISOR).op(OP.extend_u, OP.div64_u, OP.wrap).set(QUOTIENT);
  body.end();
  body.i32(0).set(REFUSED).get(EAX);
  rest(body);
}

function divideSigned(body: FunctionBody, leaveIf: () => void): void {
  body.get(EDX).get(EAX).i32(31).op(OP.shr_s, OP.eq).if();
  body.get(EAX).i32(LOWEST).op(OP.eq).get(DIVISOR).i32(-1).op(OP.eq, OP.and);
  leaveIf();
  body.get(EAX).get(DIVISOR).op(OP.div_s).set(QUOTIENT).i32(0).set(REFUSED);
  body.else();
  wideDividend(body);
  // the lowest of all by -1 does not fit, and would trap
  body.tee(DIVIDEND).i64(-(2 ** 63)).op(OP.eq64).get(DIVISOR).i32(-1).op(OP.eq, OP.and); // prettier-ignore
  leaveIf();
  body.get(DIVIDEND).get(DIVISOR).op(OP.extend_s, OP.div64_s).tee(WIDE_QUOTIENT).op(OP.wrap).tee(QUOTIENT);
  body.op(OP.extend_s).get(WIDE_QUOTIENT).op(OP.ne64).set(REFUSED);
  body.end().get(EAX);
  rest(body);
}
