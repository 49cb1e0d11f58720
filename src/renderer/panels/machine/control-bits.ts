/** The bits of CR0, CR3, CR4, EFER and the debug registers by name (SDM vol. 3, 2.5, 2.2.1, 17.2). Pure. */
import type { RegistersView } from '../../../lab/protocol';
import type { FlagBit } from '../../components/FlagBits.vue';

type Named = readonly (readonly [name: string, bit: number])[];

const CR0: Named = [['PE', 0], ['MP', 1], ['EM', 2], ['TS', 3], ['ET', 4], ['NE', 5], ['WP', 16], ['AM', 18], ['NW', 29], ['CD', 30], ['PG', 31]]; // prettier-ignore
const CR3: Named = [
  ['PWT', 3],
  ['PCD', 4],
];
const CR4: Named = [['VME', 0], ['PVI', 1], ['TSD', 2], ['DE', 3], ['PSE', 4], ['PAE', 5], ['MCE', 6], ['PGE', 7], ['PCE', 8], ['VMXE', 13]]; // prettier-ignore
const EFER: Named = [
  ['SCE', 0],
  ['LME', 8],
  ['LMA', 10],
  ['NXE', 11],
];
const DR6: Named = [
  ['B0', 0],
  ['B1', 1],
  ['B2', 2],
  ['B3', 3],
  ['BD', 13],
  ['BS', 14],
  ['BT', 15],
];
const DR7: Named = [
  ['LE', 8],
  ['GE', 9],
  ['GD', 13],
];

const bits = (value: bigint, named: Named): FlagBit[] => named.map(([name, bit]) => ({ name, set: ((value >> BigInt(bit)) & 1n) === 1n }));

export interface ControlRow {
  name: string;
  value: bigint;
  bits: FlagBit[];
  changed: boolean;
}

export function controlRegisters(view: RegistersView): ControlRow[] {
  const row = (name: string, value: bigint, named: Named): ControlRow => ({
    name,
    value,
    bits: bits(value, named),
    changed: view.changed.includes(name),
  });
  return [
    row('CR0', view.cr0, CR0),
    row('CR2', view.cr2, []),
    row('CR3', view.cr3, CR3),
    row('CR4', view.cr4, CR4),
    row('EFER', view.efer, EFER),
    row('DR6', view.debug[6] ?? 0n, DR6),
    row('DR7', view.debug[7] ?? 0n, DR7),
  ];
}

export interface DebugBreakpoint {
  name: string;
  address: bigint;
  /** by DR7: of this task, of all tasks, or not on */
  enabled: 'local' | 'global' | 'off';
  /** what trips it; `io` with CR4.DE only */
  on: 'execute' | 'write' | 'io' | 'access';
  bytes: 1 | 2 | 4 | 8;
  changed: boolean;
}

const ON = ['execute', 'write', 'io', 'access'] as const;
const BYTES = [1, 2, 8, 4] as const;

/** DR0 to DR3 with what DR7 says about each. */
export function debugBreakpoints(view: RegistersView): DebugBreakpoint[] {
  const control = Number((view.debug[7] ?? 0n) & 0xffff_ffffn);
  return [0, 1, 2, 3].map((index) => ({
    name: `DR${index}`,
    address: view.debug[index] ?? 0n,
    enabled: control & (2 << (index * 2)) ? 'global' : control & (1 << (index * 2)) ? 'local' : 'off',
    on: ON[(control >>> (16 + index * 4)) & 3]!,
    bytes: BYTES[(control >>> (18 + index * 4)) & 3]!,
    changed: view.changed.includes(`DR${index}`),
  }));
}
