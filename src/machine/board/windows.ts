/**
 * Where device registers sit in host-physical space: the IOMMU's block at its architectural address, and the memory BARs of
 * PCI devices in a window below it. Also which PCI address each device has. Pure functions of the drawing.
 */
import type { RequesterId } from '../bus/dma-port';
import { devicePart } from './parts';
import type { Board, BoardDevice } from './schema';
import { pciTopology, type BridgeNode } from './topology';

/** Register base of the first DMA-remapping unit on Intel chipsets, as QEMU's q35 has it; reported in the DMAR table. */
export const IOMMU_BASE = 0xfed9_0000;
export const IOMMU_BYTES = 4096;
/** Id of the IOMMU wherever a device id is expected. */
export const IOMMU_ID = 'iommu';

export { LPC_REQUESTER, SMBUS_REQUESTER } from './topology';

/** Where the IOAPIC and the processor's local APIC answer, and their ids. */
export const IO_APIC_BASE = 0xfec0_0000;
export const IO_APIC_ID = 'io-apic';
export const LOCAL_APIC_BASE = 0xfee0_0000;
export const LOCAL_APIC_ID = 'local-apic';
export const APIC_BYTES = 4096;

/** Where firmware leaves its tables and its services for real mode: the segment searched for them since the first PC. */
export const FIRMWARE_TABLES = { base: 0xf_0000, end: 0x10_0000 } as const;
/** What a PC keeps below that for adapters and their ROMs; without such a device, DRAM answers there. */
export const ADAPTER_AREA = { base: 0xa_0000, end: FIRMWARE_TABLES.base } as const;

/** PCI BARs are placed here, ascending; the larger window is used when the usual one is too small. */
const PCI_WINDOW = 0xfe00_0000;
const LARGE_PCI_WINDOW = 0xe000_0000;
const PCI_WINDOW_END = 0xfec0_0000;

export interface MmioWindow {
  base: number;
  /** first byte behind */
  end: number;
  device: string;
  /** `registers` for the IOMMU, `bar0`… for PCI, `frame` and `rom` below 1 MiB */
  region: string;
}

export interface DeviceWindows {
  windows: MmioWindow[];
  /** kept for BARs; present when the board has a device with one, or a bridge that leaves room for one */
  pciWindow?: { base: number; end: number };
  /** devices with a BAR that found no room */
  homeless: string[];
  /** what each bridge function forwards to its secondary side, by its id; a bridge with nothing behind it forwards nothing */
  forwarded: Map<string, { base: number; end: number }>;
}

/** Bridges forward whole MiB (PCI-to-PCI Bridge Architecture 1.2, 3.2.5.6); a port for hot-plug keeps two for what may come. */
const BRIDGE_GRANULARITY = 1024 ** 2;
const HOT_PLUG_RESERVE = 2 * BRIDGE_GRANULARITY;

interface Bar {
  device: string;
  region: string;
  bytes: number;
}

/** Gives out addresses from `next` on; what does not fit before PCI_WINDOW_END finds no home. */
class BarAllocator {
  readonly windows: MmioWindow[] = [];
  readonly homeless: string[] = [];
  readonly forwarded = new Map<string, { base: number; end: number }>();

  constructor(private next: number) {}

  get end(): number {
    return this.next;
  }

  bar({ device, region, bytes }: Bar): void {
    const base = alignUp(this.next, bytes);
    if (base + bytes > PCI_WINDOW_END) {
      this.homeless.push(device);
      return;
    }
    this.windows.push({ base, end: base + bytes, device, region });
    this.next = base + bytes;
  }

  /** What lies behind a bridge is one stretch of whole MiB. */
  bridge(bridge: BridgeNode, barsOf: (device: string) => readonly Bar[]): void {
    const base = alignUp(this.next, BRIDGE_GRANULARITY);
    this.next = base;
    for (const { id } of bridge.devices) for (const bar of barsOf(id)) this.bar(bar);
    for (const below of [...bridge.bridges].sort((a, b) => a.devfn - b.devfn)) this.bridge(below, barsOf);
    if (bridge.hotPlug) this.next = Math.max(this.next, base + HOT_PLUG_RESERVE);
    this.next = alignUp(this.next, BRIDGE_GRANULARITY);
    if (this.next > base) this.forwarded.set(bridge.id, { base, end: this.next });
  }
}

/** BARs in the order of the board's devices; what sits behind bridges follows, bridge by bridge. */
function placeBars(board: Board, from: number): BarAllocator {
  const allocator = new BarAllocator(from);
  const barsOf = (id: string, kind: string): Bar[] =>
    (devicePart(kind)?.bars ?? []).map((bytes, index) => ({ device: id, region: `bar${index}`, bytes }));
  if ((board.bridges ?? []).length === 0) {
    for (const { id, kind } of board.devices) for (const bar of barsOf(id, kind)) allocator.bar(bar);
    return allocator;
  }
  const { bridges, devices } = pciTopology(board);
  const kinds = new Map<string, string>();
  for (const { id, kind } of board.devices) if (!kinds.has(id)) kinds.set(id, kind);
  for (const { id, path } of devices.values()) if (path.length === 0) for (const bar of barsOf(id, kinds.get(id)!)) allocator.bar(bar);
  for (const bridge of bridges) if (!bridge.parent) allocator.bridge(bridge, (id) => barsOf(id, kinds.get(id)!));
  return allocator;
}

/** The first megabyte, where devices answer instead of the DRAM that may lie there. */
export const LEGACY_END = 0x10_0000;

/** Windows of the first megabyte; one that the rules refuse (outside, or over another) is left out. */
function legacyWindows(board: Board): MmioWindow[] {
  const windows: MmioWindow[] = [];
  for (const device of board.devices) {
    const window = legacyWindow(device);
    if (!window || !isLegacyWindow(window)) continue;
    const { base, size, region } = window;
    const end = base + size;
    if (windows.every((other) => end <= other.base || base >= other.end)) windows.push({ base, end, device: device.id, region });
  }
  return windows;
}

/** What a part answers below 1 MiB; undefined for one that has no such window. */
export function legacyWindow({ kind, base, size }: BoardDevice): { region: string; base: number; size: number } | undefined {
  const window = devicePart(kind)?.window;
  return window && (kind === 'rom' ? { region: window.region, base: base ?? window.base, size: size ?? window.size } : window);
}

/** Whole pages of what the PC keeps for adapters and ROMs, 0xA_0000 to 1 MiB. */
export const isLegacyWindow = ({ base, size }: { base: number; size: number }): boolean =>
  base % 4096 === 0 && size % 4096 === 0 && size > 0 && base >= ADAPTER_AREA.base && base + size <= LEGACY_END;

/** All windows; those of the first megabyte and of PCI ascend, none overlap. Devices of an unknown kind have none. */
export function deviceWindows(board: Board): DeviceWindows {
  const usual = placeBars(board, PCI_WINDOW);
  const small = usual.homeless.length === 0 && usual.end <= PCI_WINDOW_END;
  const { windows, homeless, forwarded, end } = small ? usual : placeBars(board, LARGE_PCI_WINDOW);
  const result: DeviceWindows = { windows, homeless, forwarded };
  const start = small ? PCI_WINDOW : LARGE_PCI_WINDOW;
  if (windows.length > 0 || homeless.length > 0 || end > start) result.pciWindow = { base: start, end: PCI_WINDOW_END };
  windows.push(...legacyWindows(board));
  if (board.iommu?.present) windows.push({ base: IOMMU_BASE, end: IOMMU_BASE + IOMMU_BYTES, device: IOMMU_ID, region: 'registers' });
  if (board.apic?.present) {
    windows.push({ base: IO_APIC_BASE, end: IO_APIC_BASE + APIC_BYTES, device: IO_APIC_ID, region: 'registers' });
    windows.push({ base: LOCAL_APIC_BASE, end: LOCAL_APIC_BASE + APIC_BYTES, device: LOCAL_APIC_ID, region: 'registers' });
  }
  return result;
}

/**
 * The PCI address of each PCI device, as configuration space knows it: the one on the board, or one that is free, with the bus
 * number that firmware gives the bus it sits on. A device whose place is malformed, taken or missing has none.
 */
export const deviceRequesters = (board: Board): Map<string, RequesterId> =>
  new Map([...pciTopology(board).devices].map(([id, { requester }]) => [id, requester]));

export const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;
