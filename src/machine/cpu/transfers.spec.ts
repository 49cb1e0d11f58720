import { describe, expect, it } from 'vitest';
import type { Rig } from './system.spec-support';
import { GDT, SEL, TSS, enterProtected, makeRig, setDescriptor, setGate, takeFault } from './system.spec-support';

const [CS, SS, DS, ES] = [1, 2, 3, 0] as const;
const GATE = 0x48;
const NEW_TSS = 0x50;

function gate(rig: Rig, selector: number, target: number, offset: number, attributes: number, parameters = 0): void {
  rig.w32(GDT + (selector & 0xfff8), (target << 16) | (offset & 0xffff), (offset & 0xffff_0000) | (attributes << 8) | parameters);
}
const stackOf = (rig: Rig, count: number): number[] => Array.from({ length: count }, (_, index) => rig.r32(rig.state.reg32(4) + index * 4));

describe('far jumps and calls', () => {
  it('check type, privilege and presence, and name the selector', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    const cases: [attributes: number, rpl: number, vector: number | null][] = [
      [0xc0fa, 3, null], // same level
      [0xc0fa, 0, null], // RPL below CPL is fine
      [0xc09a, 3, 13], // more privileged, nonconforming
      [0xc09e, 3, null], // more privileged, conforming
      [0xc07a, 3, 11], // not present
      [0xc0f2, 3, 13], // data
    ];
    for (const [attributes, rpl, vector] of cases) {
      setDescriptor(rig, SEL.spare, 0, 0xffff_ffff, attributes);
      const done = rig.system.jumpFar(SEL.spare | rpl, 0x1234, 4);
      const fault = takeFault(rig);
      if (vector === null) {
        expect([done, fault, rig.state.eip, rig.state.selector(CS), rig.state.cpl]).toEqual([true, null, 0x1234, SEL.spare | 3, 3]);
      } else expect(fault).toEqual({ vector, errorCode: SEL.spare });
    }
    rig.system.jumpFar(0, 0, 4);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
    setDescriptor(rig, SEL.spare, 0, 0xfff, 0x40fa);
    rig.system.jumpFar(SEL.spare | 3, 0x1000, 4);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
  });

  it('go and come back in real mode, with IP wrapped to the operand size', () => {
    const rig = makeRig();
    const { state, system } = rig;
    system.loadSegment(SS, 0x900);
    state.setReg32(4, 0x100);
    state.eip = 0x55;
    expect(system.callFar(0x1234, 0x7_0010, 2)).toBe(true);
    expect([state.selector(CS), state.segmentBase(CS), state.eip, state.reg16(4)]).toEqual([0x1234, 0x12340, 0x10, 0xfc]);
    expect(system.returnFar(2, 4)).toBe(true);
    expect([state.selector(CS), state.eip, state.reg16(4)]).toEqual([0, 0x55, 0x104]);
  });

  it('use an LDT descriptor when TI is set', () => {
    const rig = makeRig();
    enterProtected(rig);
    setDescriptor(rig, SEL.ldt, 0x5000, 0x17, 0x82);
    rig.w32(0x5008, rig.r32(GDT + SEL.code0), rig.r32(GDT + SEL.code0 + 4));
    rig.system.jumpFar(0x0c, 0x10, 4);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0x0c });
    expect(rig.system.loadLdtr(SEL.ldt)).toBe(true);
    expect(rig.system.jumpFar(0x0c, 0x10, 4)).toBe(true);
    expect(rig.state.selector(CS)).toBe(0x0c);
    rig.system.loadSegment(DS, 0x1c);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0x1c });
    rig.system.loadLdtr(SEL.ldt | 4);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: SEL.ldt | 4 });
    rig.system.loadLdtr(SEL.data0);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: SEL.data0 });
  });
});

describe('call gates', () => {
  it('switch to the inner stack, copy parameters, and return with the caller’s stack released', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    const { state, system } = rig;
    gate(rig, GATE, SEL.code0, 0x1_2000, 0xec, 2);
    rig.w32(0x8000, 0xaaaa, 0xbbbb);
    state.eip = 0x777;
    expect(system.callFar(GATE | 3, 0, 4)).toBe(true);
    expect([state.cpl, state.eip, state.selector(SS), state.reg32(4)]).toEqual([0, 0x1_2000, SEL.data0, 0x9000 - 24]);
    expect(stackOf(rig, 6)).toEqual([0x777, SEL.code3, 0xaaaa, 0xbbbb, 0x8000, SEL.data3]);
    system.loadSegment(ES, SEL.data0);
    expect(system.returnFar(4, 8)).toBe(true);
    expect([state.cpl, state.eip, state.selector(CS), state.selector(SS), state.reg32(4)]).toEqual([
      3,
      0x777,
      SEL.code3,
      SEL.data3,
      0x8008,
    ]);
    // the inner segment left in ES is taken away; DS was the outer level's own
    expect([state.selector(ES), state.selector(DS)]).toEqual([0, SEL.data3]);
  });

  it('fault on a gate the caller may not use, a target that is no code, and a TSS without room for the stack', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    const fault = (): unknown => {
      expect(rig.system.callFar(GATE | 3, 0, 4)).toBe(false);
      expect([rig.state.cpl, rig.state.reg32(4)]).toEqual([3, 0x8000]);
      return takeFault(rig);
    };
    gate(rig, GATE, SEL.code0, 0, 0x8c);
    expect(fault()).toEqual({ vector: 13, errorCode: GATE });
    gate(rig, GATE, SEL.code0, 0, 0x6c);
    expect(fault()).toEqual({ vector: 11, errorCode: GATE });
    gate(rig, GATE, 0, 0, 0xec);
    expect(fault()).toEqual({ vector: 13, errorCode: 0 });
    gate(rig, GATE, SEL.data0, 0, 0xec);
    expect(fault()).toEqual({ vector: 13, errorCode: SEL.data0 });
    gate(rig, GATE, SEL.code0, 0, 0xec);
    rig.w32(TSS + 8, SEL.data3);
    expect(fault()).toEqual({ vector: 10, errorCode: SEL.data3 & 0xfffc });
    rig.w32(TSS + 8, 0);
    expect(fault()).toEqual({ vector: 10, errorCode: 0 });
    rig.state.setSegmentLimit(7, 6);
    expect(fault()).toEqual({ vector: 10, errorCode: SEL.tss });
  });

  it('have #SS with the new selector when the inner stack is too small', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    gate(rig, GATE, SEL.code0, 0, 0xec);
    setDescriptor(rig, SEL.spare, 0, 0xfff, 0x4092);
    rig.w32(TSS + 4, 0x1008, SEL.spare);
    rig.system.callFar(GATE | 3, 0, 4);
    expect(takeFault(rig)).toEqual({ vector: 12, errorCode: SEL.spare });
  });
});

describe('returns', () => {
  it('refuse an inner level, and a stack of the wrong level', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    rig.w32(0x8000, 0x100, SEL.code0);
    rig.system.returnFar(4, 0);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: SEL.code0 });
    const inner = makeRig();
    enterProtected(inner);
    inner.w32(0x8000, 0x100, SEL.code3, 0x7000, SEL.data0);
    inner.system.returnFar(4, 0);
    expect(takeFault(inner)).toEqual({ vector: 13, errorCode: SEL.data0 });
    inner.w32(0x8000, 0x100, SEL.code3, 0x7000, 0);
    inner.system.returnFar(4, 0);
    expect(takeFault(inner)).toEqual({ vector: 13, errorCode: 0 });
  });

  it('IRET changes IOPL only at CPL 0 and IF only at CPL ≤ IOPL', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    rig.state.eflags = 2;
    rig.w32(0x8000, 0x100, SEL.code3, 0x3202 | 0x41);
    expect(rig.system.returnFromInterrupt(4)).toBe(true);
    expect(rig.state.eflags).toBe(0x43);
  });

  it('IRET enters virtual-8086 mode, and an interrupt leaves it with all segments on the stack', () => {
    const rig = makeRig();
    enterProtected(rig);
    const { state, system } = rig;
    rig.w32(0x8000, 0x10, 0x1000, 0x2_0202, 0x200, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000);
    expect(system.returnFromInterrupt(4)).toBe(true);
    expect([state.virtual8086, state.cpl, state.segmentBase(CS), state.segmentBase(ES), state.segmentLimit(DS)]).toEqual([
      true,
      3,
      0x1_0000,
      0x3_0000,
      0xffff,
    ]);
    system.loadSegment(DS, 0x4444);
    expect(state.segmentBase(DS)).toBe(0x4_4440);
    setGate(rig, 0x40, SEL.code0, 0x7000, 0xee);
    expect(system.softwareInterrupt(0x40, 0x12)).toBe(true);
    expect([state.virtual8086, state.cpl, state.selector(DS), state.reg32(4)]).toEqual([false, 0, 0, 0x9000 - 36]);
    expect(stackOf(rig, 9)).toEqual([0x12, 0x1000, 0x2_0202, 0x200, 0x2000, 0x3000, 0x4444, 0x5000, 0x6000]);
    expect(system.returnFromInterrupt(4)).toBe(true);
    expect([state.virtual8086, state.eip, state.segmentBase(DS)]).toEqual([true, 0x12, 0x4_4440]);
    expect(system.returnFromInterrupt(2)).toBe(false);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
  });
});

describe('hardware task switches', () => {
  const OTHER = 0x4000;
  function rigWithTask(limit = 0x67): Rig {
    const rig = makeRig();
    enterProtected(rig);
    setDescriptor(rig, NEW_TSS, OTHER, limit, 0x89);
    const words = Array.from({ length: 26 }, () => 0);
    words[0x20 / 4] = 0x6000;
    words[0x24 / 4] = 0x202;
    for (let index = 0; index < 8; index++) words[0x28 / 4 + index] = 0x100 + index;
    words[0x38 / 4] = 0x9800;
    [SEL.data0, SEL.code0, SEL.data0, SEL.data0, 0, 0].forEach((selector, index) => (words[0x48 / 4 + index] = selector));
    rig.w32(OTHER, ...words);
    rig.state.setReg32(0, 0xabcd);
    rig.state.eip = 0x555;
    return rig;
  }
  const busy = (rig: Rig, selector: number): boolean => (rig.r32(GDT + selector + 4) & 0x200) !== 0;

  it('JMP saves the old task and loads the new one', () => {
    const rig = rigWithTask();
    const { state } = rig;
    expect(rig.system.jumpFar(NEW_TSS, 0, 4)).toBe(true);
    expect([state.eip, state.reg32(0), state.reg32(4), state.eflags, state.selector(7)]).toEqual([0x6000, 0x100, 0x9800, 0x202, NEW_TSS]);
    expect(state.cr0 & 8).toBe(8);
    expect([rig.r32(TSS + 0x20), rig.r32(TSS + 0x28), rig.r32(TSS + 0x4c)]).toEqual([0x555, 0xabcd, SEL.code0]);
    expect([busy(rig, SEL.tss), busy(rig, NEW_TSS)]).toEqual([false, true]);
  });

  it('CALL nests, and IRET with NT comes back', () => {
    const rig = rigWithTask();
    const { state } = rig;
    expect(rig.system.callFar(NEW_TSS, 0, 4)).toBe(true);
    expect([state.eflags & 0x4000, rig.r32(OTHER) & 0xffff, busy(rig, SEL.tss), busy(rig, NEW_TSS)]).toEqual([0x4000, SEL.tss, true, true]);
    expect(rig.system.returnFromInterrupt(4)).toBe(true);
    expect([state.selector(7), state.eip, state.reg32(0), state.eflags & 0x4000]).toEqual([SEL.tss, 0x555, 0xabcd, 0]);
    expect(busy(rig, NEW_TSS)).toBe(false);
  });

  it('an exception through a task gate pushes its error code in the new task', () => {
    const rig = rigWithTask();
    setGate(rig, 13, NEW_TSS, 0, 0x85);
    rig.state.raise(13, 0x123 & 0xfffc);
    expect(rig.system.events.deliverFault()).toBe(true);
    expect([rig.state.eip, rig.state.reg32(4), rig.r32(0x97fc)]).toEqual([0x6000, 0x97fc, 0x120]);
  });

  it('a TSS that is too short, busy or absent faults in the old task', () => {
    const short = rigWithTask(0x66);
    expect(short.system.jumpFar(NEW_TSS, 0, 4)).toBe(false);
    expect(takeFault(short)).toEqual({ vector: 10, errorCode: NEW_TSS });
    expect(short.state.eip).toBe(0x555);
    const rig = rigWithTask();
    setDescriptor(rig, NEW_TSS, OTHER, 0x67, 0x8b);
    rig.system.jumpFar(NEW_TSS, 0, 4);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: NEW_TSS });
    setDescriptor(rig, NEW_TSS, OTHER, 0x67, 0x09);
    rig.system.jumpFar(NEW_TSS, 0, 4);
    expect(takeFault(rig)).toEqual({ vector: 11, errorCode: NEW_TSS });
  });

  it('a bad segment of the new task is delivered there', () => {
    const rig = rigWithTask();
    rig.w32(OTHER + 0x54, SEL.code3 & ~3);
    rig.w32(OTHER + 0x54, 0x200);
    setGate(rig, 10, SEL.code0, 0x7700, 0x8e);
    expect(rig.system.jumpFar(NEW_TSS, 0, 4)).toBe(true);
    expect([rig.state.eip, rig.state.selector(7), rig.r32(rig.state.reg32(4)), rig.r32(rig.state.reg32(4) + 4)]).toEqual([
      0x7700,
      NEW_TSS,
      0x200,
      0x6000,
    ]);
  });
});
