/**
 * Pagewalk's own processor on the bare default board, in a process of its own. Arguments: image, tier. Prints one JSON line: the
 * phases, with instruction counts; without arguments, the tiers there are.
 */
import { readFileSync } from 'node:fs';
import { hostPhysical } from '../../src/machine/address';
import { applyProcessorStart, protectedModeStart } from '../../src/machine/firmware/processor-start';
import { STATE_SIZE } from '../../src/machine/cpu/state-layout';
import { Machine } from '../../src/machine/machine';
import { Markers } from '../markers.mjs';

const LOAD = 0x10_0000;
const SLICE = 200_000;

/** The tiers that can be asked for. */
const TIERS = ['interpreter', 'threaded', 'compiled'] as const;
type Tier = (typeof TIERS)[number];

const [image, tier] = process.argv.slice(2);
if (image === undefined) process.stdout.write(JSON.stringify(TIERS) + '\n');
else if (!TIERS.includes(tier as Tier)) throw new Error(`there is no tier ${String(tier)}`);
else run(image, tier as Tier);

function run(file: string, engine: Tier): void {
  const machine = new Machine(
    {
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
      devices: [],
    },
    { engine },
  );
  machine.chipset.writeBytes(hostPhysical(LOAD), readFileSync(file));
  applyProcessorStart(new DataView(machine.frames.memory.buffer, 0, STATE_SIZE), protectedModeStart(LOAD, {}, null));

  const markers = new Markers();
  const counts: number[] = [];
  let seen = 0;
  for (;;) {
    const { reason } = machine.run(SLICE);
    const output = machine.debugPort.output;
    for (; seen < output.length; seen++) {
      const before = markers.marks.length;
      markers.push(String.fromCharCode(output[seen]!));
      if (markers.marks.length > before) counts.push(machine.instructions);
    }
    if (markers.finished) break;
    if (reason !== 'budget') throw new Error(`the guest stopped with ${reason} after ${machine.instructions} instructions`);
  }
  const phases = markers.phases();
  process.stdout.write(JSON.stringify(phases.map((phase, i) => ({ ...phase, instructions: counts[i + 1]! - counts[i]! }))) + '\n');
}
