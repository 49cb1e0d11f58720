/** The one place that a run was asked to go to: behind the instruction that is stepped over, or a line of the disassembly. */
import type { RegistersView } from '../protocol';
import type { CodeAddress } from './computer';

export interface RunTarget extends CodeAddress {
  /** linear address of the stack's top when it was chosen: with more on the stack, the same code has been called again; null: any */
  stack: number | null;
}

/** What comes back to the instruction behind it, or goes round until it gets there: calls, software interrupts, REP, LOOP. */
const COMES_BACK = /^(call|int|int3|into|int1|syscall|sysenter|loop\w*|rep\w*)\b/;
/** D/B in a stack segment's attributes: ESP, not SP */
const BIG = 1 << 14;
const ESP = 4;

type Registers = Pick<RegistersView, 'vm' | 'next' | 'general' | 'segments'>;

/** Linear address of the stack's top. */
export function stackAddress({ general, segments }: Pick<Registers, 'general' | 'segments'>): number {
  const ss = segments.find(({ name }) => name === 'SS')!;
  const pointer = Number(general[ESP]! & (ss.attributes & BIG ? 0xffff_ffffn : 0xffffn));
  return (Number(ss.base) + pointer) >>> 0;
}

/** The place behind the next instruction when that comes back to it; null when one step gets behind it. */
export function behind(registers: Registers): RunTarget | null {
  const { vm, next } = registers;
  if (!next || !COMES_BACK.test(next.text)) return null;
  return { vm, linear: (Number(next.linear) + next.bytes.length) >>> 0, stack: stackAddress(registers) };
}
