/** Registers as rows: names and widths of the mode, the flags in the manual's order, what changed and what it was. Pure. */
import type { RegistersView } from '../../../lab/protocol';
import { plainDigits } from '../../components/format';
import { formatBare } from '../numbers';

const ORDER = ['RAX', 'RCX', 'RDX', 'RBX', 'RSP', 'RBP', 'RSI', 'RDI'] as const;
/** as debuggers show them: A B, C D, SI DI, BP SP */
const SHOWN = ['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP', 'RSP'] as const;

/** EFLAGS, SDM vol. 1, 3.4.3. */
export const FLAG_BITS = [
  ['CF', 0],
  ['PF', 2],
  ['AF', 4],
  ['ZF', 6],
  ['SF', 7],
  ['TF', 8],
  ['IF', 9],
  ['DF', 10],
  ['OF', 11],
] as const;

/** Those of the system; IOPL, two bits, stands beside them. */
const SYSTEM_FLAG_BITS = [
  ['NT', 14],
  ['RF', 16],
  ['VM', 17],
  ['AC', 18],
  ['VIF', 19],
  ['VIP', 20],
  ['ID', 21],
] as const;

export interface RegisterRow {
  name: string;
  value: string;
  changed: boolean;
  /** before the last step, when it changed and is known */
  before: string | null;
}

const low32 = (value: bigint): bigint => value & 0xffff_ffffn;
const wide = (view: RegistersView): boolean => view.mode === 'long';
const text = (view: RegistersView, value: bigint): string => (wide(view) ? formatBare(value, 16) : formatBare(low32(value)));
/** RAX → EAX outside long mode */
const nameIn = (view: RegistersView, name: string): string => (wide(view) ? name : name.replace(/^R/, 'E'));

function row(view: RegistersView, previous: RegistersView | null, name: string, read: (of: RegistersView) => bigint): RegisterRow {
  const changed = view.changed.includes(name);
  return {
    name: nameIn(view, name),
    value: text(view, read(view)),
    changed,
    before: changed && previous && previous.vm === view.vm ? text(view, read(previous)) : null,
  };
}

export const generalRows = (view: RegistersView, previous: RegistersView | null): RegisterRow[] =>
  SHOWN.map((name) => row(view, previous, name, (of) => of.general[ORDER.indexOf(name)] ?? 0n));

export const pointerRow = (view: RegistersView, previous: RegistersView | null): RegisterRow => row(view, previous, 'RIP', (of) => of.rip);

/** The same moment, told again: a panel that comes to the front is sent what it knows already. */
export const sameRegisters = (a: RegistersView, b: RegistersView): boolean =>
  a.vm === b.vm && a.rip === b.rip && a.flags === b.flags && a.general.every((value, index) => value === b.general[index]);

type Flags = { name: string; set: boolean; changed: boolean }[];
const flags = (view: RegistersView, bits: readonly (readonly [string, number])[]): Flags =>
  bits.map(([name, bit]) => ({ name, set: ((view.flags >>> bit) & 1) === 1, changed: view.changed.includes(name) }));
export const flagRow = (view: RegistersView): Flags => flags(view, FLAG_BITS);
export const systemFlagRow = (view: RegistersView): Flags => flags(view, SYSTEM_FLAG_BITS);
/** The privilege that I/O needs, 0 to 3. */
export const ioPrivilege = (view: RegistersView): { level: number; changed: boolean } => ({
  level: (view.flags >>> 12) & 3,
  changed: view.changed.includes('IOPL'),
});

/** `FFFF_FFFF`, limit in bytes. */
export const limitText = (limit: number): string => formatBare(limit);
export const selectorText = (selector: number): string => plainDigits(selector, 4);
