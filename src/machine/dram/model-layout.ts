/**
 * Where the DRAM model keeps what the plainest access needs: in the pool's reserved area, at places that do not depend on the
 * board, so that threaded code can make such an access itself (cpu/threaded/touch-code.ts). Boards with more than fits have
 * arrays elsewhere, and every access of theirs is a call.
 */
import { DRAM_MODEL } from '../cpu/state-layout';
import { FRAME_CACHE } from '../cpu/tlb-layout';

/** What fits. */
const MOST = { banks: 16_384, ranks: 2048, buses: 256, modules: 128, inFlight: 64, activations: 4096 } as const;

const START = DRAM_MODEL.offset;

/** Single words, by byte offset; `slack` and `rowsUntil` are doubles. */
export const MODEL_WORD = {
  /** 1: accesses may be made here */
  ready: START,
  /** 1: the processor waits for its data */
  timing: START + 4,
  inFlight: START + 8,
  /** 1: an activation disturbs nobody, so that it may be made here too, and be noted */
  quiet: START + 12,
  /** ticks that memory may still take before the slice must end */
  slack: START + 16,
  /** picoseconds: when activations that are noted would be counted in another refresh window of some module */
  rowsUntil: START + 24,
  /** activations noted */
  noted: START + 32,
  /** 1: what takes how long matters; else only rows are kept, and what is counted */
  clocked: START + 36,
} as const;
/** Activations that can be noted. */
export const MOST_NOTED = MOST.activations;

/** A module's words: pairs of bank and row by the low eight bits of an offset, then by the four above; and its timings, doubles. */
const LOW_WORDS = (256 + 16) * 2;
const TIMINGS = ['tCL', 'tBurst', 'tCCD', 'tCCDW', 'tWR', 'tRP', 'tRCD', 'tRAS', 'tRRD', 'tRRDL', 'tREFI', 'tRFC'] as const;
const RECORD_WORDS = LOW_WORDS + 2 * (TIMINGS.length + 1);
export type ModelTiming = (typeof TIMINGS)[number];

type Row = readonly [name: string, bytes: 4 | 8, most: number];

/** Arrays by bank, by bus, and for each bus `MOST.inFlight` ends. Times are picoseconds. */
const ROWS = [
  ['openRow', 4, MOST.banks],
  ['busOf', 4, MOST.banks],
  // the bank that stands for a bank's group; of chips without groups, itself
  ['groupOf', 4, MOST.banks],
  // of the bank that stands for a group: when the group takes the next column command
  ['columnReady', 8, MOST.banks],
  ['prechargeReady', 8, MOST.banks],
  ['refreshDue', 8, MOST.banks],
  ['rankOf', 4, MOST.banks],
  ['activated', 8, MOST.ranks],
  // of the bank that stands for a group
  ['groupActivated', 8, MOST.banks],
  // hits, misses, conflicts and writes of each bank
  ['counts', 8, MOST.banks * 4],
  ['free', 8, MOST.buses],
  ['oldest', 4, MOST.buses],
  ['outstanding', 4, MOST.buses],
  ['ends', 8, MOST.buses * MOST.inFlight],
  // activations that are yet to be counted: pairs of bank and row
  ['notes', 4, MOST.activations * 2],
  // MODULE_RECORD of each module
  ['modules', 4, MOST.modules * RECORD_WORDS],
  // beside each entry of the frame cache, what OBSERVED_PAGES has beside the fast table's
  ['frames', 4, FRAME_CACHE.entries * 4],
] as const satisfies readonly Row[];

export type ModelArray = (typeof ROWS)[number][0];

function build(): Record<ModelArray, number> {
  let at = START + 64;
  const offsets: Partial<Record<ModelArray, number>> = {};
  for (const [name, bytes, most] of ROWS) {
    offsets[name] = at;
    at += bytes * most;
  }
  if (at > START + DRAM_MODEL.bytes) throw new Error('the DRAM model does not fit into its place');
  return offsets as Record<ModelArray, number>;
}

/** Byte offset of each array. */
export const MODEL_AT = build();
/** Words of one module's record, where the second part of its low bits begins, and the byte offset of each timing. */
export const MODULE_RECORD = {
  words: RECORD_WORDS,
  second: 256 * 2,
  timing: Object.fromEntries(TIMINGS.map((name, index) => [name, LOW_WORDS * 4 + index * 8])) as Readonly<Record<ModelTiming, number>>,
} as const;
/** From an entry of the frame cache to what is known of its frame here. */
export const FRAME_DISTANCE = MODEL_AT.frames - FRAME_CACHE.offset;
/** Ends of one bus. */
export const RING = MOST.inFlight;

export interface ModelSize {
  banks: number;
  ranks: number;
  buses: number;
  modules: number;
  inFlight: number;
}

/** The arrays of one DRAM model, all zero: in the pool, or by themselves. */
export class ModelArrays {
  readonly inPool: boolean;
  readonly openRow: Int32Array;
  readonly busOf: Int32Array;
  readonly groupOf: Int32Array;
  readonly columnReady: Float64Array;
  readonly prechargeReady: Float64Array;
  readonly refreshDue: Float64Array;
  readonly rankOf: Int32Array;
  readonly activated: Float64Array;
  readonly groupActivated: Float64Array;
  readonly counts: Float64Array;
  readonly free: Float64Array;
  readonly oldest: Int32Array;
  readonly outstanding: Int32Array;
  readonly ends: Float64Array;
  readonly notes: Int32Array;
  /** of each module, where this lies in the pool: MODULE_RECORD */
  readonly modules: Int32Array;
  readonly moduleTimings: Float64Array;
  /** the ticks of MODEL_WORD.slack */
  readonly slack: Float64Array;
  private readonly rows: Float64Array;
  private readonly count: Int32Array;

  /** @param pool undefined: by themselves */
  constructor(
    private readonly size: ModelSize,
    private readonly pool?: ArrayBufferLike,
  ) {
    const { banks, ranks, buses, modules, inFlight } = size;
    const fits = banks <= MOST.banks && ranks <= MOST.ranks && buses <= MOST.buses && modules <= MOST.modules && inFlight <= MOST.inFlight;
    const buffer = (this.inPool = pool !== undefined && fits) ? pool : undefined;
    const ints = (name: ModelArray, length: number): Int32Array =>
      buffer === undefined ? new Int32Array(length) : new Int32Array(buffer, MODEL_AT[name], length).fill(0);
    const doubles = (name: ModelArray, length: number): Float64Array =>
      buffer === undefined ? new Float64Array(length) : new Float64Array(buffer, MODEL_AT[name], length).fill(0);
    this.openRow = ints('openRow', banks);
    this.busOf = ints('busOf', banks);
    this.groupOf = ints('groupOf', banks);
    this.columnReady = doubles('columnReady', banks);
    this.prechargeReady = doubles('prechargeReady', banks);
    this.refreshDue = doubles('refreshDue', banks);
    this.rankOf = ints('rankOf', banks);
    this.activated = doubles('activated', ranks);
    this.groupActivated = doubles('groupActivated', banks);
    this.counts = doubles('counts', banks * 4);
    this.free = doubles('free', buses);
    this.oldest = ints('oldest', buses);
    this.outstanding = ints('outstanding', buses);
    this.ends = doubles('ends', buses * RING);
    this.notes = ints('notes', this.inPool ? MOST.activations * 2 : 0);
    this.modules = ints('modules', this.inPool ? modules * MODULE_RECORD.words : 0);
    this.moduleTimings = new Float64Array(this.modules.buffer, this.modules.byteOffset, this.modules.length >> 1);
    this.slack = buffer === undefined ? new Float64Array(1) : new Float64Array(buffer, MODEL_WORD.slack, 1);
    this.slack[0] = Infinity;
    this.rows = buffer === undefined ? new Float64Array(1) : new Float64Array(buffer, MODEL_WORD.rowsUntil, 1);
    this.count = buffer === undefined ? new Int32Array(1) : new Int32Array(buffer, MODEL_WORD.noted, 1);
    this.rowsUntil = this.noted = 0;
  }

  /** MODEL_WORD.rowsUntil and .noted. */
  get rowsUntil(): number {
    return this.rows[0]!;
  }
  set rowsUntil(picoseconds: number) {
    this.rows[0] = picoseconds;
  }
  get noted(): number {
    return this.count[0]!;
  }
  set noted(count: number) {
    this.count[0] = count;
  }

  /** May accesses be made in the pool, and how? */
  set words({ ready, timing, quiet, clocked }: { ready: boolean; timing: boolean; quiet: boolean; clocked: boolean }) {
    if (this.pool === undefined) return;
    const words = new Int32Array(this.pool, START, 16);
    words[0] = ready && this.inPool ? 1 : 0;
    words[1] = timing ? 1 : 0;
    words[2] = this.size.inFlight;
    words[3] = quiet ? 1 : 0;
    words[(MODEL_WORD.clocked - START) >> 2] = clocked ? 1 : 0;
  }
}
