/**
 * Flags as the manual has them: which an instruction reads, which it leaves undefined, and which it defines. What is undefined is
 * neither read by a random program nor compared. SDM vol. 2, the "Flags Affected" of each instruction; vol. 1, appendix A.
 */
import { FLAG } from '../../flags';

const { CF, PF, AF, ZF, SF, OF } = FLAG;
const ALL = CF | PF | AF | ZF | SF | OF;

/** By name of the lowering function: undefined afterwards, defined afterwards. What is in neither list stays as it was. */
const EFFECTS: Readonly<Record<string, readonly [undefinedAfter: number, defined: number]>> = {
  add: [0, ALL], adc: [0, ALL], sub: [0, ALL], sbb: [0, ALL], cmp: [0, ALL], neg: [0, ALL], xadd: [0, ALL], cmpxchg: [0, ALL],
  cmpsByte: [0, ALL], cmpsWord: [0, ALL], scasByte: [0, ALL], scasWord: [0, ALL],
  inc: [0, ALL & ~CF], dec: [0, ALL & ~CF],
  and: [AF, ALL & ~AF], or: [AF, ALL & ~AF], xor: [AF, ALL & ~AF], test: [AF, ALL & ~AF],
  mul: [SF | ZF | AF | PF, CF | OF], imul: [SF | ZF | AF | PF, CF | OF], imul2: [SF | ZF | AF | PF, CF | OF], imul3: [SF | ZF | AF | PF, CF | OF],
  div: [ALL, 0], idiv: [ALL, 0],
  daa: [OF, ALL & ~OF], das: [OF, ALL & ~OF],
  aaa: [OF | SF | ZF | PF, CF | AF], aas: [OF | SF | ZF | PF, CF | AF],
  aam: [OF | AF | CF, SF | ZF | PF], aad: [OF | AF | CF, SF | ZF | PF],
  bt: [OF | SF | AF | PF, CF], bts: [OF | SF | AF | PF, CF], btr: [OF | SF | AF | PF, CF], btc: [OF | SF | AF | PF, CF],
  bsf: [ALL & ~ZF, ZF], bsr: [ALL & ~ZF, ZF],
  clc: [0, CF], stc: [0, CF], sahf: [0, ALL & ~OF], popf: [0, ALL], iret: [0, ALL],
  cmpxchg8b: [0, ZF], arpl: [0, ZF], lar: [0, ZF], lsl: [0, ZF], verr: [0, ZF], verw: [0, ZF],
}; // prettier-ignore

const READS: Readonly<Record<string, number>> = {
  adc: CF, sbb: CF, rcl: CF, rcr: CF, cmc: CF, salc: CF, into: OF, pushf: ALL, lahf: ALL & ~OF, loope: ZF, loopne: ZF,
  daa: CF | AF, das: CF | AF, aaa: AF, aas: AF,
  // a shift by a count of zero keeps what was there; so does REP with a count of zero
}; // prettier-ignore

/** CC's flags, by the opcode's low four bits. */
const CONDITIONS = [OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF];
const CONDITIONAL = new Set(['jcc', 'setcc', 'cmov']);

export interface FlagUse {
  reads: number;
  undefinedAfter: number;
  defined: number;
}

/**
 * @param name the lowering function
 * @param opcode the opcode's last byte
 * @param bits operand size
 * @param count of a shift, masked to five bits; undefined when only the program knows it
 * @param maybe the instruction may not happen at all (REP with a count of zero)
 */
export function flagUse(name: string, opcode: number, bits: number, count: number | undefined, maybe: boolean): FlagUse {
  const reads = CONDITIONAL.has(name) ? CONDITIONS[(opcode & 15) >> 1]! : (READS[name] ?? 0);
  switch (name) {
    case 'rol':
    case 'ror':
    case 'rcl':
    case 'rcr':
      return { reads, undefinedAfter: count === 0 || count === 1 ? 0 : OF, defined: count === 1 ? OF | CF : 0 };
    case 'shl':
    case 'shr':
    case 'sar': {
      if (count === 0) return { reads, undefinedAfter: 0, defined: 0 };
      const carry = name !== 'sar' && (count === undefined || count >= bits) ? CF : 0;
      const overflow = count === 1 ? 0 : OF;
      return { reads, undefinedAfter: AF | carry | overflow, defined: count === undefined ? 0 : ALL & ~(AF | carry | overflow) };
    }
    case 'shld':
    case 'shrd':
      if (count === 0) return { reads, undefinedAfter: 0, defined: 0 };
      return { reads, undefinedAfter: AF | (count === 1 ? 0 : OF), defined: count === undefined ? 0 : CF | PF | ZF | SF };
  }
  const [undefinedAfter, defined] = EFFECTS[name] ?? [0, 0];
  return { reads, undefinedAfter, defined: maybe ? 0 : defined };
}
