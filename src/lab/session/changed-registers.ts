/** Which registers and flags a step changed, by the names that the window shows. */
import type { RegistersView } from '../protocol';

type Registers = Omit<RegistersView, 'changed'>;

const GENERAL = ['RAX', 'RCX', 'RDX', 'RBX', 'RSP', 'RBP', 'RSI', 'RDI', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15'] as const;
const FLAGS: readonly [name: string, bit: number][] = [
  ['CF', 0], ['PF', 2], ['AF', 4], ['ZF', 6], ['SF', 7], ['TF', 8], ['IF', 9], ['DF', 10], ['OF', 11], ['NT', 14], ['RF', 16], ['VM', 17], ['AC', 18], ['VIF', 19], ['VIP', 20], ['ID', 21],
]; // prettier-ignore

/** Names of what differs; empty when the two belong to different VMs. */
export function changedRegisters(before: Registers, after: Registers): string[] {
  if (before.vm !== after.vm) return [];
  const names: string[] = GENERAL.filter((_, index) => before.general[index] !== after.general[index]);
  if (before.rip !== after.rip) names.push('RIP');
  for (const [name, bit] of FLAGS) if ((before.flags ^ after.flags) & (1 << bit)) names.push(name);
  if (((before.flags ^ after.flags) >> 12) & 3) names.push('IOPL');
  after.segments.forEach((segment, index) => {
    const old = before.segments[index];
    if (
      !old ||
      old.selector !== segment.selector ||
      old.base !== segment.base ||
      old.limit !== segment.limit ||
      old.attributes !== segment.attributes
    )
      names.push(segment.name);
  });
  for (const name of ['cr0', 'cr2', 'cr3', 'cr4', 'efer'] as const) if (before[name] !== after[name]) names.push(name.toUpperCase());
  after.debug.forEach((value, index) => {
    if (before.debug[index] !== value) names.push(`DR${index}`);
  });
  for (const name of ['gdtr', 'idtr'] as const) {
    if (before[name].base !== after[name].base || before[name].limit !== after[name].limit) names.push(name.toUpperCase());
  }
  return names;
}
