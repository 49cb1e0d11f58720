/**
 * Disturbance (RowHammer): every activation of a row leaks a little charge from the cells of its neighbours. A row that was
 * neither refreshed nor opened itself while its neighbours were activated more often than its threshold has its weakest
 * cells flipped. Which cells are weak, in which direction they lose, and how weak they are follows from the seed, the module
 * and the row alone, so runs repeat. Target row refresh (TRR) watches the rows of a bank with a few counters and, with every
 * refresh command, refreshes the neighbours of the row that it counted most.
 */
import type { DramTimings } from '../board/dram-timings';
import { ROWS_LIMIT } from './row-counts';

export interface DisturbanceOptions {
  seed: number;
  /** number of the module's slot: modules differ */
  slotIndex: number;
  /** activations of neighbours from which a row's weakest cell is flipped */
  threshold: number;
  /** 1: the next rows are disturbed; 2: those behind them as well, at a quarter of the strength */
  reach: 1 | 2;
  /** rows that TRR counts in each bank; 0: there is no TRR */
  trr: number;
  rows: number;
  /** bytes of a row over all chips */
  rowBytes: number;
  timings: DramTimings;
}

/** A cell that loses its charge. */
export interface Flip {
  /** within the module */
  bank: number;
  row: number;
  /** bit of the row: byte × 8 + bit */
  bit: number;
  /** the value that it loses to */
  to: 0 | 1;
  /** activations of neighbours since the row was last refreshed */
  activations: number;
}

/** The far neighbours' share of an activation, in quarters. */
const NEAR = 4;
const FAR = 1;
/**
 * The weak cells of a row and the multiple of the threshold at which each is lost. The first and third lie in the same 64-bit
 * word: multi-bit words are rare, but there are some (Kim et al., 2014), and they are what SECDED cannot correct.
 */
const WEAK_CELLS = [1, 1.5, 2, 3] as const;
const WORD_BITS = 64;
/** A row that was counted less often is left alone: every targeted refresh takes time from the bank. */
const TRR_TRIGGER = 32;

interface Victim {
  /** quarters of activations since the last refresh */
  dose: number;
  /** which of its own refreshes that was */
  refresh: number;
  /** weak cells lost since */
  lost: number;
}

export interface SavedDisturbance {
  victims: [key: number, dose: number, refresh: number, lost: number][];
  trackers: [bank: number, epoch: number, rows: [row: number, count: number][]][];
  refreshed: number;
}

export class Disturbance {
  /** rows that TRR has refreshed since power-on */
  refreshed = 0;
  private victims = new Map<number, Victim>();
  private trackers = new Map<number, { epoch: number; rows: Map<number, number> }>();

  constructor(private readonly options: DisturbanceOptions) {}

  /** A row of a bank was activated. Cells that flip now, in the order of the rows. */
  activated(bank: number, row: number, now: number): Flip[] {
    const { trr, reach, rows } = this.options;
    if (trr > 0) this.track(bank, row, now);
    // opening a row writes its charge back
    this.victims.delete(bank * ROWS_LIMIT + row);
    let flips: Flip[] = NONE;
    for (let distance = -reach; distance <= reach; distance++) {
      const victim = row + distance;
      if (distance === 0 || victim < 0 || victim >= rows) continue;
      const lost = this.disturb(bank, victim, Math.abs(distance) === 1 ? NEAR : FAR, now);
      if (lost.length > 0) flips = [...flips, ...lost];
    }
    return flips;
  }

  private disturb(bank: number, row: number, dose: number, now: number): Flip[] {
    const key = bank * ROWS_LIMIT + row;
    const refresh = this.ownRefresh(row, now);
    let victim = this.victims.get(key);
    if (victim === undefined || victim.refresh !== refresh) this.victims.set(key, (victim = { dose: 0, refresh, lost: 0 }));
    victim.dose += dose;
    const flips: Flip[] = [];
    while (victim.lost < WEAK_CELLS.length && victim.dose >= this.options.threshold * WEAK_CELLS[victim.lost]! * NEAR) {
      flips.push({ ...this.weakCell(bank, row, victim.lost), bank, row, activations: Math.floor(victim.dose / NEAR) });
      victim.lost++;
    }
    return flips;
  }

  /** How many times a row has been refreshed by its turn: rows have theirs one after another within the window. */
  private ownRefresh(row: number, now: number): number {
    const { rows, timings } = this.options;
    const phase = (row / rows) * timings.refreshWindow;
    return Math.floor((now - phase) / timings.refreshWindow);
  }

  private weakCell(bank: number, row: number, index: number): { bit: number; to: 0 | 1 } {
    const { seed, slotIndex, rowBytes } = this.options;
    const word = hash(seed, slotIndex, bank, row, index === 2 ? 0 : index) % ((rowBytes * 8) / WORD_BITS);
    const place = hash(seed, slotIndex, bank, row, 16 + index);
    // the third cell never coincides with the first
    const first = hash(seed, slotIndex, bank, row, 16) % WORD_BITS;
    const bit = index === 2 ? (first + 1 + (place % (WORD_BITS - 1))) % WORD_BITS : place % WORD_BITS;
    return { bit: word * WORD_BITS + bit, to: ((place >>> 16) & 1) as 0 | 1 };
  }

  /** Counts an aggressor (the Misra–Gries way: what has no counter lowers all), after the refresh commands that have passed. */
  private track(bank: number, row: number, now: number): void {
    const { trr, timings } = this.options;
    const epoch = Math.floor(now / timings.tREFI);
    let tracker = this.trackers.get(bank);
    if (tracker === undefined) this.trackers.set(bank, (tracker = { epoch, rows: new Map() }));
    for (; tracker.epoch < epoch && tracker.rows.size > 0; tracker.epoch++) this.refreshTarget(bank, tracker.rows);
    tracker.epoch = epoch;
    const { rows } = tracker;
    const count = rows.get(row);
    if (count !== undefined) rows.set(row, count + 1);
    else if (rows.size < trr) rows.set(row, 1);
    else
      for (const [other, counted] of rows)
        if (counted === 1) rows.delete(other);
        else rows.set(other, counted - 1);
  }

  private refreshTarget(bank: number, rows: Map<number, number>): void {
    let target = -1;
    let most = 0;
    for (const [row, count] of rows) {
      if (count > most || (count === most && row < target)) {
        target = row;
        most = count;
      }
    }
    if (most < TRR_TRIGGER) return;
    rows.delete(target);
    const { reach } = this.options;
    for (let distance = -reach; distance <= reach; distance++) {
      if (distance === 0) continue;
      this.victims.delete(bank * ROWS_LIMIT + target + distance);
      this.refreshed++;
    }
  }

  save(): SavedDisturbance {
    return {
      victims: [...this.victims]
        .map(([key, { dose, refresh, lost }]): SavedDisturbance['victims'][number] => [key, dose, refresh, lost])
        .sort(([a], [b]) => a - b),
      trackers: [...this.trackers]
        .map(([bank, { epoch, rows }]): SavedDisturbance['trackers'][number] => [bank, epoch, [...rows]])
        .sort(([a], [b]) => a - b),
      refreshed: this.refreshed,
    };
  }

  load({ victims, trackers, refreshed }: SavedDisturbance): void {
    this.victims = new Map(victims.map(([key, dose, refresh, lost]) => [key, { dose, refresh, lost }]));
    this.trackers = new Map(trackers.map(([bank, epoch, rows]) => [bank, { epoch, rows: new Map(rows) }]));
    this.refreshed = refreshed;
  }

  reset(): void {
    this.load({ victims: [], trackers: [], refreshed: 0 });
  }
}

const NONE: Flip[] = [];

/** 32 well-mixed bits of whole numbers (the finaliser of MurmurHash3 over each in turn). */
function hash(...values: number[]): number {
  let h = 0x9e37_79b9;
  for (const value of values) {
    h ^= value >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}
