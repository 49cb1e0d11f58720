/** The stack as a list: words from its top on, each as wide as the running code pushes, with the frame pointer where it points. Pure. */
import type { MemoryRange, RegistersView } from '../../../lab/protocol';
import { littleEndian } from '../numbers';

const BIG = 1 << 14;
const ESP = 4;
const EBP = 5;

export interface StackTop {
  /** linear address of the word at the top */
  linear: bigint;
  /** its offset in SS, and the largest one there is: 16- or 32-bit stack */
  offset: number;
  mask: number;
  base: bigint;
  /** bytes of a word that the code pushes without a prefix */
  word: 2 | 4;
  /** offset of the frame pointer */
  frame: number;
  selector: number;
}

/** Undefined when SS cannot be used. */
export function stackTop(view: RegistersView): StackTop | undefined {
  const segment = (name: 'SS' | 'CS') => view.segments.find((each) => each.name === name);
  const [ss, cs] = [segment('SS'), segment('CS')];
  if (!ss || !cs || ss.attributes & 0x1_0000) return undefined;
  const mask = ss.attributes & BIG ? 0xffff_ffff : 0xffff;
  const masked = (register: number): number => Number((view.general[register] ?? 0n) & BigInt(mask));
  const offset = masked(ESP);
  return {
    linear: (BigInt(ss.base) + BigInt(offset)) & 0xffff_ffffn,
    offset,
    mask,
    base: BigInt(ss.base),
    word: cs.attributes & BIG ? 4 : 2,
    frame: masked(EBP),
    selector: ss.selector,
  };
}

export interface StackRow {
  offset: number;
  linear: bigint;
  /** null: nothing is mapped there */
  value: number | null;
  top: boolean;
  /** EBP points to it */
  frame: boolean;
}

/** The words of `range`, which begins at the stack's top. */
export function stackRows(top: StackTop, range: Pick<MemoryRange, 'base' | 'bytes' | 'present'>): StackRow[] {
  const rows: StackRow[] = [];
  for (let at = 0; at + top.word <= range.bytes.length; at += top.word) {
    const offset = top.offset + at;
    if (offset + top.word - 1 > top.mask) break;
    const present = range.present.subarray(at, at + top.word).every((byte) => byte !== 0);
    rows.push({
      offset,
      linear: range.base + BigInt(at),
      value: present ? Number(littleEndian(range.bytes.subarray(at, at + top.word))) : null,
      top: at === 0,
      frame: offset === top.frame,
    });
  }
  return rows;
}
