/** Running what `boot` has put together: slices up to the end or the limit, with stops exactly where a hash is wanted. */
import type { Stop } from '../../lab/session/computer';
import { stateHash } from '../../lab/snapshot/state-hash';
import type { Machine } from '../../machine/machine';
import type { Trace } from './boot-trace';
import { SERIAL_SLICE, type SerialConnection } from './boot-serial';

/** Instructions between two looks at the serial port and at Ctrl-C; nothing else depends on them. */
const SLICE = { first: 100_000, least: 10_000, most: 5_000_000 } as const;
/** So long a slice should take, in milliseconds. */
const SLICE_TIME = 100;

export interface BootRun {
  /** `paused`: the user has interrupted it */
  stop: Stop['kind'];
  /** value a program wrote to the exit port */
  exitValue: number | null;
  /** of running, loading excluded */
  seconds: number;
  hashes: Record<string, string>;
}

export interface BootRunOptions {
  /** instructions after which it ends; without, it goes on until something ends it */
  maxInstructions?: number;
  /** counts of instructions at which the state is hashed, in any order */
  hashAt: readonly number[];
  trace: Trace | null;
  serial: SerialConnection | null;
  /** aborted by Ctrl-C */
  interrupted: AbortSignal | undefined;
}

/** Signals and what stands on standard input are heard of between slices. */
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Runs it. A hash at an instruction that is never reached is not among those that come back. */
export async function runBoot(
  machine: Machine,
  { maxInstructions: limit = Infinity, hashAt, trace, serial, interrupted }: BootRunOptions,
): Promise<BootRun> {
  const hashes: Record<string, string> = {};
  const wanted = [...new Set(hashAt)].sort((a, b) => a - b);
  const most = serial ? SERIAL_SLICE : SLICE.most;
  let slice: number = SLICE.first;
  let seconds = 0;
  let stop: Stop['kind'] | null = null;
  await turn();
  while (stop === null) {
    const { instructions } = machine;
    if (wanted[0] === instructions) {
      hashes[instructions] = stateHash(machine, null);
      wanted.shift();
      continue;
    }
    if (instructions >= limit) {
      stop = 'limit';
      break;
    }
    const budget = Math.min(slice, limit - instructions, (wanted[0] ?? Infinity) - instructions);
    const begun = performance.now();
    const reason = trace ? trace.steps(budget) : machine.run(budget).reason;
    const taken = performance.now() - begun;
    seconds += taken / 1000;
    slice = Math.round(Math.min(most, Math.max(SLICE.least, (slice * SLICE_TIME) / Math.max(taken, SLICE_TIME / 4))));
    serial?.flush();
    if (reason === 'budget') await turn();
    else if (reason === 'halted' && serial?.awaited && !interrupted?.aborted) await serial.wait(interrupted);
    else if (reason !== 'breakpoint' && reason !== 'watchpoint') stop = reason;
    if (interrupted?.aborted) stop ??= 'paused';
  }
  // a program that ends at the very instruction has been there
  if (wanted[0] === machine.instructions) hashes[machine.instructions] = stateHash(machine, null);
  return { stop, exitValue: machine.exitPort.exitValue, seconds, hashes };
}
