/** Every change a student makes to the board, as patches of the document with a name for undo. Pure. */
import type { Patch } from '../../../lab/document/patches';
import { placements, suggestBase } from '../../../machine/board/placement';
import type { Board } from '../../../machine/board/schema';

export interface BoardChange {
  patches: Patch[];
  label: { en: string; 'zh-CN': string };
}

const set = (path: (string | number)[], value: string | number | boolean | null): Patch => ({ op: 'set', path: ['board', ...path], value });
const label = (en: string, zh: string): BoardChange['label'] => ({ en, 'zh-CN': zh });

/** Puts a DIMM into a slot, in place of what is there. A slot that has no base yet gets the first free one. */
export function plug(board: Board, slot: string, dimm: string): BoardChange {
  const target = board.slots.find((candidate) => candidate.id === slot);
  const patches = [set(['slots', slot, 'dimm'], dimm)];
  if (board.assignment === 'fixed' && target && target.base === undefined) {
    const base = suggestBase(withDimm(board, slot, dimm), slot);
    if (base !== undefined) patches.push(set(['slots', slot, 'base'], base));
  }
  return { patches, label: label(`Plug ${dimm} into ${slot}`, `将 ${dimm} 插入 ${slot}`) };
}

/** Moves a DIMM to another slot; what is there comes back in exchange. */
export function moveDimm(board: Board, from: string, to: string): BoardChange {
  const dimm = board.slots.find((slot) => slot.id === from)?.dimm ?? null;
  const other = board.slots.find((slot) => slot.id === to)?.dimm ?? null;
  if (dimm === null || from === to) return { patches: [], label: label(`Move ${from}`, `移动 ${from}`) };
  return {
    patches: [set(['slots', from, 'dimm'], other), ...plug(withDimm(board, from, other), to, dimm).patches],
    label:
      other === null
        ? label(`Move the DIMM of ${from} to ${to}`, `将 ${from} 的内存条移到 ${to}`)
        : label(`Swap the DIMMs of ${from} and ${to}`, `交换 ${from} 与 ${to} 的内存条`),
  };
}

const withDimm = (board: Board, slot: string, dimm: string | null): Board => ({
  ...board,
  slots: board.slots.map((candidate) => (candidate.id === slot ? { ...candidate, dimm } : candidate)),
});

export const unplug = (slot: string): BoardChange => ({
  patches: [set(['slots', slot, 'dimm'], null)],
  label: label(`Unplug ${slot}`, `拔下 ${slot}`),
});

/** A slot more, empty, with the next free name: A1, A2, B1, B2, … A fixed base comes with its first DIMM. */
export function addSlot(board: Board): BoardChange & { id: string } {
  const taken = new Set([...board.slots, ...board.devices, ...(board.controllers ?? [])].map(({ id }) => id));
  let number = 0;
  const name = (): string => (number < 52 ? `${String.fromCharCode(65 + Math.floor(number / 2))}${(number % 2) + 1}` : `S${number}`);
  while (taken.has(name())) number++;
  const id = name();
  return { id, patches: [{ op: 'insert', path: ['board', 'slots'], value: { id } }], label: label(`Add slot ${id}`, `添加 ${id} 插槽`) };
}

/** Takes a slot off the board, and its wires off the controllers. */
export function removeSlot(board: Board, slot: string): BoardChange {
  const patches: Patch[] = [];
  for (const { id, channels, banks } of board.controllers ?? []) {
    for (const [key, lists] of [['channels', channels], ['banks', banks]] as const) {
      if (!lists.some((list) => list.includes(slot))) continue;
      const left = lists.map((list) => list.filter((each) => each !== slot)).filter((list) => list.length > 0);
      patches.push({ op: 'set', path: ['board', 'controllers', id, key], value: left });
    }
  } // prettier-ignore
  patches.push({ op: 'remove', path: ['board', 'slots', slot] });
  return { patches, label: label(`Remove slot ${slot}`, `移除 ${slot} 插槽`) };
}

export const moveBase = (slot: string, base: number): BoardChange => ({
  patches: [set(['slots', slot, 'base'], base)],
  label: label(`Move ${slot}`, `移动 ${slot}`),
});

/** Fixed bases start where the firmware would have put the DIMMs, so that switching alone changes nothing. */
export function assign(board: Board, assignment: Board['assignment']): BoardChange {
  const patches = [set(['assignment'], assignment)];
  if (assignment === 'fixed') {
    const placed = placements(board);
    for (const slot of board.slots) {
      const at = placed.find((placement) => placement.slot === slot.id);
      if (at && slot.base === undefined) patches.push(set(['slots', slot.id, 'base'], at.base));
    }
  }
  return {
    patches,
    label: assignment === 'fixed' ? label('Fix the bases', '固定基址') : label('Assign bases automatically', '自动分配基址'),
  };
}

export const setIommu = (key: 'present' | 'enabled', on: boolean): BoardChange => ({
  patches: [set(['iommu', key], on)],
  label:
    key === 'present'
      ? label(on ? 'Add the IOMMU' : 'Remove the IOMMU', on ? '添加 IOMMU' : '移除 IOMMU')
      : label('Switch IOMMU translation', '切换 IOMMU 转换'),
});

export const setProcessor = (part: string): BoardChange => ({
  patches: [set(['processor'], part)],
  label: label(`Processor ${part}`, `处理器 ${part}`),
});

/** Null: the part's own. */
export const setTlb = (tlb: { entries: number; ways: number } | null): BoardChange => ({
  patches: [tlb ? { op: 'set', path: ['board', 'tlb'], value: tlb } : { op: 'remove', path: ['board', 'tlb'] }],
  label: tlb ? label(`TLB of ${tlb.entries} entries`, `${tlb.entries} 项 TLB`) : label('The part’s own TLB', '使用处理器自带的 TLB'),
});

export const setDmaMask = (device: string, bits: number): BoardChange => ({
  patches: [set(['devices', device, 'dmaMask'], bits)],
  label: label(`DMA mask of ${device}`, `${device} 的 DMA 掩码`),
});

export const setLoader = (loader: 'strict' | 'force'): BoardChange => ({
  patches: [set(['firmware', 'loader'], loader)],
  label: label('Change the loader', '更改加载方式'),
});

const MIB = 1024 ** 2;

/** The sample board: four 256 MiB DIMMs, together 1 GiB from 0 without a gap. Devices and IOMMU stay. */
export function fourSlots(): BoardChange {
  const slots = ['A1', 'A2', 'B1', 'B2'].map((id, index) => ({ id, base: index * 256 * MIB, dimm: 'ddr3-256m' }));
  return {
    patches: [
      { op: 'set', path: ['board', 'slots'], value: slots },
      { op: 'set', path: ['board', 'assignment'], value: 'fixed' },
    ],
    label: label('Four 256 MiB slots', '四个 256 MiB 插槽'),
  };
}
