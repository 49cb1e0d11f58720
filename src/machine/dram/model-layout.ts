/**
 * Where the DRAM model keeps what the plainest access needs: in the pool's reserved area, at places that do not depend on the
 * board, so that threaded code can make such an access itself (cpu/threaded/touch-code.ts). Boards with more than fits have
 * arrays elsewhere, and every access of theirs is a call.
 */
import { DRAM_MODEL } from '../cpu/state-layout';

/** What fits. */
const MOST = { banks: 16_384, buses: 256, modules: 128, inFlight: 64 } as const;

const START = DRAM_MODEL.offset;

/** Single words, by byte offset; those beginning at `slack` are doubles. */
export const MODEL_WORD = {
  /** 1: accesses may be made here */
  ready: START,
  /** 1: the processor waits for its data */
  timing: START + 4,
  inFlight: START + 8,
  /** ticks that memory may still take before the slice must end */
  slack: START + 16,
} as const;

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
  ['columnLatency', 8, MOST.banks],
  ['burst', 8, MOST.banks],
  ['columnGap', 8, MOST.banks],
  ['writeRecovery', 8, MOST.banks],
  // hits, misses, conflicts and writes of each bank
  ['counts', 8, MOST.banks * 4],
  ['free', 8, MOST.buses],
  ['oldest', 4, MOST.buses],
  ['outstanding', 4, MOST.buses],
  ['ends', 8, MOST.buses * MOST.inFlight],
  // of each module: pairs of bank and row by the low eight bits of an offset, then by the four above
  ['lowBits', 4, MOST.modules * (256 + 16) * 2],
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
/** Words of one module's `lowBits`, and where its second part begins. */
export const LOW_BITS = { words: (256 + 16) * 2, second: 256 * 2 } as const;
/** Ends of one bus. */
export const RING = MOST.inFlight;

export interface ModelSize {
  banks: number;
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
  readonly columnLatency: Float64Array;
  readonly burst: Float64Array;
  readonly columnGap: Float64Array;
  readonly writeRecovery: Float64Array;
  readonly counts: Float64Array;
  readonly free: Float64Array;
  readonly oldest: Int32Array;
  readonly outstanding: Int32Array;
  readonly ends: Float64Array;
  readonly lowBits: Int32Array;
  /** the ticks of MODEL_WORD.slack */
  readonly slack: Float64Array;

  /** @param pool undefined: by themselves */
  constructor(
    private readonly size: ModelSize,
    private readonly pool?: ArrayBufferLike,
  ) {
    const { banks, buses, modules, inFlight } = size;
    const fits = banks <= MOST.banks && buses <= MOST.buses && modules <= MOST.modules && inFlight <= MOST.inFlight;
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
    this.columnLatency = doubles('columnLatency', banks);
    this.burst = doubles('burst', banks);
    this.columnGap = doubles('columnGap', banks);
    this.writeRecovery = doubles('writeRecovery', banks);
    this.counts = doubles('counts', banks * 4);
    this.free = doubles('free', buses);
    this.oldest = ints('oldest', buses);
    this.outstanding = ints('outstanding', buses);
    this.ends = doubles('ends', buses * RING);
    this.lowBits = ints('lowBits', this.inPool ? modules * LOW_BITS.words : 0);
    this.slack = buffer === undefined ? new Float64Array(1) : new Float64Array(buffer, MODEL_WORD.slack, 1);
    this.slack[0] = Infinity;
  }

  /** May accesses be made in the pool, and how? */
  set words({ ready, timing }: { ready: boolean; timing: boolean }) {
    if (this.pool === undefined) return;
    const words = new Int32Array(this.pool, START, 4);
    words[0] = ready && this.inPool ? 1 : 0;
    words[1] = timing ? 1 : 0;
    words[2] = this.size.inFlight;
  }
}
