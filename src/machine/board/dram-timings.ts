/**
 * What a module's chips need in time: one usual speed grade for each generation, from its standard (30-pin SIMM data sheets,
 * 70 ns fast page mode; JESD21-C PC133; JESD79F DDR-400B; JESD79-2F DDR2-800D; JESD79-3F DDR3-1600K; JESD79-4D DDR4-2400R;
 * JESD79-5C DDR5-4800B). Refresh follows the chip's density. Pure data, usable in the renderer.
 */
import type { DimmPart, DimmTechnology } from './dimms';

/** All in picoseconds, whole numbers. */
export interface DramTimings {
  /** speed grade, as it is called */
  readonly grade: string;
  /** column command to the first data */
  readonly tCL: number;
  /** activate to column command */
  readonly tRCD: number;
  /** precharge to activate */
  readonly tRP: number;
  /** activate to precharge, at least */
  readonly tRAS: number;
  /** activate to activate in another bank of the rank; with bank groups, of another group (tRRD_S) */
  readonly tRRD: number;
  /** activate to activate in one bank group (tRRD_L); of chips without groups, tRRD */
  readonly tRRDL: number;
  /** last written data to precharge */
  readonly tWR: number;
  /** the data bus is taken by one access: a burst. From column command to column command of different bank groups it is the same (tCCD_S) */
  readonly tBurst: number;
  /** column command to column command in one bank group (tCCD_L); of chips without groups, a burst */
  readonly tCCD: number;
  /**
   * column command to column command in one bank group when the first writes. DDR5 chips check whole words of 128 bits of their own: an
   * x4 chip, whose burst is half of one, must read the rest first (tCCD_L_WR), others need not (tCCD_L_WR2). Elsewhere tCCD. A read
   * after a write waits longer still (tWTR), which is not modelled
   */
  readonly tCCDW: number;
  /** a refresh command keeps the rank's banks busy */
  readonly tRFC: number;
  /** from one refresh command to the next */
  readonly tREFI: number;
  /** every row has been refreshed once */
  readonly refreshWindow: number;
}

const NS = 1000;
const US = 1000 * NS;

/** Without `tCCD` and `tRRDL` where chips have no bank groups. */
type Grade = Omit<DramTimings, 'tCCD' | 'tCCDW' | 'tRRDL' | 'tRFC' | 'tREFI' | 'refreshWindow'> & { tCCD?: number; tRRDL?: number };

const GRADES: Readonly<Record<DimmTechnology, Grade>> = {
  SIMM: { grade: 'FPM 70 ns', tCL: 20 * NS, tRCD: 50 * NS, tRP: 50 * NS, tRAS: 70 * NS, tRRD: 0, tWR: 0, tBurst: 20 * NS },
  SDR: { grade: 'PC133', tCL: 22_500, tRCD: 22_500, tRP: 22_500, tRAS: 45 * NS, tRRD: 15 * NS, tWR: 15 * NS, tBurst: 60 * NS },
  DDR: { grade: 'DDR-400', tCL: 15 * NS, tRCD: 15 * NS, tRP: 15 * NS, tRAS: 40 * NS, tRRD: 10 * NS, tWR: 15 * NS, tBurst: 20 * NS },
  DDR2: { grade: 'DDR2-800', tCL: 12_500, tRCD: 12_500, tRP: 12_500, tRAS: 45 * NS, tRRD: 7_500, tWR: 15 * NS, tBurst: 10 * NS },
  DDR3: { grade: 'DDR3-1600', tCL: 13_750, tRCD: 13_750, tRP: 13_750, tRAS: 35 * NS, tRRD: 6 * NS, tWR: 15 * NS, tBurst: 5 * NS },
  DDR4: {
    grade: 'DDR4-2400',
    tCL: 13_320,
    tRCD: 13_320,
    tRP: 13_320,
    tRAS: 32 * NS,
    tRRD: 3_333,
    tRRDL: 4_900,
    tWR: 15 * NS,
    tBurst: 3_333,
    tCCD: 5 * NS,
  },
  DDR5: {
    grade: 'DDR5-4800',
    tCL: 16_640,
    tRCD: 16_250,
    tRP: 16_250,
    tRAS: 32 * NS,
    tRRD: 3_333,
    tRRDL: 5 * NS,
    tWR: 30 * NS,
    tBurst: 3_333,
    tCCD: 5 * NS,
  },
};

/** tRFC (all banks) by megabits of a chip, ascending; a chip between two takes the larger. */
const REFRESH_CYCLE: Readonly<Record<DimmTechnology, readonly (readonly [megabits: number, ps: number])[]>> = {
  SIMM: [[4, 130 * NS]],
  SDR: [
    [256, 66 * NS],
    [512, 75 * NS],
  ],
  DDR: [
    [512, 70 * NS],
    [1024, 120 * NS],
  ],
  DDR2: [
    [256, 75 * NS],
    [512, 105 * NS],
    [1024, 127_500],
    [2048, 195 * NS],
    [4096, 327_500],
  ],
  DDR3: [
    [512, 90 * NS],
    [1024, 110 * NS],
    [2048, 160 * NS],
    [4096, 260 * NS],
    [8192, 350 * NS],
  ],
  DDR4: [
    [2048, 160 * NS],
    [4096, 260 * NS],
    [8192, 350 * NS],
    [16384, 550 * NS],
  ],
  DDR5: [
    [8192, 195 * NS],
    [16384, 295 * NS],
    [32768, 410 * NS],
  ],
};

/** JESD79-5C, table of timings by speed bin: max(32 nCK, 20 ns) and max(16 nCK, 10 ns), of which the nanoseconds are more at 4800. */
const DDR5_WRITES = { readFirst: 20 * NS, whole: 10 * NS } as const;

/** The timings of a module. */
export function dramTimings({ technology, geometry, chips }: DimmPart): DramTimings {
  const cycles = REFRESH_CYCLE[technology];
  const [, tRFC] = cycles.find(([megabits]) => chips.megabits <= megabits) ?? cycles.at(-1)!;
  // a window of 64 ms in 8192 commands (DDR5: 32 ms); before DDR2, chips with fewer rows need a command for each row only
  const tREFI = technology === 'DDR5' ? 3_906_250 : geometry.rows <= 4096 && OLD.has(technology) ? 15_625_000 : 7_812_500;
  const commands = OLD.has(technology) ? Math.min(geometry.rows, 8192) : 8192;
  const grade = GRADES[technology];
  const tCCD = grade.tCCD ?? grade.tBurst;
  const tCCDW = technology !== 'DDR5' ? tCCD : chips.width === 4 ? DDR5_WRITES.readFirst : DDR5_WRITES.whole;
  return { tRRDL: grade.tRRD, ...grade, tCCD, tCCDW, tRFC, tREFI, refreshWindow: tREFI * commands };
}

const OLD: ReadonlySet<DimmTechnology> = new Set(['SIMM', 'SDR', 'DDR']);

/**
 * Activations of a row's neighbours within a refresh window from which its first cell is disturbed, unless the slot says
 * otherwise: Kim et al., "Flipping Bits in Memory Without Accessing Them" (ISCA 2014) for DDR3; Kim et al., "Revisiting
 * RowHammer" (ISCA 2020) for DDR4. Older chips are not known to be disturbed at rates that a processor reaches: null.
 */
export const rowThreshold = ({ technology }: DimmPart): number | null =>
  technology === 'DDR3' ? 139_000 : technology === 'DDR4' || technology === 'DDR5' ? 10_000 : null;

/** `13.75 ns`, `7.8 µs`. */
export const timeName = (ps: number): string => (ps >= US ? `${Math.round(ps / (US / 10)) / 10} µs` : `${Math.round(ps / 10) / 100} ns`);
