/** Exits by reason, stacked by VM, largest first, with the manual's numbers beside the reasons. */
import type { VmView } from '../../../lab/protocol';
import { EXIT_REASON } from '../../../machine/cpu/exit-reasons';

/** by the names that the session counts under */
const NUMBERS: Readonly<Record<string, number>> = EXIT_REASON;

export interface ExitRow {
  reason: string;
  number: number | null;
  total: number;
  /** by VM, in document order; VMs without this exit are left out */
  parts: { vm: string; index: number; count: number; /** of the longest bar, 0 to 1 */ share: number }[];
}

export function exitRows(vms: readonly Pick<VmView, 'id' | 'index' | 'exits'>[]): ExitRow[] {
  const reasons = new Set(vms.flatMap((vm) => Object.keys(vm.exits)));
  const rows = [...reasons].map((reason): ExitRow => {
    const parts = vms
      .filter((vm) => (vm.exits[reason] ?? 0) > 0)
      .map((vm) => ({ vm: vm.id, index: vm.index, count: vm.exits[reason]!, share: 0 }));
    return { reason, number: NUMBERS[reason] ?? null, total: parts.reduce((sum, part) => sum + part.count, 0), parts };
  });
  const shown = rows.filter((row) => row.total > 0).sort((a, b) => b.total - a.total || a.reason.localeCompare(b.reason));
  const longest = shown[0]?.total ?? 1;
  for (const row of shown) for (const part of row.parts) part.share = part.count / longest;
  return shown;
}
