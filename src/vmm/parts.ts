/**
 * Where the parts of the VMM's own state lie, by the names that labs use: `gdt`, `idt`, `secret`; of a VM its `control-block`,
 * `ept` (the top table) and `ept-leaf` (the table that maps guest-physical 0); `iommu` or `iommu-root` (the root table),
 * `iommu-context`, and `iommu-sl` (the top table) of a VM with a device.
 */
import { PAGE_SIZE } from '../machine/address';
import type { IommuTables } from './passthrough/iommu-tables';
import type { Vm } from './vm';
import type { OwnPage } from './vmm-memory';

export interface PartSources {
  own: readonly OwnPage[];
  iommu: IommuTables | null;
  vm: Vm | undefined;
}

/** Host range of one part (a page), or null when there is none of that name. */
export function vmmPart({ own, iommu, vm }: PartSources, name: string): { base: number; bytes: number } | null {
  const base = baseOf(own, iommu, vm, name);
  return base === undefined || base < 0 ? null : { base: base - (base % PAGE_SIZE), bytes: PAGE_SIZE };
}

function baseOf(own: readonly OwnPage[], iommu: IommuTables | null, vm: Vm | undefined, name: string): number | undefined {
  const page = own.find(({ part }) => part === name);
  if (page) return page.frame * PAGE_SIZE;
  switch (name) {
    case 'control-block':
      return vm?.vcpu.block.address;
    case 'ept':
      return vm?.translation.pointer;
    case 'ept-leaf':
      return vm?.translation.entryAddress(0);
    case 'iommu':
    case 'iommu-root':
      return iommu?.rootAddress;
    case 'iommu-context':
      return iommu?.contextTableAddress();
    case 'iommu-sl':
      return vm && iommu?.secondLevelAddress(vm.id);
    default:
      return undefined;
  }
}
