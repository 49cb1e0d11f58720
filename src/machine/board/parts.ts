/**
 * The parts catalogue, as data: processors, DIMMs and devices that a board may name. A DIMM's bytes are the product of its
 * geometry, and its geometry that of the DRAM chips it is made of (JEDEC DDR3 JESD79-3, DDR4 JESD79-4, DDR5 JESD79-5: rows,
 * columns and banks by chip density and width). Pure data, usable in the renderer.
 */
export * from './processors';

export interface Text {
  en: string;
  'zh-CN': string;
}

/** How the bytes of a DIMM are arranged. All counts are powers of two. */
export interface DimmGeometry {
  /** independent halves of a DDR5 DIMM; 1 before */
  readonly subchannels: number;
  /** ranks on each subchannel */
  readonly ranks: number;
  /** DDR4 and later; 1 before */
  readonly bankGroups: number;
  /** banks in each group */
  readonly banks: number;
  readonly rows: number;
  readonly columns: number;
  /** data bytes that one column address selects, over all chips of a rank */
  readonly busBytes: number;
}

export interface DimmPart {
  readonly id: string;
  readonly name: Text;
  readonly technology: 'DDR3' | 'DDR4' | 'DDR5';
  readonly bytes: number;
  readonly geometry: DimmGeometry;
  /** the chips of all ranks: how many, data bits and bits each */
  readonly chips: { readonly count: number; readonly width: 4 | 8 | 16; readonly megabits: number };
}

export interface DevicePart {
  readonly kind: string;
  readonly name: Text;
  /** sits on PCI and needs a place `bb:dd.f` */
  readonly pci: boolean;
  /** bytes of each memory BAR, in order; powers of two */
  readonly bars: readonly number[];
  /** address bits its DMA engine drives unless the board says otherwise */
  readonly dmaMask: number;
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

type ChipRow = readonly [megabits: number, width: 4 | 8 | 16, bankGroups: number, banks: number, rows: number, columns: number];

/** DRAM chips by name: density, width, and the addressing their standard gives them. */
const CHIPS = {
  'ddr3-512m-x16': [512, 16, 1, 8, 4_096, 1_024],
  'ddr3-512m-x8': [512, 8, 1, 8, 8_192, 1_024],
  'ddr3-1g-x8': [1_024, 8, 1, 8, 16_384, 1_024],
  'ddr3-2g-x8': [2_048, 8, 1, 8, 32_768, 1_024],
  'ddr3-4g-x8': [4_096, 8, 1, 8, 65_536, 1_024],
  'ddr4-4g-x8': [4_096, 8, 4, 4, 32_768, 1_024],
  'ddr4-8g-x8': [8_192, 8, 4, 4, 65_536, 1_024],
  'ddr4-16g-x8': [16_384, 8, 4, 4, 131_072, 1_024],
  'ddr4-16g-x4': [16_384, 4, 4, 4, 262_144, 1_024],
  'ddr5-16g-x8': [16_384, 8, 8, 4, 65_536, 1_024],
} as const satisfies Record<string, ChipRow>;

type DimmRow = readonly [id: string, bytes: number, chip: keyof typeof CHIPS, subchannels: number, ranks: number, busBytes: number];

const DIMM_ROWS: readonly DimmRow[] = [
  ['ddr3-128m', 128 * MIB, 'ddr3-512m-x16', 1, 1, 4], // the 32-bit SO-DIMM
  ['ddr3-256m', 256 * MIB, 'ddr3-512m-x16', 1, 1, 8],
  ['ddr3-512m', 512 * MIB, 'ddr3-512m-x8', 1, 1, 8],
  ['ddr3-1g', 1 * GIB, 'ddr3-1g-x8', 1, 1, 8],
  ['ddr3-2g', 2 * GIB, 'ddr3-1g-x8', 1, 2, 8],
  ['ddr3-4g', 4 * GIB, 'ddr3-2g-x8', 1, 2, 8],
  ['ddr3-8g', 8 * GIB, 'ddr3-4g-x8', 1, 2, 8],
  ['ddr4-4g', 4 * GIB, 'ddr4-4g-x8', 1, 1, 8],
  ['ddr4-8g', 8 * GIB, 'ddr4-8g-x8', 1, 1, 8],
  ['ddr4-16g', 16 * GIB, 'ddr4-8g-x8', 1, 2, 8],
  ['ddr4-32g', 32 * GIB, 'ddr4-16g-x8', 1, 2, 8],
  ['ddr4-64g', 64 * GIB, 'ddr4-16g-x4', 1, 2, 8],
  ['ddr5-16g', 16 * GIB, 'ddr5-16g-x8', 2, 1, 4],
  ['ddr5-32g', 32 * GIB, 'ddr5-16g-x8', 2, 2, 4],
];

function dimm([id, bytes, chipName, subchannels, ranks, busBytes]: DimmRow): DimmPart {
  const [megabits, width, bankGroups, banks, rows, columns] = CHIPS[chipName];
  const technology = id.slice(0, 4).toUpperCase() as DimmPart['technology'];
  const size = bytes >= GIB ? `${bytes / GIB} GiB` : `${bytes / MIB} MiB`;
  return {
    id,
    name: { en: `${technology} ${size}`, 'zh-CN': `${technology} ${size}` },
    technology,
    bytes,
    geometry: { subchannels, ranks, bankGroups, banks, rows, columns, busBytes },
    chips: { count: (subchannels * ranks * busBytes * 8) / width, width, megabits },
  };
}

export const DIMMS: readonly DimmPart[] = DIMM_ROWS.map(dimm);

export const DEVICES: readonly DevicePart[] = [
  {
    kind: 'edu',
    name: { en: 'Teaching DMA device (edu)', 'zh-CN': '教学用 DMA 设备（edu）' },
    pci: true,
    bars: [1 * MIB],
    dmaMask: 28,
  },
];

const byId = <T>(list: readonly T[], key: (part: T) => string): ReadonlyMap<string, T> => new Map(list.map((part) => [key(part), part]));
const dimms = byId(DIMMS, (part) => part.id);
const devices = byId(DEVICES, (part) => part.kind);

/** The part, or undefined when the catalogue has none of that name. */
export const dimmPart = (id: string): DimmPart | undefined => dimms.get(id);
export const devicePart = (kind: string): DevicePart | undefined => devices.get(kind);
