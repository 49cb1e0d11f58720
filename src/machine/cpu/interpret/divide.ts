/** DIV and IDIV (SDM vol. 2): the dividend is AX, DX:AX or EDX:EAX. */
import type { CpuState } from '../cpu-state';
import { EXCEPTION } from '../lower/exceptions';

const EAX = 0;
const EDX = 2;

/**
 * Divides by a value of `size` bytes (zero-extended). False with #DE raised for a zero divisor or a quotient that does not fit.
 * @param symmetric the 8086's IDIV: the lowest quotient, −128 or −32768, does not fit either (80386 reference manual, 14.7)
 */
export function divide(state: CpuState, size: number, isSigned: boolean, divisor: number, symmetric = false): boolean {
  if (size === 4) return divide64(state, isSigned, divisor);
  const dividend = size === 1 ? state.reg16(EAX) : (state.reg16(EDX) << 16) | state.reg16(EAX);
  const shift = 32 - size * 8;
  const d = isSigned ? (divisor << shift) >> shift : (divisor << shift) >>> shift;
  if (d === 0) return state.raise(EXCEPTION.DE);
  const n = isSigned ? (size === 1 ? (dividend << 16) >> 16 : dividend) : dividend >>> 0;
  const quotient = Math.trunc(n / d);
  const half = 2 ** (size * 8 - 1);
  const lowest = symmetric ? 1 - half : -half;
  if (isSigned ? quotient < lowest || quotient >= half : quotient >= 2 * half) return state.raise(EXCEPTION.DE);
  const remainder = n - quotient * d;
  if (size === 1) state.setReg16(EAX, ((remainder & 0xff) << 8) | (quotient & 0xff));
  else {
    state.setReg16(EAX, quotient);
    state.setReg16(EDX, remainder);
  }
  return true;
}

function divide64(state: CpuState, isSigned: boolean, divisor: number): boolean {
  const low = state.reg32(EAX);
  const high = state.reg32(EDX);
  if (divisor === 0) return state.raise(EXCEPTION.DE);
  if (isSigned ? high === ((low | 0) >> 31) >>> 0 : high < 0x20_0000) {
    // fits in a double exactly, and so does the quotient's distance to the next integer
    const n = isSigned ? low | 0 : high * 2 ** 32 + low;
    const d = isSigned ? divisor | 0 : divisor >>> 0;
    const quotient = Math.trunc(n / d);
    if (isSigned ? quotient > 0x7fff_ffff : quotient > 0xffff_ffff) return state.raise(EXCEPTION.DE);
    state.setReg32(EAX, quotient);
    state.setReg32(EDX, n - quotient * d);
    return true;
  }
  const wide = (BigInt(high) << 32n) | BigInt(low);
  const n = isSigned ? BigInt.asIntN(64, wide) : wide;
  const d = BigInt(isSigned ? divisor | 0 : divisor >>> 0);
  const quotient = n / d;
  if (isSigned ? quotient < -0x8000_0000n || quotient > 0x7fff_ffffn : quotient > 0xffff_ffffn) return state.raise(EXCEPTION.DE);
  state.setReg32(EAX, Number(BigInt.asIntN(32, quotient)));
  state.setReg32(EDX, Number(BigInt.asIntN(32, n - quotient * d)));
  return true;
}
