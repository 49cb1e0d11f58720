import { describe, expect, it } from 'vitest';
import { assembleInto, flatProtected, makeBench } from '../test-bench.spec-support';
import { note, Overwritten, patienceWith } from './overwritten';

describe('how often code was overwritten', () => {
  it('doubles the patience each time, up to a bound, and is forgotten once code has stood for long', () => {
    const history = new Overwritten().of(1);
    expect(patienceWith(history)).toBe(1);
    for (let times = 1; times <= 20; times++) {
      note(history, times * 1000);
      expect(patienceWith(history)).toBe(2 ** Math.min(12, times));
      expect(patienceWith(history, 4)).toBe(2 ** Math.min(4, times));
    }
    note(history, 20_000 + 2e9);
    expect(patienceWith(history)).toBe(2);
  });

  it('is remembered while the frame holds data, not when frames hold something else', () => {
    const overwritten = new Overwritten();
    const history = overwritten.of(7);
    note(history, 5);
    overwritten.remember(7, history);
    expect(overwritten.of(7).drops).toBe(1);
    for (let frame = 100; frame < 40_000; frame++) overwritten.remember(frame, { drops: 1, last: 0 });
    overwritten.clear();
    expect(overwritten.of(7).drops).toBe(0);
  });
});

/** `rounds` times another opcode (INC or DEC EAX) before `more` of the same, then `calls` calls. */
const CHANGING = (rounds: number, calls: number, more = 0): string => `
bits 32
org 0x3000
start:
  mov ebx, ${rounds}
.round:
  xor byte [f], 8
  mov ecx, ${calls}
.call:
  call f
  dec ecx
  jnz .call
  dec ebx
  jnz .round
  hlt
align 4096
f:
  inc eax
  times ${more} inc eax
  ret
`;

describe('code that keeps being overwritten', () => {
  it.each(['compiled', 'auto'] as const)('is compiled less and less often: %s', (engine) => {
    const bench = makeBench(1, engine);
    // sooner than it would be, so that less has to run
    if (engine === 'auto') bench.processor.interpreter.threaded!.hotAfter = 400;
    flatProtected(bench, assembleInto(bench, CHANGING(24, 600)).start!);
    bench.processor.state.setReg32(0, 0);
    expect(bench.processor.run(1_000_000).reason).toBe('halted');
    expect(bench.processor.state.reg32(0)).toBe(0);
    const { compiled } = bench.processor.interpreter.compiled!.regions;
    expect(compiled).toBeGreaterThan(1);
    expect(compiled).toBeLessThan(20);
  });

  it('does not take ever more room, and its dead blocks are not kept', () => {
    const bench = makeBench(1, 'interpreter');
    flatProtected(bench, assembleInto(bench, CHANGING(1300, 1, 60)).start!);
    const { blocks } = bench.processor.interpreter;
    expect(bench.processor.run(10_000_000).reason).toBe('halted');
    expect(blocks.translated).toBeGreaterThan(1300);
    expect(blocks.epoch).toBeGreaterThan(0);
  });
});
