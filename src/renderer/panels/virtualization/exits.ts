/** Exits by reason, stacked by VM, largest first. Numbers beside the reasons: Intel SDM vol. 3, appendix C. */
import type { VmView } from '../../../lab/protocol';

/** Intel's basic exit reason numbers by the names that the session counts under. */
export const EXIT_NUMBERS: Readonly<Record<string, number>> = {
  'exception-or-nmi': 0,
  'external-interrupt': 1,
  'triple-fault': 2,
  'interrupt-window': 7,
  cpuid: 10,
  hlt: 12,
  invlpg: 14,
  rdtsc: 16,
  vmcall: 18,
  'cr-access': 28,
  'dr-access': 29,
  'io-instruction': 30,
  rdmsr: 31,
  wrmsr: 32,
  'entry-failure-guest-state': 33,
  'ept-violation': 48,
  'ept-misconfiguration': 49,
  'preemption-timer': 52,
};

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
    return { reason, number: EXIT_NUMBERS[reason] ?? null, total: parts.reduce((sum, part) => sum + part.count, 0), parts };
  });
  const shown = rows.filter((row) => row.total > 0).sort((a, b) => b.total - a.total || a.reason.localeCompare(b.reason));
  const longest = shown[0]?.total ?? 1;
  for (const row of shown) for (const part of row.parts) part.share = part.count / longest;
  return shown;
}
