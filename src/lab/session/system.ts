/** The powered-on parts of a lab, together: what the views, the checks and the explanations look at. */
import type { Machine } from '../../machine/machine';
import { hostPhysical, PAGE_SIZE } from '../../machine/address';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import type { Vm } from '../../vmm/vm';
import type { Vmm } from '../../vmm/vmm';
import { text } from '../document/problem';
import type { LabDocument } from '../document/schema';
import type { FrameOwner } from '../protocol';
import { QueryError } from './computer';
import type { PlacedProgram } from './breakpoints';
import type { ExplainSource } from './explain-query';
import type { MemorySource } from './memory-view';
import { stateCopy } from './registers-view';

export interface System {
  /** as it is now: hot-plug and edits that a running machine takes change it */
  document: LabDocument;
  readonly machine: Machine;
  /** null on the bare machine */
  readonly vmm: Vmm | null;
  readonly programs: readonly PlacedProgram[];
}

/** Throws QueryError for a VM that is not there. */
export function vmOf({ vmm }: Pick<System, 'vmm'>, id: string): Vm {
  const vm = vmm?.vm(id);
  if (!vm) throw new QueryError(text(`There is no VM "${id}".`, `没有虚拟机 “${id}”。`));
  return vm;
}

/** The processor's state as it is now, of a VM (from its control block) or, null, of the bare machine. Throws QueryError as vmOf does. */
export const stateBytes = (system: Pick<System, 'machine' | 'vmm'>, vm: string | null): Uint8Array =>
  vm === null ? system.machine.processor.state.u8 : vmOf(system, vm).vcpu.block.peekState();

/** Linear address of the instruction that is next. */
export function nextLinear(system: Pick<System, 'machine' | 'vmm'>, vm: string | null): number {
  const state = stateCopy(stateBytes(system, vm));
  return (state.segmentBase(SEGMENT_INDEX.CS) + state.eip) >>> 0;
}

/** Whom a host address belongs to: a VM, a part of the VMM, a device's registers; null for free DRAM, the bare machine's DRAM, and holes. */
export function ownerOf({ machine, vmm }: Pick<System, 'machine' | 'vmm'>, host: number): FrameOwner | null {
  const entry = machine.chipset.entryAt(host);
  if (entry?.range.device !== undefined) return { kind: 'device', device: entry.range.device };
  const owner = vmm?.ownerAt(host);
  if (!owner) return null;
  if (owner.kind === 'vm') return { kind: 'vm', vm: owner.vm };
  if (owner.kind === 'preoccupied') return owner;
  return { kind: owner.kind, part: owner.vm === undefined ? owner.part : `${owner.part} (${owner.vm})` };
}

export const explainSource = (system: Pick<System, 'machine' | 'vmm'>): ExplainSource => ({
  machine: system.machine,
  controlBlock: (id) => system.vmm?.vm(id)?.vcpu.block.address ?? null,
  ownerOf: (host) => ownerOf(system, host),
});

export function memorySource(system: Pick<System, 'machine' | 'vmm'>): MemorySource {
  const { machine } = system;
  return {
    peek: (host, bytes) => machine.chipset.peek(hostPhysical(host), bytes),
    isMemory: (host) => machine.chipset.isDram(hostPhysical(host)),
    slotOf: (host) => machine.controller.locate(hostPhysical(host))?.cell.slot ?? null,
    ownerOf: (host) => ownerOf(system, host),
  };
}

/** Stretches of host DRAM of a VM's guest-physical range, by the VMM's own map; null where no frame is behind it. */
export function guestPieces(vm: Vm, from: number, bytes: number): { host: number | null; bytes: number }[] {
  const pieces: { host: number | null; bytes: number }[] = [];
  const end = from + bytes;
  let at = from;
  const gap = (to: number): void => {
    if (to > at) pieces.push({ host: null, bytes: to - at });
    at = Math.max(at, to);
  };
  for (const run of vm.map.pieces()) {
    const first = run.guest * PAGE_SIZE;
    const last = first + run.count * PAGE_SIZE;
    if (last <= at || first >= end) continue;
    gap(first);
    const to = Math.min(last, end);
    pieces.push({ host: run.host * PAGE_SIZE + (at - first), bytes: to - at });
    at = to;
  }
  gap(end);
  return pieces;
}
