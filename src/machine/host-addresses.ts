/** What lies behind a host-physical address of a machine: the end of every Journey, and the slots of a range. */
import { hostPhysical, type HostPhysicalAddress } from './address';
import { waysWithin } from './board/interleave';
import type { JourneyEnd, JourneyRecorder } from './journey/journey';
import type { Machine } from './machine';

/** The decode table, then the memory controller. Changes nothing. */
export function explainHost({ chipset, controller }: Machine, hostAddress: number, recorder: JourneyRecorder): JourneyEnd {
  const address = hostPhysical(hostAddress);
  const range = chipset.explain(address, recorder);
  if (range?.kind === 'mmio') {
    const offset = hostAddress - range.windowBase!;
    return { kind: 'register', hostAddress: BigInt(hostAddress), device: range.device!, region: range.region!, offset };
  }
  const found = range && range.claims.length > 0 ? controller.explain(address, recorder) : undefined;
  const value = chipset.peek(address, 4);
  return found
    ? { kind: 'dram', hostAddress: BigInt(hostAddress), cell: found.cell, value }
    : { kind: 'nobody', hostAddress: BigInt(hostAddress), value };
}

/** Slots whose DIMMs hold `bytes` bytes from a host address, in address order, each once. */
export function slotsOf({ map }: Machine, address: HostPhysicalAddress, bytes: number): string[] {
  const slots = new Set<string>();
  const end = address + bytes;
  for (const range of map.dram) {
    if (range.base >= end || range.end <= address) continue;
    const from = Math.max(range.base, address) - range.base;
    for (const { slot, interleave } of range.claims) {
      if (!interleave) slots.add(slot);
      else for (const each of waysWithin(interleave, from, Math.min(range.end, end) - range.base)) slots.add(each.slot);
    }
  }
  return [...slots];
}
