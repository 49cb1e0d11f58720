/**
 * The names that a lab's parts call each other by, and the problems found on the way: a name that is not there gets one, with the
 * nearest that are.
 */
import type { Problem, StopKind } from '../protocol';
import { nearestNames } from './nearest';
import { error, suggestNames, text } from './problem';
import type { LabDocument } from './schema';

/** The VMM's parts whose host-physical place a lab may ask for. */
const VMM_PARTS = ['gdt', 'idt', 'control-block', 'ept', 'ept-leaf', 'iommu-root', 'iommu-context', 'iommu-sl', 'secret'] as const;
/** Short names that stand for the first of several parts. */
export const VMM_PART_ALIASES: Readonly<Record<string, (typeof VMM_PARTS)[number]>> = { iommu: 'iommu-root' };

const STOP_KINDS: readonly StopKind[] = ['halted', 'limit', 'triple-fault', 'boot-refused', 'exit-port', 'paused', 'out-of-memory'];

export class References {
  readonly problems: Problem[] = [];
  readonly vmIds: readonly string[];
  readonly deviceIds: readonly string[];
  readonly slotIds: readonly string[];

  constructor(readonly lab: LabDocument) {
    this.vmIds = (lab.vms ?? []).map(({ id }) => id);
    this.deviceIds = lab.board.devices.map(({ id }) => id);
    this.slotIds = lab.board.slots.map(({ id }) => id);
  }

  add(problem: Problem): void {
    this.problems.push(problem);
  }

  unknown(
    what: 'vm' | 'device' | 'slot' | 'part' | 'stop' | 'file',
    name: string,
    known: readonly string[],
    path: string,
    vm?: string,
  ): void {
    const nouns = {
      vm: ['VM', '虚拟机'],
      device: ['device', '设备'],
      slot: ['slot', '插槽'],
      part: ['part of the VMM', 'VMM 的部分'],
      stop: ['kind of stop', '停止方式'],
      file: ['file', '文件'],
    } as const;
    const [en, zh] = nouns[what];
    this.add(
      error(
        `lab-unknown-${what}`,
        text(`There is no ${en} "${name}".`, `没有名为 “${name}” 的${zh}。`),
        suggestNames(nearestNames(name, known)),
        { path, ...(vm ? { vm } : {}) },
      ),
    );
  }

  vm(id: string, path: string): void {
    if (!this.vmIds.includes(id)) this.unknown('vm', id, this.vmIds, path);
  }

  device(id: string, path: string, vm?: string): void {
    if (!this.deviceIds.includes(id)) this.unknown('device', id, this.deviceIds, path, vm);
  }

  slot(id: string, path: string): void {
    if (!this.slotIds.includes(id)) this.unknown('slot', id, this.slotIds, path);
  }

  /** `guest` and `linear` need a VM when there are several machines to mean. */
  place(place: { space: string; vm?: string | undefined }, path: string): void {
    if (place.vm !== undefined) this.vm(place.vm, `${path}.vm`);
    else if (place.space !== 'host' && this.vmIds.length > 0) {
      this.add(
        error(
          'lab-missing-key',
          text(
            `${path} does not say whose ${place.space} address it means.`,
            `${path} 没有说明是哪台虚拟机的${place.space === 'guest' ? '客户机物理' : '线性'}地址。`,
          ),
          text('Add "vm".', '请加上 “vm”。'),
          { path },
        ),
      );
    }
  }

  stopKind(stop: string, path: string): void {
    if (!(STOP_KINDS as readonly string[]).includes(stop)) this.unknown('stop', stop, STOP_KINDS, path);
  }

  part(name: string, path: string): void {
    if (!(VMM_PARTS as readonly string[]).includes(name) && !Object.hasOwn(VMM_PART_ALIASES, name))
      this.unknown('part', name, VMM_PARTS, path);
  }
}
