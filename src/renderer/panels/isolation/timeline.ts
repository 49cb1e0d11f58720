/** Which transactions belong to the attack, in order: from the instruction that writes the device's register to the last one. Pure. */
import type { IsolationView, Transaction } from '../../../lab/protocol';

type Device = IsolationView['devices'][number];

const OF_DMA: ReadonlySet<Transaction['kind']> = new Set(['dma-read', 'dma-write', 'iommu-walk', 'iommu-fault', 'completion', 'interrupt']);

const touches = (entry: Transaction, devices: readonly Device[]): boolean =>
  (entry.kind === 'mmio-write' || entry.kind === 'mmio-read') && devices.some((device) => entry.answeredBy === device.id);
const belongs = (entry: Transaction, devices: readonly Device[]): boolean =>
  OF_DMA.has(entry.kind) ||
  touches(entry, devices) ||
  (entry.kind === 'note' && devices.some((device) => entry.who === device.id || entry.who === device.requester));

/** What happened at the devices and behind them; begins with the first write to a device register when that is still in the log. */
export function attackTimeline(entries: readonly Transaction[], devices: readonly Device[]): Transaction[] {
  const start = entries.findIndex((entry) => entry.kind === 'mmio-write' && touches(entry, devices));
  return entries.slice(Math.max(0, start)).filter((entry) => belongs(entry, devices));
}

export type Mark = 'plain' | 'dma' | 'passed' | 'stopped';

/** How an entry is marked on the line. */
export function markOf(entry: Transaction): Mark {
  if (entry.outcome === 'fault' || entry.kind === 'iommu-fault') return 'stopped';
  if (entry.kind === 'iommu-walk') return 'passed';
  return entry.kind === 'dma-read' || entry.kind === 'dma-write' ? 'dma' : 'plain';
}
