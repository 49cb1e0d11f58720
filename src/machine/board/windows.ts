/**
 * Where device registers sit in host-physical space: the IOMMU's block at its architectural address, and the memory BARs of
 * PCI devices in a window below it. Also which PCI address each device has. Pure functions of the drawing.
 */
import { parseRequester, type RequesterId } from '../bus/dma-port';
import { devicePart } from './parts';
import type { Board } from './schema';

/** Register base of the first DMA-remapping unit on Intel chipsets, as QEMU's q35 has it; reported in the DMAR table. */
export const IOMMU_BASE = 0xfed9_0000;
export const IOMMU_BYTES = 4096;
/** Id of the IOMMU wherever a device id is expected. */
export const IOMMU_ID = 'iommu';

/** The SMBus controller's place, 00:1f.3, as on Intel's chipsets. */
export const SMBUS_REQUESTER: RequesterId = (0x1f << 3) | 3;

/** Where the IOAPIC and the processor's local APIC answer, and their ids. */
export const IO_APIC_BASE = 0xfec0_0000;
export const IO_APIC_ID = 'io-apic';
export const LOCAL_APIC_BASE = 0xfee0_0000;
export const LOCAL_APIC_ID = 'local-apic';
export const APIC_BYTES = 4096;

/** PCI BARs are placed here, ascending; the larger window is used when the usual one is too small. */
const PCI_WINDOW = 0xfe00_0000;
const LARGE_PCI_WINDOW = 0xe000_0000;
const PCI_WINDOW_END = 0xfec0_0000;

export interface MmioWindow {
  base: number;
  /** first byte behind */
  end: number;
  device: string;
  /** `registers` for the IOMMU, `bar0`… for PCI */
  region: string;
}

export interface DeviceWindows {
  windows: MmioWindow[];
  /** kept for BARs; present when the board has a device with one */
  pciWindow?: { base: number; end: number };
  /** devices with a BAR that found no room */
  homeless: string[];
}

/** All windows, ascending, none overlapping. Devices of an unknown kind have none. */
export function deviceWindows(board: Board): DeviceWindows {
  const wanted: { device: string; region: string; bytes: number }[] = [];
  for (const device of board.devices) {
    devicePart(device.kind)?.bars.forEach((bytes, index) => wanted.push({ device: device.id, region: `bar${index}`, bytes }));
  }
  const windows: MmioWindow[] = [];
  const homeless: string[] = [];
  const result: DeviceWindows = { windows, homeless };
  if (wanted.length > 0) {
    const needed = wanted.reduce((end, { bytes }) => alignUp(end, bytes) + bytes, PCI_WINDOW);
    let next = needed <= PCI_WINDOW_END ? PCI_WINDOW : LARGE_PCI_WINDOW;
    result.pciWindow = { base: next, end: PCI_WINDOW_END };
    for (const { device, region, bytes } of wanted) {
      const base = alignUp(next, bytes);
      if (base + bytes > PCI_WINDOW_END) homeless.push(device);
      else {
        windows.push({ base, end: base + bytes, device, region });
        next = base + bytes;
      }
    }
  }
  if (board.iommu?.present) windows.push({ base: IOMMU_BASE, end: IOMMU_BASE + IOMMU_BYTES, device: IOMMU_ID, region: 'registers' });
  if (board.apic?.present) {
    windows.push({ base: IO_APIC_BASE, end: IO_APIC_BASE + APIC_BYTES, device: IO_APIC_ID, region: 'registers' });
    windows.push({ base: LOCAL_APIC_BASE, end: LOCAL_APIC_BASE + APIC_BYTES, device: LOCAL_APIC_ID, region: 'registers' });
  }
  return result;
}

/**
 * The PCI address of each PCI device: the one on the board, or the first free device number of bus 0 from 4 on. A device
 * whose address is malformed or already taken has none.
 */
export function deviceRequesters(board: Board): Map<string, RequesterId> {
  const taken = new Set<RequesterId>([0, SMBUS_REQUESTER]);
  const result = new Map<string, RequesterId>();
  const later: string[] = [];
  for (const device of board.devices) {
    if (!devicePart(device.kind)?.pci || result.has(device.id)) continue;
    if (device.at === undefined) {
      later.push(device.id);
      continue;
    }
    const requester = parseRequester(device.at);
    if (requester === undefined || taken.has(requester)) continue;
    taken.add(requester);
    result.set(device.id, requester);
  }
  let next = 4 << 3;
  for (const id of later) {
    while (taken.has(next)) next += 8;
    if (next > 0xffff || result.has(id)) continue;
    taken.add(next);
    result.set(id, next);
  }
  return result;
}

export const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;
