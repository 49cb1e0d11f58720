/** Decimal adjustment of AL and AX: SDM vol. 2, DAA, DAS, AAA, AAS, AAM, AAD. Undefined flags: OF clear; AAA and AAS take SF, ZF, PF from AL. */
import type { CpuState } from '../cpu-state';
import { FLAG, STATUS_FLAGS, parityOf } from '../flags';
import { EXCEPTION } from '../lower/exceptions';
import { DECIMAL } from '../lower/ir';

const EAX = 0;
const AL = 0;

function setStatus(state: CpuState, al: number, carry: boolean, adjust: boolean): void {
  const status =
    (carry ? FLAG.CF : 0) |
    (adjust ? FLAG.AF : 0) |
    (parityOf(al) ? FLAG.PF : 0) |
    ((al & 0xff) === 0 ? FLAG.ZF : 0) |
    (al & 0x80 ? FLAG.SF : 0);
  state.eflags = (state.eflags & ~STATUS_FLAGS) | status;
}

function packed(state: CpuState, subtract: boolean): void {
  const old = state.reg8(AL);
  const oldCarry = state.flag(FLAG.CF);
  const step = subtract ? -1 : 1;
  let al = old;
  let carry = false;
  const adjust = (old & 15) > 9 || state.flag(FLAG.AF);
  if (adjust) {
    al += 6 * step;
    carry = oldCarry || al < 0 || al > 0xff;
  }
  if (old > 0x99 || oldCarry) {
    al += 0x60 * step;
    carry = true;
  }
  state.setReg8(AL, al);
  setStatus(state, al & 0xff, carry, adjust);
}

function unpacked(state: CpuState, subtract: boolean): void {
  const adjust = (state.reg8(AL) & 15) > 9 || state.flag(FLAG.AF);
  if (adjust) state.setReg16(EAX, state.reg16(EAX) + (subtract ? -0x106 : 0x106));
  state.setReg8(AL, state.reg8(AL) & 15);
  setStatus(state, state.reg8(AL), adjust, adjust);
}

/** DECIMAL `kind`; `base` is the immediate of AAM and AAD. False with #DE raised for AAM 0. */
export function decimalAdjust(state: CpuState, kind: number, base: number): boolean {
  switch (kind) {
    case DECIMAL.daa:
    case DECIMAL.das:
      packed(state, kind === DECIMAL.das);
      return true;
    case DECIMAL.aaa:
    case DECIMAL.aas:
      unpacked(state, kind === DECIMAL.aas);
      return true;
    case DECIMAL.aam: {
      if (base === 0) return state.raise(EXCEPTION.DE);
      const al = state.reg8(AL);
      state.setReg16(EAX, (Math.floor(al / base) << 8) | (al % base));
      break;
    }
    default:
      state.setReg16(EAX, (state.reg8(AL) + state.reg8(4) * base) & 0xff);
  }
  setStatus(state, state.reg8(AL), false, false);
  return true;
}
