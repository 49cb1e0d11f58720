/**
 * The bits of a table entry that matter at its level, low bit first as in the manual, and which one decided when the chain
 * stopped there. Reads the decoded fields of the journey; nothing is decoded a second time.
 */
import type { JourneyStep } from '../../../machine/journey/journey';

/** The shape of components/FlagBits. */
export interface FlagMark {
  name: string;
  set: boolean;
  decided?: 'stopped' | 'held';
}

const PAGING = ['P', 'W', 'U'];
const EPT = ['R', 'W', 'X'];

/** Structure → flags in order. `P W U A D PS G`, `R W X A D` (look/LOOK.md, "Chips and flags"). */
const FLAGS: Record<string, readonly string[]> = {
  descriptor: ['P', 'S', 'E', 'C', 'W', 'R', 'A', 'D/B', 'G'],
  pdpte: ['P'],
  pde: [...PAGING, 'A', 'D', 'PS', 'G', 'NX'],
  pte: [...PAGING, 'A', 'D', 'G', 'NX'],
  'tlb-entry': [...PAGING, 'D', 'G'],
  'ept-pml4e': [...EPT, 'A'],
  'ept-pdpte': [...EPT, 'A', 'PS'],
  'ept-pde': [...EPT, 'A', 'PS'],
  'ept-pte': [...EPT, 'A', 'D'],
  'root-entry': ['P'],
  'context-entry': ['P'],
  'sl-pml4e': ['R', 'W'],
  'sl-pdpte': ['R', 'W', 'PS'],
  'sl-pde': ['R', 'W', 'PS'],
  'sl-pte': ['R', 'W'],
};

const NAMES: Record<string, string> = {
  pdpte: 'PDPTE',
  pde: 'PDE',
  pte: 'PTE',
  'tlb-entry': 'TLB',
  'ept-pml4e': 'PML4E',
  'ept-pdpte': 'PDPTE',
  'ept-pde': 'PDE',
  'ept-pte': 'PTE',
  'sl-pml4e': 'PML4E',
  'sl-pdpte': 'PDPTE',
  'sl-pde': 'PDE',
  'sl-pte': 'PTE',
};

/** `PDE`, `PML4E`; a descriptor is named by its table, root and context entries by i18n (`root-entry`). */
export function entryName(step: JourneyStep): string {
  // the table indicator of the selector (SDM vol. 3, 3.4.2)
  if (step.structure === 'descriptor') return ((step.from.selector ?? 0) & 4) !== 0 ? 'LDT' : 'GDT';
  return NAMES[step.structure] ?? step.structure;
}

/** The walkers name R/W and U/S by their manual names; on screen they are one letter. */
const FIELD: Record<string, string> = { W: 'RW', U: 'US', NX: 'XD', 'D/B': 'DB' };
/** A walker leaves PS out where it is clear. */
const LARGE_POSSIBLE: ReadonlySet<string> = new Set(['pde', 'ept-pdpte', 'ept-pde', 'sl-pdpte', 'sl-pde']);

const isSet = (value: unknown): boolean => value === true || value === 1 || value === 1n;
const valueOf = (step: JourneyStep, name: string): unknown =>
  step.fields[name] ?? step.fields[FIELD[name] ?? name] ?? (name === 'PS' && LARGE_POSSIBLE.has(step.structure) ? false : undefined);

/** The flags that the journey decoded, in the manual's order; `deciding` is drawn as the one that stopped the access. */
export function flagsOf(step: JourneyStep, deciding: string | null): FlagMark[] {
  return (FLAGS[step.structure] ?? [])
    .filter((name) => valueOf(step, name) !== undefined)
    .map((name) => ({ name, set: isSet(valueOf(step, name)), decided: name === deciding ? 'stopped' : undefined }));
}

/** Rule of the failed check → flag. `present` is P in guest tables; an EPT entry that is not present grants nothing, so R. */
const RULE_FLAG: Record<string, readonly string[]> = {
  present: ['P', 'R'],
  'not-present': ['P', 'R'],
  writable: ['W'],
  write: ['W'],
  readable: ['R'],
  read: ['R'],
  executable: ['X'],
  execute: ['X'],
  user: ['U'],
};

/** The flag that stopped the access, or null when none of the entry's flags did (a limit, a reserved bit). */
export function decidingFlag(step: JourneyStep): string | null {
  const failed = step.checks.find((check) => !check.passed);
  if (!failed) return null;
  return (RULE_FLAG[failed.rule] ?? []).find((name) => valueOf(step, name) !== undefined) ?? null;
}
