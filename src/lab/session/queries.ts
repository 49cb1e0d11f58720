/** What may be asked of the computer while it is on, at any moment. Nothing is changed by it, and no argument is trusted. */
import type { Cell, Journey } from '../../machine/journey/journey';
import type {
  AccessQuery,
  DisassemblyLine,
  FrameOwner,
  LinearSpaceView,
  MemoryRange,
  PageTableView,
  TransactionQuery,
  TransactionsFound,
} from '../protocol';
import { whole } from './argument';
import type { MemoryQuery } from './computer';
import type { RunState } from './run-state';

/** Bytes that one memory query may ask for. */
const MAX_READ = 1024 * 1024;
const MAX_DISASSEMBLY = 1_000;
const MAX_TRANSACTIONS = 500;

/** A VM in a query: null means the selected one where VMs exist. QueryError with the power off. */
export class Queries {
  constructor(private readonly run: RunState) {}

  async explain(query: AccessQuery): Promise<Journey> {
    return this.run.on.explain({ ...query, vm: query.space === 'host' || query.space === 'iova' ? query.vm : this.run.shownVm(query.vm) });
  }

  async readMemory(query: MemoryQuery): Promise<MemoryRange> {
    whole(query.length, 0, MAX_READ, 'length');
    return this.run.on.readMemory({ ...query, vm: query.space === 'host' ? null : this.run.shownVm(query.vm) });
  }

  async disassemble(query: { vm: string | null; linear: bigint; count: number; before?: number }): Promise<DisassemblyLine[]> {
    const before = whole(query.before ?? 0, 0, MAX_DISASSEMBLY, 'before');
    return this.run.on.disassemble(this.run.shownVm(query.vm), query.linear, whole(query.count, 0, MAX_DISASSEMBLY, 'count'), before);
  }

  async linearSpaces(query: { vm: string | null }): Promise<LinearSpaceView[]> {
    return this.run.on.linearSpaces(this.run.shownVm(query.vm));
  }

  async pageTable(query: { vm: string | null; path: number[] }): Promise<PageTableView | null> {
    const path = Array.isArray(query.path) ? query.path.slice(0, 4).map((index) => whole(index, 0, 1023, 'index')) : [];
    return this.run.on.pageTable(this.run.shownVm(query.vm), path);
  }

  async locate(hostAddress: number): Promise<{ cell: Cell | null; owner: FrameOwner | null; hiddenBy: string | null }> {
    return this.run.on.locate(whole(hostAddress, 0, Number.MAX_SAFE_INTEGER, 'address'));
  }

  async findTransactions(query: TransactionQuery): Promise<TransactionsFound> {
    const { kinds } = query;
    const asked = Array.isArray(kinds) ? kinds.slice(0, 20) : undefined;
    return this.run.on.findTransactions({ ...query, kinds: asked, most: whole(query.most, 1, MAX_TRANSACTIONS, 'most') });
  }
}
