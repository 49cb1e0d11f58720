/** What the DRAM model has counted, added up as checks and views ask for it. */
import type { AccessCounts, Dram } from '../../machine/dram/dram';
import type { Module } from '../../machine/dram/locator';
import type { DramCount } from '../document/schema';

export function addCounts(dram: Dram, first: number, banks: number): AccessCounts {
  const sum: AccessCounts = { hits: 0, misses: 0, conflicts: 0, writes: 0 };
  for (let bank = first; bank < first + banks; bank++) {
    const { hits, misses, conflicts, writes } = dram.countsOf(bank);
    sum.hits += hits;
    sum.misses += misses;
    sum.conflicts += conflicts;
    sum.writes += writes;
  }
  return sum;
}

function ofModule(dram: Dram, module: Module, count: DramCount, bank: number | null): number {
  if (count === 'activations') return bank === null ? dram.rows(module).most : (dram.rows(module).hottest(1, bank)[0]?.count ?? 0);
  if (count === 'accesses' || count === 'hits' || count === 'misses' || count === 'conflicts' || count === 'writes') {
    const counts = addCounts(dram, module.firstBank + (bank ?? 0), bank === null ? module.banks : 1);
    return count === 'accesses' ? counts.hits + counts.misses + counts.conflicts : counts[count];
  }
  return dram.errors(module)[count];
}

/** One number for a `dram` check: of every slot, one, or one bank of it. Null when nothing is counted there. */
export function dramCount(dram: Dram | undefined, count: DramCount, slot: string | null, bank: number | null): number | null {
  const modules = dram?.locator.modules.filter((module) => slot === null || module.slot === slot) ?? [];
  if (!dram || modules.length === 0 || (bank !== null && modules.some(({ banks }) => bank >= banks))) return null;
  const each = modules.map((module) => ofModule(dram, module, count, bank));
  return count === 'activations' ? Math.max(...each) : each.reduce((sum, value) => sum + value, 0);
}
