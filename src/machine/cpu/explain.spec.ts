import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import type { JourneyStep } from '../journey/journey';
import { ControlBlock } from './control-block';
import { contextFromControlBlock, contextFromState, explainAccess } from './explain';
import type { AccessQuery } from './explain';
import { GDT, SEL, enterProtected, makeRig, setDescriptor } from './system.spec-support';
import type { Rig } from './system.spec-support';

function explain(rig: Rig, query: Partial<AccessQuery>, withTlb = false) {
  const steps: JourneyStep[] = [];
  const context = contextFromState(rig.state, 36);
  const result = explainAccess(
    context,
    { space: 'logical', address: 0n, size: 4, kind: 'read', ...query },
    rig.memory,
    { step: (step) => steps.push(step) },
    withTlb ? rig.system.tlb : undefined,
  );
  return { result, steps };
}

function pagedRig(): Rig {
  const rig = makeRig();
  enterProtected(rig);
  rig.w32(0x10_0000, 0x10_1007);
  for (let page = 0; page < 16; page++) rig.w32(0x10_1000 + page * 4, (page << 12) | 3);
  rig.w32(0x10_1000 + 4 * 0x200, 0x20_0003);
  rig.system.writeControl(3, 0x10_0000);
  rig.system.writeControl(0, 0x8000_0011);
  return rig;
}

describe('explaining an access', () => {
  it('goes from the logical address to host memory, naming the descriptor and both entries', () => {
    const rig = pagedRig();
    setDescriptor(rig, SEL.spare, 0x20_0000, 0xfff, 0x4092);
    rig.system.loadSegment(3, SEL.spare);
    const { result, steps } = explain(rig, { address: 0x123n });
    expect(result).toEqual({ hostAddress: 0x20_0123 });
    expect(steps.map((step) => [step.room, step.structure, step.index, step.to?.space, step.to?.address])).toEqual([
      ['segmentation', 'descriptor', 7, 'linear', 0x20_0123n],
      ['paging', 'pde', 0, undefined, undefined],
      ['paging', 'pte', 0x200, 'guest', 0x20_0123n],
      ['vmm-map', 'identity', undefined, 'host', 0x20_0123n],
    ]);
    expect(steps[0]!.entryHostAddress).toBe(BigInt(GDT + SEL.spare));
    expect(steps[0]!.from).toEqual({ space: 'logical', address: 0x123n, segment: 'DS', selector: SEL.spare });
  });

  it('changes nothing: no byte, no TLB entry, no counter', () => {
    const rig = pagedRig();
    const tables = rig.memory.readBytes(hostPhysical(0x10_0000), 0x2000);
    const state = rig.state.u8.slice();
    const tlb = rig.system.tlb.save();
    explain(rig, { address: 0x20_0000n, kind: 'write' }, true);
    explain(rig, { address: 0x7777_7777n, kind: 'write' }, true);
    expect(rig.memory.readBytes(hostPhysical(0x10_0000), 0x2000)).toEqual(tables);
    expect(rig.state.u8.slice()).toEqual(state);
    expect(rig.system.tlb.save()).toEqual(tlb);
  });

  it('agrees with the processor on where an access faults', () => {
    const rig = pagedRig();
    setDescriptor(rig, SEL.spare, 0, 0xfff, 0x4090);
    rig.system.loadSegment(0, SEL.spare);
    const accesses = [
      [3, 'DS', 0x30_0000, 'read'],
      [3, 'DS', 0x20_0000, 'write'],
      [0, 'ES', 0x10, 'write'],
      [0, 'ES', 0xffe, 'read'],
      [2, 'SS', 0x40_0000, 'write'],
    ] as const;
    for (const [index, segment, address, kind] of accesses) {
      const { result } = explain(rig, { segment, address: BigInt(address), kind });
      if (kind === 'read') rig.system.access.load(index, address, 4);
      else rig.system.access.store(index, address, 4, 0);
      if (rig.state.stop === 1) {
        expect(result).toMatchObject({ fault: { vector: rig.state.faultVector, errorCode: rig.state.faultErrorCode } });
        rig.state.clearStop();
      } else expect(result).toHaveProperty('hostAddress');
    }
  });

  it('shows what the TLB holds, and that it is stale when memory says something else', () => {
    const rig = pagedRig();
    rig.system.access.load(3, 0x20_0000, 4);
    const fresh = explain(rig, { address: 0x20_0004n }, true);
    expect(fresh.steps.map((step) => [step.room, step.cached])).toEqual([['segmentation', true], ['tlb', true], ['paging', true], ['paging', true], ['vmm-map', true]]); // prettier-ignore
    expect(fresh.steps[1]!.fields.stale).toBe(false);
    rig.w32(0x10_1000 + 4 * 0x200, 0x30_0003);
    const stale = explain(rig, { address: 0x20_0004n }, true);
    expect(stale.result).toEqual({ hostAddress: 0x20_0004 });
    expect(stale.steps.find((step) => step.room === 'tlb')!.fields.stale).toBe(true);
    expect(explain(rig, { address: 0x20_0004n }).result).toEqual({ hostAddress: 0x30_0004 });
    // D is not set: a write would walk
    expect(explain(rig, { address: 0x20_0004n, kind: 'write' }, true).result).toEqual({ hostAddress: 0x30_0004 });
  });

  it('goes by the hidden part, and says when the descriptor in memory is another by now', () => {
    const rig = pagedRig();
    setDescriptor(rig, SEL.spare, 0x20_0000, 0xfff, 0x4092);
    rig.system.loadSegment(3, SEL.spare);
    // loading has set the accessed bit in memory; a descriptor without it still says the same
    expect(explain(rig, { address: 0n }).steps[0]!.fields).not.toHaveProperty('stale');
    setDescriptor(rig, SEL.spare, 0x20_0000, 0xfff, 0x4092);
    expect(explain(rig, { address: 0n }).steps[0]!.fields).not.toHaveProperty('stale');
    for (const [base, limit, attributes] of [
      [0x30_0000, 0xfff, 0x4092],
      [0x20_0000, 0x7ff, 0x4092],
      [0x20_0000, 0xfff, 0x4090],
    ] as const) {
      setDescriptor(rig, SEL.spare, base, limit, attributes);
      const { result, steps } = explain(rig, { address: 0n });
      expect(result).toEqual({ hostAddress: 0x20_0000 });
      expect(steps[0]!.fields['stale']).toBe(true);
    }
  });

  it('takes a guest’s registers from its control block, through EPT', () => {
    const rig = makeRig();
    const ept = 0x11_0000;
    for (const [at, value] of [[ept, ept + 0x1007], [ept + 0x1000, ept + 0x2007], [ept + 0x2000, ept + 0x3007], [ept + 0x3000 + 8 * 5, 0x33_0007]] as const) {
      rig.memory.write64(hostPhysical(at), BigInt(value));
    } // prettier-ignore
    const block = new ControlBlock(rig.memory, hostPhysical(0x10_0000));
    block.initialise({ eptPointer: ept | 0x1e, vpid: 3 });
    block.setSegment('DS', { selector: 0x500, base: 0x5000n, limit: 0xffff, attributes: 0x93 });
    const context = contextFromControlBlock(rig.memory, hostPhysical(0x10_0000), 36);
    expect([context.vpid, context.protectedMode, context.cpl]).toEqual([3, false, 0]);
    const steps: JourneyStep[] = [];
    const recorder = { step: (step: JourneyStep) => void steps.push(step) };
    const query: AccessQuery = { space: 'logical', address: 0x42n, size: 2, kind: 'read' };
    expect(explainAccess(context, query, rig.memory, recorder)).toEqual({ hostAddress: 0x33_0042 });
    expect(steps.map((step) => step.structure)).toEqual(['descriptor', 'identity', 'ept-pml4e', 'ept-pdpte', 'ept-pde', 'ept-pte']);
    const outside = explainAccess(context, { ...query, space: 'guest', address: 0x9000n }, rig.memory, recorder);
    expect(outside).toEqual({ fault: { name: 'ept-violation', qualification: 1n } });
  });
});
