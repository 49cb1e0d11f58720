/**
 * The 8086 has no undefined opcodes: what later parts gave a meaning to, or refuse, it decodes as something else (decode/table.ts).
 * Here such bytes become those that a later part, and so the disassembler, reads as what the 8086 does.
 */
import { decode, type DecodeResult } from './decode/decoder';
import { ROWS_8086, type Row } from './decode/table';
import { LEVEL } from './instruction-set';

/** An instruction of the 8086. */
export interface Retold {
  /** bytes that it has there */
  length: number;
  /** what later parts read as the same; none: it has a text of its own, or does nothing */
  bytes?: Uint8Array;
  /** the text, from that of `bytes` */
  text: (formatted: string) => string;
}

const MODE = { code32: false, stack32: false, protectedMode: false, codeLimited: false, level: LEVEL.i8086 };
const OWN = new Set<Row>(ROWS_8086);
const LOCK = 0xf0;
const LOCK_AGAIN = 0xf1;
const REPEATS = new Set([0xf2, 0xf3]);
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, LOCK, LOCK_AGAIN, ...REPEATS]);
/** the bits of an opcode that a jump's alias, or a return's, differs in */
const JCC_ALIAS = 0x10;
const RETURN_ALIAS = 2;
const REG = 0x38;
const SHL = 4 << 3;
const PUSH = 6 << 3;

/** The instruction that the 8086 finds at the start of some bytes; undefined: they end before it does. */
export function retell8086(bytes: Uint8Array): Retold | undefined {
  const decoded: DecodeResult = decode(bytes, 0, bytes.length, MODE);
  if (decoded === 'truncated') return undefined;
  // one prefix of too many is passed over by itself
  if (typeof decoded === 'string') return { length: 1, text: () => asData(bytes.subarray(0, 1)) };
  const { row, length } = decoded;
  let at = 0;
  while (PREFIXES.has(bytes[at]!)) at++;
  // REP means something to string instructions alone
  const repeats = /^(movs|cmps|stos|lods|scas)/.test(row.name);
  const prefixes = [...bytes.subarray(0, at)].filter((byte) => repeats || !REPEATS.has(byte));
  const rest = [...bytes.subarray(at, length)];
  const told: Retold = {
    length,
    bytes: Uint8Array.from([...prefixes.map((byte) => (byte === LOCK_AGAIN ? LOCK : byte)), ...rest]),
    text: (formatted) => formatted,
  };
  const from = told.bytes!.length - rest.length;
  const change = (index: number, and: number, or: number): Retold => {
    told.bytes![from + index] = (rest[index]! & and) | or;
    return told;
  };
  switch (row.name) {
    case 'nopModrm':
      return { length, text: () => asData(bytes.subarray(0, length)) };
    case 'movFromSegment':
    case 'movToSegment':
      // there are four segment registers
      return change(1, ~0x20, 0);
    default:
      if (!OWN.has(row)) return told;
  }
  switch (row.name) {
    case 'popSegment':
      return { length, text: () => 'pop cs' };
    case 'jcc':
      return change(0, 0xff, JCC_ALIAS);
    case 'ret':
    case 'retFar':
      return change(0, 0xff, RETURN_ALIAS);
    case 'push':
      return change(1, ~REG, PUSH);
    case 'setAllOnes':
      told.text = (formatted) =>
        formatted.replace(/\bshl (.*), (1|cl)$/, (_, operand: string, count: string) => setMinusOne(operand, count));
      return change(1, ~REG, SHL);
    default:
      // POP and MOV with an immediate: the register field is not looked at
      return change(1, ~REG, 0);
  }
}

/** As those who described them call D0 /6 to D3 /6: set to minus one, and the same if CL is not 0. */
const setMinusOne = (operand: string, count: string): string => (count === 'cl' ? `setmoc ${operand}, cl` : `setmo ${operand}`);

/** Bytes without any effect, as the assembler takes them. */
export const asData = (bytes: Uint8Array): string =>
  `db ${Array.from(bytes, (byte) => `0x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(', ')}`;
