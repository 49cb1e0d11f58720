/** The machine as the VMM uses it. The one place where the VMM names the machine's parts. */
import { hostPhysical, PAGE_SIZE } from '../machine/address';
import { cpuidLeaf } from '../machine/cpu/control';
import type { Machine } from '../machine/machine';
import type { HostDevice, VmmHost } from './host';

export function hostOf(machine: Machine): VmmHost {
  const { processor, clock } = machine;
  return {
    memory: machine.chipset,
    physicalAddressBits: machine.map.physicalAddressBits,
    dram: wholeFrames(machine),
    devices: passableDevices(machine),
    iommuPresent: machine.iommu !== undefined,
    slotsOf: (address, bytes) => machine.slotsOf(hostPhysical(address), bytes),
    cpuid: (leaf) => cpuidLeaf(processor.system.part, leaf),
    enter(vm, block, budget, options) {
      machine.setInitiator(vm, vm);
      const exit = machine.slice(() => processor.enter(block.address, machine.sliceLimit(budget), options));
      machine.setInitiator('vmm');
      return exit;
    },
    stoppedAt() {
      if (processor.watchHit) return 'watchpoint';
      if (processor.interpreter.atBreakpoint) return 'breakpoint';
      return processor.stoppedAtDelivery ? 'delivery' : null;
    },
    setStops({ breakpoints, watchpoints }) {
      processor.setBreakpoints(breakpoints);
      processor.setWatchpoints(watchpoints);
    },
    invalidateEpt: (pointer) => processor.tlb.invalidateEpt(pointer - (pointer % PAGE_SIZE)),
    countInstruction() {
      processor.state.instructions += 1;
      processor.state.ticks += 1;
    },
    instructions: () => machine.instructions,
    runDueEvents: () => machine.serviceEvents(),
    ticksToNextEvent: () => clock.nextEventTick() - clock.now(),
    waitForEvent: () => machine.waitForEvent(),
    outOfMemory: () => machine.stopRequested() === 'out-of-memory',
    log: (report) => machine.log.add(report),
    onDma: (listener) => machine.onDma(listener),
  };
}

/** DRAM that one DIMM answers, as whole frames: conflicts and device windows are nothing to build on. */
function wholeFrames(machine: Machine): { base: number; bytes: number }[] {
  return machine.chipset
    .ranges()
    .filter(({ kind }) => kind === 'dram')
    .map(({ base, end }) => ({ first: Math.ceil(base / PAGE_SIZE), last: Math.floor(end / PAGE_SIZE) }))
    .filter(({ first, last }) => last > first)
    .map(({ first, last }) => ({ base: first * PAGE_SIZE, bytes: (last - first) * PAGE_SIZE }));
}

/** Devices with a place on PCI and at least one BAR that answers. */
function passableDevices(machine: Machine): HostDevice[] {
  const devices: HostDevice[] = [];
  for (const [id, requester] of machine.devices.dmaRequesters) {
    const device = machine.bus.device(id);
    if (!device?.pci) continue;
    const bars = device.regions.flatMap(({ name, kind, size }) => {
      const hostBase = machine.barOf(id, name);
      return kind === 'memory' && hostBase !== undefined ? [{ region: name, size, hostBase }] : [];
    });
    devices.push({ id, kind: device.kind, requester, identity: device.pci, bars });
  }
  return devices;
}
