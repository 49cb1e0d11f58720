import { describe, expect, it } from 'vitest';
import { SEL, TSS, enterProtected, makeRig, setDescriptor, takeFault } from './system.spec-support';

const DS = 3;

describe('privilege', () => {
  it('keeps ring 3 from what is ring 0’s', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    const { system } = rig;
    const attempts: (() => unknown)[] = [
      () => system.writeControl(0, 1),
      () => system.readControl(3),
      () => system.loadDescriptorTable('gdtr', 0, 0),
      () => system.loadLdtr(0),
      () => system.loadTr(SEL.tss),
      () => system.invalidatePage(0),
      () => system.readMsr(),
      () => system.halt(),
      () => system.writeDebug(7, 0),
      () => system.setInterruptFlag(false),
      () => system.portIn(0x60, 1),
    ];
    for (const attempt of attempts) {
      attempt();
      expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
    }
  });

  it('POPF leaves IOPL and IF alone at ring 3', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    rig.state.eflags = 2;
    rig.system.writeFlags(0x7fd5, 4);
    expect(rig.state.eflags).toBe(0x4dd7);
  });
});

describe('control registers', () => {
  it('refuse paging without protection, NW without CD, and CR4 bits that do not exist', () => {
    const rig = makeRig();
    for (const [index, value] of [[0, 0x8000_0000], [0, 0x2000_0001], [4, 0x0000_2000]] as const) {
      expect(rig.system.writeControl(index, value)).toBe(false);
      expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
    } // prettier-ignore
    expect(rig.system.writeControl(0, 0)).toBe(true);
    expect(rig.state.cr0).toBe(0x10);
  });

  it('MOV CR3 flushes what is not global; INVLPG one page; CR0.PG everything', () => {
    const rig = makeRig();
    enterProtected(rig);
    const { system, state } = rig;
    rig.w32(0x10_0000, 0x10_1007);
    for (let page = 0; page < 64; page++) rig.w32(0x10_1000 + page * 4, (page << 12) | (page === 2 ? 0x103 : 3));
    system.writeControl(4, 0x80);
    system.writeControl(3, 0x10_0000);
    system.writeControl(0, 0x8000_0011);
    const pages = (): number[] => system.tlb.entries().map((entry) => entry.page);
    for (const page of [2, 3, 5]) system.access.load(DS, page << 12, 4);
    expect(pages()).toEqual([2, 3, 5]);
    system.invalidatePage(0x5000);
    expect(pages()).toEqual([2, 3]);
    system.writeControl(3, state.cr3);
    expect(pages()).toEqual([2]);
    system.writeControl(0, 0x11);
    expect(pages()).toEqual([]);
  });

  it('a stale entry writes to the old frame until INVLPG', () => {
    const rig = makeRig();
    enterProtected(rig);
    const { system } = rig;
    rig.w32(0x10_0000, 0x10_1007);
    for (let page = 0; page < 16; page++) rig.w32(0x10_1000 + page * 4, (page << 12) | 3);
    rig.w32(0x10_1000 + 4 * 0x200, 0x20_0003);
    system.writeControl(3, 0x10_0000);
    system.writeControl(0, 0x8000_0011);
    system.access.store(DS, 0x20_0000, 4, 1);
    rig.w32(0x10_1000 + 4 * 0x200, 0x30_0003);
    system.access.store(DS, 0x20_0000, 4, 2);
    expect([rig.r32(0x20_0000), rig.r32(0x30_0000)]).toEqual([2, 0]);
    system.invalidatePage(0x20_0000);
    system.access.store(DS, 0x20_0000, 4, 3);
    expect([rig.r32(0x20_0000), rig.r32(0x30_0000)]).toEqual([2, 3]);
  });

  it('PAE loads the four pointers with CR3 and refuses reserved bits in them', () => {
    const rig = makeRig();
    enterProtected(rig);
    const { system } = rig;
    rig.w32(0x10_0020, 0x10_1001, 0);
    for (let page = 0; page < 16; page++) rig.w32(0x10_2000 + page * 8, (page << 12) | 3, 0);
    rig.w32(0x10_1000, 0x10_2003, 0);
    rig.w32(0x10_2000 + 8 * 0x100, 0x20_0003, 0);
    system.writeControl(4, 0x20);
    system.writeControl(3, 0x10_0020);
    expect(system.writeControl(0, 0x8000_0011)).toBe(true);
    system.access.store(DS, 0x10_0000, 4, 0x99);
    expect(rig.r32(0x20_0000)).toBe(0x99);
    rig.w32(0x10_0020, 0x10_1007);
    expect(system.writeControl(3, 0x10_0020)).toBe(false);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
  });
});

describe('CPUID, time and MSRs', () => {
  it('reports a vendor and only features that exist', () => {
    const rig = makeRig();
    const { state, system } = rig;
    state.setReg32(0, 0);
    system.cpuid();
    const text = [3, 2, 1]
      .map((register) => String.fromCharCode(...[0, 8, 16, 24].map((shift) => (state.reg32(register) >>> shift) & 255)))
      .join('');
    expect([state.reg32(0), text]).toEqual([1, 'Pagewalk CPU']);
    state.setReg32(0, 1);
    system.cpuid();
    expect(state.reg32(2) & 1).toBe(0); // no x87
  });

  it('reads the machine clock, also through its MSR, and can set it', () => {
    const rig = makeRig();
    const { state, system } = rig;
    state.ticks = 1000;
    expect([system.readTimestamp(), system.timestampHigh()]).toEqual([1000, 0]);
    state.setReg32(1, 0x10);
    state.setReg32(0, 5);
    state.setReg32(2, 1);
    system.writeMsr();
    state.ticks = 1007;
    expect([system.readTimestamp(), system.timestampHigh()]).toEqual([12, 1]);
    state.ticks = 2 ** 33 + 7;
    state.setReg32(1, 0x10);
    state.setReg32(0, 0xffff_fff0);
    state.setReg32(2, 0x8000_0001);
    system.writeMsr();
    for (const ticks of [2 ** 33 + 7, 2 ** 33 + 22, 2 ** 33 + 23, 2 ** 52 + 1]) {
      state.ticks = ticks;
      system.readMsr();
      expect([system.readTimestamp(), system.timestampHigh()]).toEqual([state.reg32(0), state.reg32(2)]);
    }
    expect([state.reg32(0), state.reg32(2)]).toEqual([0xffff_ffea, 0x800f_ffff]);
    state.setReg32(1, 0x1234_5678);
    system.readMsr();
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
  });
});

describe('LAR, LSL, VERR, VERW', () => {
  it('look at a descriptor without faulting', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    const { system } = rig;
    expect(system.accessRights(SEL.data3)).toBe(0x00cf_f300);
    expect(system.segmentLimit(SEL.data3)).toBe(0xffff_ffff);
    expect(system.accessRights(SEL.data0)).toBe(-1);
    expect(system.segmentLimit(0xf8)).toBe(-1);
    expect([system.verify(SEL.data3, true), system.verify(SEL.code3, false), system.verify(SEL.code3, true)]).toEqual([true, true, false]);
    setDescriptor(rig, SEL.spare, 0, 0xffff_ffff, 0xc09e);
    expect(system.verify(SEL.spare, false)).toBe(true);
    expect(takeFault(rig)).toBeNull();
  });
});

describe('I/O permission bitmap', () => {
  it('lets ring 3 use the ports whose bits are clear, and needs every bit of a wide access', () => {
    const rig = makeRig();
    enterProtected(rig, 3);
    const { system } = rig;
    rig.state.setSegmentLimit(7, 0x68 + 0x2000);
    rig.w32(TSS + 0x64, 0x68 << 16);
    rig.w32(TSS + 0x68, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, ~0xf0 >>> 0);
    system.portOut(0x64, 1, 7);
    system.portOut(0x66, 2, 8);
    expect(rig.ports.writes).toEqual([
      [0x64, 1, 7],
      [0x66, 2, 8],
    ]);
    rig.state.clearStop();
    system.portOut(0x67, 2, 8);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
    rig.state.setSegmentLimit(7, 0x68 + 0xc);
    system.portOut(0x64, 1, 7);
    expect(takeFault(rig)).toEqual({ vector: 13, errorCode: 0 });
  });
});
