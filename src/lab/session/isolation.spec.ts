/** The malicious-DMA lab through the session's eyes: held with the IOMMU, breached without, and a timeline that begins at the instruction. */
import { describe, expect, it } from 'vitest';
import type { Computer } from './computer';
import { started } from './shipped-lab.spec-support';

function attacked(...settings: string[]): Computer {
  const computer = started('malicious-dma', ...settings);
  expect(computer.isolation(false).verdict).toBe('not-run');
  while (computer.run(1e6).kind === 'budget');
  return computer;
}

describe('malicious DMA', () => {
  it('is held by the IOMMU: targets unchanged, a record for each rejected request', () => {
    const computer = attacked();
    const { verdict, explanation, targets, faults, damage, devices, iommu } = computer.isolation(false);
    expect(verdict).toBe('held');
    expect(explanation.en).toContain('reason 5');
    expect(iommu).toMatchObject({ present: true, enabled: true });
    expect(devices[0]).toMatchObject({ id: 'dma0', requester: '00:04.0', assignedTo: 'attacker' });
    expect(targets.map(({ changedBytes }) => changedBytes)).toEqual([0, 0]);
    expect(faults).toHaveLength(2);
    expect(damage).toEqual([]);
  });

  it('breaches without it: bytes before and after, the damage, and the walk of the last DMA down to a cell', () => {
    const computer = attacked('board.iommu.enabled=false');
    const { verdict, targets, faults, damage, journey } = computer.isolation(false);
    expect(verdict).toBe('breached');
    expect(faults).toEqual([]);
    expect(damage[0]!.text.en).toContain('EPT');
    const [victim] = targets;
    expect(victim).toMatchObject({ vm: 'victim', owner: { kind: 'vm', vm: 'victim' }, changedBytes: 64 });
    expect(new TextDecoder().decode(victim!.after.subarray(0, 11))).toBe('THIS MEMORY');
    expect(victim!.before).not.toEqual(victim!.after);
    expect(journey!.access).toMatchObject({ requester: '00:04.0', space: 'iova', kind: 'write' });
    expect(journey!.end.kind).toBe('dram');
  });

  it('the timeline begins with the instruction that writes the register, and folds polling', () => {
    const { entries, total } = attacked().transactions();
    const first = entries.find(({ vm }) => vm === 'attacker')!;
    expect(first).toMatchObject({ kind: 'mmio-write', answeredBy: 'dma0', instruction: { file: 'malicious-dma-attacker.asm' } });
    expect(first.instruction!.text).toContain('mov');
    expect(first.instruction!.line).toBeGreaterThan(1);
    expect(entries.some(({ text }) => text.en.includes('times in a row'))).toBe(true);
    expect(entries.length).toBeLessThan(total);
    expect(entries.filter(({ kind }) => kind === 'iommu-fault').map(({ outcome }) => outcome)).toEqual(['fault', 'fault']);
    for (const { text } of entries) expect(text.en + text['zh-CN']).not.toMatch(/undefined|NaN/);
  });

  it('explains an I/O virtual address through root, context and second-level tables', () => {
    const journey = attacked().explain({ vm: null, space: 'iova', address: 0x5000n, size: 4, kind: 'write' });
    expect(journey.steps.map(({ structure }) => structure)).toEqual(
      expect.arrayContaining(['root-entry', 'context-entry', 'sl-pte', 'dram-mapping']),
    );
    expect(journey.steps.every(({ entryHostAddress, entryCell }) => entryHostAddress === undefined || entryCell !== undefined)).toBe(true);
    expect(journey.end).toMatchObject({ kind: 'dram', owner: 'attacker' });
  });
});
