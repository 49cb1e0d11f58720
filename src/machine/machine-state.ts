/**
 * The machine as data: snapshots that restore it to the byte, and the canonical serialisation that the state hash is taken
 * over. Both are versioned; a snapshot of another version or another board is refused with the reason.
 */
import type { SavedChipset } from './bus/chipset-counters';
import type { SavedTransactions } from './bus/transaction-log';
import type { SavedClock } from './clock/machine-clock';
import type { SavedDeliveries } from './cpu/delivery-log';
import { STATE, STATE_LAYOUT_VERSION, STATE_SIZE } from './cpu/state-layout';
import type { Device } from './devices/device';
import type { SavedMemory } from './memory-model';
import type { Machine } from './machine';
import type { FrameSnapshot } from './memory/frame-store';
import { PAGE_SIZE } from './address';

const MACHINE_SNAPSHOT_FORMAT = 3;
/** Raised whenever the canonical serialisation changes, because every hash changes with it. */
const STATE_SERIALISATION_VERSION = 3;

export interface SavedMachine {
  format: typeof MACHINE_SNAPSHOT_FORMAT;
  stateLayout: number;
  /** the processor's state with lazy flags materialised */
  state: Uint8Array;
  tlb: Uint8Array;
  exceptions: SavedDeliveries;
  /** by id */
  devices: Record<string, Uint8Array>;
  lines: [irq: number, devices: string[]][];
  clock: SavedClock;
  chipset: SavedChipset;
  log: SavedTransactions;
  frames: FrameSnapshot;
  /** null, or absent in older snapshots: nothing was modelled */
  dram?: SavedMemory | null;
}

export interface MachineSnapshot extends SavedMachine {
  dmaRequests: number;
  initiator: { who: string; vm?: string };
}

/** Thrown when a snapshot cannot be restored on this machine. The machine is as it was. */
export class MachineStateError extends Error {
  constructor(problem: string) {
    super(`cannot restore the snapshot: ${problem}`);
    this.name = 'MachineStateError';
  }
}

export function saveMachine(machine: Machine): SavedMachine {
  const { processor } = machine;
  return {
    format: MACHINE_SNAPSHOT_FORMAT,
    stateLayout: STATE_LAYOUT_VERSION,
    state: materialised(machine),
    tlb: processor.tlb.save(),
    exceptions: processor.deliveries.save(),
    devices: Object.fromEntries(devicesById(machine).map((device) => [device.id, device.save()])),
    lines: machine.interrupts.lines.save(),
    clock: machine.clock.save(),
    chipset: machine.chipset.save(),
    log: machine.log.save(),
    frames: machine.frames.snapshot(),
    dram: machine.memory.save(),
  };
}

export function loadMachine(machine: Machine, saved: SavedMachine): void {
  if (saved.format !== MACHINE_SNAPSHOT_FORMAT)
    throw new MachineStateError(`its format is ${String(saved.format)}, expected ${MACHINE_SNAPSHOT_FORMAT}`);
  if (saved.stateLayout !== STATE_LAYOUT_VERSION || saved.state.length !== STATE_SIZE) {
    throw new MachineStateError(`its processor state has layout ${saved.stateLayout}, expected ${STATE_LAYOUT_VERSION}`);
  }
  const devices = devicesById(machine);
  const missing = devices.find(({ id }) => saved.devices[id] === undefined);
  if (missing || Object.keys(saved.devices).length !== devices.length)
    throw new MachineStateError('it was taken on a board with other devices');
  machine.frames.restore(saved.frames);
  machine.processor.state.u8.set(saved.state);
  machine.clock.load(saved.clock);
  // who pulls which line comes first and the controllers last, so that a device that drives its line again changes nothing
  machine.interrupts.lines.load(saved.lines);
  const controllers = new Set(machine.interrupts.controllers);
  for (const device of devices) if (!controllers.has(device)) device.load(saved.devices[device.id]!);
  for (const device of controllers) device.load(saved.devices[device.id]!);
  machine.processor.deliveries.load(saved.exceptions);
  machine.processor.tlb.load(saved.tlb);
  machine.processor.stateReplaced();
  machine.memory.load(saved.dram ?? null);
  // last, because restoring devices moves windows and may log
  machine.chipset.load(saved.chipset);
  machine.log.load(saved.log);
}

/**
 * The canonical serialisation (CONTRACTS.md, "State hash"): version, architectural registers in the table's order, TLB,
 * pending events, devices in id order, the DRAM model where it has effects, then (frame number, bytes) ascending without frames that are all zero. Little-endian.
 */
export function* stateChunks(machine: Machine): Generator<Uint8Array> {
  yield header(STATE_SERIALISATION_VERSION, STATE_LAYOUT_VERSION);
  const state = materialised(machine);
  for (const field of Object.values(STATE)) {
    if (field.architectural) yield state.subarray(field.offset, field.offset + field.count * field.stride);
  }
  yield* framed(machine.processor.tlb.save());
  const events = machine.clock.pending().map(({ tick, device, tag }) => [tick, device, tag.kind, tag.value ?? null, completionOf(tag)]);
  yield* framed(new TextEncoder().encode(JSON.stringify([events, machine.interrupts.lines.save()])));
  for (const device of devicesById(machine)) {
    yield* framed(new TextEncoder().encode(device.id));
    yield* framed(device.save());
  }
  const { dram } = machine.memory;
  if (dram?.architectural) yield* framed(new TextEncoder().encode(JSON.stringify(dram.save())));
  const { frames } = machine;
  for (const [frame, offset] of frames.entries()) {
    if (frames.isZeroAt(offset)) continue;
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(frame), true);
    yield number;
    yield frames.u8.subarray(offset, offset + PAGE_SIZE);
  }
}

function devicesById(machine: Machine): Device[] {
  return machine.bus.devices().sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/** A copy of the processor's state with its flags evaluated. */
function materialised({ processor: { state } }: Machine): Uint8Array {
  state.materialiseFlags();
  return state.u8.slice(0, STATE_SIZE);
}

function completionOf({ completion }: { completion?: { id: number; status: string; data?: Uint8Array } }): unknown {
  return completion ? [completion.id, completion.status, completion.data ? [...completion.data] : null] : null;
}

const header = (...numbers: number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer);

function* framed(bytes: Uint8Array): Generator<Uint8Array> {
  yield header(bytes.length);
  yield bytes;
}
