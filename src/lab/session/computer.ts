/**
 * What a session drives: a powered-on board, bare or under the VMM, seen through the questions that views, checks and commands ask. Every
 * call is synchronous; the session cuts running into slices.
 */
import type { Watchpoint } from '../../machine/cpu/debug';
import type { Cell, Journey } from '../../machine/journey/journey';
import type { CheckContext } from '../checks/context';
import type { Text } from '../document/problem';
import type {
  AccessQuery,
  BootReport,
  DisassemblyLine,
  FrameOwner,
  LinearSpaceView,
  MemoryRange,
  Observe,
  PageTableView,
  Problem,
  StopKind,
  TransactionQuery,
  TransactionsFound,
  Views,
} from '../protocol';
import type { HotPlugChange } from '../../machine/board/hot-plug';
import type { LabDocument } from '../document/schema';
import type { PlacedProgram } from './breakpoints';
import type { HostBytes } from './memory-write';

export interface Stop {
  kind: StopKind;
  /** why, for people, when there is more to say */
  detail: Text | null;
}

/** Where a run stops before the instruction is executed. `vm` null: the bare machine. */
export interface CodeAddress {
  vm: string | null;
  linear: number;
}

/** Linear memory after whose access a run stops. */
export interface WatchedMemory extends Watchpoint {
  vm: string | null;
}

/** The access to watched memory that a run stopped for. */
export interface WatchedAccess {
  at: WatchedMemory;
  kind: 'read' | 'write';
  linear: number;
  size: number;
  /** null: the delivery of an event made it */
  instruction: { linear: number; text: string } | null;
}

/** Why `run` came back: its budget is used up, a breakpoint is next, watched memory was accessed, or nothing more can run. */
export type RunEnd =
  | { kind: 'budget' }
  | { kind: 'breakpoint'; at: CodeAddress }
  | { kind: 'watchpoint'; access: WatchedAccess }
  | { kind: 'stopped'; stop: Stop };

/** A question about something that is not there: an unknown VM, device or space. `text` is the message in both languages. */
export class QueryError extends Error {
  constructor(readonly text: Text) {
    super(text.en);
    this.name = 'QueryError';
  }
}

export interface MemoryQuery {
  space: 'linear' | 'guest' | 'host';
  vm: string | null;
  base: bigint;
  length: number;
}

/** Bytes that the user writes by hand. */
export interface MemoryWrite extends Omit<MemoryQuery, 'length'> {
  bytes: Uint8Array;
}

export interface Computer {
  readonly programs: readonly PlacedProgram[];
  readonly boots: readonly BootReport[];
  /** in the document's order; empty on the bare machine */
  readonly vmIds: readonly string[];
  readonly instructions: number;
  readonly ticks: number;
  /** the VM whose turn it is; null on the bare machine */
  readonly currentVm: string | null;
  readonly poolBytes: number;
  /** what executes: `compiled` interprets what is cold */
  readonly engine: 'interpreter' | 'compiled';
  /** set once nothing more can run */
  readonly stopped: Stop | null;

  /** Executes at most `budget` instructions. A breakpoint on the very next instruction does not hold a run that starts there, unless it is the first of all. */
  run(budget: number): RunEnd;
  /** The stop for a run that used up its instructions: where it stands. */
  limitReached(): Stop;
  /** Why it ended in a way nobody asked for, with place and remedy; empty for every other end. */
  stopProblems(kind: StopKind): Problem[];
  /** Executes exactly one instruction of `vm` (null: of whoever's turn it is). */
  step(vm: string | null): RunEnd;
  setStops(code: readonly CodeAddress[], watched: readonly WatchedMemory[]): void;

  registers(vm: string | null): Omit<Views['registers'], 'changed'>;
  lastJourney(vm: string | null): Views['journey'];
  virtualization(): Views['virtualization'];
  placement(): Views['placement'];
  /** grows with every change of what `placement` says */
  readonly placementRevision: number;
  isolation(running: boolean): Views['isolation'];
  transactions(): Views['transactions'];
  chipset(): Views['chipset'];
  serial(): Views['serial'];
  tlb(): Views['tlb'];
  tables(vm: string | null): Views['tables'];
  events(): Views['events'];
  dram(): Views['dram'];
  /** are accesses to DRAM counted, though the board does not ask for it? */
  set observe(mode: Observe);
  checkContext(): CheckContext;

  /** Throws QueryError when the query names a VM, device or space that is not there. The same for the queries below. */
  explain(query: AccessQuery): Journey;
  readMemory(query: MemoryQuery): MemoryRange;
  /** `before`: at most so many instructions in front of it, where the source says where they begin */
  disassemble(vm: string | null, linear: bigint, count: number, before?: number): DisassemblyLine[];
  pageTable(vm: string | null, path: readonly number[]): PageTableView | null;
  linearSpaces(vm: string | null): LinearSpaceView[];
  locate(hostAddress: number): { cell: Cell | null; owner: FrameOwner | null; hiddenBy: string | null };
  findTransactions(query: TransactionQuery): TransactionsFound;

  /** Puts bytes into DRAM, all or, with QueryError, none. Gives where they went: writing those pieces to host memory does the same. */
  writeMemory(write: MemoryWrite): HostBytes[];

  /** Plugs and unplugs hardware; `document` is the lab since then. Throws QueryError when it cannot be done now; nothing has changed then. */
  hotPlug(changes: readonly HotPlugChange[], document: LabDocument): void;

  /** SHA-256 of the canonical state, 64 hex digits. */
  stateHash(): string;
  snapshot(): ComputerSnapshot;
  restore(snapshot: ComputerSnapshot): void;
}

/** Everything that running changes, to the byte. Opaque outside the computer that made it. */
export interface ComputerSnapshot {
  readonly instructions: number;
  /** rough size */
  readonly bytes: number;
  readonly state: unknown;
}
