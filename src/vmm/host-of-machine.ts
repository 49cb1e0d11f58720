/** The machine as the VMM uses it. The one place where the VMM names the machine's parts. */
import { hostPhysical, PAGE_SIZE } from '../machine/address';
import { cpuidLeaf } from '../machine/cpu/cpuid';
import type { Machine } from '../machine/machine';
import { MACHINE_CHECK_MSR } from '../machine/cpu/machine-check';
import type { HostDevice, MemoryErrors, VmmHost } from './host';

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
    memoryErrors: memoryErrors(machine),
    log: (report) => machine.log.add(report),
    onDma: (listener) => machine.onDma(listener),
  };
}

/** VAL and UC of the bank's status (SDM vol. 3, 15.3.2.2), and the one kind of error that the bank has to enable. */
const VALID_UNCORRECTED = 0xa000_0000_0000_0000n;
const ENABLE_MEMORY = 1n;

function memoryErrors({ processor, board }: Machine): MemoryErrors | null {
  const bank = processor.system.machineCheck;
  if (!bank.present || !board.slots.some(({ ecc }) => ecc)) return null;
  return {
    enable: () => void bank.write(MACHINE_CHECK_MSR.bankControl, ENABLE_MEMORY),
    take() {
      const status = bank.read(MACHINE_CHECK_MSR.bankStatus)!;
      const address = Number(bank.read(MACHINE_CHECK_MSR.bankAddress)!);
      bank.write(MACHINE_CHECK_MSR.bankStatus, 0n);
      return (status & VALID_UNCORRECTED) === VALID_UNCORRECTED ? { address } : null;
    },
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
