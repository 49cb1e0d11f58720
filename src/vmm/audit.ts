/**
 * Looks at memory as it is. Two questions: can any VM, or a device given to it, reach a frame that is not its own, by what the
 * tables' bytes say? And are the VMM's own pages still as it wrote them? Looking leaves no trace and repairs nothing.
 */
import { formatAddress, hostPhysical, PAGE_SIZE } from '../machine/address';
import type { PhysicalMemory } from '../machine/memory/physical-memory';
import type { FrameOwnership } from './frames/frame-ownership';
import type { FrameOwner } from './frames/frame-owner';
import type { IommuTables } from './passthrough/iommu-tables';
import type { Text } from './text';
import { sameBytes } from './translation/page-tables';
import type { TableDifference } from './translation/page-tables';
import type { ReachablePage } from './translation/translation';
import type { Vm } from './vm';
import type { OwnPage } from './vmm-memory';

/** A VM reaches a frame that is not its own. */
export interface AuditViolation {
  vm: string;
  /** host frame number */
  frame: number;
  text: Text;
}

/** Something of the VMM's own that is not as it wrote it. */
export interface Damage {
  part: string;
  vm?: string;
  /** host-physical address of the first byte concerned */
  address: number;
  text: Text;
}

/** A table full of wild pointers says the same thing many times; so many are enough. */
const MOST_VIOLATIONS = 64;

type Owner = FrameOwner | null | undefined;

export function ownerText(owner: Owner): Text {
  if (owner === undefined) return { en: 'no DRAM', 'zh-CN': '没有内存的地址' };
  if (owner === null) return { en: 'a free frame', 'zh-CN': '空闲页帧' };
  switch (owner.kind) {
    case 'vm':
      return { en: `memory of ${owner.vm}`, 'zh-CN': `${owner.vm} 的内存` };
    case 'preoccupied':
      return { en: 'memory of the host', 'zh-CN': '宿主机占用的内存' };
    default:
      return owner.vm
        ? { en: `the VMM's ${owner.part} of ${owner.vm}`, 'zh-CN': `VMM 为 ${owner.vm} 保存的 ${owner.part}` }
        : { en: `the VMM's ${owner.part}`, 'zh-CN': `VMM 的 ${owner.part}` };
  }
}

/** What the audit of devices needs to know: their VM, and whether anything stands between them and memory. */
export interface AuditedDevice {
  id: string;
  vm: string;
  /** what the IOMMU's tables let it reach; `untranslated` while DMA translation is off or absent */
  reach: 'untranslated' | 'everything' | readonly ReachablePage[];
}

/**
 * Every stretch that a VM reaches and does not own, by what the tables' bytes say: through its EPT, where its own memory and
 * the registers passed through to it are expected, and through its devices, where its own memory is.
 */
export function auditReach(vms: readonly Vm[], frames: FrameOwnership, devices: readonly AuditedDevice[]): AuditViolation[] {
  const violations: AuditViolation[] = [];
  for (const vm of vms) {
    const registers = vm.bus.mappedBars();
    for (const page of vm.translation.reachableFrames()) {
      const frame = firstForeign(frames, vm.id, page, registers);
      if (frame >= 0) violations.push(eptViolation(vm, frame, page, frames.ownerOf(frame)));
      if (violations.length === MOST_VIOLATIONS) return violations;
    }
  }
  for (const device of devices) {
    if (typeof device.reach === 'string') {
      violations.push(unboundedDevice(device));
      continue;
    }
    for (const page of device.reach) {
      const frame = firstForeign(frames, device.vm, page, []);
      if (frame >= 0) violations.push(deviceViolation(device, frame, page, frames.ownerOf(frame)));
      if (violations.length >= MOST_VIOLATIONS) return violations;
    }
  }
  return violations;
}

/** The first frame of a stretch that is neither the VM's nor registers that it was given; -1 when there is none. */
function firstForeign(
  frames: FrameOwnership,
  vm: string,
  { host, count }: ReachablePage,
  registers: readonly { hostBase: number; bytes: number }[],
): number {
  for (let frame = host; ;) {
    frame = frames.firstForeign(frame, host + count - frame, { kind: 'vm', vm });
    if (frame < 0) return -1;
    const at = frame * PAGE_SIZE;
    const bar = registers.find(({ hostBase, bytes }) => at >= hostBase && at < hostBase + bytes);
    if (!bar) return frame;
    frame = (bar.hostBase + bar.bytes) / PAGE_SIZE;
  }
}

function unboundedDevice({ id, vm, reach }: AuditedDevice): AuditViolation {
  const [en, zh] =
    reach === 'untranslated'
      ? ['its DMA is not translated', '其 DMA 未经转换']
      : ['its context entry passes addresses through', '其上下文表项让地址直通'];
  return {
    vm,
    frame: 0,
    text: { en: `${vm} reaches all of host memory through ${id}: ${en}.`, 'zh-CN': `${vm} 可通过 ${id} 访问全部宿主机内存：${zh}。` },
  };
}

function deviceViolation(
  { id, vm }: AuditedDevice,
  frame: number,
  { guest, host, entryAddress }: ReachablePage,
  owner: Owner,
): AuditViolation {
  const whose = ownerText(owner);
  const [at, from, entry] = [frame * PAGE_SIZE, (guest + frame - host) * PAGE_SIZE, entryAddress].map((address) => formatAddress(address));
  return {
    vm,
    frame,
    text: {
      en: `${vm} reaches ${at}, ${whose.en}, through ${id} at I/O virtual ${from}: the IOMMU table entry at ${entry} says so.`,
      'zh-CN': `${vm} 可通过 ${id} 的 I/O 虚拟地址 ${from} 访问 ${at}（${whose['zh-CN']}）：${entry} 处的 IOMMU 表项如此指示。`,
    },
  };
}

function eptViolation(vm: Vm, frame: number, page: ReachablePage, owner: Owner): AuditViolation {
  const whose = ownerText(owner);
  const guestFrame = page.guest + frame - page.host;
  const [host, guest, entry] = [frame * PAGE_SIZE, guestFrame * PAGE_SIZE, page.entryAddress].map((address) => formatAddress(address));
  return {
    vm: vm.id,
    frame,
    text: {
      en: `${vm.id} reaches ${host}, ${whose.en}, at guest-physical ${guest}: the EPT entry at ${entry} says so.`,
      'zh-CN': `${vm.id} 可通过客户机物理地址 ${guest} 访问 ${host}（${whose['zh-CN']}）：${entry} 处的 EPT 表项如此指示。`,
    },
  };
}

/** What is damaged, part by part; a table that was overwritten is one entry with what its first wrong entry now means. */
export function auditState(memory: PhysicalMemory, vms: readonly Vm[], own: readonly OwnPage[], iommu: IommuTables | null): Damage[] {
  const damage: Damage[] = [];
  for (const page of own) {
    const bytes = memory.peek(hostPhysical(page.frame * PAGE_SIZE), PAGE_SIZE);
    if (sameBytes(bytes, page.expected)) continue;
    const first = bytes.findIndex((byte, index) => byte !== page.expected[index]);
    const changed = bytes.reduce((sum, byte, index) => sum + (byte === page.expected[index] ? 0 : 1), 0);
    const address = page.frame * PAGE_SIZE + first;
    damage.push({
      part: page.part,
      address,
      text: {
        en: `${changed} bytes of the VMM's ${page.part} were overwritten, from ${formatAddress(address)} on.`,
        'zh-CN': `VMM 的 ${page.part} 有 ${changed} 个字节被改写，起始于 ${formatAddress(address)}。`,
      },
    });
  }
  for (const vm of vms) damage.push(...eptDamage(vm));
  for (const [address, group] of groupByPage(iommu?.damage() ?? [])) {
    const first = group[0]!;
    const of = first.vm ? { en: ` of ${first.vm}`, 'zh-CN': `（${first.vm}）` } : { en: '', 'zh-CN': '' };
    damage.push({
      part: first.part,
      ...(first.vm ? { vm: first.vm } : {}),
      address,
      text: {
        en: `${group.length} words of the ${first.part} table${of.en} were overwritten; the one at ${formatAddress(address)} was ${formatAddress(first.expected, 16)} and is ${formatAddress(first.found, 16)}. What devices may reach is no longer what the VMM decided.`,
        'zh-CN': `${first.part} 表${of['zh-CN']}有 ${group.length} 个字被改写；${formatAddress(address)} 处原为 ${formatAddress(first.expected, 16)}，现为 ${formatAddress(first.found, 16)}。设备可访问的范围已不再由 VMM 决定。`,
      },
    });
  }
  return damage;
}

/** The control block of a VM that is about to be entered, when somebody has written to it. */
export function auditControlBlock(vm: Vm): Damage | null {
  const fields = vm.vcpu.tampered();
  const first = fields[0];
  if (!first) return null;
  const names = fields.slice(0, 6).map(({ name }) => name);
  const more = fields.length > names.length ? ', …' : '';
  return {
    part: 'control-block',
    vm: vm.id,
    address: first.address,
    text: {
      en: `The control block of ${vm.id} was overwritten from ${formatAddress(first.address)} on: ${names.join(', ')}${more}. The guest goes on with what stands there now.`,
      'zh-CN': `${vm.id} 的控制块自 ${formatAddress(first.address)} 起被改写：${names.join('、')}${more}。客户机将以现有内容继续运行。`,
    },
  };
}

/** Why hardware did not find a page that the VMM has mapped: the entry on its way that is not as it was written. */
export function describeEntryDamage(vm: Vm, guestPhysical: number): Text {
  const frame = Math.floor(guestPhysical / PAGE_SIZE);
  const onTheWay = vm.translation.differences().find((difference) => covers(difference, frame));
  if (!onTheWay)
    return {
      en: 'Its EPT tables are as the VMM wrote them; the control block points elsewhere, or an entry was put back',
      'zh-CN': '其 EPT 表与 VMM 写入的一致；可能是控制块指向了别处，或表项已被恢复',
    };
  return entryText(vm, onTheWay);
}

function eptDamage(vm: Vm): Damage[] {
  return groupByPage(vm.translation.differences()).map(([address, group]) => {
    const first = group[0]!;
    const { en, 'zh-CN': zh } = entryText(vm, first);
    return {
      part: 'ept',
      vm: vm.id,
      address,
      text: {
        en: `${group.length} ${group.length === 1 ? 'entry' : 'entries'} of an EPT table of ${vm.id} ${group.length === 1 ? 'was' : 'were'} overwritten. ${en}.`,
        'zh-CN': `${vm.id} 的 EPT 表有 ${group.length} 个表项被改写。${zh}。`,
      },
    };
  });
}

const LEVEL_NAMES = ['PTE', 'PDE', 'PDPTE', 'PML4E'] as const;

const covers = ({ page, index }: TableDifference, frame: number): boolean => {
  const span = 512 ** (page.level - 1);
  const first = page.firstFrame + index * span;
  return frame >= first && frame < first + span;
};

const MEANING: Readonly<Record<'absent' | 'malformed' | 'leads', Text>> = {
  absent: { en: 'is no longer mapped', 'zh-CN': '不再有映射' },
  malformed: { en: 'now meets a malformed entry, which the processor refuses', 'zh-CN': '遇到格式错误的表项，处理器拒绝使用' },
  leads: { en: 'now leads elsewhere', 'zh-CN': '已指向别处' },
};

function entryText(vm: Vm, { page, index, address, expected, found }: TableDifference): Text {
  const guest = formatAddress((page.firstFrame + index * 512 ** (page.level - 1)) * PAGE_SIZE);
  const name = LEVEL_NAMES[page.level - 1]!;
  const [was, is] = [formatAddress(expected, 16), formatAddress(found, 16)];
  const meaning = MEANING[vm.translation.meaningOf(found, page.level)];
  return {
    en: `The ${name} at host-physical ${formatAddress(address)} was ${was} and is ${is}: guest-physical ${guest} ${meaning.en}`,
    'zh-CN': `宿主机物理地址 ${formatAddress(address)} 处的 ${name} 原为 ${was}，现为 ${is}：客户机物理地址 ${guest} ${meaning['zh-CN']}`,
  };
}

/** Differences by the page they lie in, with the address of the first of each. */
function groupByPage<T extends { address: number }>(differences: readonly T[]): [number, T[]][] {
  const groups = new Map<number, T[]>();
  for (const difference of differences) {
    const page = Math.floor(difference.address / PAGE_SIZE);
    const group = groups.get(page);
    if (group) group.push(difference);
    else groups.set(page, [difference]);
  }
  return [...groups.values()].map((group) => [group[0]!.address, group]);
}
