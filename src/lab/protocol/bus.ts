/** The bus: transactions, who answers which address, and what came out of the serial ports. */
import type { Space } from '../../machine/address';
import type { ChipsetTotals } from '../../machine/bus/chipset-counters';
import type { TransactionKind } from '../../machine/bus/transaction-log';
import type { Language } from './problem';
import type { InstructionPlace } from './processor';

export interface Transaction {
  /** 0 for the first since power-on */
  sequence: number;
  at: number;
  tick: number;
  /** `cpu`, a VM's id, `vmm`, or a device's requester ID */
  who: string;
  vm?: string;
  kind: TransactionKind;
  /** the instruction that caused it, when one did */
  instruction?: InstructionPlace;
  address?: { space: Space; address: bigint };
  /** of a port access */
  port?: number;
  size?: number;
  value?: bigint;
  /** decode-table entry, hop or table entry concerned */
  matched?: string;
  answeredBy?: string;
  outcome: 'ok' | 'fault' | 'nobody';
  text: Record<Language, string>;
}

export interface TransactionsView {
  total: number;
  dropped: number;
  /** newest last, at most 500 */
  entries: Transaction[];
}

/** A search in the whole transaction log. Everything given must hold. */
export interface TransactionQuery {
  /** as `Transaction.who` or `vm` says it */
  who?: string;
  kinds?: TransactionKind[] | undefined;
  /** host or I/O virtual addresses, both ends included; a port's number counts as an address where `kinds` are port accesses */
  from?: number;
  to?: number;
  /** only what nobody answered, or what was refused */
  failed?: boolean;
  /** entries older than this sequence number */
  before?: number;
  /** 1 to 500 */
  most: number;
}

export interface TransactionsFound {
  /** since power-on, and how many of those the bounded log has dropped */
  total: number;
  dropped: number;
  /** entries in the log that match, before `before` and `most` */
  matching: number;
  /** newest last */
  entries: Transaction[];
  /** everybody who is in the log */
  actors: string[];
}

/** The chipset's decode table: ascending, every address once. `slots` of an `mmio` entry are hidden under the device. */
export interface ChipsetView {
  physicalAddressBits: number;
  entries: {
    base: number;
    /** first address behind */
    end: number;
    /** as `Transaction.matched` names it */
    name: string;
    kind: 'dram' | 'hole' | 'mmio' | 'reserved' | 'conflict';
    slots: string[];
    device: string | null;
    region: string | null;
    text: Record<Language, string>;
  }[];
  /** entries beyond those listed */
  omitted: number;
  counters: ChipsetTotals;
  /** addresses that nobody answered, the most frequent first */
  unanswered: [address: number, count: number][];
}

export interface SerialView {
  /** the end of what was written, and how many bytes lie before it */
  channels: { vm: string | null; port: string; text: string; earlier: number }[];
}
