/**
 * What happened on the bus, in order: device registers, ports, DMA, unanswered accesses, IOMMU walks and faults, interrupts.
 * Plain RAM accesses are not here. Entries carry codes and data, no sentences: texts are made where the language is known.
 * Bounded: the oldest entries go first, and are counted.
 */
import type { Space } from '../address';

export type TransactionKind =
  | 'mmio-read'
  | 'mmio-write'
  | 'port-read'
  | 'port-write'
  | 'dma-read'
  | 'dma-write'
  | 'unanswered'
  | 'iommu-walk'
  | 'iommu-fault'
  | 'completion'
  | 'interrupt'
  | 'note';

export type TransactionData = Record<string, number | string | boolean>;

/** What the one who logs says. */
export interface TransactionReport {
  kind: TransactionKind;
  /** who made the access, when it is not whoever runs: a device's requester ID `00:04.0`, `firmware`, … */
  who?: string;
  /** kebab-case: what exactly happened (`register-read`, `conflict-write`, `hop-accept`, `dma-clamped`, …) */
  code: string;
  address?: { space: Space; address: number };
  /** bytes */
  size?: number;
  value?: number;
  /** decode-table entry, hop or table entry concerned */
  matched?: string;
  answeredBy?: string;
  outcome: 'ok' | 'fault' | 'nobody';
  /** numbers and names that the text of this code needs */
  data?: TransactionData;
}

/** What the machine adds: when, who, and the instruction that caused it. */
export interface TransactionContext {
  /** instruction count */
  at: number;
  tick: number;
  /** `cpu`, a VM's id, or `vmm` */
  who: string;
  /** the VM whose turn it is */
  vm?: string;
  /** linear address of the instruction that is being executed */
  linear?: number;
}

export interface TransactionEntry extends TransactionContext, Omit<TransactionReport, 'who'> {
  /** 0 for the first since power-on; never reused */
  sequence: number;
}

export interface SavedTransactions {
  total: number;
  entries: TransactionEntry[];
}

export const LOG_CAPACITY = 10_000;

export class TransactionLog {
  private entries: TransactionEntry[] = [];
  private count = 0;

  constructor(
    /** writes when, who and where on an entry; `who` only where the report does not say it */
    private readonly stamp: (entry: Partial<TransactionContext>) => void,
    private readonly capacity = LOG_CAPACITY,
  ) {}

  /** Entries since power-on, those dropped included. */
  get total(): number {
    return this.count;
  }

  get dropped(): number {
    return this.count - Math.min(this.entries.length, this.capacity);
  }

  /** The report belongs to the log from now on and becomes its entry: programs that print or poll come here at every access. */
  add(report: TransactionReport): void {
    const entry = report as TransactionEntry;
    entry.sequence = this.count++;
    this.stamp(entry);
    this.entries.push(entry);
    // cut in bulk, so that a long run costs one copy in `capacity` entries
    if (this.entries.length >= this.capacity * 2) this.entries = this.entries.slice(-this.capacity);
  }

  /** The newest entries, oldest first; at most `most`, and at most the log's capacity. */
  newest(most = this.capacity): TransactionEntry[] {
    const length = Math.min(most, this.capacity, this.entries.length);
    return length === 0 ? [] : this.entries.slice(-length);
  }

  /** Entries with a sequence number from `sequence` on, as far as they are still there. */
  since(sequence: number): TransactionEntry[] {
    return this.newest(Math.max(0, this.count - sequence));
  }

  clear(): void {
    this.entries = [];
    this.count = 0;
  }

  save(): SavedTransactions {
    return { total: this.count, entries: structuredClone(this.newest()) };
  }

  load(saved: SavedTransactions): void {
    this.count = saved.total;
    this.entries = structuredClone(saved.entries);
  }
}
