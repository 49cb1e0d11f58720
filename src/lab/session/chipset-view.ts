/** The chipset as a view: its decode table as it stands, what it counted, and the addresses that nobody answered. */
import { formatRange } from '../../machine/board/address-map';
import type { Machine } from '../../machine/machine';
import type { ChipsetView } from '../protocol';

/** Entries and addresses sent at most; a usual board has some twenty entries. */
const MOST_ENTRIES = 1_000;
const MOST_UNANSWERED = 50;

export function chipsetView(machine: Machine): ChipsetView {
  const ranges = machine.chipset.ranges();
  const unanswered = machine.chipset.unansweredAddresses();
  return {
    physicalAddressBits: machine.map.physicalAddressBits,
    entries: ranges.slice(0, MOST_ENTRIES).map((range) => {
      const { base, end, kind, slots, device, region, text } = range;
      return { base, end, name: formatRange(range), kind, slots: [...slots], device: device ?? null, region: region ?? null, text };
    }),
    omitted: Math.max(0, ranges.length - MOST_ENTRIES),
    counters: { ...machine.chipset.counters },
    unanswered: unanswered.sort((a, b) => b[1] - a[1]).slice(0, MOST_UNANSWERED),
  };
}
