/** The exceptions and interrupts that reached a handler, as a view: the latest of them one by one, all of them by vector. */
import { NO_ERROR_CODE } from '../../machine/cpu/cpu-state';
import { VECTOR } from '../../machine/cpu/vectors';
import type { EventsView } from '../protocol';
import type { System } from './system';

/** So many are sent; a view of thousands would be read by nobody. */
const MOST_SHOWN = 200;

export function eventsView({ machine: { processor }, vmm }: System): EventsView {
  const byVpid = new Map(vmm?.vms.map((vm) => [vm.index + 1, vm.id]) ?? []);
  const counts = [...processor.deliveredByVector].sort(([a], [b]) => a - b).map(([vector, count]) => ({ vector, count }));
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const latest = processor.delivered.slice(-MOST_SHOWN).reverse();
  return {
    total,
    counts,
    latest: latest.map(({ vector, kind, errorCode, cr2, instructions, vpid }, index) => ({
      number: total - index,
      vector,
      kind,
      errorCode: errorCode === NO_ERROR_CODE ? null : errorCode,
      cr2: vector === VECTOR.pageFault && kind === 'fault' ? cr2 : null,
      instructions,
      vm: byVpid.get(vpid) ?? null,
    })),
  };
}
