/**
 * Banks and buses in time, with pages left open: an access to the row that is open is a hit, one to a bank with no open row a
 * miss (activate first), one to a bank with another row open a conflict (precharge, then activate). Refresh closes all rows
 * of a rank every tREFI. The accesses of a channel use its data bus in the order in which they come; what their banks need
 * beforehand overlaps. Times are picoseconds since power-on.
 */
import type { DramTimings } from '../board/dram-timings';
import type { Module } from './locator';

export const OUTCOME = { hit: 0, miss: 1, conflict: 2 } as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

const CLOSED = -1;

/** One data bus: a channel, or a subchannel of a DDR5 channel. */
interface Bus {
  /** the last burst ends */
  free: number;
  /** when the accesses that the processor has outstanding get their data, oldest first: a ring */
  readonly ends: Float64Array;
  oldest: number;
  outstanding: number;
}

export interface SavedBanks {
  /** [bank, open row, column ready, precharge ready, refresh epoch] of banks that were used */
  banks: [bank: number, row: number, column: number, precharge: number, epoch: number][];
  /** [bus, free, ends of what is outstanding] */
  buses: [bus: number, free: number, ends: number[]][];
  ranks: [rank: number, activated: number][];
}

export class Banks {
  /** the row open in each bank, or -1 */
  readonly openRow: Int32Array;
  /** of the last access: when its data has been transferred */
  end = 0;

  private readonly columnReady: Float64Array;
  private readonly prechargeReady: Float64Array;
  /** refresh commands that the bank has seen */
  private readonly epoch: Float64Array;
  private readonly busOf: Int32Array;
  private readonly rankOf: Int32Array;
  private readonly timings: DramTimings[] = [];
  private readonly buses: Bus[] = [];
  /** last activation in the rank */
  private readonly activated: Float64Array;

  /** @param inFlight accesses that the processor may have outstanding on one bus before it waits for the oldest */
  constructor(
    modules: readonly Module[],
    timingsOf: (module: Module) => DramTimings,
    private readonly inFlight: number,
  ) {
    const banks = modules.reduce((sum, module) => sum + module.banks, 0);
    this.openRow = new Int32Array(banks).fill(CLOSED);
    this.columnReady = new Float64Array(banks);
    this.prechargeReady = new Float64Array(banks);
    this.epoch = new Float64Array(banks);
    this.busOf = new Int32Array(banks);
    this.rankOf = new Int32Array(banks);
    const buses = new Map<string, number>();
    let ranks = 0;
    for (const module of modules) {
      const { geometry } = module.part;
      const each = geometry.bankGroups * geometry.banks;
      const timings = timingsOf(module);
      for (let bank = 0; bank < module.banks; bank++) {
        const rank = Math.floor(bank / each);
        const key = `${module.channel}.${Math.floor(rank / geometry.ranks)}`;
        let bus = buses.get(key);
        if (bus === undefined) {
          buses.set(key, (bus = buses.size));
          this.buses.push({ free: 0, ends: new Float64Array(inFlight), oldest: 0, outstanding: 0 });
        }
        this.busOf[module.firstBank + bank] = bus;
        this.rankOf[module.firstBank + bank] = ranks + rank;
        this.timings[module.firstBank + bank] = timings;
      }
      ranks += geometry.subchannels * geometry.ranks;
    }
    this.activated = new Float64Array(ranks).fill(-1e9);
  }

  /** How long the processor must wait before it may make another access to this bank's bus; 0 when there is room. */
  wait(bank: number, now: number): number {
    const bus = this.buses[this.busOf[bank]!]!;
    while (bus.outstanding > 0 && bus.ends[bus.oldest]! <= now) this.retire(bus);
    return bus.outstanding < this.inFlight ? 0 : bus.ends[bus.oldest]! - now;
  }

  /** Makes an access at `now`; its data ends at `end`. `outstanding`: it is one of those that the processor waits for. */
  access(bank: number, row: number, write: boolean, now: number, outstanding: boolean): Outcome {
    const t = this.timings[bank]!;
    this.refresh(bank, now, t);
    const open = this.openRow[bank]!;
    let column = Math.max(now, this.columnReady[bank]!);
    let outcome: Outcome = OUTCOME.hit;
    if (open !== row) {
      const rank = this.rankOf[bank]!;
      let activate = Math.max(now, this.prechargeReady[bank]!);
      if (open !== CLOSED) activate += t.tRP;
      activate = Math.max(activate, this.activated[rank]! + t.tRRD);
      this.activated[rank] = activate;
      column = activate + t.tRCD;
      this.prechargeReady[bank] = activate + t.tRAS;
      this.openRow[bank] = row;
      outcome = open === CLOSED ? OUTCOME.miss : OUTCOME.conflict;
    }
    const bus = this.buses[this.busOf[bank]!]!;
    const data = Math.max(column + t.tCL, bus.free);
    const end = data + t.tBurst;
    bus.free = end;
    column = data - t.tCL;
    this.columnReady[bank] = column + t.tBurst;
    this.prechargeReady[bank] = Math.max(this.prechargeReady[bank]!, write ? end + t.tWR : column + t.tBurst);
    this.end = end;
    if (outstanding) {
      if (bus.outstanding === this.inFlight) this.retire(bus);
      bus.ends[(bus.oldest + bus.outstanding) % this.inFlight] = end;
      bus.outstanding++;
    }
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
  private refresh(bank: number, now: number, { tREFI, tRFC }: DramTimings): void {
    const epoch = Math.floor(now / tREFI);
    if (epoch === this.epoch[bank]) return;
    this.epoch[bank] = epoch;
    this.openRow[bank] = CLOSED;
    const ready = epoch * tREFI + tRFC;
    this.columnReady[bank] = Math.max(this.columnReady[bank]!, ready);
    this.prechargeReady[bank] = Math.max(this.prechargeReady[bank]!, ready);
  }

  private retire(bus: Bus): void {
    bus.oldest = (bus.oldest + 1) % this.inFlight;
    bus.outstanding--;
  }

  /** Takes over `count` banks as they stand with another, after modules were plugged or unplugged. */
  adopt(other: Banks, theirFirst: number, first: number, count: number): void {
    const of = (list: Int32Array | Float64Array) => list.subarray(theirFirst, theirFirst + count);
    this.openRow.set(of(other.openRow), first);
    this.columnReady.set(of(other.columnReady), first);
    this.prechargeReady.set(of(other.prechargeReady), first);
    this.epoch.set(of(other.epoch), first);
  }

  save(): SavedBanks {
    const banks: SavedBanks['banks'] = [];
    for (let bank = 0; bank < this.openRow.length; bank++) {
      const [column, precharge, epoch] = [this.columnReady[bank]!, this.prechargeReady[bank]!, this.epoch[bank]!];
      if (column !== 0 || epoch !== 0 || this.openRow[bank] !== CLOSED) banks.push([bank, this.openRow[bank]!, column, precharge, epoch]);
    }
    const buses = this.buses.flatMap(({ free, ends, oldest, outstanding }, bus): SavedBanks['buses'] =>
      free === 0 ? [] : [[bus, free, Array.from({ length: outstanding }, (_, index) => ends[(oldest + index) % ends.length]!)]],
    );
    const ranks = [...this.activated].flatMap((at, rank): SavedBanks['ranks'] => (at < 0 ? [] : [[rank, at]]));
    return { banks, buses, ranks };
  }

  load({ banks, buses, ranks }: SavedBanks): void {
    this.reset();
    for (const [bank, row, column, precharge, epoch] of banks) {
      this.openRow[bank] = row;
      this.columnReady[bank] = column;
      this.prechargeReady[bank] = precharge;
      this.epoch[bank] = epoch;
    }
    for (const [index, free, ends] of buses) {
      const bus = this.buses[index]!;
      bus.free = free;
      bus.ends.set(ends);
      bus.outstanding = ends.length;
    }
    for (const [rank, at] of ranks) this.activated[rank] = at;
  }

  reset(): void {
    this.openRow.fill(CLOSED);
    this.columnReady.fill(0);
    this.prechargeReady.fill(0);
    this.epoch.fill(0);
    this.activated.fill(-1e9);
    for (const bus of this.buses) {
      bus.free = bus.oldest = bus.outstanding = 0;
      bus.ends.fill(0);
    }
  }
}
