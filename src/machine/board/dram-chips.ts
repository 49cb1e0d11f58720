/**
 * DRAM chips by generation, density and width: how many rows, columns and banks their standards give them (30-pin SIMMs; JEDEC SDRAM
 * JESD21-C, DDR JESD79, DDR2 JESD79-2, DDR3 JESD79-3, DDR4 JESD79-4, DDR5 JESD79-5), and what a module of them may be.
 */

export type ChipWidth = 1 | 4 | 8 | 16;
export type DimmTechnology = 'SIMM' | 'SDR' | 'DDR' | 'DDR2' | 'DDR3' | 'DDR4' | 'DDR5';

const K = 1024;

/** rows and columns of a chip of one density, in the order of its generation's widths */
type Addressing = readonly (readonly [rows: number, columns: number])[];

export interface Generation {
  readonly prefix: string;
  readonly subchannels: number;
  /** data bits of one (sub)channel */
  readonly busBits: number;
  readonly mostRanks: number;
  readonly standard: string;
  readonly widths: readonly ChipWidth[];
  /** bank groups and banks by density in megabits and width */
  banks(megabits: number, width: ChipWidth): readonly [bankGroups: number, banks: number];
  readonly densities: Readonly<Record<number, Addressing>>;
  /** densities of the standard, in megabits, that are no power of two; no module here is made of them */
  readonly uneven?: readonly number[];
}

const NARROW_TO_WIDE: readonly ChipWidth[] = [4, 8, 16];

// a chip of the same density that is twice as wide has fewer rows or columns, or fewer banks: what is halved from x4 to x8 to x16
const columnsEachTime = (rows: number, columns: number): Addressing => [[rows, columns], [rows, columns / 2], [rows, columns / 4]]; // prettier-ignore
const columnsThenRows = (rows: number, columns: number): Addressing => [[rows, columns], [rows, columns / 2], [rows / 2, columns / 2]]; // prettier-ignore
const columnsOnce = (rows: number, columns: number): Addressing => [[rows, columns], [rows, columns / 2], [rows, columns / 2]]; // prettier-ignore
const rowsOnce = (rows: number, columns: number): Addressing => [[rows, columns], [rows / 2, columns], [rows / 2, columns]]; // prettier-ignore

/** what most DIMMs have in common */
const DIMM = { subchannels: 1, busBits: 64, mostRanks: 2, widths: NARROW_TO_WIDE } as const;

export const GENERATIONS: Readonly<Record<DimmTechnology, Generation>> = {
  // eight (or nine, with parity) 1-bit chips; four modules side by side make a 32-bit bank
  SIMM: {
    prefix: 'simm30',
    subchannels: 1,
    busBits: 8,
    mostRanks: 1,
    standard: 'JEDEC 30-pin SIMM',
    widths: [1],
    banks: () => [1, 1],
    densities: { 0.25: [[512, 512]], 1: [[K, K]], 4: [[2 * K, 2 * K]] },
  },
  SDR: {
    ...DIMM,
    prefix: 'sdr',
    standard: 'JESD21-C 3.11',
    banks: (megabits) => [1, megabits === 16 ? 2 : 4],
    densities: {
      16: columnsEachTime(2 * K, K),
      64: columnsEachTime(4 * K, K),
      128: columnsEachTime(4 * K, 2 * K),
      256: columnsEachTime(8 * K, 2 * K),
      512: columnsEachTime(8 * K, 4 * K),
    },
  },
  DDR: {
    ...DIMM,
    prefix: 'ddr',
    standard: 'JESD79F',
    banks: () => [1, 4],
    densities: {
      64: columnsEachTime(4 * K, K),
      128: columnsEachTime(4 * K, 2 * K),
      256: columnsEachTime(8 * K, 2 * K),
      512: columnsEachTime(8 * K, 4 * K),
      1024: columnsEachTime(16 * K, 4 * K),
    },
  },
  DDR2: {
    ...DIMM,
    prefix: 'ddr2',
    standard: 'JESD79-2F',
    banks: (megabits) => [1, megabits <= 512 ? 4 : 8],
    densities: {
      256: columnsEachTime(8 * K, 2 * K),
      512: columnsThenRows(16 * K, 2 * K),
      1024: columnsThenRows(16 * K, 2 * K),
      2048: columnsThenRows(32 * K, 2 * K),
      4096: columnsThenRows(64 * K, 2 * K),
    },
  },
  DDR3: {
    ...DIMM,
    prefix: 'ddr3',
    mostRanks: 4,
    standard: 'JESD79-3F',
    banks: () => [1, 8],
    densities: {
      512: columnsThenRows(8 * K, 2 * K),
      1024: columnsThenRows(16 * K, 2 * K),
      2048: columnsThenRows(32 * K, 2 * K),
      4096: columnsThenRows(64 * K, 2 * K),
      8192: columnsEachTime(64 * K, 4 * K),
    },
  },
  DDR4: {
    ...DIMM,
    prefix: 'ddr4',
    mostRanks: 4,
    standard: 'JESD79-4D',
    banks: (_megabits, width) => [width === 16 ? 2 : 4, 4],
    densities: {
      2048: rowsOnce(32 * K, K),
      4096: rowsOnce(64 * K, K),
      8192: rowsOnce(128 * K, K),
      16384: rowsOnce(256 * K, K),
    },
  },
  DDR5: {
    ...DIMM,
    prefix: 'ddr5',
    subchannels: 2,
    busBits: 32,
    standard: 'JESD79-5C',
    banks: (megabits, width) => [width === 16 ? 4 : 8, megabits === 8192 ? 2 : 4],
    uneven: [24576],
    densities: {
      8192: columnsOnce(64 * K, 2 * K),
      16384: columnsOnce(64 * K, 2 * K),
      32768: columnsOnce(128 * K, 2 * K),
    },
  },
};
