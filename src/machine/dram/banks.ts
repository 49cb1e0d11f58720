/**
 * Banks and buses in time, with pages left open: an access to the row that is open is a hit, one to a bank with no open row a
 * miss (activate first), one to a bank with another row open a conflict (precharge, then activate). Refresh closes all rows
 * of a rank every tREFI. Column commands in one bank group are tCCD_L apart (DDR5: more after a write), activations tRRD_L. The
 * accesses of a channel use its data bus in the order in which they come; what their banks need beforehand overlaps. Times are picoseconds since power-on.
 */
import type { DramTimings } from '../board/dram-timings';
import type { Module } from './locator';
import { RING, type ModelArrays, type ModelSize } from './model-layout';

export const OUTCOME = { hit: 0, miss: 1, conflict: 2 } as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

const CLOSED = -1;

export interface SavedBanks {
  /** [bank, open row, column ready, precharge ready, refresh epoch] of banks that were used */
  banks: [bank: number, row: number, column: number, precharge: number, epoch: number][];
  /** [bus, free, ends of what is outstanding] */
  buses: [bus: number, free: number, ends: number[]][];
  ranks: [rank: number, activated: number][];
  /** bank groups, by the bank that stands for each */
  groups: [bank: number, activated: number][];
}

/** Which bus and which rank each bank is on. */
export interface BankWires {
  busOf: Int32Array;
  rankOf: Int32Array;
  ranks: number;
  size: ModelSize;
}

/** @param inFlight accesses that the processor may have outstanding on one bus before it waits for the oldest */
export function wireBanks(modules: readonly Module[], inFlight: number): BankWires {
  const banks = modules.reduce((sum, module) => sum + module.banks, 0);
  const busOf = new Int32Array(banks);
  const rankOf = new Int32Array(banks);
  const buses = new Map<string, number>();
  let ranks = 0;
  for (const module of modules) {
    const { geometry } = module.part;
    const each = geometry.bankGroups * geometry.banks;
    for (let bank = 0; bank < module.banks; bank++) {
      const rank = Math.floor(bank / each);
      const key = `${module.channel}.${Math.floor(rank / geometry.ranks)}`;
      let bus = buses.get(key);
      if (bus === undefined) buses.set(key, (bus = buses.size));
      busOf[module.firstBank + bank] = bus;
      rankOf[module.firstBank + bank] = ranks + rank;
    }
    ranks += geometry.subchannels * geometry.ranks;
  }
  return { busOf, rankOf, ranks, size: { banks, ranks, buses: buses.size, modules: modules.length, inFlight } };
}

export class Banks {
  /** the row open in each bank, or -1 */
  openRow: Int32Array;
  /** of the last access: when its data has been transferred */
  end = 0;

  /** by the bank that stands for a group (`groupOf`) */
  private columnReady: Float64Array;
  private prechargeReady: Float64Array;
  /** when the next refresh comes */
  private refreshDue: Float64Array;
  private busOf: Int32Array;
  private readonly groupOf: Int32Array;
  private rankOf: Int32Array;
  private readonly timings: DramTimings[] = [];
  /** of each data bus, which is a channel or a subchannel of a DDR5 channel: when its last burst ends */
  private free: Float64Array;
  /** when the accesses that the processor has outstanding on each bus get their data, oldest first: rings */
  private ends: Float64Array;
  private oldest: Int32Array;
  private outstanding: Int32Array;
  private readonly inFlight: number;
  /** last activation in the rank */
  private activated: Float64Array;
  /** last activation in the bank group, by the bank that stands for it */
  private groupActivated: Float64Array;

  /**
   * @param wires made by `wireBanks` for the same modules
   * @param clocked false: nobody asks how long anything takes, so only rows are kept
   */
  constructor(
    modules: readonly Module[],
    timingsOf: (module: Module) => DramTimings,
    { busOf, rankOf, size }: BankWires,
    arrays: ModelArrays,
    private readonly clocked = true,
  ) {
    this.inFlight = size.inFlight;
    this.busOf = arrays.busOf;
    this.busOf.set(busOf);
    this.rankOf = arrays.rankOf;
    this.rankOf.set(rankOf);
    this.groupOf = arrays.groupOf;
    ({
      openRow: this.openRow,
      columnReady: this.columnReady,
      prechargeReady: this.prechargeReady,
      refreshDue: this.refreshDue,
      free: this.free,
      ends: this.ends,
      oldest: this.oldest,
      outstanding: this.outstanding,
      activated: this.activated,
      groupActivated: this.groupActivated,
    } = arrays);
    for (const module of modules) {
      const timings = timingsOf(module);
      const { bankGroups, banks } = module.part.geometry;
      for (let bank = module.firstBank; bank < module.firstBank + module.banks; bank++) {
        this.timings[bank] = timings;
        arrays.groupOf[bank] = bankGroups > 1 ? bank - ((bank - module.firstBank) % banks) : bank;
      }
    }
    this.reset();
  }

  /** How long the processor must wait before it may make another access to this bank's bus; 0 when there is room. */
  wait(bank: number, now: number): number {
    const bus = this.busOf[bank]!;
    const { ends, oldest, outstanding, inFlight } = this;
    let first = oldest[bus]!;
    let left = outstanding[bus]!;
    const ring = bus * RING;
    while (left > 0 && ends[ring + first]! <= now) {
      first = first + 1 === inFlight ? 0 : first + 1;
      left--;
    }
    oldest[bus] = first;
    outstanding[bus] = left;
    return left < inFlight ? 0 : ends[ring + first]! - now;
  }

  /** Makes an access at `now`; its data ends at `end`. `outstanding`: it is one of those that the processor waits for. */
  access(bank: number, row: number, write: boolean, now: number, outstanding: boolean): Outcome {
    const t = this.timings[bank]!;
    this.refresh(bank, now, t);
    const open = this.openRow[bank]!;
    if (!this.clocked) {
      this.openRow[bank] = row;
      return open === row ? OUTCOME.hit : open === CLOSED ? OUTCOME.miss : OUTCOME.conflict;
    }
    const group = this.groupOf[bank]!;
    let column = Math.max(now, this.columnReady[group]!);
    let outcome: Outcome = OUTCOME.hit;
    if (open !== row) {
      const rank = this.rankOf[bank]!;
      let activate = Math.max(now, this.prechargeReady[bank]!);
      if (open !== CLOSED) activate += t.tRP;
      activate = Math.max(activate, this.activated[rank]! + t.tRRD, this.groupActivated[group]! + t.tRRDL);
      this.activated[rank] = activate;
      this.groupActivated[group] = activate;
      column = Math.max(activate + t.tRCD, column);
      this.prechargeReady[bank] = activate + t.tRAS;
      this.openRow[bank] = row;
      outcome = open === CLOSED ? OUTCOME.miss : OUTCOME.conflict;
    }
    const bus = this.busOf[bank]!;
    const data = Math.max(column + t.tCL, this.free[bus]!);
    const end = data + t.tBurst;
    this.free[bus] = end;
    column = data - t.tCL;
    this.columnReady[group] = column + (write ? t.tCCDW : t.tCCD);
    this.prechargeReady[bank] = Math.max(this.prechargeReady[bank]!, write ? end + t.tWR : column + t.tBurst);
    this.end = end;
    if (outstanding) this.await(bus, end);
    return outcome;
  }

  /** A lane beside another whose time has been counted: the row opens (or is open) here too. */
  follow(bank: number, row: number, now: number): Outcome {
    this.refresh(bank, now, this.timings[bank]!);
    const open = this.openRow[bank]!;
    this.openRow[bank] = row;
    return open === row ? OUTCOME.hit : open === CLOSED ? OUTCOME.miss : OUTCOME.conflict;
  }

  /** A refresh command since the bank was last used has closed its row, and may still be at work. */
  private refresh(bank: number, now: number, timings: DramTimings): void {
    if (now >= this.refreshDue[bank]!) this.refreshed(bank, now, timings);
  }

  private refreshed(bank: number, now: number, { tREFI, tRFC }: DramTimings): void {
    const epoch = Math.floor(now / tREFI);
    this.refreshDue[bank] = (epoch + 1) * tREFI;
    this.openRow[bank] = CLOSED;
    if (!this.clocked) return;
    const ready = epoch * tREFI + tRFC;
    const group = this.groupOf[bank]!;
    this.columnReady[group] = Math.max(this.columnReady[group]!, ready);
    this.prechargeReady[bank] = Math.max(this.prechargeReady[bank]!, ready);
  }

  /** One more access whose data the processor waits for; when there are too many already, the oldest is forgotten. */
  private await(bus: number, end: number): void {
    const { oldest, outstanding, inFlight } = this;
    if (outstanding[bus] === inFlight) {
      oldest[bus] = oldest[bus]! + 1 === inFlight ? 0 : oldest[bus]! + 1;
      outstanding[bus] = inFlight - 1;
    }
    const at = oldest[bus]! + outstanding[bus]!;
    this.ends[bus * RING + (at >= inFlight ? at - inFlight : at)] = end;
    outstanding[bus] = outstanding[bus]! + 1;
  }

  /** Its arrays become another's: what it knows stays with it, to be adopted. */
  detach(): void {
    this.openRow = this.openRow.slice();
    this.columnReady = this.columnReady.slice();
    this.prechargeReady = this.prechargeReady.slice();
    this.refreshDue = this.refreshDue.slice();
    this.busOf = this.busOf.slice();
    this.rankOf = this.rankOf.slice();
    this.activated = this.activated.slice();
    this.groupActivated = this.groupActivated.slice();
    this.free = this.free.slice();
    this.ends = this.ends.slice();
    this.oldest = this.oldest.slice();
    this.outstanding = this.outstanding.slice();
  }

  /** Takes over `count` banks as they stand with another, with their ranks and buses, after modules were plugged or unplugged. */
  adopt(other: Banks, theirFirst: number, first: number, count: number): void {
    const of = (list: Int32Array | Float64Array) => list.subarray(theirFirst, theirFirst + count);
    this.openRow.set(of(other.openRow), first);
    this.columnReady.set(of(other.columnReady), first);
    this.prechargeReady.set(of(other.prechargeReady), first);
    this.refreshDue.set(of(other.refreshDue), first);
    this.groupActivated.set(of(other.groupActivated), first);
    for (let bank = 0; bank < count; bank++) {
      this.activated[this.rankOf[first + bank]!] = other.activated[other.rankOf[theirFirst + bank]!]!;
      const [bus, theirs] = [this.busOf[first + bank]!, other.busOf[theirFirst + bank]!];
      this.free[bus] = other.free[theirs]!;
      this.oldest[bus] = other.oldest[theirs]!;
      this.outstanding[bus] = other.outstanding[theirs]!;
      this.ends.set(other.ends.subarray(theirs * RING, (theirs + 1) * RING), bus * RING);
    }
  }

  save(): SavedBanks {
    const banks: SavedBanks['banks'] = [];
    for (let bank = 0; bank < this.openRow.length; bank++) {
      const [column, precharge, epoch] = [this.columnReady[bank]!, this.prechargeReady[bank]!, this.epochOf(bank)];
      if (column !== 0 || epoch !== 0 || this.openRow[bank] !== CLOSED) banks.push([bank, this.openRow[bank]!, column, precharge, epoch]);
    }
    const { inFlight } = this;
    const endsOf = (bus: number): number[] =>
      Array.from({ length: this.outstanding[bus]! }, (_, index) => this.ends[bus * RING + ((this.oldest[bus]! + index) % inFlight)]!);
    const buses = [...this.free].flatMap((free, bus): SavedBanks['buses'] => (free === 0 ? [] : [[bus, free, endsOf(bus)]]));
    const used = (list: Float64Array): [number, number][] =>
      [...list].flatMap((at, number): [number, number][] => (at < 0 ? [] : [[number, at]]));
    return { banks, buses, ranks: used(this.activated), groups: used(this.groupActivated) };
  }

  /** Refresh commands that the bank has seen. */
  private epochOf(bank: number): number {
    return this.refreshDue[bank]! / this.timings[bank]!.tREFI - 1;
  }

  load({ banks, buses, ranks, groups }: SavedBanks): void {
    this.reset();
    for (const [bank, row, column, precharge, epoch] of banks) {
      this.openRow[bank] = row;
      this.columnReady[bank] = column;
      this.prechargeReady[bank] = precharge;
      this.refreshDue[bank] = (epoch + 1) * this.timings[bank]!.tREFI;
    }
    for (const [bus, free, ends] of buses) {
      this.free[bus] = free;
      this.ends.set(ends, bus * RING);
      this.outstanding[bus] = ends.length;
    }
    for (const [rank, at] of ranks) this.activated[rank] = at;
    for (const [bank, at] of groups) this.groupActivated[bank] = at;
  }

  reset(): void {
    this.openRow.fill(CLOSED);
    this.columnReady.fill(0);
    this.prechargeReady.fill(0);
    this.timings.forEach(({ tREFI }, bank) => (this.refreshDue[bank] = tREFI));
    this.activated.fill(-1e9);
    this.groupActivated.fill(-1e9);
    for (const list of [this.free, this.ends, this.oldest, this.outstanding]) list.fill(0);
  }
}
