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

/** Accesses to DRAM since power-on, or since they are counted. */
export interface DramView {
  timing: boolean;
  disturbance: boolean;
  /** in the board's order, at most 64 */
  modules: DramModuleView[];
}
