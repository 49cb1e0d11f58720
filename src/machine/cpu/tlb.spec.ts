import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { FrameStore } from '../memory/frame-store';
import { CpuState } from './cpu-state';
import { Processor } from './processor';
import { POOL_RESERVED } from './state-layout';
import { PlainMemory, enterProtected, makeRig } from './system.spec-support';
import type { Rig } from './system.spec-support';
import { FAST_RIGHT } from './fast-tlb';
import { Tlb } from './tlb';
import { TLB_FLAG } from './tlb-entry';
import { FAST_TLB } from './tlb-layout';

function makeTlb(entries = 8, ways = 2): { tlb: Tlb; frames: FrameStore; state: CpuState } {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: 32 * 1024 * 1024 });
  const state = new CpuState(frames.memory.buffer);
  return { tlb: new Tlb(frames, state, { entries, ways }), frames, state };
}

describe('the architectural TLB', () => {
  it('replaces the oldest fill of a set and counts evictions', () => {
    const { tlb } = makeTlb();
    for (const page of [0, 4, 8]) tlb.fill(page, TLB_FLAG.writable, page + 100, page + 200);
    expect(tlb.entries().map((entry) => [entry.page, entry.way, entry.guestFrame, entry.hostFrame])).toEqual([
      [8, 0, 108, 208],
      [4, 1, 104, 204],
    ]);
    expect(tlb.statistics.evictions).toBe(1);
    expect(tlb.lookup(0)).toBe(-1);
  });

  it('behaves like a list of the last fills in each set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(15), { maxLength: 40 }), (pages) => {
        const { tlb } = makeTlb();
        const sets: number[][] = [[], [], [], []];
        for (const page of pages) {
          tlb.fill(page, 0, page, page);
          const set = sets[page % 4]!;
          if (!set.includes(page)) set.push(page);
          if (set.length > 2) set.shift();
        }
        expect(tlb.entries().map((entry) => entry.page).sort((a, b) => a - b)).toEqual(sets.flat().sort((a, b) => a - b)); // prettier-ignore
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it('keeps contexts apart and invalidates by VPID and by EPT root', () => {
    const { tlb } = makeTlb(64, 4);
    for (const [vpid, root] of [[0, -1], [1, 0x1000], [2, 0x2000], [3, 0x2000]] as const) {
      tlb.selectContext(vpid, root);
      tlb.fill(5, 0, 1, vpid + 10);
    } // prettier-ignore
    tlb.selectContext(1, 0x1000);
    expect(tlb.hostFrame(tlb.lookup(5), 5)).toBe(11);
    tlb.invalidateVpid(1);
    expect(tlb.lookup(5)).toBe(-1);
    tlb.invalidateEpt(0x2000);
    expect(tlb.entries().map((entry) => entry.vpid)).toEqual([0]);
  });

  it('survives save and load to the byte, and refuses another geometry', () => {
    const { tlb } = makeTlb();
    tlb.fill(3, TLB_FLAG.user | TLB_FLAG.dirty, 7, 9);
    tlb.selectContext(4, 0x12_3000);
    tlb.fill(3, TLB_FLAG.global, 8, 2 ** 24 + 1);
    tlb.statistics = { ...tlb.statistics, accesses: 2 ** 40 };
    const other = makeTlb().tlb;
    other.load(tlb.save());
    expect(other.entries()).toEqual(tlb.entries());
    expect(other.save()).toEqual(tlb.save());
    expect(() => makeTlb(16, 2).tlb.load(tlb.save())).toThrow(RangeError);
  });

  it('refuses a geometry that is none', () => {
    expect(() => makeTlb(12, 4)).toThrow(RangeError);
    expect(() => makeTlb(8, 3)).toThrow(RangeError);
  });
});

describe('slices', () => {
  /** Two code pages with an instruction across their border, and data that evicts everything from a tiny TLB. */
  function makeProgram(): Processor {
    const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: 64 * 1024 * 1024 });
    const memory = new PlainMemory(frames, 16 * 1024 * 1024);
    const processor = new Processor({
      frames,
      memory,
      ports: { readPort: () => 0, writePort: () => undefined, interrupts: { pending: () => false, acknowledge: () => 0 } },
      part: { physicalAddressBits: 36, tlb: { entries: 4, ways: 2 }, features: [] },
    });
    const { state, system } = processor;
    enterProtected({ state, system, w32: (at, ...values) => values.forEach((value, index) => memory.write(hostPhysical(at + index * 4), 4, value >>> 0)) }); // prettier-ignore
    memory.write(hostPhysical(0x10_0000), 4, 0x10_1003);
    for (let page = 0; page < 1024; page++) memory.write(hostPhysical(0x10_1000 + page * 4), 4, (page << 12) | 3);
    // 0x5ff0: mov [ebx], eax / add ebx, 0x1000 / and ebx, 0x21f000 — the last one lies across the border
    memory.writeBytes(
      hostPhysical(0x5ff4),
      Uint8Array.from([0x89, 0x03, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, 0x81, 0xe3, 0x00, 0xf0, 0x21, 0x00]),
    );
    // 0x6002: mov eax, [ebx+0x100000] / inc ecx / jmp 0x5ff4
    memory.writeBytes(hostPhysical(0x6002), Uint8Array.from([0x8b, 0x83, 0x00, 0x00, 0x10, 0x00, 0x41, 0xe9, 0xe6, 0xff, 0xff, 0xff]));
    system.writeControl(3, 0x10_0000);
    system.writeControl(0, 0x8000_0011);
    state.setReg32(3, 0x20_0000);
    state.eip = 0x5ff4;
    processor.stateReplaced();
    return processor;
  }

  it('may end anywhere without a trace in contents or counters', () => {
    const total = 2000;
    const whole = makeProgram();
    whole.run(total);
    expect(whole.tlb.statistics.evictions).toBeGreaterThan(500);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), (slices) => {
        const sliced = makeProgram();
        let left = total;
        for (let turn = 0; left > 0; turn++) {
          const { executed } = sliced.run(Math.min(left, slices[turn % slices.length]!));
          left -= executed;
          if (turn % 3 === 0) sliced.stateReplaced();
        }
        expect(sliced.state.eip).toBe(whole.state.eip);
        expect(sliced.tlb.statistics).toEqual(whole.tlb.statistics);
        expect(sliced.tlb.save()).toEqual(whole.tlb.save());
      }),
      { numRuns: 8, seed: 6 },
    );
  });
});

describe('large pages', () => {
  const PSE = 0x10;
  /** 32-bit paging: 0–4 MiB to itself as one page, 4–8 MiB the same, 8–12 MiB by 4 KiB pages. */
  function makeLarge(physicalAddressBits = 36): Rig {
    const rig = makeRig({ physicalAddressBits });
    enterProtected(rig);
    rig.w32(0x10_0000, 0x83, 0x40_0083, 0x10_1003);
    for (let page = 0; page < 1024; page++) rig.w32(0x10_1000 + page * 4, ((0x800 + page) << 12) | 3);
    rig.system.writeControl(4, PSE);
    rig.system.writeControl(3, 0x10_0000);
    rig.system.writeControl(0, 0x8000_0011);
    return rig;
  }
  const load = (rig: Rig, linear: number): number => rig.system.access.load(3, linear, 4);

  it('take one entry for all their 4 KiB parts, in the set of their own number', () => {
    const rig = makeLarge();
    rig.w32(0x51_2344, 77);
    for (let page = 0; page < 1024; page++) load(rig, 0x40_0000 + page * 4096);
    expect(load(rig, 0x51_2344)).toBe(77);
    expect(rig.system.tlb.statistics).toMatchObject({ accesses: 1025, misses: 1, tableReads: 1 });
    expect(rig.system.tlb.entries()).toMatchObject([
      { set: 1, page: 0x400, pages: 1024, mapped: 1024, hostFrame: 0x400, guestFrame: 0x400 },
    ]);
    load(rig, 0x80_0000);
    expect(rig.system.tlb.statistics).toMatchObject({ misses: 2, tableReads: 3 });
    expect(rig.system.tlb.entries()).toMatchObject([{ page: 0x800, pages: 1, mapped: 1 }, { page: 0x400 }]);
  });

  it('are forgotten whole by INVLPG of any address in them', () => {
    const rig = makeLarge();
    load(rig, 0x40_0000);
    load(rig, 0x7f_f000);
    rig.w32(0x10_0004, 0x83);
    rig.system.invalidatePage(0x55_5000);
    rig.w32(0x5000, 55);
    expect(load(rig, 0x40_5000)).toBe(55);
    expect(rig.system.tlb.statistics.misses).toBe(2);
    load(rig, 0x80_0000);
    rig.system.invalidatePage(0x55_5000);
    expect(rig.system.tlb.entries()).toMatchObject([{ page: 0x800 }]);
  });

  it('are cut into 4 KiB entries where the address lines do not reach over them; INVLPG drops all the cuts', () => {
    const rig = makeLarge(21);
    for (let page = 0; page < 10; page++) load(rig, 0x40_0000 + page * 4096);
    expect(rig.system.tlb.entries()).toHaveLength(10);
    expect(rig.system.tlb.entries()[0]).toMatchObject({ page: 0x400, pages: 1, mapped: 1024, hostFrame: 0 });
    rig.system.invalidatePage(0x7f_f000);
    expect(rig.system.tlb.entries()).toEqual([]);
  });

  it('of 2 MiB likewise, and they survive a snapshot', () => {
    const rig = makeLarge();
    rig.w32(0x11_0000, 0x11_1001, 0, 0, 0, 0, 0, 0, 0);
    rig.w32(0x11_1000, 0x83, 0, 0x20_0083, 0);
    rig.system.writeControl(0, 0x11);
    rig.system.writeControl(4, 0x20);
    rig.system.writeControl(3, 0x11_0000);
    rig.system.writeControl(0, 0x8000_0011);
    load(rig, 0x31_2000);
    load(rig, 0x20_0000);
    const { tlb } = rig.system;
    expect(tlb.entries()).toMatchObject([{ page: 0x200, pages: 512, mapped: 512, hostFrame: 0x200 }]);
    const saved = tlb.save();
    tlb.flushAll();
    tlb.load(saved);
    expect(tlb.save()).toEqual(saved);
    load(rig, 0x3f_f000);
    expect(tlb.statistics.misses).toBe(1);
    expect(tlb.find(0x3ff, 0, -1)).toMatchObject({ page: 0x200 });
  });
});

describe('the fast table', () => {
  /** Every valid fast entry of the current context names a page that the architectural TLB holds, with the same frame. */
  function expectSubset(rig: Rig): void {
    const { tlb } = rig.system;
    const words = rig.frames.i32;
    for (let index = 0; index < FAST_TLB.entries * 2; index++) {
      const at = (FAST_TLB.offset >> 2) + index * 4;
      for (const tag of [words[at]!, words[at + 1]!, words[at + 2]!]) {
        if (tag === 0 || (tag & 0xfff) !== tlb.generation) continue;
        const entry = tlb.lookup(tag >>> 12);
        expect(entry).toBeGreaterThanOrEqual(0);
        expect((((tag & ~0xfff) + words[at + 3]!) >>> 0) % 2 ** 32).toBe(rig.frames.offsetOf(tlb.hostFrame(entry, tag >>> 12)));
      }
    }
  }

  it('is a subset of the architectural TLB, whatever happens', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constantFrom('load' as const, 'store' as const, 'large' as const), page: fc.nat(47) }),
      fc.record({ kind: fc.constant('invalidate' as const), page: fc.nat(47) }),
      fc.record({ kind: fc.constantFrom('cr3' as const, 'cr0' as const, 'remap' as const), page: fc.nat(47) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        const rig = makeRig({ tlb: { entries: 8, ways: 2 } });
        enterProtected(rig);
        rig.w32(0x10_0000, 0x10_1007, 0x40_0083, 0x83, 0xc0_0083);
        for (let page = 0; page < 64; page++) rig.w32(0x10_1000 + page * 4, (page << 12) | (page % 5 === 0 ? 0x103 : 3));
        rig.system.writeControl(4, 0x90);
        rig.system.writeControl(3, 0x10_0000);
        rig.system.writeControl(0, 0x8000_0011);
        for (const { kind, page } of actions) {
          if (kind === 'load') rig.system.access.load(3, page << 12, 4);
          else if (kind === 'store') rig.system.access.store(3, (0x30 + (page & 7)) << 12, 4, page);
          else if (kind === 'large') rig.system.access.load(3, ((1 + (page % 3)) << 22) | (page << 12), 4);
          else if (kind === 'invalidate') rig.system.invalidatePage(page % 2 ? page << 12 : page << 20);
          else if (kind === 'cr3') rig.system.writeControl(3, 0x10_0000);
          else if (kind === 'cr0') rig.system.writeControl(0, rig.state.cr0 ^ 0x1_0000);
          else rig.w32(0x10_1000 + page * 4, (page << 12) | 3);
          rig.state.clearStop();
          expectSubset(rig);
        }
        const { accesses, misses } = rig.system.tlb.statistics;
        expect(misses).toBeLessThanOrEqual(accesses);
      }),
      { numRuns: 25, seed: 11 },
    );
  });

  it('forgets a page when it is evicted, and everything with a new generation', () => {
    const { tlb, frames } = makeTlb();
    tlb.fill(0, 0, 0, 0);
    tlb.fillFast(0x123, false, 0x100_0000, FAST_RIGHT.read);
    const at = FAST_TLB.supervisor >> 2;
    expect(frames.i32[at]).toBe(tlb.generation);
    tlb.fill(4, 0, 0, 0);
    tlb.fill(8, 0, 0, 0);
    expect(frames.i32[at]).toBe(0);
    for (let turn = 0; turn < 10_000; turn++) {
      tlb.fillFast(0x1000, true, 0x100_0000, 7);
      const before = tlb.generation;
      tlb.dropFast();
      expect(tlb.generation).not.toBe(before);
      expect(frames.i32[(FAST_TLB.user >> 2) + 4] === (0x1000 | tlb.generation)).toBe(false);
    }
  });

  it('counts an access for each load, store and page entered, only while something is translated', () => {
    const rig = makeRig();
    enterProtected(rig);
    rig.system.access.load(3, 0, 4);
    expect(rig.system.tlb.statistics.accesses).toBe(0);
    rig.w32(0x10_0000, 0x10_1007);
    rig.w32(0x10_1000, 3, 0x1003);
    rig.system.writeControl(3, 0x10_0000);
    rig.system.writeControl(0, 0x8000_0011);
    rig.system.access.load(3, 0, 4);
    rig.system.access.load(3, 4, 4);
    rig.system.access.store(3, 0x1100, 1, 0);
    rig.system.access.fetchFrame(0x1000);
    expect(rig.system.tlb.statistics).toMatchObject({ accesses: 4, misses: 2 });
  });
});
