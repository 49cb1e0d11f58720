/** Task switches between TSSs of both sizes, into and out of virtual-8086 mode, nested, and refused (SDM vol. 3, ch. 7). */
import { describe, expect, it } from 'vitest';
import { FLAG } from './flags';
import { GDT, SEL, TSS, enterProtected, makeRig, setDescriptor, setGate, takeFault, type Rig } from './system.spec-support';

const TSS16 = 0x3200;
const TSS32 = 0x3400;
const { spare, spare2 } = SEL;
/** a 16-bit stack segment */
const STACK16 = 0x48;

/** Registers in a TSS's order. */
const REGISTERS = [0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666, 0x7777, 0x8888];

function w16(rig: Rig, address: number, ...values: number[]): void {
  values.forEach((value, index) => rig.memory.write((address + index * 2) as never, 2, value));
}
const r16 = (rig: Rig, address: number): number => rig.memory.read(address as never, 2);
const typeOf = (rig: Rig, selector: number): number => (rig.r32(GDT + selector + 4) >>> 8) & 15;

/** A 16-bit task: EIP 0x4000, code and data of ring 0. */
function task16(rig: Rig, flags = 2): void {
  setDescriptor(rig, spare, TSS16, 0x2b, 0x81);
  setDescriptor(rig, STACK16, 0, 0xffff, 0x92);
  w16(rig, TSS16, 0, 0x9000, SEL.data0, 0, 0, 0, 0, 0x4000, flags, ...REGISTERS, SEL.data0, SEL.code0, STACK16, SEL.data0, 0);
}
/** A 32-bit task: EIP 0x5000. */
function task32(rig: Rig, flags: number, segments: readonly number[], registers = REGISTERS): void {
  setDescriptor(rig, spare2, TSS32, 0x67, 0x89);
  rig.w32(TSS32, 0, 0x9000, SEL.data0, 0, 0, 0, 0, 0, 0x5000, flags, ...registers, ...segments, 0, 0x68_0000);
}
const FLAT = [SEL.data0, SEL.code0, SEL.data0, SEL.data0, SEL.data0, SEL.data0];

function protectedRig(): Rig {
  const rig = makeRig();
  enterProtected(rig);
  for (const register of [0, 1, 2, 3, 5, 6, 7]) rig.state.setReg32(register, 0xa5a5_0000 + register);
  rig.state.eip = 0x1234_5678;
  return rig;
}
const general = (rig: Rig): number[] => Array.from({ length: 8 }, (_, index) => rig.state.reg32(index));

describe('a 16-bit TSS', () => {
  it('gives 16-bit registers, no FS and GS, and TS; the old task is saved whole in its 32-bit TSS', () => {
    const rig = protectedRig();
    task16(rig);
    expect(rig.system.jumpFar(spare, 0, 4)).toBe(true);
    const { state } = rig;
    expect(state.eip).toBe(0x4000);
    expect(general(rig).map((value) => value & 0xffff)).toEqual(REGISTERS);
    expect([0, 1, 2, 3, 4, 5].map((segment) => state.selector(segment))).toEqual([SEL.data0, SEL.code0, STACK16, SEL.data0, 0, 0]);
    expect(state.cr0 & 8).toBe(8);
    expect([state.selector(7), state.segmentLimit(7)]).toEqual([spare, 0x2b]);
    expect([typeOf(rig, SEL.tss), typeOf(rig, spare)]).toEqual([9, 3]);
    expect([rig.r32(TSS + 0x20), rig.r32(TSS + 0x28), rig.r32(TSS + 0x38)]).toEqual([0x1234_5678, 0xa5a5_0000, 0x8000]);
  });

  it('CALL nests it, IRET goes back, and the 16-bit halves are what it keeps', () => {
    const rig = protectedRig();
    task16(rig);
    expect(rig.system.callFar(spare, 0, 4)).toBe(true);
    const { state } = rig;
    expect(state.flag(FLAG.NT)).toBe(true);
    expect(r16(rig, TSS16)).toBe(SEL.tss);
    expect([typeOf(rig, SEL.tss), typeOf(rig, spare)]).toEqual([11, 3]);
    state.setReg32(0, 0xdead_beef);
    state.eip = 0x4444_0010;
    expect(rig.system.returnFromInterrupt(4)).toBe(true);
    expect([state.eip, state.reg32(0), state.selector(7), state.flag(FLAG.NT)]).toEqual([0x1234_5678, 0xa5a5_0000, SEL.tss, false]);
    expect([r16(rig, TSS16 + 0x0e), r16(rig, TSS16 + 0x12), r16(rig, TSS16 + 0x10) & FLAG.NT]).toEqual([0x10, 0xbeef, 0]);
    expect([typeOf(rig, SEL.tss), typeOf(rig, spare)]).toEqual([11, 1]);
  });

  it('that is too short, absent, busy, or in the LDT is refused before anything changes', () => {
    const cases: [attributes: number, limit: number, vector: number][] = [
      [0x81, 0x2a, 10],
      [0x01, 0x2b, 11],
      [0x83, 0x2b, 13],
    ];
    for (const [attributes, limit, vector] of cases) {
      const rig = protectedRig();
      task16(rig);
      setDescriptor(rig, spare, TSS16, limit, attributes);
      const before = general(rig);
      expect(rig.system.jumpFar(spare, 0, 4)).toBe(false);
      expect(takeFault(rig)).toEqual({ vector, errorCode: spare });
      expect([general(rig), rig.state.selector(7), typeOf(rig, SEL.tss)]).toEqual([before, SEL.tss, 11]);
    }
  });
});

describe('a task in virtual-8086 mode', () => {
  const segments = [0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000];

  it('begins with segments of real mode at CPL 3, and its state is saved as that', () => {
    const rig = protectedRig();
    task32(rig, 0x2_3202, segments);
    expect(rig.system.jumpFar(spare2, 0, 4)).toBe(true);
    const { state } = rig;
    expect([state.virtual8086, state.cpl, state.iopl, state.eip]).toEqual([true, 3, 3, 0x5000]);
    for (const [index, selector] of segments.entries()) {
      expect([state.selector(index), state.segmentBase(index), state.segmentLimit(index), state.segmentAttributes(index)]).toEqual([
        selector, selector * 16, 0xffff, 0xf3,
      ]); // prettier-ignore
    }
    // out again through a task gate: an exception
    task16(rig);
    setGate(rig, 13, spare, 0, 0x85);
    state.eip = 0x123;
    state.raise(13, 0x40);
    expect(rig.system.events.deliverFault()).toBe(true);
    expect([state.virtual8086, state.selector(7), state.eip, state.cpl]).toEqual([false, spare, 0x4000, 0]);
    expect(r16(rig, TSS16)).toBe(spare2);
    expect([rig.r32(TSS32 + 0x20), rig.r32(TSS32 + 0x24) & 0x2_3000, r16(rig, TSS32 + 0x4c)]).toEqual([0x123, 0x2_3000, 0x2000]);
    // the error code lies on the new task's 16-bit stack frame
    expect([state.reg16(4), r16(rig, state.reg16(4))]).toEqual([0x5553, 0x40]);
    // and back into it
    state.setReg32(4, state.reg32(4) + 2);
    expect(rig.system.returnFromInterrupt(4)).toBe(true);
    expect([state.virtual8086, state.eip, state.segmentBase(3)]).toEqual([true, 0x123, 0x4_0000]);
  });
});

describe('faults in the new task', () => {
  it('a bad segment of the new task is #TS there, after the switch', () => {
    const rig = protectedRig();
    task32(rig, 2, [SEL.data0, SEL.code0, SEL.data0, SEL.tss, 0, 0], [0, 0, 0, 0, 0x7800, 0, 0, 0]);
    setGate(rig, 10, SEL.code0, 0x6000, 0x8e);
    expect(rig.system.jumpFar(spare2, 0, 4)).toBe(true);
    expect([rig.state.selector(7), rig.state.eip, rig.state.reg32(4)]).toEqual([spare2, 0x6000, 0x77f0]);
    expect([rig.r32(0x77f0), rig.r32(0x77f4)]).toEqual([SEL.tss, 0x5000]);
  });

  it('CR3 comes with the task, and LDTR', () => {
    const rig = protectedRig();
    setDescriptor(rig, SEL.ldt, 0x7000, 0x1f, 0x82);
    task32(rig, 2, FLAT);
    rig.w32(TSS32 + 0x1c, 0x10_0000);
    rig.w32(TSS32 + 0x60, SEL.ldt);
    // identity of the first 4 MiB, in both
    for (const root of [0x10_0000, 0x12_0000]) {
      rig.w32(root, (root + 0x1000) | 3);
      for (let page = 0; page < 1024; page++) rig.w32(root + 0x1000 + page * 4, (page << 12) | 3);
    }
    rig.system.writeControl(3, 0x12_0000);
    rig.system.writeControl(0, 0x8000_0011);
    expect(rig.system.jumpFar(spare2, 0, 4)).toBe(true);
    expect([rig.state.cr3, rig.state.selector(6), rig.state.segmentBase(6)]).toEqual([0x10_0000, SEL.ldt, 0x7000]);
  });
});
