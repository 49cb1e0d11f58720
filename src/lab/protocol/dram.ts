/** Accesses to DRAM as the memory model counts them. */

/** Accesses that found their row open, none open, or another one; and how many of them were writes. */
export interface DramCounts {
  hits: number;
  misses: number;
  conflicts: number;
  writes: number;
}

export interface DramBankView extends DramCounts {
  /** within the module: subchannel, rank, bank group and bank as one number */
  number: number;
  subchannel: number;
  rank: number;
  bankGroup: number;
  bank: number;
  /** -1: none */
  openRow: number;
  /** activations in this refresh window, added up over 64 equal stretches of its rows */
  rowHeat: number[];
}

export interface DramModuleView extends DramCounts {
  slot: string;
  channel: number;
  /** speed grade: `DDR3-1600` */
  grade: string;
  ecc: boolean;
  /** rows that target row refresh counts in each bank; 0: there is none */
  trr: number;
  /** activations of neighbours that flip a row's weakest cell; null: never */
  threshold: number | null;
  /** most activations of one row within one refresh window */
  mostActivations: number;
  /** rows with most activations in the window that is running */
  hottest: { subchannel: number; rank: number; bankGroup: number; bank: number; row: number; count: number }[];
  errors: { flips: number; corrected: number; uncorrectable: number; miscorrected: number; refreshed: number };
  /** those that were accessed, at most 64 */
  banks: DramBankView[];
}

/**
 * Which accesses to DRAM are counted: none; those of one short slice in so many, which hardly costs anything; or all, and nothing
 * is compiled. State and time are the same.
 */
export type Observe = 'off' | 'sampled' | 'exact';

/** Accesses to DRAM since power-on, or since they are counted. */
export interface DramView {
  timing: boolean;
  disturbance: boolean;
  /** counted are only those of one slice in `every`, of so many instructions; null: all */
  sampling: { every: number; instructions: number } | null;
  /** in the board's order, at most 64 */
  modules: DramModuleView[];
}
