/**
 * What happened on the bus, in order: device registers, ports, DMA, unanswered accesses, IOMMU walks and faults, interrupts.
 * Plain RAM accesses are not here. Entries carry codes and data, no sentences: texts are made where the language is known.
 * Bounded: the oldest entries go first, and are counted.
 */
import type { Space } from '../address';
import { PortRecords } from './port-records';

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

const LOG_CAPACITY = 10_000;

export class TransactionLog {
  /** by sequence number, modulo the capacity; undefined: a row of `ports` */
  private readonly entries: (TransactionEntry | undefined)[];
  /** made when there is something to put there */
  private ports: PortRecords | undefined;
  private count = 0;
  /** sequence number of the first entry that was ever there: a snapshot brings only the newest */
  private begin = 0;
  private readonly context: TransactionContext = { at: 0, tick: 0, who: '', vm: undefined, linear: undefined };

  constructor(
    /** writes when, who and where on an entry; `who` only where the report does not say it */
    private readonly stamp: (entry: Partial<TransactionContext>) => void,
    private readonly capacity = LOG_CAPACITY,
  ) {
    this.entries = new Array<TransactionEntry | undefined>(capacity).fill(undefined);
  }

  /** Entries since power-on, those dropped included. */
  get total(): number {
    return this.count;
  }

  get dropped(): number {
    return Math.max(this.begin, this.count - this.capacity);
  }

  /** The report belongs to the log from now on and becomes its entry. */
  add(report: TransactionReport): void {
    const entry = report as TransactionEntry;
    this.stamp(entry);
    this.keep(entry);
  }

  /** An access to a port. `device`: who answered, undefined when nobody did. */
  addPort(port: number, size: number, value: number, write: boolean, device: string | undefined): void {
    const { context } = this;
    const stamped: Partial<TransactionContext> = context;
    stamped.who = stamped.vm = stamped.linear = undefined;
    this.stamp(context);
    const row = this.count++ % this.capacity;
    this.entries[row] = undefined;
    (this.ports ??= new PortRecords(this.capacity)).put(row, port, size, value, write, device, context);
  }

  /** The newest entries, oldest first; at most `most`, and at most the log's capacity. */
  newest(most = this.capacity): TransactionEntry[] {
    const list: TransactionEntry[] = [];
    for (let sequence = Math.max(this.dropped, this.count - most); sequence < this.count; sequence++) {
      const row = sequence % this.capacity;
      list.push(this.entries[row] ?? this.ports!.entry(row, sequence));
    }
    return list;
  }

  /** Entries with a sequence number from `sequence` on, as far as they are still there. */
  since(sequence: number): TransactionEntry[] {
    return this.newest(Math.max(0, this.count - sequence));
  }

  clear(): void {
    this.entries.fill(undefined);
    this.count = this.begin = 0;
  }

  save(): SavedTransactions {
    return { total: this.count, entries: structuredClone(this.newest()) };
  }

  load(saved: SavedTransactions): void {
    this.clear();
    const kept = saved.entries.slice(-this.capacity);
    this.count = this.begin = saved.total - kept.length;
    for (const entry of structuredClone(kept)) this.keep(entry);
  }

  private keep(entry: TransactionEntry): void {
    entry.sequence = this.count;
    this.entries[this.count++ % this.capacity] = entry;
  }
}
