/** For specs that hold one tier against another: random numbers, and everything that must be the same. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { PAGE_SIZE, hostPhysical } from '../../address';
import { STATE } from '../state-layout';
import type { Bench } from '../test-bench.spec-support';

/** Registers in words, and a hash of the architectural state, the TLB with its statistics, and pages of memory (first and behind the last). */
export function seen({ processor, memory, frames }: Bench, pages: readonly (readonly [first: number, end: number])[]): string {
  const { state } = processor;
  state.materialiseFlags();
  const hash = createHash('sha256');
  for (const field of Object.values(STATE)) {
    if (field.architectural) hash.update(Uint8Array.from(state.u8.subarray(field.offset, field.offset + field.count * field.stride)));
  }
  hash.update(processor.tlb.save());
  for (const [first, end] of pages) hash.update(memory.peek(hostPhysical(first * PAGE_SIZE), (end - first) * PAGE_SIZE));
  expect(frames.full).toBe(false);
  const registers = Array.from({ length: 8 }, (_, i) => state.reg32(i).toString(16)).join(' ');
  return `${state.instructions} eip ${state.eip.toString(16)} ${registers} flags ${state.eflags.toString(16)} cr2 ${state.cr2.toString(16)} tlb ${Object.values(processor.tlb.statistics).join(' ')} ${hash.digest('hex')}`;
}
