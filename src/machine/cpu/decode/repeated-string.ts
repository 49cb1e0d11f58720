/** Prefixes, and the string instructions that REP repeats. */

/** segment overrides, operand and address size, LOCK, REP */
export const PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/** INS, OUTS, MOVS, CMPS, STOS, LODS, SCAS */
const STRING_OPCODES = new Set([0x6c, 0x6d, 0x6e, 0x6f, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]);

/** REP, REPE or REPNE */
export const isRepeatPrefix = (byte: number): boolean => byte === 0xf2 || byte === 0xf3;

/** Do these bytes begin with a string instruction under REP, prefixes in any order? False when they end before its opcode. */
export function isRepeatedString(bytes: Uint8Array): boolean {
  const length = bytes.findIndex((byte) => !PREFIXES.has(byte));
  return length > 0 && bytes.subarray(0, length).some(isRepeatPrefix) && STRING_OPCODES.has(bytes[length]!);
}
