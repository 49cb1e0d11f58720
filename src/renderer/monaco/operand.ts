/**
 * The memory operand under the pointer (`[edi + SIZE - 1]`) as a segment and an offset, with the registers and symbols there
 * are now. Covers what the processor can address: registers, one of them scaled, constants and symbols. Pure.
 */
import type { RegistersView } from '../../lab/protocol';
import { registerValue } from './register-values';

export type DataSegment = 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS';

export interface Operand {
  /** as written, brackets included */
  text: string;
  /** columns in the line, from 1; the end is one past the last character */
  startColumn: number;
  endColumn: number;
  segment: DataSegment;
  offset: bigint;
  /** bytes, when the line says (byte, word, dword, qword) */
  size: 1 | 2 | 4 | 8 | null;
}

const SIZES = { byte: 1, word: 2, dword: 4, qword: 8 } as const;
const STACK_BASED = /^[er]?[bs]p$/i;

function parseNumber(text: string): bigint | null {
  const plain = text.toLowerCase().replaceAll('_', '');
  if (/^0x[0-9a-f]+$|^0b[01]+$|^\d+$/.test(plain)) return BigInt(plain);
  const hex = /^(\d[0-9a-f]*)h$/.exec(plain)?.[1];
  return hex === undefined ? null : BigInt(`0x${hex}`);
}

/** Terms of a sum of products: `ebx + esi*4 - 8` → [[+, ebx], [+, esi, 4], [-, 8]]. Null for anything else. */
function terms(text: string): { sign: 1n | -1n; factors: string[] }[] | null {
  const found: { sign: 1n | -1n; factors: string[] }[] = [];
  const pattern = /\s*([+-]?)\s*([\w.$?@~#]+(?:\s*\*\s*[\w.$?@~#]+)*)/y;
  let at = 0;
  while (at < text.trimEnd().length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match || (found.length > 0 && match[1] === '')) return null;
    found.push({ sign: match[1] === '-' ? -1n : 1n, factors: (match[2] ?? '').split('*').map((factor) => factor.trim()) });
    at = pattern.lastIndex;
  }
  return found.length > 0 ? found : null;
}

/** Null when there is no operand at the column, or something in it has no value. `symbol` gives labels, constants and numeric %defines. */
export function operandAt(line: string, column: number, view: RegistersView, symbol: (name: string) => bigint | undefined): Operand | null {
  const code = line.replace(/;.*$/, '');
  for (const match of code.matchAll(/\[([^[\]]*)\]/g)) {
    const startColumn = match.index + 1;
    const endColumn = startColumn + match[0].length;
    if (column < startColumn || column > endColumn) continue;
    const inside = /^\s*(?:([c-gs]s)\s*:)?(.*)$/i.exec(match[1] ?? '');
    const parts = terms(inside?.[2] ?? '');
    if (!parts) return null;
    let offset = 0n;
    let bits = 32;
    let segment: DataSegment = 'DS';
    for (const { sign, factors } of parts) {
      let product = 1n;
      for (const factor of factors) {
        const register = registerValue(factor, view);
        const value = register?.value ?? parseNumber(factor) ?? symbol(factor);
        if (value === undefined) return null;
        if (register && register.bits >= 16) bits = register.bits;
        if (register && STACK_BASED.test(factor) && factors.length === 1) segment = 'SS';
        product *= value;
      }
      offset += sign * product;
    }
    const override = inside?.[1]?.toUpperCase() as DataSegment | undefined;
    const before = /\b(byte|word|dword|qword)\s*$/i.exec(code.slice(0, match.index))?.[1]?.toLowerCase() as keyof typeof SIZES | undefined;
    return {
      text: match[0],
      startColumn,
      endColumn,
      segment: override ?? segment,
      offset: BigInt.asUintN(Math.max(bits, 16), offset),
      size: before ? SIZES[before] : null,
    };
  }
  return null;
}

/** `%define NAME 0x1000` and `%assign` with a plain number, from a program's text. */
export function numericDefines(source: string): ReadonlyMap<string, bigint> {
  const defines = new Map<string, bigint>();
  for (const match of source.matchAll(/^\s*%(?:define|assign|xdefine)\s+([\w.$?@~#]+)\s+([^\s;]+)\s*(?:;.*)?$/gim)) {
    const value = parseNumber(match[2] ?? '');
    if (value !== null) defines.set(match[1] ?? '', value);
  }
  return defines;
}
