/**
 * What the VMM keeps of itself in host memory, in frames from the top: its own pages (vmm-memory.ts) and, where there is an IOMMU,
 * the tables that this walks.
 */
import type { PhysicalMemory } from '../machine/memory/physical-memory';
import type { FrameOwner } from './frames/frame-owner';
import type { FrameOwnership } from './frames/frame-ownership';
import { IommuTables } from './passthrough/iommu-tables';
import { VmmSetupError } from './text';
import type { VmOptions } from './vm';
import { createOwnPages, knownOwnPages } from './vmm-memory';
import type { OwnPage } from './vmm-memory';

export interface SavedOwnMemory {
  own: number[];
  iommu: ReturnType<IommuTables['save']> | null;
}

export class OwnMemory {
  pages: readonly OwnPage[];
  /** null: the board has no IOMMU */
  iommu: IommuTables | null = null;

  /** Writes the pages and an empty root table. Throws VmmSetupError when there is no frame for them. */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly frames: FrameOwnership,
    private readonly seed: number,
    hasIommu: boolean,
  ) {
    this.pages = createOwnPages(memory, seed, (part) => this.frame({ kind: 'vmm', part }));
    if (hasIommu) this.iommu = this.iommuTables();
  }

  /** A frame for the VMM itself, from the top of memory. Throws VmmSetupError when none is free. */
  frame(owner: FrameOwner): number {
    const runs = this.frames.allocate(1, owner, 'top');
    if (runs) return runs[0]!.first;
    throw new VmmSetupError(
      'vmm-out-of-memory',
      { en: 'The host has no free frame left for the tables of the VMM.', 'zh-CN': '宿主机已没有空闲页帧可供 VMM 存放其表。' },
      {
        en: 'Plug in more DIMMs, lower `preoccupied`, or give the VMs less memory.',
        'zh-CN': '请插入更多内存条、降低 preoccupied，或减少虚拟机内存。',
      },
    );
  }

  /** What a VM's memory gained is its devices' too. */
  map({ id, passthrough }: VmOptions, guest: number, host: number, count: number): void {
    if (passthrough.length > 0) this.iommu?.map(id, guest, host, count);
  }

  save(): SavedOwnMemory {
    return { own: this.pages.map(({ frame }) => frame), iommu: this.iommu?.save() ?? null };
  }

  /** The bytes themselves have been restored with memory. What the IOMMU's tables should map comes through `expect`. */
  load({ own, iommu }: SavedOwnMemory): void {
    this.pages = knownOwnPages(this.seed, own);
    if (iommu) this.iommu = this.iommuTables(iommu);
  }

  private iommuTables(saved?: ReturnType<IommuTables['save']>): IommuTables {
    return new IommuTables(this.memory, (part, vm) => this.frame({ kind: 'table', part, ...(vm ? { vm } : {}) }), saved);
  }
}
