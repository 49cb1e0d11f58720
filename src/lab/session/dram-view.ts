/** What the DRAM model has counted, for the board's panels: modules, their banks and their rows, as far as they were used. */
import type { Machine } from '../../machine/machine';
import { bankAt, type Module } from '../../machine/dram/locator';
import { SAMPLING } from '../../machine/dram/sampling';
import type { Dram } from '../../machine/dram/dram';
import { dramTimings } from '../../machine/board/dram-timings';
import type { DramBankView, DramModuleView, DramView } from '../protocol';
import { addCounts } from './dram-counts';

/** More than these are counted, but not shown one by one. */
const MOST_MODULES = 64;
const MOST_BANKS = 64;
const MOST_ROWS = 12;
/** Stretches of rows that a bank's heat is shown in. */
const ROW_STRETCHES = 64;

function banksOf(dram: Dram, module: Module): DramBankView[] {
  const rows = dram.rows(module);
  const banks: DramBankView[] = [];
  for (let bank = 0; bank < module.banks && banks.length < MOST_BANKS; bank++) {
    const counts = dram.countsOf(module.firstBank + bank);
    if (counts.hits + counts.misses + counts.conflicts === 0) continue;
    banks.push({
      number: bank,
      ...bankAt(module.part, bank),
      ...counts,
      openRow: dram.openRow(module.firstBank + bank),
      rowHeat: rows.heat(bank, module.part.geometry.rows, ROW_STRETCHES),
    });
  }
  return banks;
}

function moduleView(machine: Machine, dram: Dram, module: Module): DramModuleView {
  const slot = machine.board.slots[module.slotIndex]!;
  const rows = dram.rows(module);
  return {
    slot: module.slot,
    channel: module.channel,
    grade: dramTimings(module.part).grade,
    ecc: slot.ecc ?? false,
    trr: slot.trr ?? 0,
    threshold: dram.threshold(module),
    ...addCounts(dram, module.firstBank, module.banks),
    mostActivations: rows.most,
    hottest: rows.hottest(MOST_ROWS).map(({ bank, row, count }) => ({ ...bankAt(module.part, bank), row, count })),
    errors: dram.errors(module),
    banks: banksOf(dram, module),
  };
}

/** Null while nothing is counted. */
export function dramView(machine: Machine): DramView | null {
  const { dram } = machine.memory;
  if (!dram) return null;
  const { timing = false, disturbance = false } = machine.board.memory ?? {};
  const used = dram.locator.modules.slice(0, MOST_MODULES);
  const sampling = machine.memory.observe === 'sampled' ? SAMPLING : null;
  return { timing, disturbance, sampling, modules: used.map((module) => moduleView(machine, dram, module)) };
}
