/** What the VMM is asked to set up, and what of it cannot be: said before anything is taken. */
import { formatAddress, PAGE_SIZE } from '../machine/address';
import type { VmmHost } from './host';
import { GUEST_PCI_BASE } from './platform/vm-bus';
import { VmmSetupError } from './text';
import type { VmOptions } from './vm';

export interface VmmOptions {
  allocation: { seed: number; preoccupied: number };
  /** may the VMM turn DMA translation on, where there is an IOMMU? */
  iommuEnabled: boolean;
  vms: readonly VmOptions[];
  /** end a VM whose memory has an error that ECC cannot correct; otherwise it is only reported */
  stopsOnMemoryError?: boolean;
}

/** Throws VmmSetupError for a VM without whole pages, an id used twice, or a device that is not there or is given twice. */
export function checkOptions(host: VmmHost, { vms }: VmmOptions): void {
  const ids = new Set<string>();
  const taken = new Map<string, string>();
  for (const { id, memory, passthrough } of vms) {
    if (ids.has(id))
      throw new VmmSetupError(
        'vmm-duplicate-vm',
        { en: `Two VMs are called ${id}.`, 'zh-CN': `有两个虚拟机都叫 ${id}。` },
        { en: 'Give each VM an id of its own.', 'zh-CN': '请为每个虚拟机指定不同的 id。' },
        id,
      );
    ids.add(id);
    if (!Number.isSafeInteger(memory) || memory <= 0 || memory % PAGE_SIZE !== 0)
      throw new VmmSetupError(
        'vmm-memory-size',
        { en: `${id} is to have ${memory} bytes of memory.`, 'zh-CN': `${id} 的内存大小为 ${memory} 字节。` },
        { en: 'Give it a multiple of 4 KiB, and at least one page.', 'zh-CN': '请指定 4 KiB 的整数倍，至少一页。' },
        id,
      );
    if (passthrough.length > 0 && memory > GUEST_PCI_BASE)
      throw new VmmSetupError(
        'vmm-memory-size',
        {
          en: `${id} has a device whose registers appear at ${formatAddress(GUEST_PCI_BASE)}, and its memory reaches beyond that.`,
          'zh-CN': `${id} 的设备寄存器位于 ${formatAddress(GUEST_PCI_BASE)}，而其内存超过了该地址。`,
        },
        { en: `Give it at most ${GUEST_PCI_BASE / 1024 ** 2} MiB.`, 'zh-CN': `请将其内存设为不超过 ${GUEST_PCI_BASE / 1024 ** 2} MiB。` },
        id,
      );
    for (const device of passthrough) {
      if (!host.devices.some((candidate) => candidate.id === device))
        throw new VmmSetupError(
          'vmm-unknown-device',
          {
            en: `${id} is given ${device}, and the board has no such device on PCI.`,
            'zh-CN': `${id} 被分配设备 ${device}，但主板的 PCI 上没有该设备。`,
          },
          {
            en: `Name one of: ${host.devices.map((known) => known.id).join(', ') || 'none'}.`,
            'zh-CN': `请使用：${host.devices.map((known) => known.id).join('、') || '无'}。`,
          },
          id,
        );
      const holder = taken.get(device);
      if (holder !== undefined)
        throw new VmmSetupError(
          'vmm-device-taken',
          { en: `${device} is given to ${holder} and to ${id}.`, 'zh-CN': `设备 ${device} 同时被分配给 ${holder} 和 ${id}。` },
          { en: 'A device belongs to one VM at a time.', 'zh-CN': '一个设备同一时刻只能属于一个虚拟机。' },
          id,
        );
      taken.set(device, id);
    }
  }
}
