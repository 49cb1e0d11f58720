/**
 * How an address is cut into table indices and an offset, for the row of bit fields above the cards of a walk. The cut
 * follows from the structures a walk goes through, so it is right for two levels, for EPT and second-level tables, and for
 * large pages. Bit positions: Intel SDM vol. 3, 4.3 to 4.5 and 29.3.2; VT-d 3.7.
 */

export interface BitCut {
  /** bit numbers, both inclusive */
  high: number;
  low: number;
  value: bigint;
  /** i18n key below `machine.cut` */
  name: string;
  /** an index is written in decimal, an offset in hex */
  index: boolean;
}

interface Level {
  structures: readonly string[];
  high: number;
  low: number;
  name: string;
}

/** Two-level paging of 32-bit mode. */
export const TWO_LEVEL: readonly Level[] = [
  { structures: ['pde'], high: 31, low: 22, name: 'directory' },
  { structures: ['pte'], high: 21, low: 12, name: 'table' },
];

/** PAE paging of 32-bit mode. */
export const PAE: readonly Level[] = [
  { structures: ['pdpte'], high: 31, low: 30, name: 'pdpt' },
  { structures: ['pde'], high: 29, low: 21, name: 'directory' },
  { structures: ['pte'], high: 20, low: 12, name: 'table' },
];

/** EPT and VT-d second-level tables over 48 bits. */
export const FOUR_LEVEL: readonly Level[] = [
  { structures: ['ept-pml4e', 'sl-pml4e'], high: 47, low: 39, name: 'pml4' },
  { structures: ['ept-pdpte', 'sl-pdpte'], high: 38, low: 30, name: 'pdpt' },
  { structures: ['ept-pde', 'sl-pde'], high: 29, low: 21, name: 'pd' },
  { structures: ['ept-pte', 'sl-pte'], high: 20, low: 12, name: 'pt' },
];

/** VT-d second-level tables over 39 bits (three levels). */
export const THREE_LEVEL: readonly Level[] = FOUR_LEVEL.slice(1);

const bitsOf = (value: bigint, high: number, low: number): bigint => (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

/**
 * The cut of `address` for a walk over `levels`. A large page ends the walk early: the levels below `lastLevel` (its
 * structure) are then part of the offset. Without `lastLevel` all levels are shown.
 */
export function cutAddress(address: bigint, levels: readonly Level[], lastLevel?: string): BitCut[] {
  const end = lastLevel === undefined ? -1 : levels.findIndex((level) => level.structures.includes(lastLevel));
  const shown = end < 0 ? levels : levels.slice(0, end + 1);
  const cuts: BitCut[] = shown.map(({ high, low, name }) => ({ high, low, name, index: true, value: bitsOf(address, high, low) }));
  const low = shown.at(-1)?.low ?? 12;
  cuts.push({ high: low - 1, low: 0, name: 'offset', index: false, value: bitsOf(address, low - 1, 0) });
  return cuts;
}

/** Hex digits that an offset of `cut` needs. */
export const offsetDigits = (cut: BitCut): number => Math.ceil((cut.high - cut.low + 1) / 4);
