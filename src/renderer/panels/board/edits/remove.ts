/**
 * Taking parts off the board, with everything that names them: wires of controllers, layout and groups, passthrough to VMs, symbols of
 * programs that stand for a device's registers, checks that name a slot. One change, so that one undo brings all of it back. Pure.
 */
import type { Patch } from '../../../../lab/document/patches';
import type { Program } from '../../../../lab/document/schema';
import { behind } from './bridges';
import { kindAndId, set, unset, words, type BoardChange, type LabParts, type Words } from './change';
import { forgetParts } from './layout';

/** Whether a part of the board can be taken off it; the processor can only be replaced, and the rest of the chipset is soldered. */
export const isRemovable = (node: string): boolean =>
  ['slot', 'device', 'controller', 'bridge', 'iommu', 'apic'].includes(kindAndId(node)[0]);

const BUILT_IN_NAMES: Readonly<Record<string, string>> = { iommu: 'IOMMU', apic: 'APIC' };

/** Takes the parts off the board. A controller goes with its slots, a slot with its DIMM, a bridge with what is plugged into it. Parts that cannot be removed stay. */
export function removeParts(lab: LabParts, nodes: readonly string[]): BoardChange {
  const { board } = lab;
  const wanted = nodes.filter(isRemovable).map(kindAndId);
  const named = (kind: string): Set<string> => new Set(wanted.filter(([each]) => each === kind).map(([, id]) => id));
  const controllers = named('controller');
  const below = behind(board, named('bridge'));
  const devices = new Set([...named('device'), ...below.devices]);
  const slots = named('slot');
  for (const { id, channels, banks } of board.controllers ?? [])
    if (controllers.has(id)) for (const slot of [...channels.flat(), ...banks.flat()]) slots.add(slot);

  const patches: Patch[] = [];
  for (const { id, channels, banks } of board.controllers ?? []) {
    if (controllers.has(id)) continue;
    for (const [key, lists] of [['channels', channels], ['banks', banks]] as const) {
      if (!lists.flat().some((slot) => slots.has(slot))) continue;
      patches.push(set(['controllers', id, key], lists.map((list) => list.filter((slot) => !slots.has(slot))).filter((list) => list.length > 0)));
    }
  } // prettier-ignore
  patches.push(...removals('controllers', board.controllers ?? [], controllers));
  patches.push(...removals('slots', board.slots, slots));
  patches.push(...removals('devices', board.devices, devices));
  patches.push(...removals('bridges', board.bridges ?? [], below.bridges));
  if (named('iommu').size > 0 && board.iommu) patches.push(unset(['iommu']));
  if (named('apic').size > 0 && board.apic) patches.push(unset(['apic']));
  const gone = new Set(nodes.filter(isRemovable));
  for (const slot of slots) gone.add(`slot:${slot}`);
  for (const device of devices) gone.add(`device:${device}`);
  for (const bridge of below.bridges) gone.add(`bridge:${bridge}`);
  patches.push(...forgetParts(board, gone));
  const freed = freeReferences(lab, slots, devices);
  return { patches: [...patches, ...freed.patches], label: removalLabel(wanted), also: freed.also };
}

/** One patch where few of many leave, so that the comments of the others stay; ids that repeat leave together. */
function removals(
  key: 'controllers' | 'slots' | 'devices' | 'bridges',
  list: readonly { id: string }[],
  gone: ReadonlySet<string>,
): Patch[] {
  const at = list.flatMap(({ id }, index) => (gone.has(id) ? [index] : []));
  return at.reverse().map((index) => unset([key, index]));
}

function removalLabel(parts: readonly (readonly [kind: string, id: string])[]): Words {
  const [only, ...others] = parts;
  if (!only) return words('Remove nothing', '未移除');
  if (others.length > 0) return words(`Remove ${parts.length} parts`, `移除 ${parts.length} 个部件`);
  const [kind, id] = only;
  const name = BUILT_IN_NAMES[kind] ?? id;
  return kind === 'slot' ? words(`Remove slot ${id}`, `移除 ${id} 插槽`) : words(`Remove ${name}`, `移除 ${name}`);
}

/** Removes what in the rest of the lab names slots and devices that are no more. */
export function freeReferences(
  lab: LabParts,
  slots: ReadonlySet<string>,
  devices: ReadonlySet<string>,
): { patches: Patch[]; also: Words[] } {
  const patches: Patch[] = [];
  const also: Words[] = [];
  const symbols = (base: (string | number)[], program: Program | undefined): void => {
    for (const [name, define] of Object.entries(program && 'defines' in program ? (program.defines ?? {}) : {})) {
      if (typeof define === 'number' || !('barOf' in define) || !devices.has(define.barOf)) continue;
      patches.push({ op: 'remove', path: [...base, 'defines', name] });
      also.push(words(`symbol ${name}`, `符号 ${name}`));
    }
  };
  if (devices.size > 0) {
    symbols(['machine', 'program'], lab.machine?.program);
    lab.vms?.forEach((vm, index) => {
      const left = vm.passthrough.filter((device) => !devices.has(device));
      if (left.length < vm.passthrough.length) {
        patches.push({ op: 'set', path: ['vms', index, 'passthrough'], value: left });
        also.push(words(`passthrough to ${vm.id}`, `直通给 ${vm.id} 的分配`));
      }
      symbols(['vms', index, 'program'], vm.program);
    });
  }
  if (slots.size > 0) {
    const slotOf = (check: LabParts['checks'][number]): string | undefined =>
      'located' in check ? check.located.slot : 'dram' in check ? check.dram.slot : undefined;
    const checks = lab.checks.flatMap((check, index) => (slots.has(slotOf(check) ?? '') ? [index] : []));
    for (const index of checks.reverse()) patches.push({ op: 'remove', path: ['checks', index] });
    if (checks.length > 0) also.push(words(checks.length === 1 ? '1 check' : `${checks.length} checks`, `${checks.length} 项检查`));
  }
  return { patches, also };
}
