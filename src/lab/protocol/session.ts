/** The session's commands, the views it pushes and what it says unasked. */
import type { Space } from '../../machine/address';
import type { AccessKind, Cell, Journey } from '../../machine/journey/journey';
import type { LabDocument } from '../document/schema';
import type { BootReport, CheckResult } from './boot';
import type { ChipsetView, SerialView, TransactionQuery, TransactionsFound, TransactionsView } from './bus';
import type { DramView, Observe } from './dram';
import type { IsolationView } from './isolation';
import type { Problem } from './problem';
import type { DisassemblyLine, EventsView, RegistersView, TlbView } from './processor';
import type { BreakpointsView, SnapshotsView, StatusView, StopPoint } from './run';
import type { LinearSpaceView, PageTableView, TablesView } from './tables';
import type { FrameOwner, PlacementView, VirtualizationView } from './virtualization';

/** Program texts and binaries by their path inside the lab. */
export type LabFiles = Record<string, string | Uint8Array>;

export interface Views {
  status: StatusView;
  registers: RegistersView;
  virtualization: VirtualizationView;
  placement: PlacementView;
  isolation: IsolationView;
  transactions: TransactionsView;
  serial: SerialView;
  boot: BootReport[];
  checks: CheckResult[];
  /** the walk of the last access of the last instruction (paused), or null */
  journey: Journey | null;
  chipset: ChipsetView;
  tlb: TlbView;
  tables: TablesView;
  events: EventsView;
  breakpoints: BreakpointsView;
  snapshots: SnapshotsView;
  /** null while accesses are not counted */
  dram: DramView | null;
}

export type ViewName = keyof Views;

export interface AccessQuery {
  vm: string | null;
  space: Exclude<Space, 'dram'>;
  address: bigint;
  segment?: 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS';
  size: 1 | 2 | 4 | 8;
  kind: AccessKind;
  cpl?: number;
  /** iova only: `00:04.0` */
  requester?: string;
}

export interface MemoryRange {
  base: bigint;
  /** one byte each; `present[i] === 0` where nothing is mapped or nobody answers */
  bytes: Uint8Array;
  present: Uint8Array;
  /** host-physical address of each page-sized piece that begins in the range (null: not mapped) */
  pages: { base: bigint; host: number | null; slot: string | null; owner: FrameOwner | null }[];
}

export interface OpenResult {
  ok: boolean;
  problems: Problem[];
}

export type PatchResult = { outcome: 'applied' } | { outcome: 'needs-power-off' } | { outcome: 'rejected'; problems: Problem[] };

/** What a shell may ask of the session. Every promise rejects only when the session itself is broken. */
export interface SessionCommands {
  /** Powers off, takes the document and its files, validates and assembles; nothing runs yet. */
  open(document: LabDocument, files: LabFiles): Promise<OpenResult>;
  /** The document after an edit. With the power on only what may change while running is taken. */
  update(document: LabDocument, files: LabFiles): Promise<PatchResult>;
  powerOn(): Promise<OpenResult>;
  powerOff(): Promise<void>;
  run(): Promise<void>;
  pause(): Promise<void>;
  /** Executes exactly `count` instructions (1 unless told) of the VM whose turn it is, or of `vm`. */
  step(options?: { count?: number; vm?: string }): Promise<void>;
  /** As `step`, but a call, a software interrupt, REP or LOOP is executed whole: runs to the instruction behind it, unless something stops it earlier. */
  stepOver(options?: { vm?: string }): Promise<void>;
  /** Runs until the instruction at a linear address is next, unless something stops it earlier. */
  runTo(place: { vm: string | null; linear: bigint }): Promise<void>;
  /** Power off and on, paused at the first instruction. */
  reset(): Promise<void>;
  /** instructions a second; null is full speed */
  setSpeed(instructionsPerSecond: number | null): Promise<void>;
  /** the lines (1-based) that carry code get a breakpoint; returns where they ended up */
  setBreakpoints(file: string, lines: number[]): Promise<{ line: number; bound: boolean }[]>;
  /** The breakpoints at addresses and the watchpoints there are from now on, at most 64. Those of a VM that is not there wait for it. */
  setStopPoints(points: StopPoint[]): Promise<void>;
  /** Which accesses to DRAM are counted (view `dram`) from now on. A board with memory timing or disturbance counts all anyway. */
  setObserve(mode: Observe): Promise<void>;
  explain(query: AccessQuery): Promise<Journey>;
  readMemory(query: { space: 'linear' | 'guest' | 'host'; vm: string | null; base: bigint; length: number }): Promise<MemoryRange>;
  /**
   * Puts 1 to 4096 bytes into DRAM by hand, as the space's tables lead there now; nothing else learns of it, the TLB neither. Enters through the
   * input log. Rejects, and changes nothing, while the machine runs and where a byte has no DRAM behind it.
   */
  writeMemory(write: { space: 'linear' | 'guest' | 'host'; vm: string | null; base: bigint; bytes: Uint8Array }): Promise<void>;
  /** `count` instructions from a linear address, and up to `before` in front of it as far as the program's source says where they begin */
  disassemble(query: { vm: string | null; linear: bigint; count: number; before?: number }): Promise<DisassemblyLine[]>;
  /** the page table that the indices of `path` lead to from the root; null when there is none */
  pageTable(query: { vm: string | null; path: number[] }): Promise<PageTableView | null>;
  /** the linear spaces of the CR3 that is loaded and of others that were, in the order of their first load; empty while paging is off */
  linearSpaces(query: { vm: string | null }): Promise<LinearSpaceView[]>;
  /** host-physical address → cell and owner; `hiddenBy`: the device that answers there instead of the DIMM */
  locate(hostAddress: number): Promise<{ cell: Cell | null; owner: FrameOwner | null; hiddenBy: string | null }>;
  findTransactions(query: TransactionQuery): Promise<TransactionsFound>;
  evaluateChecks(): Promise<CheckResult[]>;
  /** registers and last-access views follow this VM (null: the bare machine, or the current one) */
  selectVm(vm: string | null): Promise<void>;
  snapshot(label?: string): Promise<{ id: number; instructions: number; bytes: number }>;
  restore(id: number): Promise<void>;
  /** which views are pushed from now on; each is pushed at once */
  subscribe(views: ViewName[]): Promise<void>;
  stateHash(): Promise<string>;
  ping(): Promise<number>;
  /** only in the test build: leave, hang, or eat the heap */
  misbehave?(how: 'exit' | 'hang' | 'heap'): Promise<void>;
}

/** What the session says unasked. */
export interface SessionEvents {
  view<N extends ViewName>(name: N, value: Views[N]): void;
  problems(problems: Problem[]): void;
}
