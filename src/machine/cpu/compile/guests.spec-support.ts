/** The benchmark's guests, cut short, on machines: what the tiers are compared on. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { assemble } from '../../../assembler';
import { hostPhysical } from '../../address';
import { boardSchema } from '../../board/schema';
import { applyProcessorStart, protectedModeStart } from '../../firmware/processor-start';
import { Machine } from '../../machine';
import type { Engine } from '../engine';
import type { Processor } from '../processor';
import { STATE_SIZE } from '../state-layout';
import { random } from '../../random.spec-support';

const GUESTS = join(import.meta.dirname, '../../../../bench/guests');
const sources = Object.fromEntries(
  readdirSync(GUESTS)
    .filter((name) => /\.(asm|inc)$/.test(name))
    .map((name) => [name, readFileSync(join(GUESTS, name), 'utf8')]),
);
/** Fewer rounds of everything: counts of 10 000 and more, and rounds held in EBP. */
const shorter = (source: string): string =>
  source
    .replace(/\b65536\b/g, '4096')
    .replace(/\be([cb])([xp]),(\d{5,})\b/g, 'e$1$2,120')
    .replace(/\bebp,(\d{2,3})$/gm, 'ebp,1')
    .replace('esi,6000000', 'esi,400')
    .replace('esi,300000', 'esi,60')
    .replace('dword 33', 'dword 9')
    .replace('0x4000000-8', '0x40000-8')
    .replace('BIG+0x4000000', 'BIG+0x40000')
    .replace('cmp ebx,16384', 'cmp ebx,400')
    .replace(/ecx,1000\b/g, 'ecx,12')
    .replace('PAGES 256', 'PAGES 32')
    .replace('test ebp,0xFFFF', 'test ebp,0x1FF');

/** @param more of the board */
export function guest(name: string, engine: Engine, more: object = {}): Machine {
  const machine = new Machine(
    boardSchema.parse({
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
      devices: [],
      ...more,
    }),
    { engine, poolLimit: 2 ** 28 },
  );
  const made = assemble({ ...sources, [name]: shorter(sources[name]!) }, name);
  if (!made.ok) throw new Error(made.diagnostics.map(({ message }) => message.en).join('\n'));
  machine.chipset.writeBytes(hostPhysical(made.origin), made.bytes);
  applyProcessorStart(new DataView(machine.frames.memory.buffer, 0, STATE_SIZE), protectedModeStart(made.origin, {}, null));
  machine.processor.stateReplaced();
  return machine;
}

export function hashOf(machine: Machine): string {
  const hash = createHash('sha256');
  for (const chunk of machine.stateChunks()) hash.update(Uint8Array.from(chunk));
  return hash.digest('hex');
}

/** State hashes at random instruction counts, and what was printed, until the guest halts. */
export function course(
  name: string,
  engine: Engine,
  prepare?: (machine: Machine) => void,
  more?: object,
): { hashes: string[]; output: string; made: number } {
  const machine = guest(name, engine, more);
  prepare?.(machine);
  const next = random(20_260_101);
  const hashes: string[] = [];
  for (;;) {
    const { reason } = machine.run(1 + (next() % 60_000));
    hashes.push(`${machine.instructions} ${hashOf(machine)}`);
    if (reason === 'halted') break;
    expect(reason).toBe('budget');
  }
  const output = String.fromCharCode(...machine.debugPort.output);
  return { hashes, output, made: madeBy(machine.processor) };
}

/** Threaded blocks and compiled regions made so far. */
export const madeBy = ({ interpreter: { threaded, compiled } }: Processor): number =>
  (threaded?.translated ?? 0) + (compiled?.regions.compiled ?? 0);
