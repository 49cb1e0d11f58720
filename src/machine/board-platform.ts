/** The bare board as firmware sees it: where its DRAM is, how it came there, and how to write to it. */
import { hostPhysical } from './address';
import { placementName } from './board/placement';
import { processorPart } from './board/processors';
import type { BootStep } from './firmware/boot-report';
import { scanSteps } from './firmware/pci-setup';
import { e820 } from './firmware/memory-map';
import { setUpMemory } from './firmware/memory-setup';
import type { Platform, PlatformRange, SlotAssignment } from './firmware/platform';
import type { Machine } from './machine';
import { SpdReader } from './firmware/spd-reader';
import { A20_PORT } from './devices/a20-gate/a20-gate';
import { COM1_BASE } from './devices/uart/uart';
import { SMBUS_DONE, SPD_SLOTS } from './devices/smbus/smbus';
import { spdByte } from './spd-bus';

export function boardPlatform(machine: Machine): Platform {
  const { board, map } = machine;
  return {
    kind: 'board',
    name: 'board',
    get memory() {
      return dramRanges(machine);
    },
    assignment: {
      mode: board.assignment,
      slots: map.placements.map((placement): SlotAssignment => {
        const { base, end } = placement;
        return { slot: placementName(placement), base, bytes: end - base };
      }),
    },
    loader: board.firmware?.loader ?? 'strict',
    physicalAddressBits: map.physicalAddressBits,
    ...(processorPart(board.processor)?.instructionSet === '8086' ? { realModeOnly: board.processor } : {}),
    bios: {
      memoryMap: e820(map.ranges),
      serialPort: COM1_BASE,
      screen: board.devices.some(({ kind }) => kind === 'vga-memory'),
      a20Gate: machine.bus.resolvePort(A20_PORT)?.device.kind === 'a20-gate',
    },
    prepare: () =>
      machine.asFirmware(() => [
        ...pciSteps(machine),
        ...setUpMemory({
          board,
          map,
          spd: spdSource(machine),
          isMemory: (base, bytes) => dramRanges(machine).some((range) => base >= range.base && base + bytes <= range.base + range.bytes),
          writeBytes: (address, bytes) => machine.chipset.writeBytes(hostPhysical(address), bytes),
        }),
      ]),
    writeBytes: (address, bytes) => machine.chipset.writeBytes(hostPhysical(address), bytes),
    slotsOf: (address, bytes) => machine.slotsOf(hostPhysical(address), bytes),
  };
}

/** Through the SMBus controller, for the eight slots that are on its bus; boards with more have further buses behind a multiplexer. */
function spdSource(machine: Machine): (slotIndex: number, offset: number) => number | undefined {
  const smbus = machine.bus.device('smbus');
  const reader =
    smbus &&
    new SpdReader({
      readPort: (port) => machine.chipset.readPort(port, 1),
      writePort: (port, value) => machine.chipset.writePort(port, 1, value),
      // the clock starts with the first instruction of what is loaded: what firmware waits for is over at once
      wait: () => {
        machine.clock.cancel(smbus.id);
        smbus.event({ kind: SMBUS_DONE });
      },
    });
  return (slotIndex, offset) =>
    reader && slotIndex < SPD_SLOTS ? reader.byte(slotIndex, offset) : spdByte(machine.board, slotIndex, offset);
}

function pciSteps({ pciTree: { scan, topology, configuration } }: Machine): BootStep[] {
  const names = new Map(topology.bridges.map(({ id, primary, devfn }) => [(primary << 8) | devfn, id]));
  const windowOf = (requester: number): { base: number; end: number } | undefined => {
    const name = names.get(requester);
    const window = name === undefined ? undefined : configuration.bridgeOf(name).forwarded;
    return window && window.end > window.base ? window : undefined;
  };
  return scanSteps(scan, (requester) => names.get(requester) ?? '?', windowOf);
}

/** DRAM that answers now, under no device window; neighbours joined. Conflicts are no memory to build on. */
function dramRanges({ chipset }: Machine): PlatformRange[] {
  const ranges: { base: number; bytes: number; slots: string[] }[] = [];
  for (const { base, end, kind, slots } of chipset.ranges()) {
    if (kind !== 'dram') continue;
    const last = ranges.at(-1);
    if (last && last.base + last.bytes === base) {
      last.bytes = end - last.base;
      for (const slot of slots) if (!last.slots.includes(slot)) last.slots.push(slot);
    } else ranges.push({ base, bytes: end - base, slots: [...slots] });
  }
  return ranges;
}
