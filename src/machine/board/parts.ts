/**
 * The parts catalogue, as data: processors, memory modules (dimms.ts) and devices that a board may name. Pure data, usable in
 * the renderer.
 */
export * from './processors';
export * from './dimms';

export interface Text {
  en: string;
  'zh-CN': string;
}

export interface DevicePart {
  readonly kind: string;
  readonly name: Text;
  /** sits on PCI and needs a place `bb:dd.f` */
  readonly pci: boolean;
  /** bytes of each memory BAR, in order; powers of two */
  readonly bars: readonly number[];
  /** address bits its DMA engine drives unless the board says otherwise; 0 without one */
  readonly dmaMask: number;
  /** a window of the first megabyte that it answers, and whose DRAM it hides; a ROM's is the board's to choose */
  readonly window?: { readonly region: string; readonly base: number; readonly size: number };
}

/** Where a ROM answers unless told: a video BIOS's place, 32 KiB. */
export const DEFAULT_ROM = { region: 'rom', base: 0xc_0000, size: 0x8000 } as const;

const MIB = 1024 ** 2;

export const DEVICES: readonly DevicePart[] = [
  {
    kind: 'edu',
    name: { en: 'Teaching DMA device (edu)', 'zh-CN': '教学用 DMA 设备（edu）' },
    pci: true,
    bars: [1 * MIB],
    dmaMask: 28,
  },
  {
    kind: 'dma-contiguous',
    name: { en: 'DMA device, one run of bytes', 'zh-CN': 'DMA 设备（单段连续）' },
    pci: true,
    bars: [4096],
    dmaMask: 32,
  },
  {
    kind: 'dma-scatter',
    name: { en: 'DMA device with a scatter list', 'zh-CN': 'DMA 设备（分散列表）' },
    pci: true,
    bars: [4096],
    dmaMask: 32,
  },
  {
    kind: 'vga-memory',
    name: { en: 'VGA frame memory (A0000–BFFFF)', 'zh-CN': 'VGA 显存（A0000–BFFFF）' },
    pci: false,
    bars: [],
    dmaMask: 0,
    window: { region: 'frame', base: 0xa_0000, size: 0x2_0000 },
  },
  {
    kind: 'rom',
    name: { en: 'ROM below 1 MiB (C0000–FFFFF)', 'zh-CN': '1 MiB 以下的 ROM（C0000–FFFFF）' },
    pci: false,
    bars: [],
    dmaMask: 0,
    window: DEFAULT_ROM,
  },
];

const byId = <T>(list: readonly T[], key: (part: T) => string): ReadonlyMap<string, T> => new Map(list.map((part) => [key(part), part]));
const devices = byId(DEVICES, (part) => part.kind);

/** The part, or undefined when the catalogue has none of that name. */
export const devicePart = (kind: string): DevicePart | undefined => devices.get(kind);
