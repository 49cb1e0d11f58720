/** The VMs: the virtualization view; and their memory on the host, who owns what: the placement view. */
import { PAGE_SIZE } from '../../machine/address';
import type { Vm } from '../../vmm/vm';
import type { BootReport, MappingPiece, OwnedExtent, PlacementView, VirtualizationView, VmView } from '../protocol';
import { hostPhysical } from '../../machine/address';
import { exitCounts } from './exit-counts';
import type { System } from './system';

/** More pieces than this are not drawn: the map says how many there are by its totals. */
const MOST_PIECES = 20_000;

function stateOf(vm: Vm, refused: boolean, current: boolean): VmView['state'] {
  if (refused) return 'refused';
  if (vm.state === 'ready') return current ? 'running' : 'waiting';
  return vm.state;
}

function vmView({ vmm }: System, vm: Vm, index: number, boots: readonly BootReport[]): VmView {
  const refused = boots.find((report) => report.vm === vm.id)?.refused ?? null;
  return {
    id: vm.id,
    index,
    state: stateOf(vm, refused !== null, vmm!.current === vm),
    detail: refused?.message ?? vm.detail,
    memoryBytes: vm.memoryBytes,
    residentBytes: vm.map.mappedFrames * PAGE_SIZE,
    tableBytes: vmm!.tableBytes(vm.id),
    translation: 'ept',
    instructions: vm.instructions,
    ticks: vm.vcpu.block.ticks,
    exits: exitCounts(vm.exits),
    passthrough: [...vm.options.passthrough],
  };
}

function pieces({ machine, vmm }: System): MappingPiece[] {
  const list: MappingPiece[] = [];
  for (const vm of vmm!.vms) {
    for (const { guest, host, count } of vm.map.pieces()) {
      if (list.length >= MOST_PIECES) return list;
      const base = host * PAGE_SIZE;
      const bytes = count * PAGE_SIZE;
      list.push({ vm: vm.id, guest: guest * PAGE_SIZE, host: base, bytes, slots: machine.slotsOf(hostPhysical(base), bytes) });
    }
  }
  return list;
}

/** On the bare machine there are no VMs. */
export function virtualizationView(system: System, boots: readonly BootReport[]): VirtualizationView {
  const { vmm } = system;
  if (!vmm) return { vms: [], audit: { violations: [] } };
  return { vms: vmm.vms.map((vm, index) => vmView(system, vm, index, boots)), audit: { violations: vmm.reachViolations() } };
}

/** Where everything landed; on the bare machine there are slots and nothing else. */
export function placementView(system: System): PlacementView {
  const { machine, vmm } = system;
  const slots = machine.map.placements.map(({ slot, base, end }) => ({ slot, base, bytes: end - base }));
  if (!vmm) return { vms: [], pieces: [], host: [], slots };
  const host: OwnedExtent[] = vmm.extents().map(({ base, bytes, owner }) => ({
    base,
    bytes,
    owner:
      owner.kind === 'vm' || owner.kind === 'preoccupied'
        ? owner
        : { kind: owner.kind, part: owner.vm === undefined ? owner.part : `${owner.part} (${owner.vm})` },
  }));
  return { vms: vmm.vms.map(({ id, memoryBytes }, index) => ({ id, index, memoryBytes })), pieces: pieces(system), host, slots };
}
