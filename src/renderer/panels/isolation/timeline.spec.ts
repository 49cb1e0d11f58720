import { describe, expect, it } from 'vitest';
import type { Transaction } from '../../../lab/protocol';
import { attackTimeline, markOf } from './timeline';

const DEVICES = [{ id: 'dma0', kind: 'edu', requester: '00:04.0', path: [], sharedWith: [], assignedTo: 'attacker', bar: 0xfe00_0000 }];
const entry = (kind: Transaction['kind'], loose: Partial<Transaction> = {}): Transaction => ({
  sequence: 0, at: 0, tick: 0, who: 'attacker', kind, outcome: 'ok', text: { en: '', 'zh-CN': '' }, ...loose,
}); // prettier-ignore

describe('timeline of the attack', () => {
  it('begins with the instruction that writes the register', () => {
    const entries = [
      entry('port-write', { answeredBy: 'com1' }),
      entry('mmio-read', { answeredBy: 'dma0' }),
      entry('mmio-write', { answeredBy: 'dma0', at: 7 }),
      entry('unanswered'),
      entry('dma-write', { who: '00:04.0' }),
      entry('iommu-walk'),
      entry('iommu-fault', { outcome: 'fault' }),
      entry('note', { who: 'vmm' }),
    ];
    expect(attackTimeline(entries, DEVICES).map((shown) => shown.kind)).toEqual(['mmio-write', 'dma-write', 'iommu-walk', 'iommu-fault']);
  });

  it('shows the DMA even when its beginning has left the log', () => {
    expect(attackTimeline([entry('dma-write'), entry('completion')], DEVICES)).toHaveLength(2);
  });

  it('marks where it passed and where it was stopped', () => {
    expect([entry('mmio-write'), entry('dma-write'), entry('iommu-walk'), entry('iommu-walk', { outcome: 'fault' })].map(markOf)).toEqual([
      'plain',
      'dma',
      'passed',
      'stopped',
    ]);
  });
});
