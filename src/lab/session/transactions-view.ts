/** The bus log as a view: the newest entries with their sentences, and the source line of the instruction that caused each. */
import type { TransactionEntry } from '../../machine/bus/transaction-log';
import type { Transaction, TransactionQuery, TransactionsFound, TransactionsView } from '../protocol';
import { sourceLine } from './breakpoints';
import { instructionText } from './disassembly';
import type { System } from './system';
import { transactionText } from './transaction-texts';

const MOST_ENTRIES = 500;

function transaction(system: System, entry: TransactionEntry): Transaction {
  const { sequence, at, tick, who, vm, kind, address, size, value, matched, answeredBy, outcome, linear } = entry;
  const { port, entry: range } = entry.data ?? {};
  const line = linear === undefined ? null : sourceLine(system.programs, vm ?? null, linear);
  const words = linear === undefined ? null : instructionText(system, vm ?? null, linear);
  return {
    sequence,
    at,
    tick,
    who,
    kind,
    outcome,
    text: transactionText(entry),
    ...(vm !== undefined ? { vm } : {}),
    ...(linear !== undefined ? { instruction: { linear: BigInt(linear), text: words ?? '', ...(line ?? {}) } } : {}),
    ...(address ? { address: { space: address.space, address: BigInt(address.address) } } : {}),
    ...(size !== undefined ? { size } : {}),
    ...(value !== undefined ? { value: BigInt(value) } : {}),
    ...(typeof port === 'number' ? { port } : {}),
    ...(matched !== undefined ? { matched: typeof range === 'string' ? range : matched } : {}),
    ...(answeredBy !== undefined ? { answeredBy } : {}),
  };
}

function matches(entry: TransactionEntry, { who, kinds, from, to, failed }: TransactionQuery): boolean {
  if (who !== undefined && entry.who !== who && entry.vm !== who) return false;
  if (kinds !== undefined && !kinds.includes(entry.kind)) return false;
  if (failed && entry.outcome === 'ok') return false;
  if (from === undefined && to === undefined) return true;
  const port = entry.data?.['port'];
  const at = entry.address?.address ?? (typeof port === 'number' ? port : undefined);
  const last = at === undefined ? undefined : at + (entry.size ?? 1) - 1;
  return at !== undefined && last! >= (from ?? 0) && at <= (to ?? Infinity);
}

/** Is it the same read of the same register again, with the same answer: a program that polls? */
const repeats = (a: TransactionEntry, b: TransactionEntry): boolean =>
  (a.kind === 'mmio-read' || a.kind === 'port-read') &&
  a.kind === b.kind &&
  a.linear === b.linear &&
  a.who === b.who &&
  a.value === b.value &&
  a.address?.address === b.address?.address &&
  a.data?.['port'] === b.data?.['port'];

/** Entries, newest last, with the repetitions of a polling loop folded into the first of them. */
function folded(entries: readonly TransactionEntry[]): { entry: TransactionEntry; times: number }[] {
  const list: { entry: TransactionEntry; times: number }[] = [];
  for (const entry of entries) {
    const last = list.at(-1);
    if (last && repeats(last.entry, entry)) last.times++;
    else list.push({ entry, times: 1 });
  }
  return list;
}

/** Makes the view again and again without describing an entry twice: entries never change once they are logged. */
export class TransactionsSource {
  private readonly described = new WeakMap<TransactionEntry, Transaction>();

  constructor(private readonly system: System) {}

  view(): TransactionsView {
    const { log } = this.system.machine;
    const rows = folded(log.newest());
    const shown = rows.slice(-MOST_ENTRIES);
    const entries = shown.map(({ entry, times }) => this.describe(entry, times));
    const covered = shown.reduce((sum, { times }) => sum + times, 0);
    return { total: log.total, dropped: log.total - covered, entries };
  }

  /** Looks through the whole log. Entries are described only when they are part of the answer. */
  find(query: TransactionQuery): TransactionsFound {
    const { log } = this.system.machine;
    const all = log.newest();
    const matching = all.filter((entry) => matches(entry, query));
    const older = query.before === undefined ? matching : matching.filter(({ sequence }) => sequence < query.before!);
    const actors = [...new Set(all.flatMap(({ who, vm }) => (vm === undefined ? [who] : [who, vm])))].sort();
    return {
      total: log.total,
      dropped: log.total - all.length,
      matching: matching.length,
      entries: older.slice(-query.most).map((entry) => this.describe(entry, 1)),
      actors,
    };
  }

  private describe(entry: TransactionEntry, times: number): Transaction {
    let described = this.described.get(entry);
    if (!described) this.described.set(entry, (described = transaction(this.system, entry)));
    if (times === 1) return described;
    const { text } = described;
    return { ...described, text: { en: `${text.en} (${times} times in a row)`, 'zh-CN': `${text['zh-CN']}（连续 ${times} 次）` } };
  }
}
