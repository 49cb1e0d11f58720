/** Integer operations that JavaScript has no operator for: wide products, x86's shifts and rotates with their carries. */
import { ROTATE } from '../lower/ir';

/** High 32 bits of the unsigned product. */
export function multiplyHighUnsigned(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const low = al * bl;
  const middle = ah * bl + (low >>> 16);
  const middle2 = al * bh + (middle & 0xffff);
  return (ah * bh + Math.floor(middle / 65536) + Math.floor(middle2 / 65536)) | 0;
}

/** High 32 bits of the signed product. */
export function multiplyHighSigned(a: number, b: number): number {
  return (multiplyHighUnsigned(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}

/** 3 (CF and OF) when the product of two values of `size` bytes, extended as `signed` says, does not fit in `size` bytes; else 0. */
export function multiplyOverflow(a: number, b: number, size: number, signed: boolean): number {
  const product = Math.imul(a, b);
  if (size === 4) {
    const fits = signed ? multiplyHighSigned(a, b) === product >> 31 : multiplyHighUnsigned(a, b) === 0;
    return fits ? 0 : 3;
  }
  const shift = 32 - size * 8;
  const fits = signed ? (product << shift) >> shift === product : (product << shift) >>> shift === product >>> 0;
  return fits ? 0 : 3;
}

const narrow = (value: number, size: number): number => (size === 4 ? value | 0 : size === 2 ? value & 0xffff : value & 0xff);
const signed = (value: number, size: number): number => {
  const shift = 32 - size * 8;
  return (value << shift) >> shift;
};
/** Bit `position` of a value, 0 beyond 31. */
const bit = (value: number, position: number): number => (position > 31 ? 0 : (value >>> position) & 1);

/**
 * Result of a shift or rotate (ROTATE) of a `size`-byte value, zero-extended; `count` is 0–31. SDM vol. 2, RCL… and SAL….
 * @param carry CF before, for RCL and RCR
 */
export function rotateValue(operation: number, size: number, value: number, count: number, carry: number): number {
  const bits = size * 8;
  const v = narrow(value, size);
  switch (operation) {
    case ROTATE.shl:
      return narrow(v << count, size);
    case ROTATE.shr:
      return narrow(v >>> count, size);
    case ROTATE.sar:
      return narrow(signed(v, size) >> count, size);
    case ROTATE.rol:
    case ROTATE.ror: {
      const left = operation === ROTATE.rol ? count % bits : (bits - (count % bits)) % bits;
      return left === 0 ? v : narrow((v << left) | (v >>> (bits - left)), size);
    }
    default: {
      let result = v;
      let c = carry;
      for (let left = count % (bits + 1); left > 0; left--) {
        if (operation === ROTATE.rcl) {
          const out = bit(result, bits - 1);
          result = narrow((result << 1) | c, size);
          c = out;
        } else {
          const out = result & 1;
          result = narrow((result >>> 1) | (c << (bits - 1)), size);
          c = out;
        }
      }
      return result;
    }
  }
}

/**
 * CF in bit 0 and OF in bit 1 after a shift or rotate; `count` is 1–31 and, for RCL and RCR, not a multiple of size × 8 + 1.
 * OF is what a count of 1 defines, applied to the last step of longer ones.
 */
export function rotateCarryOverflow(operation: number, size: number, value: number, count: number, result: number): number {
  const bits = size * 8;
  const v = narrow(value, size);
  const top = bit(result, bits - 1);
  const next = bit(result, bits - 2);
  switch (operation) {
    case ROTATE.shl: {
      const carry = count <= bits ? bit(v, bits - count) : 0;
      return carry | ((carry ^ top) << 1);
    }
    case ROTATE.shr:
      return bit(v, count - 1) | ((top ^ next) << 1);
    case ROTATE.sar:
      return (signed(v, size) >> (count - 1)) & 1;
    case ROTATE.rol:
      return (result & 1) | (((result & 1) ^ top) << 1);
    case ROTATE.ror:
      return top | ((top ^ next) << 1);
    case ROTATE.rcl: {
      const carry = bit(v, bits - (count % (bits + 1)));
      return carry | ((carry ^ top) << 1);
    }
    default:
      return bit(v, (count % (bits + 1)) - 1) | ((top ^ next) << 1);
  }
}

/** SHLD (right 0) or SHRD (1) of a 16- or 32-bit value; bits that move in come from `filler`. Counts above 16 on 16 bits: as hardware wraps them around. */
export function doubleShiftValue(right: number, size: number, value: number, filler: number, count: number): number {
  if (count === 0) return narrow(value, size);
  if (size === 4) return right ? (value >>> count) | (filler << (32 - count)) : (value << count) | (filler >>> (32 - count));
  const v = value & 0xffff;
  const f = filler & 0xffff;
  if (right) {
    const pair = (f << 16) | v;
    return count <= 16 ? (pair >>> count) & 0xffff : ((pair >>> count) | (v << (32 - count))) & 0xffff;
  }
  const pair = (v << 16) | f;
  return ((count <= 16 ? pair << count : (pair << count) | (f << (count - 16))) >>> 16) & 0xffff;
}

/** CF and OF (bits 0 and 1) after SHLD or SHRD with a count of 1–31. */
export function doubleShiftCarryOverflow(
  right: number,
  size: number,
  value: number,
  filler: number,
  count: number,
  result: number,
): number {
  const bits = size * 8;
  const v = narrow(value, size);
  const f = narrow(filler, size);
  const carry = right
    ? count <= bits
      ? bit(v, count - 1)
      : bit(f, count - bits - 1)
    : count <= bits
      ? bit(v, bits - count)
      : bit(f, 2 * bits - count);
  const top = bit(result, bits - 1);
  return carry | ((right ? top ^ bit(result, bits - 2) : carry ^ top) << 1);
}
