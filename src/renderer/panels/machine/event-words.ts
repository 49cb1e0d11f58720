/** What a delivered event is called: the manual's mnemonic of an exception, else INT and the vector, or an external interrupt. Pure. */
import type { EventsView } from '../../../lab/protocol';

/** Exceptions by vector (SDM vol. 3, table 6-1); the 8086 to 80386 know vector 9. */
const MNEMONICS: Readonly<Record<number, string>> = {
  0: '#DE', 1: '#DB', 3: '#BP', 4: '#OF', 5: '#BR', 6: '#UD', 7: '#NM', 8: '#DF', 9: '#MF', 10: '#TS', 11: '#NP', 12: '#SS', 13: '#GP',
  14: '#PF', 16: '#MF', 17: '#AC', 18: '#MC', 19: '#XM',
}; // prettier-ignore
const NMI = 2;
const MACHINE_CHECK = 18;

type DeliveredEvent = EventsView['latest'][number];

export interface EventWords {
  /** `#PF`, `INT 0x80`, `IRQ 0x20`, `NMI` */
  name: string;
  /** key of the exception's name among the messages; null for what has none of its own */
  exception: number | null;
}

export function eventWords({ vector, kind }: Pick<DeliveredEvent, 'vector' | 'kind'>): EventWords {
  const hex = `0x${vector.toString(16).toUpperCase().padStart(2, '0')}`;
  if (kind === 'external' && vector === NMI) return { name: 'NMI', exception: NMI };
  if (kind === 'external' && vector === MACHINE_CHECK) return { name: '#MC', exception: MACHINE_CHECK };
  if (kind === 'external') return { name: `IRQ ${hex}`, exception: null };
  const mnemonic = MNEMONICS[vector];
  if (kind === 'software' && vector !== 3 && vector !== 4) return { name: `INT ${hex}`, exception: null };
  return mnemonic === undefined ? { name: `INT ${hex}`, exception: null } : { name: mnemonic, exception: vector };
}

/** Bits of a page fault's error code, as the manual names them (SDM vol. 3, figure 4-12). */
export function pageFaultBits(errorCode: number): { name: string; set: boolean }[] {
  return ['P', 'W', 'U', 'R', 'I'].map((name, bit) => ({ name, set: ((errorCode >> bit) & 1) === 1 }));
}
