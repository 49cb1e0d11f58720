/** What a register's name in a program stands for right now. Pure. */
import type { RegistersView } from '../../lab/protocol';

const GENERAL = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const LOW_BYTE = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const HIGH_BYTE = ['ah', 'ch', 'dh', 'bh'];

export interface RegisterValue {
  value: bigint;
  /** 8, 16, 32 or 64 */
  bits: number;
}

const take = (value: bigint, bits: number, shift = 0): RegisterValue => ({ value: BigInt.asUintN(bits, value >> BigInt(shift)), bits });

/** Value of `eax`, `ah`, `r8d`, `ds`, `cr3`, `eip`; undefined for what is no register. */
export function registerValue(name: string, view: RegistersView): RegisterValue | undefined {
  const word = name.toLowerCase();
  const general = (index: number): bigint => view.general[index] ?? 0n;
  const low = LOW_BYTE.indexOf(word);
  if (low >= 0) return take(general(low), 8);
  const high = HIGH_BYTE.indexOf(word);
  if (high >= 0) return take(general(high), 8, 8);
  const named = /^([re]?)(ax|cx|dx|bx|sp|bp|si|di)$/.exec(word);
  if (named) return take(general(GENERAL.indexOf(named[2] ?? '')), named[1] === 'r' ? 64 : named[1] === 'e' ? 32 : 16);
  const numbered = /^r(8|9|1[0-5])([dwb]?)$/.exec(word);
  if (numbered) return take(general(Number(numbered[1])), { d: 32, w: 16, b: 8, '': 64 }[numbered[2] ?? ''] ?? 64);
  const pointer = /^([re]?)ip$/.exec(word);
  if (pointer) return take(view.rip, pointer[1] === 'r' ? 64 : pointer[1] === 'e' ? 32 : 16);
  const segment = view.segments.find((candidate) => candidate.name.toLowerCase() === word);
  if (segment) return { value: BigInt(segment.selector), bits: 16 };
  const control = { cr0: view.cr0, cr2: view.cr2, cr3: view.cr3, cr4: view.cr4 }[word];
  if (control !== undefined) return { value: control, bits: control > 0xffff_ffffn ? 64 : 32 };
  return undefined;
}
