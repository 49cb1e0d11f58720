/**
 * Pagewalk's own processor in a process of its own, on the bare default board or (`vm`) as a VM under the VMM with EPT. Arguments:
 * image, tier, and `cpu` for processor time. Prints one JSON line: the phases, with instruction counts; without arguments, the tiers there are.
 */
import { readFileSync } from 'node:fs';
import { useBranchHints } from '../../src/host/branch-hints';
import { hostPhysical } from '../../src/machine/address';
import type { Engine } from '../../src/machine/cpu/engine';
import { STATE_SIZE } from '../../src/machine/cpu/state-layout';
import type { DebugPort } from '../../src/machine/devices/debug-port/debug-port';
import { applyProcessorStart, protectedModeStart } from '../../src/machine/firmware/processor-start';
import { SliceLength } from '../../src/lab/session/slice-length';
import { Machine } from '../../src/machine/machine';
import { hostOf } from '../../src/vmm/host-of-machine';
import { Vmm } from '../../src/vmm/vmm';
import { threadClock } from '../clock.mjs';
import { Markers } from '../markers.mjs';

const LOAD = 0x10_0000;
/** The guests touch 128 MiB and map 132. */
const VM_MEMORY = 144 * 1024 * 1024;

/** What can be asked for: a tier; `vm`, the compiled one under the VMM; and all tiers while accesses to DRAM are sampled, or all counted. */
const TIERS = ['interpreter', 'threaded', 'compiled', 'vm', 'sampled', 'exact'] as const;
type Tier = (typeof TIERS)[number];

/** A guest that is loaded and ready. */
interface Guest {
  /** lets it run for at most so many instructions, and says why it came back */
  run: (budget: number) => string;
  /** where it writes what it has to say */
  port: DebugPort;
  /** instructions completed, exact while it writes */
  instructions: () => number;
}

useBranchHints();
const [image, tier, clock] = process.argv.slice(2);
if (image === undefined) process.stdout.write(JSON.stringify(TIERS) + '\n');
else if (!TIERS.includes(tier as Tier)) throw new Error(`there is no tier ${String(tier)}`);
else measure(tier === 'vm' ? inVm(image) : bare(image, tier as Exclude<Tier, 'vm'>));

function machineOf(engine: Engine): Machine {
  return new Machine(
    {
      processor: 'p6-virtualization',
      assignment: 'fixed',
      slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }],
      devices: [],
    },
    { engine },
  );
}

function bare(file: string, tier: Exclude<Tier, 'vm'>): Guest {
  const observe = tier === 'sampled' || tier === 'exact' ? tier : 'off';
  const machine = machineOf(tier === 'sampled' || tier === 'exact' ? 'auto' : tier);
  machine.memory.observe = observe;
  machine.chipset.writeBytes(hostPhysical(LOAD), readFileSync(file));
  applyProcessorStart(new DataView(machine.frames.memory.buffer, 0, STATE_SIZE), protectedModeStart(LOAD, {}, null));
  return { run: (budget) => machine.run(budget).reason, port: machine.debugPort, instructions: () => machine.instructions };
}

function inVm(file: string): Guest {
  const machine = machineOf('compiled');
  const vmm = new Vmm(hostOf(machine), {
    allocation: { seed: 1, preoccupied: 0 },
    iommuEnabled: false,
    vms: [{ id: 'guest', memory: VM_MEMORY, backing: 'eager', passthrough: [] }],
  });
  const vm = vmm.vms[0]!;
  vm.writeGuest(LOAD, readFileSync(file));
  vm.start(protectedModeStart(LOAD, {}, null));
  return { run: (budget) => vmm.run(budget).reason, port: vm.bus.debugPort, instructions: () => machine.instructions };
}

function measure({ run, port, instructions }: Guest): void {
  const now = clock === 'cpu' ? threadClock : (): number => performance.now();
  const markers = new Markers(now);
  const counts: number[] = [];
  // phases begin and end when a byte is written, in the middle of a run
  const write = port.write.bind(port);
  port.write = (region, offset, size, value) => {
    write(region, offset, size, value);
    const before = markers.marks.length;
    markers.push(String.fromCharCode(value & 0xff));
    if (markers.marks.length > before) counts.push(instructions());
  };
  // as the window's run loop
  const slice = new SliceLength();
  while (!markers.finished) {
    const [begun, before] = [now(), instructions()];
    const reason = run(slice.instructions);
    slice.took(now() - begun, instructions() - before);
    if (!markers.finished && reason !== 'budget') throw new Error(`the guest stopped with ${reason} after ${instructions()} instructions`);
  }
  const phases = markers.phases();
  process.stdout.write(JSON.stringify(phases.map((phase, i) => ({ ...phase, instructions: counts[i + 1]! - counts[i]! }))) + '\n');
}
