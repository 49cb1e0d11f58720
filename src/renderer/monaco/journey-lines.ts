/** A Journey in as many lines as it has spaces: where the address is in each, and how it ended. Pure. */
import { formatAddress, type Space } from '../../machine/address';
import type { Journey } from '../../machine/journey/journey';

export interface JourneyLine {
  space: Space;
  text: string;
}
export interface JourneySummary {
  lines: JourneyLine[];
  /** bytes that were read, when it ended in memory */
  value: Uint8Array | null;
  /** the fault's name, `nobody`, or null when it was answered */
  failure: string | null;
  /** register of a device that answered */
  device: string | null;
}

/** The first address in each space, in the order in which the access travels. Without a VM guest-physical is host-physical, and left out. */
export function summarize(journey: Journey): JourneySummary {
  const places = new Map<Space, string>();
  const add = (space: Space, address: bigint, segment?: string): void => {
    if (!places.has(space)) places.set(space, (segment ? `${segment}:` : '') + formatAddress(address));
  };
  const [first] = journey.steps;
  add(journey.access.space, journey.access.address, first?.from.segment);
  // table entries read on the way have no `to`
  for (const { to } of journey.steps) if (to && to.space !== 'dram') add(to.space, to.address, to.segment);
  const { end } = journey;
  if (end.kind === 'dram') {
    const { slot, bank, row, column } = end.cell;
    places.set('dram', `${slot} · bank ${bank} · row ${row} · column ${column}`);
  }
  return {
    lines: [...places]
      .filter(([space]) => space !== 'guest' || journey.access.vm !== undefined || !places.has('host'))
      .map(([space, text]) => ({ space, text })),
    value: end.kind === 'dram' ? (end.value ?? null) : null,
    failure: end.kind === 'fault' ? end.fault.name : end.kind === 'nobody' ? 'nobody' : null,
    device: end.kind === 'register' ? `${end.device} ${end.region}+0x${end.offset.toString(16).toUpperCase()}` : null,
  };
}
