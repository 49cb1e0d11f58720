/**
 * Guests that change their code and their page tables, run for a long time in one process. Arguments: minutes, then NAME=IMAGE=ENGINE
 * of each guest. Prints a line of JSON now and then: what memory there is, and what the tiers hold.
 */
import { readFileSync } from 'node:fs';
import { hostPhysical } from '../../src/machine/address';
import { STATE_SIZE } from '../../src/machine/cpu/state-layout';
import type { Engine } from '../../src/machine/cpu/engine';
import { applyProcessorStart, protectedModeStart } from '../../src/machine/firmware/processor-start';
import { Machine } from '../../src/machine/machine';

const LOAD = 0x10_0000;
const SLICE = 200_000;
const REPORT_SECONDS = 10;

const [minutes, ...guests] = process.argv.slice(2);
const machines = guests.map((guest) => {
  const [name, image, engine] = guest.split('=') as [string, string, Engine];
  const machine = new Machine(
    {
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
      devices: [],
    },
    { engine },
  );
  machine.chipset.writeBytes(hostPhysical(LOAD), readFileSync(image));
  applyProcessorStart(new DataView(machine.frames.memory.buffer, 0, STATE_SIZE), protectedModeStart(LOAD, {}, null));
  return { name: `${name} ${engine}`, machine };
});

const begun = performance.now();
const seconds = (): number => (performance.now() - begun) / 1000;
const end = Number(minutes) * 60;
for (let next = 0; seconds() < end;) {
  for (const { name, machine } of machines) {
    const { reason } = machine.run(SLICE);
    if (reason !== 'budget') throw new Error(`${name} stopped with ${reason} after ${machine.instructions} instructions`);
  }
  if (seconds() < next) continue;
  next += REPORT_SECONDS;
  report();
  // lets the engine's own tasks run: freeing code is one of them
  await new Promise((done) => setTimeout(done, 10));
}
report();

function report(): void {
  globalThis.gc?.();
  const tiers = machines.map(({ machine }) => machine.processor.interpreter);
  const sizes = tiers.flatMap(({ compiled }) => (compiled === undefined ? [] : [compiled.regions.size]));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const line = {
    seconds: Math.round(seconds()),
    rss: process.memoryUsage.rss(),
    pool: sum(machines.map(({ machine }) => machine.frames.memory.buffer.byteLength)),
    instructions: sum(machines.map(({ machine }) => machine.instructions)),
    regions: sum(sizes.map(({ count }) => count)),
    regionBytes: sum(sizes.map(({ bytes }) => bytes)),
    largestRegion: Math.max(0, ...sizes.map(({ largest }) => largest)),
    compiled: sum(tiers.map(({ compiled }) => compiled?.regions.compiled ?? 0)),
    threaded: sum(tiers.map(({ threaded }) => threaded?.translated ?? 0)),
  };
  process.stdout.write(JSON.stringify(line) + '\n');
}
