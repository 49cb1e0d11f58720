import { describe, expect, it } from 'vitest';
import { FLAG } from './flags';
import { STOP } from './state-layout';
import { GDT, SEL, enterProtected, makeRig, setDescriptor, setGate, takeFault } from './system.spec-support';

const DS = 3;
const SS = 2;
const ES = 0;

describe('memory as instructions see it', () => {
  it('loads and stores in real mode, at selector × 16, up to the limit', () => {
    const rig = makeRig();
    rig.system.loadSegment(DS, 0x1234);
    rig.system.access.store(DS, 0x10, 4, 0xdead_beef);
    expect(rig.r32(0x12350)).toBe(0xdead_beef);
    expect(rig.system.access.load(DS, 0x10, 2)).toBe(0xbeef);
    rig.system.access.load(DS, 0xffff, 2);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
    rig.system.access.load(SS, 0xffff, 2);
    expect(takeFault(rig)).toEqual({ vector: 12, errorCode: 0 });
  });

  it('translates through two-level tables, sets A and D, and faults with the right code', () => {
    const rig = makeRig();
    enterProtected(rig);
    rig.w32(0x10_0000, 0x10_1007);
    for (let page = 0; page < 16; page++) rig.w32(0x10_1000 + page * 4, (page << 12) | 3);
    rig.w32(0x10_1000 + 4 * 0x100, 0x20_0003);
    rig.system.writeControl(3, 0x10_0000);
    rig.system.writeControl(0, 0x8000_0011);
    rig.system.access.store(DS, 0x10_0004, 4, 77);
    expect(takeFault(rig)).toBeNull();
    expect(rig.r32(0x20_0004)).toBe(77);
    expect(rig.r32(0x10_0000) & 0x20).toBe(0x20);
    expect(rig.r32(0x10_1400) & 0x60).toBe(0x60);
    rig.system.access.load(DS, 0x10_1000, 4);
    expect(takeFault(rig)).toEqual({ vector: 14, errorCode: 0 });
    expect(rig.state.cr2).toBe(0x10_1000);
    rig.system.access.store(DS, 0x10_0ffe, 4, 1);
    expect(takeFault(rig)).toEqual({ vector: 14, errorCode: 2 });
    expect(rig.state.cr2).toBe(0x10_1000);
    expect(rig.r32(0x20_0ffc)).toBe(0);
  });

  it('reaches device registers through the chipset and asks for the end of the slice when an interrupt waits then', () => {
    const rig = makeRig();
    enterProtected(rig);
    const read = { kind: 'read', offset: 8, size: 4, value: 0x1234_5678 };
    expect(rig.system.access.load(DS, 0xfe00_0008, 4)).toBe(0x1234_5678);
    expect(rig.state.stop).toBe(STOP.none);
    rig.ports.waiting.push(0x20);
    rig.state.setFlag(FLAG.IF, true);
    rig.system.access.load(DS, 0xfe00_0008, 4);
    expect(rig.state.stop).toBe(STOP.endSlice);
    expect(rig.memory.registerAccesses).toEqual([read, read]);
  });
});

describe('loading segments', () => {
  it('names the selector in the error code', () => {
    const rig = makeRig();
    enterProtected(rig);
    const cases: [segment: 0 | 2 | 3, selector: number, attributes: number, vector: number][] = [
      [DS, SEL.spare, 0x4099, 13], // execute-only code
      [DS, SEL.spare, 0x4012, 11], // not present
      [SS, SEL.spare, 0x4090, 13], // read-only
      [SS, SEL.spare, 0x4012, 12], // not present
      [SS, SEL.spare | 3, 0x40f2, 13], // RPL ≠ CPL
      [DS, SEL.spare | 3, 0x4092, 13], // RPL > DPL
    ];
    for (const [segment, selector, attributes, vector] of cases) {
      setDescriptor(rig, SEL.spare, 0, 0xfff, attributes);
      rig.system.loadSegment(segment, selector);
      expect(takeFault(rig)).toEqual({ vector, errorCode: SEL.spare });
    }
    rig.system.loadSegment(ES, 0x100);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0x100 });
    rig.system.loadSegment(ES, 0);
    expect(takeFault(rig)).toBeNull();
    rig.system.access.load(ES, 0, 1);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
    rig.system.loadSegment(SS, 0);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
  });

  it('sets the accessed bit and keeps the hidden part until the next load', () => {
    const rig = makeRig();
    enterProtected(rig);
    setDescriptor(rig, SEL.spare, 0x5000, 0xfff, 0x4092);
    rig.system.loadSegment(DS, SEL.spare);
    expect(rig.r32(GDT + SEL.spare + 4) & 0x100).toBe(0x100);
    setDescriptor(rig, SEL.spare, 0x6000, 0xfff, 0x4092);
    rig.system.access.store(DS, 0, 1, 0x55);
    expect(rig.r32(0x5000)).toBe(0x55);
    rig.system.access.load(DS, 0xffd, 4);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
  });
});

describe('events', () => {
  it('uses the vector table in real mode, and IRET comes back', () => {
    const rig = makeRig();
    const { state, system } = rig;
    rig.w32(0x21 * 4, (0x0700 << 16) | 0x0123);
    system.loadSegment(2, 0x900);
    state.setReg32(4, 0x100);
    state.eflags = 0x202;
    state.eip = 0x50;
    expect(system.softwareInterrupt(0x21, 0x52)).toBe(true);
    expect([state.selector(1), state.eip, state.reg16(4), state.eflags & 0x200]).toEqual([0x700, 0x123, 0xfa, 0]);
    expect(system.returnFromInterrupt(2)).toBe(true);
    expect([state.selector(1), state.eip, state.reg16(4), state.eflags]).toEqual([0, 0x52, 0x100, 0x202]);
  });

  it('switches to the TSS stack from ring 3, pushes the error code, and returns', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    const { state, system } = rig;
    setGate(rig, 14, SEL.code0, 0x7000, 0x8e);
    state.eip = 0x4444;
    state.eflags = 0x202;
    state.cr2 = 0x1234;
    state.raise(14, 6);
    expect(system.events.deliverFault()).toBe(true);
    expect([state.cpl, state.selector(1), state.selector(2), state.eip, state.reg32(4)]).toEqual([
      0,
      SEL.code0,
      SEL.data0,
      0x7000,
      0x9000 - 24,
    ]);
    expect([0, 4, 8, 12, 16, 20].map((at) => rig.r32(0x9000 - 24 + at))).toEqual([6, 0x4444, SEL.code3, 0x1_0202, 0x8000, SEL.data3]);
    state.setReg32(4, state.reg32(4) + 4);
    expect(system.returnFromInterrupt(4)).toBe(true);
    expect([state.cpl, state.selector(1), state.eip, state.reg32(4), state.eflags]).toEqual([3, SEL.code3, 0x4444, 0x8000, 0x1_0202]);
  });

  it('names the IDT entry when a gate is missing, then doubles, then shuts down', () => {
    const rig = makeRig();
    enterProtected(rig);
    const { state, system } = rig;
    expect(system.softwareInterrupt(0x40, 0)).toBe(false);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0x40 * 8 + 2 });
    setGate(rig, 8, SEL.code0, 0x7100, 0x8e);
    state.raise(13, 0);
    expect(system.events.deliverFault()).toBe(true);
    expect(state.eip).toBe(0x7100);
    expect(rig.r32(state.reg32(4))).toBe(0);
    setGate(rig, 8, 0, 0, 0);
    state.raise(13, 0);
    expect(system.events.deliverFault()).toBe(false);
    expect(state.activity).toBe(2);
  });

  it('takes an external interrupt only with IF and without a shadow', () => {
    const rig = makeRig();
    enterProtected(rig);
    const { state, system, ports } = rig;
    setGate(rig, 0x30, SEL.code0, 0x7200, 0x8e);
    ports.waiting.push(0x30);
    expect(system.events.pollInterrupts()).toBe(false);
    system.setInterruptFlag(true);
    expect(system.events.pollInterrupts()).toBe(false);
    state.interruptShadow = 0;
    expect(system.events.pollInterrupts()).toBe(true);
    expect([state.eip, state.eflags & 0x200]).toEqual([0x7200, 0]);
  });
});
