/** Heat in the drawing of one DIMM's cells: the boxes of its ranks and banks, and the rows of the bank that is looked at. Pure. */
import type { DramModuleView } from '../../../lab/protocol';
import { accessesOf, heatOf } from './use-dram';

const LEVELS = ['subchannel', 'rank', 'bankGroup', 'bank'] as const;
type Level = (typeof LEVELS)[number];
type Place = Readonly<Record<Level, number>>;

/**
 * Heat of number `n` of a level (`bank` 3), within what the cell's levels above it choose (its rank, its bank group); null for
 * a level that is not counted (byte lanes).
 */
export function bankHeat(module: DramModuleView, cell: Place, level: string, n: number): number | null {
  const depth = LEVELS.indexOf(level as Level);
  if (depth < 0) return null;
  const sums = new Map<number, number>();
  for (const bank of module.banks) {
    if (LEVELS.slice(0, depth).some((above) => bank[above] !== cell[above])) continue;
    const number = bank[LEVELS[depth]!];
    sums.set(number, (sums.get(number) ?? 0) + accessesOf(bank));
  }
  return heatOf(sums.get(n) ?? 0, Math.max(0, ...sums.values()));
}

/** Stretches of rows that were activated in the cell's bank: place and size as parts of all rows, 0 to 1, and heat. */
export function rowHeat(module: DramModuleView, cell: Place): { at: number; size: number; heat: number }[] {
  const bank = module.banks.find((each) => LEVELS.every((level) => each[level] === cell[level]));
  if (!bank) return [];
  const largest = Math.max(0, ...bank.rowHeat);
  const size = 1 / bank.rowHeat.length;
  return bank.rowHeat.flatMap((count, index) => (count > 0 ? [{ at: index * size, size, heat: heatOf(count, largest) }] : []));
}
