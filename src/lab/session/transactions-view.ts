/** The bus log as a view: the newest entries with their sentences, and the source line of the instruction that caused each. */
import type { TransactionEntry } from '../../machine/bus/transaction-log';
import type { Transaction, TransactionsView } from '../protocol';
import { sourceLine } from './breakpoints';
import { instructionText } from './disassembly';
import type { System } from './system';
import { transactionText } from './transaction-texts';

const MOST_ENTRIES = 500;

function transaction(system: System, entry: TransactionEntry): Transaction {
  const { at, tick, who, vm, kind, address, size, value, matched, answeredBy, outcome, linear } = entry;
  const line = linear === undefined ? null : sourceLine(system.programs, vm ?? null, linear);
  const words = linear === undefined ? null : instructionText(system, vm ?? null, linear);
  return {
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
    ...(matched !== undefined ? { matched } : {}),
    ...(answeredBy !== undefined ? { answeredBy } : {}),
  };
}

export function transactionsView(system: System): TransactionsView {
  const { log } = system.machine;
  return {
    total: log.total,
    dropped: Math.max(0, log.total - MOST_ENTRIES),
    entries: log.newest(MOST_ENTRIES).map((entry) => transaction(system, entry)),
  };
}
