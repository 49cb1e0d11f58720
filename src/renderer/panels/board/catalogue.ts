/** What the catalogue offers, in sections, how it is searched, and what adding a part to the board changes. Pure. */
import {
  ALL_DIMMS,
  DEVICES,
  DIMMS,
  dimmPart,
  devicePart,
  PROCESSORS,
  processorPart,
  type DimmPart,
  type Text,
} from '../../../machine/board/parts';
import { TECHNOLOGIES } from '../../../machine/board/dimms';
import { checkBoard, hasBoardErrors } from '../../../machine/board/rules';
import type { Board } from '../../../machine/board/schema';
import {
  addApic,
  addBridge,
  addController,
  addDevice,
  addIommu,
  addSlot,
  newDevice,
  plug,
  portFor,
  setProcessor,
  type BridgeKind,
  type BoardChange,
  type LabParts,
} from './edits';
import { words, type Words } from './edits/change';
import { misfit, type Misfit } from './fit';

export type ItemKind = 'processor' | 'controller' | 'slot' | 'dimm' | 'bridge' | 'device' | 'iommu' | 'apic';

export interface Item {
  /** `dimm:ddr3-256m` */
  key: string;
  kind: ItemKind;
  id: string;
  name: Text;
  /** a line of facts */
  facts: Text;
}

export interface Section {
  id: string;
  name: Text;
  items: readonly Item[];
  /** the first so many are the usual ones; the rest is shown by searching */
  usual: number;
}

const text = (en: string, zh: string): Text => ({ en, 'zh-CN': zh });
const item = (kind: ItemKind, id: string, name: Text, facts: Text): Item => ({ key: `${kind}:${id}`, kind, id, name, facts });
const plural = (count: number, one: string): string => (count === 1 ? `1 ${one}` : `${count} ${one}s`);

function dimmItem(part: DimmPart): Item {
  const { ranks, banks, bankGroups } = part.geometry;
  const all = banks * bankGroups;
  const facts = text(
    `x${part.chips.width} · ${plural(ranks, 'rank')} · ${plural(all, 'bank')}`,
    `x${part.chips.width} · ${ranks} rank · ${all} 存储体`,
  );
  return item('dimm', part.id, part.name, facts);
}

const memorySections: Section[] = TECHNOLOGIES.map((technology) => {
  const usual = DIMMS.filter((part) => part.technology === technology);
  const ids = new Set(usual.map(({ id }) => id));
  const rest = ALL_DIMMS.filter((part) => part.technology === technology && !ids.has(part.id));
  return { id: technology, name: text(technology, technology), items: [...usual, ...rest].map(dimmItem), usual: usual.length };
});

const section = (id: string, name: Text, items: Item[]): Section => ({ id, name, items, usual: items.length });

export const SECTIONS: readonly Section[] = [
  section(
    'processors',
    text('Processors', '处理器'),
    PROCESSORS.map(({ id, name, physicalAddressBits, dataBits }) =>
      item('processor', id, name, text(`${physicalAddressBits} address · ${dataBits} data lines`, `${physicalAddressBits} 根地址线 · ${dataBits} 根数据线`)),
    ),
  ), // prettier-ignore
  section('controllers', text('Controllers and slots', '控制器与插槽'), [
    item('controller', 'channels', text('Memory controller', '内存控制器'), text('1–8 channels of 1–4 slots', '1–8 个通道，各 1–4 个插槽')),
    item(
      'controller',
      'banks',
      text('SIMM bank controller', 'SIMM bank 控制器'),
      text('modules side by side on one bus', '模块并排组成一条总线'),
    ),
    item('slot', 'slot', text('Memory slot', '内存插槽'), text('unwired, or dropped on a controller', '不接线，或拖到控制器上')),
  ]),
  ...memorySections,
  section(
    'devices',
    text('Devices', '设备'),
    DEVICES.map(({ kind, name, dmaMask }) => {
      const dma = dmaMask > 0 ? text(` · DMA: ${dmaMask} bits`, ` · DMA：${dmaMask} 位`) : text("", "");
      return item("device", kind, name, text(`${kind}${dma.en}`, `${kind}${dma["zh-CN"]}`));
    }),
  ), // prettier-ignore
  section('bridges', text('PCI Express', 'PCI Express'), [
    item('bridge', 'root-port', text('Root port', '根端口'), text('a link from the root complex', '根复合体引出的一条链路')),
    item('bridge', 'switch', text('Switch', '交换机'), text('1–32 downstream ports', '1–32 个下游端口')),
    item(
      'bridge',
      'pci-bridge',
      text('Legacy PCI bridge', '传统 PCI 桥'),
      text('a bus whose devices share an ID', '总线上的设备共用一个 ID'),
    ),
  ]),
  section('chipset', text('Chipset', '芯片组'), [
    item('iommu', 'iommu', text('IOMMU', 'IOMMU'), text('DMA remapping, as VT-d has it', 'DMA 重映射（VT-d）')),
    item('apic', 'apic', text('APIC', 'APIC'), text('local APIC and I/O APIC', '本地 APIC 与 I/O APIC')),
  ]),
];

/** The sections with what matches every word of `search`: name, short name, facts, kind. Without a search the usual parts only. */
export function searchCatalogue(search: string, wide: ReadonlySet<string> = new Set()): Section[] {
  const wanted = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return SECTIONS.flatMap((each) => {
    const items =
      wanted.length === 0
        ? each.items.slice(0, wide.has(each.id) ? undefined : each.usual)
        : each.items.filter((candidate) => matches(candidate, each, wanted));
    return items.length > 0 ? [{ ...each, items }] : [];
  });
}

function matches({ id, name, facts }: Item, { name: sectionName }: Section, wanted: readonly string[]): boolean {
  const all = [id, name.en, name['zh-CN'], facts.en, facts['zh-CN'], sectionName.en, sectionName['zh-CN']].join(' ').toLowerCase();
  return wanted.every((word) => all.includes(word));
}

/** Where a DIMM goes when no slot is named: the chosen slot if it is empty, else the first empty one that it fits, else the chosen one. */
export function slotFor(board: Board, dimm: string, chosen: string | null): string | null {
  const fits = (slot: string): boolean => misfit(board, slot, dimm) === null;
  const own = board.slots.find(({ id }) => id === chosen);
  if (own && own.dimm === null && fits(own.id)) return own.id;
  return board.slots.find(({ id, dimm: held }) => held === null && fits(id))?.id ?? own?.id ?? null;
}

export const misfitWords = (found: Misfit): Words =>
  found.why === 'unknown'
    ? words('Does not fit: the catalogue has no such DIMM.', '不匹配：目录中没有这种内存条。')
    : words(
        `Does not fit: its controller drives ${found.here} (slot ${found.slot}); this is ${found.there}.`,
        `不匹配：其控制器驱动 ${found.here}（${found.slot} 插槽），而这是 ${found.there}。`,
      );

/** Why there is no slot for a DIMM: there is none at all, none is empty, or the empty ones are of another kind. */
function noSlotWords({ slots, ...board }: Board, dimm: string): Words {
  if (slots.length === 0) return words('Needs a slot: add a controller or a slot first.', '需要插槽：请先添加控制器或插槽。');
  const empty = slots.filter((slot) => slot.dimm === null);
  if (empty.length === 0)
    return words(
      `Needs an empty slot, and all ${slots.length} are taken: choose one to change its DIMM, or add a slot.`,
      `需要空插槽，而 ${slots.length} 个插槽都已占用：请选中要更换内存条的插槽，或添加插槽。`,
    );
  const kind = dimmPart(dimm)?.technology ?? dimm;
  const there = new Map<string, string[]>();
  for (const { id } of empty) {
    const found = misfit({ slots, ...board }, id, dimm);
    if (found?.why === 'kind') there.set(found.here, [...(there.get(found.here) ?? []), id]);
  }
  const list = [...there].map(([here, ids]) => [here, ids.length > 4 ? `${ids.slice(0, 3).join(', ')} +${ids.length - 3}` : ids.join(', ')] as const);
  return words(
    `Needs an empty slot for ${kind}. Those that are empty are for ${list.map(([here, ids]) => `${here} (${ids})`).join(', ')}: add a controller for ${kind}.`,
    `需要 ${kind} 的空插槽。现有空插槽属于 ${list.map(([here, ids]) => `${here}（${ids}）`).join('、')}：请为 ${kind} 添加控制器。`,
  );
} // prettier-ignore

/** Why a part cannot be added to this board now; null when it can. `slot` is where a DIMM would go. */
export function whyNot(lab: LabParts, { kind, id }: Pick<Item, 'kind' | 'id'>, slot: string | null): Words | null {
  const { board } = lab;
  switch (kind) {
    case 'dimm': {
      if (slot === null) return noSlotWords(board, id);
      const found = misfit(board, slot, id);
      return found && misfitWords(found);
    }
    case 'iommu':
      if (board.iommu?.present) return words('The board has its IOMMU.', '主板上已有 IOMMU。');
      return newError(board, { ...board, iommu: { present: true, enabled: true } });
    case 'bridge':
      return id !== 'switch' || portFor(board, 'switch', null) !== undefined
        ? null
        : words('Needs a free port: add a root port first.', '需要空闲端口：请先添加根端口。');
    case 'apic':
      return board.apic?.present ? words('The board has its APIC.', '主板上已有 APIC。') : null;
    case 'device':
      return devicePart(id) ? newError(board, { ...board, devices: [...board.devices, newDevice(board, id)] }) : null;
    case 'processor': {
      const part = processorPart(id);
      if (board.processor === id) return words('It is in the socket.', '它已在插座中。');
      if (lab.vms?.length && part && !part.features.includes('virtualization'))
        return words('The lab has VMs, and this processor has no virtualization.', '实验中有虚拟机，而该处理器不支持虚拟化。');
      return newError(board, { ...board, processor: id, physicalAddressBits: undefined });
    }
    default:
      return null;
  }
}

/** What a change would break that is whole now. */
function newError(before: Board, after: Board): Words | null {
  const now = checkBoard(after);
  if (!hasBoardErrors(now)) return null;
  const known = new Set(checkBoard(before).map(({ code, part }) => `${code} ${part}`));
  return now.find(({ severity, code, part }) => severity === 'error' && !known.has(`${code} ${part}`))?.message ?? null;
}

/** The change that adds a part; null when there is nowhere to put it. */
export function addItem(lab: LabParts, { kind, id }: Pick<Item, 'kind' | 'id'>, slot: string | null): BoardChange | null {
  const { board } = lab;
  switch (kind) {
    case 'processor':
      return setProcessor(board, id, processorPart(id)?.physicalAddressBits ?? 0);
    case 'controller':
      return addController(board, id === 'banks' ? 'banks' : 'channels');
    case 'slot':
      return addSlot(board);
    case 'dimm':
      return slot !== null && dimmPart(id) ? { ...plug(board, slot, id), look: `slot:${slot}` } : null;
    case 'device':
      return addDevice(board, id);
    case 'bridge':
      return addBridge(board, id as BridgeKind, id === 'switch' ? (portFor(board, 'switch', null) ?? null) : null);
    case 'iommu':
      return addIommu();
    case 'apic':
      return addApic();
  }
}
