/**
 * The arithmetic flags, evaluated late. An instruction that sets flags leaves behind what it did (a kind, two operands and
 * the result, all sign-extended to 32 bits); a flag is worked out from that when somebody asks. Because the values are
 * sign-extended, unsigned and signed order, carries and sign are the same whatever the operand size was.
 * SDM vol. 1, 3.4.3.1 and appendix A.
 */

export const FLAG = {
  CF: 1 << 0, PF: 1 << 2, AF: 1 << 4, ZF: 1 << 6, SF: 1 << 7, TF: 1 << 8, IF: 1 << 9, DF: 1 << 10, OF: 1 << 11,
  IOPL: 3 << 12, NT: 1 << 14, RF: 1 << 16, VM: 1 << 17, AC: 1 << 18, VIF: 1 << 19, VIP: 1 << 20, ID: 1 << 21,
} as const; // prettier-ignore

/** CF PF AF ZF SF OF. */
export const STATUS_FLAGS = FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.OF;

/**
 * `lazyKind`: which operation the status flags come from.
 * `none`: they are in rflags. `inc`/`dec`: as add/sub, but CF is in rflags. `adc`/`sbb`: the carry that went in shows in the
 * result. `known`: SF, ZF and PF from the result, CF in bit 0 and OF in bit 1 of `lazyRight`, AF clear (shifts, multiply).
 */
export const LAZY = { none: 0, add: 1, sub: 2, logic: 3, inc: 4, dec: 5, adc: 6, sbb: 7, known: 8 } as const;

/** 1 when the low byte has an even number of ones. */
export function parityOf(value: number): number {
  let v = value & 0xff;
  v ^= v >> 4;
  return (0x9669 >> (v & 15)) & 1;
}

/** CF, 0 or 1. `flags` is the stored rflags. */
export function carryFlag(kind: number, left: number, right: number, result: number, flags: number): number {
  switch (kind) {
    case LAZY.add:
      return result >>> 0 < left >>> 0 ? 1 : 0;
    case LAZY.sub:
      return left >>> 0 < right >>> 0 ? 1 : 0;
    case LAZY.logic:
      return 0;
    case LAZY.adc:
      return ((left & right) | ((left | right) & ~result)) >>> 31;
    case LAZY.sbb:
      return ((~left & right) | ((~left | right) & result)) >>> 31;
    case LAZY.known:
      return right & 1;
    default:
      return flags & 1;
  }
}

/** OF, 0 or 1. */
function overflowFlag(kind: number, left: number, right: number, result: number, flags: number): number {
  switch (kind) {
    case LAZY.add:
    case LAZY.inc:
    case LAZY.adc:
      return ((left ^ result) & (right ^ result)) >>> 31;
    case LAZY.sub:
    case LAZY.dec:
    case LAZY.sbb:
      return ((left ^ right) & (left ^ result)) >>> 31;
    case LAZY.logic:
      return 0;
    case LAZY.known:
      return (right >> 1) & 1;
    default:
      return (flags >> 11) & 1;
  }
}

function adjustFlag(kind: number, left: number, right: number, result: number): number {
  return kind === LAZY.logic || kind === LAZY.known ? 0 : ((left ^ right ^ result) >> 4) & 1;
}

/** All six status flags in their rflags positions. */
export function statusFlags(kind: number, left: number, right: number, result: number, flags: number): number {
  if (kind === LAZY.none) return flags & STATUS_FLAGS;
  return (
    carryFlag(kind, left, right, result, flags) |
    (parityOf(result) << 2) |
    (adjustFlag(kind, left, right, result) << 4) |
    (result === 0 ? FLAG.ZF : 0) |
    (result < 0 ? FLAG.SF : 0) |
    (overflowFlag(kind, left, right, result, flags) << 11)
  );
}

/** Does condition `code` (the low four bits of Jcc, SETcc, CMOVcc) hold? */
export function conditionHolds(code: number, kind: number, left: number, right: number, result: number, flags: number): boolean {
  let holds: boolean;
  if (kind === LAZY.sub) {
    // after CMP and SUB most conditions are comparisons of the operands
    switch (code >> 1) {
      case 1:
        return left >>> 0 < right >>> 0 !== ((code & 1) !== 0);
      case 2:
        return (result === 0) !== ((code & 1) !== 0);
      case 3:
        return left >>> 0 <= right >>> 0 !== ((code & 1) !== 0);
      case 6:
        return left < right !== ((code & 1) !== 0);
      case 7:
        return left <= right !== ((code & 1) !== 0);
    }
  }
  switch (code >> 1) {
    case 0:
      holds = overflowFlag(kind, left, right, result, flags) !== 0;
      break;
    case 1:
      holds = carryFlag(kind, left, right, result, flags) !== 0;
      break;
    case 2:
      holds = kind === LAZY.none ? (flags & FLAG.ZF) !== 0 : result === 0;
      break;
    case 3:
      holds = (kind === LAZY.none ? (flags & FLAG.ZF) !== 0 : result === 0) || carryFlag(kind, left, right, result, flags) !== 0;
      break;
    case 4:
      holds = kind === LAZY.none ? (flags & FLAG.SF) !== 0 : result < 0;
      break;
    case 5:
      holds = kind === LAZY.none ? (flags & FLAG.PF) !== 0 : parityOf(result) !== 0;
      break;
    default: {
      const sign = kind === LAZY.none ? (flags >> 7) & 1 : result >>> 31;
      const less = sign !== overflowFlag(kind, left, right, result, flags);
      const zero = kind === LAZY.none ? (flags & FLAG.ZF) !== 0 : result === 0;
      holds = code >> 1 === 6 ? less : less || zero;
    }
  }
  return holds !== ((code & 1) !== 0);
}
