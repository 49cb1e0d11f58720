/**
 * Memory modules, generated from DRAM chips: a module's bytes are the product of its geometry, and its geometry that of the
 * chips its standard knows (dram-chips.ts). A module is named by what it is, `ddr4-16g-2rx8`; a few usual
 * ones have short names. What no standard has is refused with the rule. Pure, usable in the renderer.
 */
import { GENERATIONS, type ChipWidth, type DimmTechnology } from './dram-chips';
import type { Text } from './parts';

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

export type { ChipWidth, DimmTechnology };

export interface DimmPart {
  readonly id: string;
  readonly name: Text;
  readonly technology: DimmTechnology;
  readonly bytes: number;
  readonly geometry: DimmGeometry;
  /** the chips of all ranks: how many, data bits and bits each */
  readonly chips: { readonly count: number; readonly width: ChipWidth; readonly megabits: number };
}

const K = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export const TECHNOLOGIES = Object.keys(GENERATIONS) as DimmTechnology[];

/** The largest module of the catalogue. */
const LARGEST_DIMM = 64 * GIB;

export interface DimmWish {
  technology: DimmTechnology;
  bytes: number;
  ranks: number;
  width: ChipWidth;
  /** data bits of the module where they differ from the generation's: 32 for the DDR3 SO-DIMM */
  busBits?: number;
}

export interface DimmRefusal {
  /** stable name of the rule */
  rule: 'width' | 'ranks' | 'size' | 'density';
  message: Text;
}

/** `16 GiB`, `256 KiB`. */
export const sizeName = (bytes: number): string =>
  bytes >= GIB ? `${bytes / GIB} GiB` : bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / 1024} KiB`;
const shortSize = (bytes: number): string =>
  sizeName(bytes)
    .replace(/ (.).*$/, '$1')
    .toLowerCase();
const plural = (count: number, one: string): string => (count === 1 ? `1 ${one}` : `${count} ${one}s`);
const densityName = (megabits: number): string =>
  megabits >= 1024 ? `${megabits / 1024} Gbit` : megabits >= 1 ? `${megabits} Mbit` : `${megabits * 1024} kbit`;

/** `ddr4-16g-2rx8`. */
const dimmName = ({ technology, bytes, ranks, width }: DimmWish): string =>
  technology === 'SIMM' ? `simm30-${shortSize(bytes)}` : `${GENERATIONS[technology].prefix}-${shortSize(bytes)}-${ranks}rx${width}`;

/** The module, or the rule that it breaks. */
export function makeDimm(wish: DimmWish, id = dimmName(wish)): DimmPart | DimmRefusal {
  const { technology, bytes, ranks, width } = wish;
  const generation = GENERATIONS[technology];
  const busBits = wish.busBits ?? generation.busBits;
  const refuse = (rule: DimmRefusal['rule'], en: string, zh: string): DimmRefusal => ({ rule, message: { en, 'zh-CN': zh } });
  const at = generation.widths.indexOf(width);
  if (at < 0) {
    const widths = generation.widths.map((each) => `x${each}`).join(', ');
    return refuse(
      'width',
      `${generation.standard} has no x${width} chips: ${technology} chips are ${widths}.`,
      `${generation.standard} 没有 x${width} 芯片：${technology} 芯片为 ${widths}。`,
    );
  }
  if (!Number.isInteger(Math.log2(ranks)) || ranks > generation.mostRanks) {
    const most = generation.mostRanks;
    return refuse(
      'ranks',
      `A ${technology} module has ${most === 1 ? '1 rank' : most === 2 ? '1 or 2 ranks' : '1, 2 or 4 ranks'}, not ${ranks}.`,
      `${technology} 模块有 ${most === 1 ? '1' : most === 2 ? '1 或 2' : '1、2 或 4'} 个 rank，而不是 ${ranks} 个。`,
    );
  }
  const count = (generation.subchannels * ranks * busBits) / width;
  const megabits = (bytes * 8) / count / MIB;
  const addressing = Object.hasOwn(generation.densities, megabits) ? generation.densities[megabits]?.[at] : undefined;
  if (!(bytes > 0) || bytes > LARGEST_DIMM) {
    const most = sizeName(LARGEST_DIMM);
    return refuse('size', `A module of this catalogue has at most ${most}.`, `本目录中一根内存条最多 ${most}。`);
  }
  if (!addressing) {
    const known = Object.keys(generation.densities)
      .map(Number)
      .sort((a, b) => a - b)
      .map(densityName)
      .join(', ');
    const each = [
      `${sizeName(bytes)} from ${plural(count, 'chip')} would need ${densityName(megabits)} each; `,
      `用 ${count} 颗芯片组成 ${sizeName(bytes)}，每颗需要 ${densityName(megabits)}；`,
    ] as const;
    if (generation.uneven?.includes(megabits)) {
      return refuse(
        'density',
        `${each[0]}${generation.standard} has such chips, but this catalogue only those of a power of two: ${known}.`,
        `${each[1]}${generation.standard} 有这种芯片，但本目录只收容量为 2 的幂的芯片：${known}。`,
      );
    }
    return refuse('density', `${each[0]}${generation.standard} has ${known}.`, `${each[1]}${generation.standard} 只有 ${known}。`);
  }
  const [bankGroups, banks] = generation.banks(megabits, width);
  const [rows, columns] = addressing;
  const organisation = technology === 'SIMM' || id !== dimmName(wish) ? '' : ` ${ranks}Rx${width}`;
  const name = technology === 'SIMM' ? `30-pin SIMM ${sizeName(bytes)}` : `${technology} ${sizeName(bytes)}${organisation}`;
  return {
    id,
    name: { en: name, 'zh-CN': technology === 'SIMM' ? `30 针 SIMM ${sizeName(bytes)}` : name },
    technology,
    bytes,
    geometry: { subchannels: generation.subchannels, ranks, bankGroups, banks, rows, columns, busBytes: busBits / 8 },
    chips: { count, width, megabits },
  };
}

export const isRefusal = (made: DimmPart | DimmRefusal): made is DimmRefusal => 'rule' in made;

function standard(technology: DimmTechnology, bytes: number, ranks: number, width: ChipWidth, id?: string, busBits?: number): DimmPart {
  const wish = { technology, bytes, ranks, width, ...(busBits === undefined ? {} : { busBits }) };
  const made = makeDimm(wish, id);
  if (isRefusal(made)) throw new RangeError(made.message.en);
  return made;
}

/** The usual modules, under short names. */
export const DIMMS: readonly DimmPart[] = [
  ...[256 * K, MIB, 4 * MIB].map((bytes) => standard('SIMM', bytes, 1, 1)),
  standard('SDR', 64 * MIB, 1, 8, 'sdr-64m'),
  standard('SDR', 128 * MIB, 1, 8, 'sdr-128m'),
  standard('DDR', 256 * MIB, 1, 8, 'ddr-256m'),
  standard('DDR', 512 * MIB, 1, 8, 'ddr-512m'),
  standard('DDR2', 512 * MIB, 1, 8, 'ddr2-512m'),
  standard('DDR2', GIB, 1, 8, 'ddr2-1g'),
  standard('DDR3', 128 * MIB, 1, 16, 'ddr3-128m', 32), // the 32-bit SO-DIMM
  standard('DDR3', 256 * MIB, 1, 16, 'ddr3-256m'),
  standard('DDR3', 512 * MIB, 1, 8, 'ddr3-512m'),
  standard('DDR3', GIB, 1, 8, 'ddr3-1g'),
  standard('DDR3', 2 * GIB, 2, 8, 'ddr3-2g'),
  standard('DDR3', 4 * GIB, 2, 8, 'ddr3-4g'),
  standard('DDR3', 8 * GIB, 2, 8, 'ddr3-8g'),
  standard('DDR4', 4 * GIB, 1, 8, 'ddr4-4g'),
  standard('DDR4', 8 * GIB, 1, 8, 'ddr4-8g'),
  standard('DDR4', 16 * GIB, 2, 8, 'ddr4-16g'),
  standard('DDR4', 32 * GIB, 2, 8, 'ddr4-32g'),
  standard('DDR4', 64 * GIB, 2, 4, 'ddr4-64g'),
  standard('DDR5', 16 * GIB, 1, 8, 'ddr5-16g'),
  standard('DDR5', 32 * GIB, 2, 8, 'ddr5-32g'),
];

/** Every module that the standards allow, by technology, size, ranks and width. */
export const ALL_DIMMS: readonly DimmPart[] = TECHNOLOGIES.flatMap((technology) => {
  const { widths, densities, mostRanks, subchannels, busBits } = GENERATIONS[technology];
  const parts: DimmPart[] = [];
  for (let ranks = 1; ranks <= mostRanks; ranks *= 2) {
    for (const width of widths) {
      for (const megabits of Object.keys(densities).map(Number)) {
        const made = makeDimm({ technology, bytes: ((megabits * MIB) / 8) * ((subchannels * ranks * busBits) / width), ranks, width });
        if (!isRefusal(made)) parts.push(made);
      }
    }
  }
  return parts.sort((a, b) => a.bytes - b.bytes || a.geometry.ranks - b.geometry.ranks || a.chips.width - b.chips.width);
});

const byName = new Map([...ALL_DIMMS, ...DIMMS].map((part) => [part.id, part]));

/** The module of that name, or undefined when there is none. */
export const dimmPart = (id: string): DimmPart | undefined => byName.get(id);

const UNITS: Readonly<Record<string, number>> = { k: K, m: MIB, g: GIB };

/**
 * Why there is no module like the one that is asked for in words, `ddr4 16 gib x16`, `DDR5-24G`: the rule of its standard. Undefined
 * when some module is like it, when it is the name of one, or when the words name no generation, or nothing that a rule is about.
 */
export function refusedDimm(search: string): DimmRefusal | undefined {
  if (byName.has(search)) return undefined;
  const asked = search.toLowerCase().replace(/[^a-z0-9]+/g, ' ');
  const prefix = /\b(simm30|simm|sdr|ddr[2-5]?)\b/.exec(asked)?.[1];
  const technology = TECHNOLOGIES.find((each) => prefix !== undefined && GENERATIONS[each].prefix.startsWith(prefix));
  if (technology === undefined) return undefined;
  const size = /\b(\d{1,6}) ?([kmg])(?:i?b)?\b/.exec(asked);
  const width = /x ?(\d{1,2})\b/.exec(asked)?.[1];
  const ranks = /\b(\d{1,2}) ?r(?:anks?|x|\b)/.exec(asked)?.[1];
  if (!size && width === undefined && ranks === undefined) return undefined;
  const { widths, densities, subchannels, busBits } = GENERATIONS[technology];
  const usualFirst = [...widths].sort((a, b) => Math.abs(a - 8) - Math.abs(b - 8));
  let first: DimmRefusal | undefined;
  for (const wide of width === undefined ? usualFirst : [Number(width) as ChipWidth]) {
    for (const count of ranks === undefined ? [1, 2, 4] : [Number(ranks)]) {
      const chips = (subchannels * count * busBits) / wide;
      const sizes = size ? [Number(size[1]) * UNITS[size[2]!]!] : Object.keys(densities).map((each) => (Number(each) * MIB * chips) / 8);
      for (const bytes of sizes) {
        const made = makeDimm({ technology, bytes, ranks: count, width: wide });
        if (!isRefusal(made)) return undefined;
        first ??= made;
      }
    }
  }
  return first;
}
