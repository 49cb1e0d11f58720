/** The facts that checks judge, read from the machine and the VMM. */
import { hostPhysical } from '../../machine/address';
import { formatRequester } from '../../machine/bus/dma-port';
import { NO_ERROR_CODE } from '../../machine/cpu/cpu-state';
import { VMM_PART_ALIASES } from '../document/references';
import type { CheckContext, ExceptionRecord, HostPiece } from '../checks/context';
import type { FaultRecord, SerialView } from '../protocol';
import { dramCount } from './dram-counts';
import type { Evidence } from './evidence';
import { hostAddressOf, translationContext } from './explain-query';
import { eachPage } from './memory-view';
import { explainSource, guestPieces, memorySource, type System } from './system';
import { faultReason } from './transaction-texts';
import { vmOf } from './system';

const PAGE_FAULT = 14;

/** Output of serial ports and consoles, of every VM or of the bare machine: all that is kept, or the last `most` bytes of each. */
export function serialChannels({ machine, vmm }: System, most = Infinity): SerialView['channels'] {
  const decoder = new TextDecoder();
  const channel = (vm: string | null, port: string, { output }: { output: Uint8Array }): SerialView['channels'][number] => {
    const earlier = Math.max(0, output.length - most);
    return { vm, port, text: decoder.decode(output.subarray(earlier)), earlier };
  };
  const channels = (vm: string | null, uart: { output: Uint8Array }, console: { output: Uint8Array }): SerialView['channels'] => [
    channel(vm, 'COM1', uart),
    channel(vm, '0xE9', console),
  ];
  if (!vmm) return channels(null, machine.uart, machine.debugPort);
  return vmm.vms.flatMap(({ id, bus }) => channels(id, bus.uart, bus.debugPort));
}

/** Rejected transactions, each once, in order: as the VMM took them from the unit, or as the unit has them on the bare machine. */
function faultRecords({ machine, vmm }: System): FaultRecord[] {
  const rejected = machine.iommu?.rejectedTransactions() ?? [];
  if (vmm) {
    return vmm.faults.map(({ requester, address, access, reason, at }) => {
      // the register keeps the page; the unit's history knows the byte
      const exact =
        rejected.find((entry) => entry.requester === requester && entry.reason === reason && entry.address === address)?.exactAddress ??
        address;
      return { requester: formatRequester(requester), address: exact, access, reason, text: faultReason(reason), at };
    });
  }
  return rejected.map(({ requester, exactAddress, access, reason, tick }) => ({
    requester: formatRequester(requester),
    address: exactAddress,
    access,
    reason,
    text: faultReason(reason),
    at: tick,
  }));
}

function exceptions({ machine, vmm }: System): ExceptionRecord[] {
  const byVpid = new Map(vmm?.vms.map((vm) => [vm.index + 1, vm.id]) ?? []);
  return machine.processor.delivered
    .filter(({ kind }) => kind !== 'external')
    .map(({ vector, errorCode, cr2, vpid }) => ({
      vm: byVpid.get(vpid) ?? null,
      vector,
      errorCode: errorCode === NO_ERROR_CODE ? null : errorCode,
      cr2: vector === PAGE_FAULT ? cr2 : null,
    }));
}

/** Pieces of host memory under a range; physical neighbours joined. */
function hostPieces(system: System, from: number, bytes: number): HostPiece[] {
  const { isMemory } = memorySource(system);
  const pieces: HostPiece[] = [];
  let at = from;
  const end = from + bytes;
  for (const { base, end: rangeEnd } of system.machine.chipset.ranges()) {
    if (rangeEnd <= at || base >= end) continue;
    const count = Math.min(rangeEnd, end) - at;
    const host = isMemory(at) ? at : null;
    const last = pieces.at(-1);
    if (last && host !== null && last.host !== null && last.host + last.bytes === host) last.bytes += count;
    else pieces.push({ host, bytes: count });
    at += count;
  }
  if (at < end) pieces.push({ host: null, bytes: end - at });
  return pieces;
}

function linearPieces(system: System, vm: string | null, from: number, bytes: number): HostPiece[] {
  const source = explainSource(system);
  const context = translationContext(source, vm);
  const pieces: HostPiece[] = [];
  eachPage(from, bytes, (address, count) => pieces.push({ host: hostAddressOf(source, context, 'linear', address), bytes: count }));
  return pieces;
}

/** `stop` is what the run ended with, when it has. */
export function checkFacts(system: System, evidence: Evidence | null): CheckContext {
  const { machine, vmm } = system;
  const context: CheckContext = {
    stop: null,
    readHost: (host, bytes) => machine.chipset.peek(hostPhysical(host), bytes),
    pieces(space, vm, from, bytes) {
      if (space === 'host') return hostPieces(system, from, bytes);
      if (space === 'linear') return linearPieces(system, vm, from, bytes);
      // guest-physical is host-physical on the bare machine
      return vm === null ? hostPieces(system, from, bytes) : guestPieces(vmOf(system, vm), from, bytes);
    },
    guestMemory: (vm) => vmm?.vm(vm)?.memoryBytes ?? null,
    part(name, vm) {
      const only = vm ?? (vmm?.vms.length === 1 ? vmm.vms[0]!.id : undefined);
      return vmm?.part(VMM_PART_ALIASES[name] ?? name, only) ?? null;
    },
    before: (range) => evidence?.bytesBefore(range) ?? null,
    locate: (host) => machine.controller.locate(hostPhysical(host))?.cell ?? null,
    unanswered(address) {
      const guests = vmm?.vms.reduce((sum, vm) => sum + vm.unanswered(address ?? undefined), 0) ?? 0;
      if (address !== null) return guests + machine.chipset.unansweredAt(address);
      return guests + machine.chipset.counters.unansweredMemory;
    },
    serial(vm) {
      const channels = serialChannels(system).filter((channel) => vm === null || channel.vm === vm);
      return channels.map((channel) => channel.text).join('');
    },
    exits: (vm) => vmm?.vm(vm)?.exits ?? {},
    tlb: machine.processor.tlb.statistics,
    dram: (count, slot, bank) =>
      // samples are no answer
      dramCount(machine.memory.observe === 'exact' ? machine.memory.dram : undefined, count, slot, bank),
    instructions: (vm) => (vm === null ? machine.instructions : (vmm?.vm(vm)?.vcpu.block.instructions ?? null)),
    exceptions: exceptions(system),
    faults: faultRecords(system),
  };
  return context;
}
