/** What the processor looks at between instructions. */
import { describe, expect, it } from 'vitest';
import { go, realBench } from './small-programs.spec-support';
import { assembleInto, flatProtected, makeBench } from './test-bench.spec-support';

describe('between instructions', () => {
  it('stops before a breakpoint and can run off it', () => {
    const bench = makeBench();
    const { at } = assembleInto(bench, 'bits 32\norg 0x1000\nmov ecx, 3\nl: inc eax\nat: inc ebx\nloop l\nhlt');
    flatProtected(bench, 0x1000);
    bench.processor.setBreakpoints([at!]);
    for (let round = 0; round < 3; round++) {
      expect(bench.processor.run(100, { passBreakpoint: round > 0 })).toMatchObject({ reason: 'breakpoint' });
      expect(bench.processor.state.eip).toBe(at);
      expect(bench.processor.state.reg32(3)).toBe(round);
    }
    bench.processor.setBreakpoints([]);
    expect(bench.processor.run(100).reason).toBe('halted');
  });

  it('an interrupt is taken at a boundary when IF is set, never in the shadow of STI, and wakes HLT', () => {
    const bench = realBench('cli\nnop\nsti\ninc bx\ninc cx\nhlt');
    bench.load(0x20 * 4, [0x00, 0x50, 0, 0]);
    bench.load(0x5000, [0x42, 0xcf]); // inc dx; iret
    bench.interrupts.vector = 0x20;
    bench.processor.run(2);
    expect(bench.processor.deliveredByVector.get(0x20)).toBeUndefined();
    bench.processor.run(2);
    expect(bench.processor.state.reg16(3)).toBe(1);
    bench.processor.run(1);
    expect(bench.processor.deliveredByVector.get(0x20)).toBe(1);
    expect(bench.processor.state.reg16(2)).toBe(0x634);
    expect(go(bench)).toBe('halted');
    expect(bench.processor.state.reg16(1)).toBe(1);
    bench.interrupts.vector = 0x20;
    expect(bench.processor.run(2).executed).toBe(2);
    expect(bench.processor.state.reg16(2)).toBe(0x635);
  });

  it('TF traps after each instruction', () => {
    const bench = realBench('pushf\npop ax\nor ah, 1\npush ax\npopf\ninc bx\ninc bx\nhlt');
    bench.load(4, [0x00, 0x50, 0, 0]);
    bench.load(0x5000, [0x41, 0xcf]); // inc cx; iret
    go(bench, 30);
    expect(bench.processor.deliveredByVector.get(1)).toBeGreaterThanOrEqual(2);
    expect(bench.processor.state.reg16(3)).toBe(2);
    expect(bench.processor.delivered[0]).toMatchObject({ vector: 1, kind: 'trap' });
  });

  it('records the last data access when asked', () => {
    const bench = makeBench();
    assembleInto(bench, 'bits 32\norg 0x1000\nmov eax, [0x3004]\nmov [0x3010], ax\nhlt');
    flatProtected(bench, 0x1000);
    bench.processor.recordAccess = true;
    bench.processor.step();
    expect(bench.processor.lastAccess).toMatchObject({ through: { segment: 3 }, offset: 0x3004, linear: 0x3004, size: 4, kind: 'read' });
    bench.processor.step();
    expect(bench.processor.lastAccess).toMatchObject({ offset: 0x3010, size: 2, kind: 'write' });
  });

  it('records whether the tables had to be read for it', () => {
    const bench = makeBench();
    // a directory at 0x8000 and a table at 0x9000 that maps page n to frame n; page 5 is not present
    assembleInto(
      bench,
      'bits 32\norg 0x1000\nmov eax, [0x3004]\nmov [0x3004], eax\nmov [0x3004], eax\ninc dword [0x4000]\nmov ecx, [0x4000]\npush eax',
    );
    flatProtected(bench, 0x1000);
    bench.load(0x8000, [0x03, 0x90, 0, 0]);
    for (const page of [1, 3, 4, 6]) bench.load(0x9000 + page * 4, [3, page << 4, 0, 0]);
    const { state } = bench.processor;
    state.setReg32(4, 0x7000);
    state.cr3 = 0x8000;
    state.cr0 = (state.cr0 | 0x8000_0000) >>> 0;
    bench.processor.stateReplaced();
    bench.processor.recordAccess = true;
    const missed = Array.from({ length: 6 }, () => {
      bench.processor.step();
      return bench.processor.lastAccess!.missed;
    });
    // the first write reads them again, to set D; what is read and written back, and a push, are one access each
    expect(missed).toEqual([true, true, false, true, false, true]);
  });

  it('records in hot code too, and forgets when it no longer watches', () => {
    const bench = makeBench();
    assembleInto(
      bench,
      'bits 32\norg 0x1000\nagain: inc dword [0x3000]\ninc ecx\ncmp ecx, 3000\njne again\nmov [0x3010], cx\nlast: inc ecx\njmp last',
    );
    flatProtected(bench, 0x1000);
    bench.processor.run(4 * 2_500);
    bench.processor.recordAccess = true;
    bench.processor.run(4 * 100);
    expect(bench.processor.lastAccess).toMatchObject({ offset: 0x3000, size: 4 });
    bench.processor.recordAccess = false;
    bench.processor.run(10_000);
    bench.processor.recordAccess = true;
    bench.processor.run(64);
    expect(bench.processor.lastAccess).toBeNull();
  });

  it('leaves the flags of the last instruction, wherever a slice ends', () => {
    const bench = makeBench();
    // cmp eax, 1; xor ecx, ecx; the second hides the flags of the first
    bench.load(0x1000, [0x83, 0xf8, 1, 0x31, 0xc9, 0xf4]);
    for (const [slices, flags] of [
      [[1], 0x97],
      [[1, 1], 0x46],
      [[2], 0x46],
    ] as const) {
      // prettier-ignore
      flatProtected(bench, 0x1000);
      bench.processor.state.setReg32(0, 0);
      for (const slice of slices) bench.processor.run(slice);
      expect(bench.processor.state.eflags & 0xd7).toBe(flags);
    }
  });

  it('starts where RESET says', () => {
    const { processor } = makeBench();
    const { state } = processor;
    expect([state.eip, state.selector(1), state.segmentBase(1), state.eflags, state.cr0]).toEqual([
      0xfff0, 0xf000, 0xffff_0000, 2, 0x6000_0010,
    ]);
  });
});
