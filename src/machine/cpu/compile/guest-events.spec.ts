/**
 * The little kernel as a guest under EPT: its events, and the exits that they and INVLPG make where the control block asks for
 * them, are the same in every tier.
 */
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../../address';
import { CONTROL, ControlBlock, skipInstruction } from '../control-block';
import type { Engine } from '../engine';
import { STATE, STATE_SIZE } from '../state-layout';
import { flatProtected } from '../test-bench.spec-support';
import { KERNEL_MEMORY, littleKernel } from './little-kernel.spec-support';
import { seen } from './same-state.spec-support';
import { random } from '../../random.spec-support';

const BLOCK = hostPhysical(0x50_0000);
const EPT = 0x51_0000;
const PAGES = 1024;
const EXITS = 100;
const WRITE = 2;

function guestOf(seed: number, engine: Engine, controls: number) {
  const bench = littleKernel(seed, engine, 6);
  const { processor, memory } = bench;
  const write = (address: number, value: number): void => memory.write64(hostPhysical(address), BigInt(value));
  for (const [from, to] of [[EPT, EPT + 0x1000], [EPT + 0x1000, EPT + 0x2000]] as const) write(from, to | 7); // prettier-ignore
  for (let table = 0; table < 2; table++) write(EPT + 0x2000 + table * 8, (EPT + 0x3000 + table * 0x1000) | 7);
  /** rights of a page in EPT */
  const map = (page: number, rights: number): void => write(EPT + 0x3000 + page * 8, (page << 12) | rights | (rights === 0 ? 0 : 0x30));
  // data is not there, or cannot be written, until it is touched
  for (let page = 0; page < PAGES; page++) map(page, page >= 0x40 && page < 0x50 ? [0, 1, 7][page % 3]! : 7);
  // all of it once more, in pages of 2 MiB, for the window
  for (let table = 2; table < 4; table++) write(EPT + 0x2000 + table * 8, ((table - 2) << 21) | 0xb7);
  const block = new ControlBlock(memory, BLOCK);
  block.initialise({ eptPointer: EPT | 0x1e, vpid: 1, controls: CONTROL.ept | controls });
  const state = processor.state.u8.slice(0, STATE_SIZE);
  state.fill(0, STATE.lazyKind.offset);
  block.saveState(state);
  flatProtected(bench, 0x1000);
  return { ...bench, block, map };
}

/** What the VMM does about an exit. */
function handle({ block, map, processor }: ReturnType<typeof guestOf>, exit: ReturnType<typeof processor.enter>): void {
  switch (exit.reason) {
    case 'ept-violation': {
      const page = Math.floor(exit.guestPhysical / 4096);
      map(page, Number(exit.qualification) & WRITE ? 7 : 5);
      processor.tlb.invalidateEpt(EPT);
      return;
    }
    case 'exception-or-nmi':
      block.write('cr2', exit.guestLinear);
      return block.injectEvent({ vector: 14, type: 3, errorCode: exit.interruption.errorCode });
    case 'invlpg':
      return skipInstruction(block, exit);
    case 'cpuid':
      return skipInstruction(block, exit);
    default:
      expect(exit.reason).toBe('preemption-timer');
  }
}

describe.each([
  ['compiled', 4],
  ['auto', 1],
] as const)('%s runs a guest as the interpreter does', (engine, seeds) => {
  const cases = Array.from({ length: seeds }, (_, seed) => [seed * 3 + (seed % 2), [0, CONTROL.pageFault, CONTROL.invlpg, 0][seed % 4]!]);
  it.each(cases)('program %i, controls %i', (seed, controls) => {
    const sides = [guestOf(seed, 'interpreter', controls), guestOf(seed, engine, controls)] as const;
    const [reference, other] = sides;
    const { interpreter } = other.processor;
    interpreter.blocks.hotAfter = 2;
    if (interpreter.threaded !== undefined && engine === 'auto') interpreter.threaded.hotAfter = 3;
    const next = random(seed * 71 + 5);
    const reasons = new Set<string>();
    for (let run = 0; run < EXITS; run++) {
      const budget = 1 + (next() % (next() % 3 ? 2000 : 30));
      const [expected, exit] = [reference.processor.enter(BLOCK, budget), other.processor.enter(BLOCK, budget)];
      expect(exit, `run ${run}`).toEqual(expected);
      reasons.add(exit.reason);
      if (run % 10 === 0 || run === EXITS - 1) {
        expect(seen(other, [...KERNEL_MEMORY, [0x500, 0x501]]), `run ${run}`).toBe(seen(reference, [...KERNEL_MEMORY, [0x500, 0x501]]));
      }
      for (const side of sides) handle(side, exit);
    }
    expect(other.processor.delivered).toEqual(reference.processor.delivered);
    expect(reasons).toContain('ept-violation');
    if (controls === CONTROL.pageFault) expect(reasons).toContain('exception-or-nmi');
    if (controls === CONTROL.invlpg) expect(reasons).toContain('invlpg');
    expect(interpreter.compiled!.quickEvents).toBeGreaterThan(50);
  });
});
