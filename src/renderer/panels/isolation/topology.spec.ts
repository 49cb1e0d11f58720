import { describe, expect, it } from 'vitest';
import type { Journey, JourneyStep } from '../../../machine/journey/journey';
import { dmaPath, shownEntries } from './topology';

const IOVA = 0x2a4c_7010n;
const step = (structure: string, loose: Partial<JourneyStep> = {}): JourneyStep => ({
  room: 'iommu', structure, from: { space: 'iova', address: IOVA }, fields: {}, checks: [{ rule: 'present', passed: true }], cached: false,
  entryAddress: { space: 'host', address: 0x100_0000n }, entryBytes: new Uint8Array(8), ...loose,
}); // prettier-ignore
const access: Journey['access'] = { requester: '00:04.0', space: 'iova', address: IOVA, size: 8, kind: 'write', at: 1 };

describe('way of a DMA', () => {
  it('stops at the entry that grants nothing', () => {
    const path = dmaPath({
      access,
      steps: [
        step('root-entry'),
        step('context-entry'),
        step('sl-pdpte', { fields: { R: true, W: true } }),
        step('sl-pde', { index: 338, fields: { R: false, W: false }, checks: [{ rule: 'writable', passed: false }] }),
      ],
      end: { kind: 'fault', fault: { name: 'iommu-fault', reason: 5 } },
    });
    expect(path).toMatchObject({ reached: 'iommu', translated: true, reason: 5, slot: null });
    expect(path.entries).toHaveLength(4);
    expect(path.stopped).toMatchObject({ name: 'PDE', index: 338 });
    expect(path.stopped?.flags.find((flag) => flag.name === 'W')?.decided).toBe('stopped');
  });

  it('goes straight to the DIMM while translation is off', () => {
    const identity: JourneyStep = {
      room: 'iommu',
      structure: 'identity',
      from: { space: 'iova', address: IOVA },
      to: { space: 'host', address: IOVA },
      fields: {},
      checks: [],
      cached: false,
    };
    const cell = { channel: 0, subchannel: 0, slot: 'B1', rank: 0, bankGroup: 0, bank: 3, row: 1, column: 2, byte: 0 };
    const path = dmaPath({ access, steps: [identity], end: { kind: 'dram', hostAddress: IOVA, cell, owner: 'victim' } });
    expect(path).toMatchObject({ reached: 'memory', translated: false, slot: 'B1', owner: 'victim', hostAddress: IOVA });
  });

  it('knows a neighbour that answered below the root complex, and an interrupt message that did not stay there', () => {
    const end = { kind: 'register' as const, hostAddress: IOVA, device: 'dma1', region: 'bar0', offset: 0 };
    expect(dmaPath({ access: { ...access, path: ['03:00.0', 'sw1.0', 'sw1'] }, steps: [], end })).toMatchObject({
      reached: 'elsewhere',
      peer: 'dma1',
    });
    expect(dmaPath({ access: { ...access, path: ['03:00.0', 'rp1', 'root-complex'] }, steps: [], end }).peer).toBeNull();
  });

  it('never leaves out the entry that decided', () => {
    const journey: Journey = {
      access,
      steps: Array.from({ length: 8 }, (_, i) => step('sl-pde', { index: i })),
      end: { kind: 'fault', fault: { name: 'iommu-fault' } },
    };
    const { entries, stopped } = dmaPath(journey);
    expect(shownEntries(entries)).toHaveLength(6);
    expect(shownEntries(entries)).toContain(stopped);
  });
});
