/** The registers that `boot` names: those that an instruction changes, in its trace, and all of them at the end of a run. */
import type { CpuState } from '../../machine/cpu/cpu-state';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';

const GENERAL = ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI'] as const;
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR'] as const;
const CONTROL = ['CR0', 'CR2', 'CR3', 'CR4'] as const;

/** In order, with their hexadecimal digits. EIP is not one: a trace's next line begins with it. */
export const REGISTERS: readonly (readonly [name: string, digits: number])[] = [
  ...GENERAL.map((name) => [name, 8] as const),
  ['EFLAGS', 8],
  ...SEGMENTS.map((name) => [name, 4] as const),
  ...CONTROL.map((name) => [name, 8] as const),
];

/** Upper-case hexadecimal digits of a 32-bit value. */
export const hex = (value: number, digits: number): string => (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');

/** Their values now, in the order of REGISTERS. */
export function readRegisters(state: CpuState, into: Uint32Array): void {
  let at = 0;
  for (let index = 0; index < GENERAL.length; index++) into[at++] = state.reg32(index);
  into[at++] = state.eflags;
  for (const name of SEGMENTS) into[at++] = state.selector(SEGMENT_INDEX[name]);
  into[at++] = state.cr0;
  into[at++] = state.cr2;
  into[at++] = state.cr3;
  into[at++] = state.cr4;
}

/** EIP and all of REGISTERS by name, as `0x…`: what `boot --json` prints. */
export function registersByName(state: CpuState): Record<string, string> {
  const values = new Uint32Array(REGISTERS.length);
  readRegisters(state, values);
  const named = REGISTERS.map(([name], index): [string, number] => [name, values[index]!]);
  return Object.fromEntries([['EIP', state.eip] as const, ...named].map(([name, value]) => [name, `0x${(value >>> 0).toString(16)}`]));
}

/** Three lines for the eye: the general registers; EIP, EFLAGS and the control registers; the selectors. */
export function registerLines(state: CpuState): string {
  const values = new Uint32Array(REGISTERS.length);
  readRegisters(state, values);
  const words = REGISTERS.map(([name, digits], index) => `${name}=${hex(values[index]!, digits)}`);
  const general = words.splice(0, GENERAL.length);
  const control = words.splice(-CONTROL.length);
  const [flags, ...selectors] = words;
  return [general, [`EIP=${hex(state.eip, 8)}`, flags, ...control], selectors].map((line) => `${line.join(' ')}\n`).join('');
}
