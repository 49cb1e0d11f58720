/** What the chipset counts since power-on: totals, and where exactly nobody answered. */
export interface ChipsetTotals {
  /** accesses that nobody answered, memory and ports */
  unansweredMemory: number;
  unansweredPorts: number;
  /** accesses that several DIMMs answered */
  conflicts: number;
  /** accesses to device registers in memory, and to ports that somebody answered */
  registers: number;
  ports: number;
  /** writes to read-only memory, which change nothing */
  readOnlyWrites: number;
}

export interface SavedChipset {
  counters: ChipsetTotals;
  unanswered: [address: number, count: number][];
}

const NO_COUNTS: ChipsetTotals = { unansweredMemory: 0, unansweredPorts: 0, conflicts: 0, registers: 0, ports: 0, readOnlyWrites: 0 };
/** Unanswered addresses that are counted one by one; beyond, only the total goes on. */
const MOST_UNANSWERED = 4096;

export class ChipsetCounters {
  /** The same object for good: who counts keeps it. */
  readonly totals: ChipsetTotals = { ...NO_COUNTS };
  private readonly unanswered = new Map<number, number>();

  countUnanswered(address: number): void {
    this.totals.unansweredMemory++;
    const count = this.unanswered.get(address);
    if (count !== undefined || this.unanswered.size < MOST_UNANSWERED) this.unanswered.set(address, (count ?? 0) + 1);
  }

  /** How often nobody answered at exactly this address. */
  unansweredAt(address: number): number {
    return this.unanswered.get(address) ?? 0;
  }

  /** Unanswered addresses with their counts, ascending; at most the first 4096 different ones. */
  unansweredAddresses(): [address: number, count: number][] {
    return [...this.unanswered].sort(([a], [b]) => a - b);
  }

  reset(): void {
    this.load({ counters: NO_COUNTS, unanswered: [] });
  }

  save(): SavedChipset {
    return { counters: { ...this.totals }, unanswered: this.unansweredAddresses() };
  }

  load(saved: SavedChipset): void {
    Object.assign(this.totals, NO_COUNTS, saved.counters);
    this.unanswered.clear();
    for (const [address, count] of saved.unanswered) this.unanswered.set(address, count);
  }
}
