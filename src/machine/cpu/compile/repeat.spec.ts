/** A repeated string instruction whose count is zero does nothing, and accesses nothing that would be counted. */
import { expect, it } from 'vitest';
import { CR4 } from '../paging-registers';
import type { Engine } from '../engine';
import { assembleInto, flatProtected, makeBench } from '../test-bench.spec-support';
import { seen } from './same-state.spec-support';

const SOURCE = `
bits 32
org 0x1000
        mov edx, 4000
again:  mov ecx, edx
        and ecx, 1
        mov esi, 0x3000
        mov edi, 0x4000
        push eax
        rep movsb
        mov ecx, edx
        and ecx, 2
        mov edi, 0x5000
        rep stosd
        xor ecx, ecx
        repe cmpsb
        pop eax
        dec edx
        jnz again
        hlt
`;

it.each(['threaded', 'compiled', 'auto'] as const)('%s agrees with the interpreter on repetitions of none', (engine) => {
  const bench = (of: Engine) => {
    const made = makeBench(1, of);
    assembleInto(made, SOURCE);
    flatProtected(made, 0x1000, 0x7000);
    // one page of 4 MiB, so that accesses are counted
    made.load(0x8000, [0xe3, 0, 0, 0]);
    const { state } = made.processor;
    state.cr3 = 0x8000;
    state.cr4 = CR4.PSE;
    state.cr0 |= 0x8000_0000;
    made.processor.stateReplaced();
    made.processor.interpreter.blocks.hotAfter = 2;
    return made;
  };
  const [one, other] = [bench('interpreter'), bench(engine)];
  for (const budget of [500, 1, 7, 1000, 13, 5000, 3]) {
    expect(other.processor.run(budget)).toEqual(one.processor.run(budget));
    expect(other.processor.tlb.statistics).toEqual(one.processor.tlb.statistics);
    expect(seen(other, [[0, 32]])).toBe(seen(one, [[0, 32]]));
  }
  expect(one.processor.tlb.statistics.accesses).toBeGreaterThan(1000);
  if (engine === 'compiled') expect(other.processor.interpreter.compiled!.regions.compiled).toBeGreaterThan(0);
});
