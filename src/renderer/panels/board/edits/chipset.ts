/** The rest of the board: processor, address lines, IOMMU, APIC, the hole for devices, firmware; and the board as a whole. Pure. */
import type { PatchValue } from '../../../../lab/document/scalar-text';
import type { Board } from '../../../../machine/board/schema';
import { nodeOf, set, unset, words, type BoardChange, type LabParts, type Words } from './change';
import { freeReferences } from './remove';

/** Another processor in the socket. Address lines that were set are the board's own, unless the new one cannot drive them. */
export function setProcessor(board: Board, id: string, mostBits: number): BoardChange {
  const bits = board.physicalAddressBits;
  return {
    patches: [set(['processor'], id), ...(bits !== undefined && bits > mostBits ? [unset(['physicalAddressBits'])] : [])],
    label: words(`Plug the processor ${id}`, `换上处理器 ${id}`),
    look: nodeOf('processor', 'processor'),
  };
}

/** Null: the part's own. */
export const setTlb = (tlb: { entries: number; ways: number } | null): BoardChange => ({
  patches: [tlb ? set(['tlb'], tlb) : unset(['tlb'])],
  label: tlb ? words(`TLB of ${tlb.entries} entries`, `${tlb.entries} 项 TLB`) : words('The part’s own TLB', '使用处理器自带的 TLB'),
});

/** Address lines that the board wires; null: all that the processor drives. */
export const setAddressBits = (bits: number | null): BoardChange => ({
  patches: [bits === null ? unset(['physicalAddressBits']) : set(['physicalAddressBits'], bits)],
  label: words('Change the address lines', '更改地址线'),
});

/** An IOMMU comes with translation on, as a board with one is delivered. */
export const addIommu = (): BoardChange => ({
  patches: [set(['iommu'], { present: true, enabled: true })],
  label: words('Add the IOMMU', '添加 IOMMU'),
  look: nodeOf('iommu', 'iommu'),
});

export const setIommu = (key: 'present' | 'enabled', on: boolean): BoardChange => ({
  patches: [set(['iommu', key], on)],
  label:
    key === 'present'
      ? words(on ? 'Add the IOMMU' : 'Remove the IOMMU', on ? '添加 IOMMU' : '移除 IOMMU')
      : words('Switch IOMMU translation', '切换 IOMMU 转换'),
});

export const addApic = (): BoardChange => ({
  patches: [set(['apic'], { present: true })],
  label: words('Add the APIC', '添加 APIC'),
  look: nodeOf('apic', 'apic'),
});

export const setLoader = (loader: 'strict' | 'force'): BoardChange => ({
  patches: [set(['firmware', 'loader'], loader)],
  label: words('Change the loader', '更改加载方式'),
});

/** Addresses from `base` to 4 GiB for devices, with the memory under them moved up or lost; null: no more than devices need. */
export const setHole = (hole: { base: number; remap: boolean } | null): BoardChange => ({
  patches: [hole === null ? unset(['memoryHole']) : set(['memoryHole'], { base: hole.base, remap: hole.remap })],
  label: hole === null ? words('Remove the hole below 4 GiB', '移除 4 GiB 以下的空洞') : words('Set the hole below 4 GiB', '设置 4 GiB 以下的空洞'),
}); // prettier-ignore

/** Two DIMMs at one address: refuse to start, or let both answer. */
export const setOverlaps = (overlaps: 'refuse' | 'allow'): BoardChange => ({
  patches: [set(['overlaps'], overlaps)],
  label: words('Change what overlaps do', '更改重叠时的处理'),
});

/** Another board in place of this one. `value` is a board as its file has it, `slots` and `devices` are the names on it. */
export function replaceBoard(
  lab: LabParts,
  value: PatchValue,
  names: { slots: readonly string[]; devices: readonly string[] },
  label: Words,
): BoardChange {
  const gone = (list: readonly { id: string }[], kept: readonly string[]) => new Set(list.map(({ id }) => id).filter((id) => !kept.includes(id)));
  const freed = freeReferences(lab, gone(lab.board.slots, names.slots), gone(lab.board.devices, names.devices));
  return { patches: [set([], value), ...freed.patches], label, also: freed.also };
} // prettier-ignore

/** A board with nothing on it but what is soldered: processor, firmware, chipset. */
export const emptyBoard = (lab: LabParts): BoardChange =>
  replaceBoard(
    lab,
    { processor: 'p6-virtualization', assignment: 'fixed', slots: [] },
    { slots: [], devices: [] },
    words('Empty board', '空主板'),
  );
