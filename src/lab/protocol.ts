/**
 * The session's protocol: commands in, views and events out. Transported by birpc over msgpack frames, so everything here is
 * plain data (bigint and Uint8Array allowed). Views are immutable snapshots, pushed at most 30 times a second and only while
 * subscribed; large data (memory, tables, disassembly) is asked for by range.
 */
import type { Space } from '../machine/address';
import type { AccessKind, Cell, Journey } from '../machine/journey/journey';
import type { LabDocument } from './document/schema';

export type Language = 'en' | 'zh-CN';

/** Program texts and binaries by their path inside the lab. */
export type LabFiles = Record<string, string | Uint8Array>;

export interface Problem {
  severity: 'error' | 'warning';
  /** stable, kebab-case with a prefix of the room: `board-overlap`, `asm-unknown-instruction`, `lab-unknown-key`, `boot-no-memory-at-load-address` */
  code: string;
  message: Record<Language, string>;
  remedy?: Record<Language, string>;
  /** where: a file with line and column (1-based), a path in the document, a part of the board, a VM */
  file?: string;
  line?: number;
  column?: number;
  endLine?: number;
  endColumn?: number;
  path?: string;
  part?: string;
  vm?: string;
}

export type Power = 'off' | 'paused' | 'running' | 'stopped';
export type StopKind = 'halted' | 'limit' | 'triple-fault' | 'boot-refused' | 'exit-port' | 'paused' | 'out-of-memory';

/** A place where a run stops, given as an address. */
export interface StopPoint {
  /** null: the bare machine */
  vm: string | null;
  /** `code`: before the instruction there. After an instruction, or the delivery of an event, that wrote there (`write`), or also read (`access`). */
  kind: 'code' | 'write' | 'access';
  linear: bigint;
  /** bytes watched; 1 for code */
  size: 1 | 2 | 4;
}

/** What stopped the run. */
export interface StopHit extends StopPoint {
  /** of the instruction at a breakpoint, when it comes from a program of the lab */
  file?: string;
  line?: number;
  /** of a watchpoint: what was done */
  access?: {
    kind: 'read' | 'write';
    linear: bigint;
    size: number;
    /** who did it; null: the delivery of an interrupt or exception */
    instruction: { linear: bigint; text: string; file?: string; line?: number } | null;
    /** what is watched, when the run was started and now; null where nothing is mapped */
    before: number | null;
    after: number | null;
  };
}

/** Every place where a run stops, those on source lines (with `file` and `line`) among them. */
export interface BreakpointsView {
  points: (StopPoint & {
    file?: string;
    line?: number;
    /** how often a run, or a step, has stopped there since power-on */
    hits: number;
  })[];
}

export interface SnapshotsView {
  /** in the order in which they were taken */
  kept: { id: number; label: string; instructions: number; bytes: number; /** fits the hardware that is plugged in now */ fits: boolean }[];
}

export interface StatusView {
  power: Power;
  stop: StopKind | null;
  /** why, for people, when there is more to say than `stop` */
  stopDetail: Record<Language, string> | null;
  instructions: number;
  ticks: number;
  /** of the last second */
  mips: number;
  /** what executes: `compiled` interprets what is cold; null with the power off */
  engine: 'interpreter' | 'compiled' | null;
  /** the VM whose turn it is; null on the bare machine */
  currentVm: string | null;
  /** the breakpoint or watchpoint that stopped the run */
  stoppedAt: StopHit | null;
  poolBytes: number;
  snapshots: number;
}

export interface SegmentView {
  name: 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS' | 'LDTR' | 'TR';
  selector: number;
  base: bigint;
  limit: number;
  attributes: number;
}

export interface RegistersView {
  vm: string | null;
  /** RAX … R15, in encoding order */
  general: bigint[];
  rip: bigint;
  flags: number;
  segments: SegmentView[];
  gdtr: { base: bigint; limit: number };
  idtr: { base: bigint; limit: number };
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
  /** DR0 to DR7; 4 and 5 are 6 and 7 by another name, and 0 here */
  debug: bigint[];
  cpl: number;
  mode: 'real' | 'protected' | 'virtual-8086' | 'long';
  paging: boolean;
  activity: 'running' | 'halted' | 'shutdown';
  /** names (`RAX`, `RIP`, `ZF`, `DS`, `CR3`) of what the last step changed */
  changed: string[];
  /** linear address of the next instruction and its source line, when it comes from a program of the lab */
  next: { linear: bigint; bytes: Uint8Array; text: string; file?: string; line?: number } | null;
}

export interface Extent {
  /** first byte and length; both multiples of 4096 */
  base: number;
  bytes: number;
}

export interface VmView {
  id: string;
  /** position in the document: decides hue and letter */
  index: number;
  state: 'running' | 'waiting' | 'halted' | 'crashed' | 'refused';
  detail: Record<Language, string> | null;
  memoryBytes: number;
  residentBytes: number;
  tableBytes: number;
  translation: 'ept';
  instructions: number;
  ticks: number;
  exits: Record<string, number>;
  passthrough: string[];
}

export interface MappingPiece {
  vm: string;
  guest: number;
  host: number;
  bytes: number;
  /** slots the piece lies in */
  slots: string[];
}

export type FrameOwner =
  | { kind: 'vm'; vm: string }
  | { kind: 'vmm'; part: string }
  | { kind: 'table'; part: string }
  | { kind: 'preoccupied' }
  | { kind: 'device'; device: string };

export interface OwnedExtent extends Extent {
  owner: FrameOwner;
}

/** Where the VMs' memory landed and whose the host's is: thousands of entries, so it is pushed only when it has changed. */
export interface PlacementView {
  vms: { id: string; index: number; memoryBytes: number }[];
  pieces: MappingPiece[];
  /** host memory by owner, ascending; what is not listed is free (or no DRAM: see the address map) */
  host: OwnedExtent[];
  slots: { slot: string; base: number; bytes: number }[];
}

export interface VirtualizationView {
  vms: VmView[];
  audit: { violations: { vm: string; frame: number; text: Record<Language, string> }[] };
}

export interface Transaction {
  /** 0 for the first since power-on */
  sequence: number;
  at: number;
  tick: number;
  /** `cpu`, a VM's id, `vmm`, or a device's requester ID */
  who: string;
  vm?: string;
  kind:
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
  /** the instruction that caused it, when one did */
  instruction?: { linear: bigint; text: string; file?: string; line?: number };
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

export interface FaultRecord {
  requester: string;
  address: number;
  access: 'read' | 'write';
  /** VT-d fault reason */
  reason: number;
  text: Record<Language, string>;
  at: number;
}

export interface RangeComparison {
  name: Record<Language, string>;
  vm?: string;
  owner: FrameOwner | null;
  host: number;
  bytes: number;
  /** at most the first 64 bytes that matter, around the first change */
  windowBase: number;
  before: Uint8Array;
  after: Uint8Array;
  changedBytes: number;
}

export interface IsolationView {
  iommu: { present: boolean; enabled: boolean; base: number | null };
  /** `requester`: the ID that the IOMMU sees, which devices behind one legacy bridge share; `path`: the ports above, nearest first */
  devices: {
    id: string;
    kind: string;
    requester: string;
    path: string[];
    sharedWith: string[];
    assignedTo: string | null;
    bar: number | null;
  }[];
  verdict: 'held' | 'breached' | 'not-run' | 'running';
  /** what held it (`reason 5: no write permission`) or what was breached, in a sentence */
  explanation: Record<Language, string>;
  targets: RangeComparison[];
  faults: FaultRecord[];
  /** what the VMM found damaged in its own state */
  damage: { at: number; text: Record<Language, string> }[];
  /** the walk of the last DMA */
  journey: Journey | null;
}

export interface SerialView {
  /** the end of what was written, and how many bytes lie before it */
  channels: { vm: string | null; port: string; text: string; earlier: number }[];
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
  kinds?: Transaction['kind'][] | undefined;
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
  counters: {
    unansweredMemory: number;
    unansweredPorts: number;
    conflicts: number;
    registers: number;
    ports: number;
    readOnlyWrites: number;
  };
  /** addresses that nobody answered, the most frequent first */
  unanswered: [address: number, count: number][];
}

export interface BootReport {
  vm: string | null;
  steps: BootStep[];
  refused: Problem | null;
}

export interface BootStep {
  kind: 'firmware' | 'header' | 'segment' | 'range-check' | 'copy' | 'zero' | 'jump' | 'table';
  text: Record<Language, string>;
  fields: Record<string, string | number | bigint>;
  ok: boolean;
}

export interface CheckResult {
  name: string;
  passed: boolean;
  detail: Record<Language, string>;
}

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

export interface TlbView {
  sets: number;
  ways: number;
  entries: {
    set: number;
    way: number;
    linear: bigint;
    host: number;
    /** what the entry covers */
    pageBytes: number;
    /** the page that the tables map: larger where the entry is a part of it */
    mappedBytes: number;
    flags: string;
    vpid: number;
    global: boolean;
  }[];
  accesses: number;
  misses: number;
  evictions: number;
  /** table entries that misses have read */
  tableReads: number;
}

/** Exceptions and interrupts that reached a handler. */
export interface EventsView {
  /** since power-on */
  total: number;
  /** by vector, ascending */
  counts: { vector: number; count: number }[];
  /** the latest first, at most 200 */
  latest: {
    /** 1 for the first since power-on */
    number: number;
    vector: number;
    kind: 'fault' | 'trap' | 'software' | 'external';
    /** null when none was pushed */
    errorCode: number | null;
    /** of a page fault */
    cr2: number | null;
    /** instructions that the program had completed by then */
    instructions: number;
    vm: string | null;
  }[];
}

/** Accesses that found their row open, none open, or another one; and how many of them were writes. */
export interface DramCounts {
  hits: number;
  misses: number;
  conflicts: number;
  writes: number;
}

export interface DramBankView extends DramCounts {
  /** within the module: subchannel, rank, bank group and bank as one number */
  number: number;
  subchannel: number;
  rank: number;
  bankGroup: number;
  bank: number;
  /** -1: none */
  openRow: number;
  /** activations in this refresh window, added up over 64 equal stretches of its rows */
  rowHeat: number[];
}

export interface DramModuleView extends DramCounts {
  slot: string;
  channel: number;
  /** speed grade: `DDR3-1600` */
  grade: string;
  ecc: boolean;
  /** rows that target row refresh counts in each bank; 0: there is none */
  trr: number;
  /** activations of neighbours that flip a row's weakest cell; null: never */
  threshold: number | null;
  /** most activations of one row within one refresh window */
  mostActivations: number;
  /** rows with most activations in the window that is running */
  hottest: { subchannel: number; rank: number; bankGroup: number; bank: number; row: number; count: number }[];
  errors: { flips: number; corrected: number; uncorrectable: number; miscorrected: number; refreshed: number };
  /** those that were accessed, at most 64 */
  banks: DramBankView[];
}

/** Accesses to DRAM since power-on, or since they are counted. */
export interface DramView {
  timing: boolean;
  disturbance: boolean;
  /** in the board's order, at most 64 */
  modules: DramModuleView[];
}

export type DescriptorKind =
  | 'code'
  | 'data'
  | 'ldt'
  | 'tss-16'
  | 'tss-16-busy'
  | 'tss-32'
  | 'tss-32-busy'
  | 'call-gate-16'
  | 'call-gate-32'
  | 'task-gate'
  | 'interrupt-gate-16'
  | 'interrupt-gate-32'
  | 'trap-gate-16'
  | 'trap-gate-32'
  | 'reserved'
  | 'real-vector';

/** One entry of a descriptor table as it lies in memory; `segment` or `gate` by its kind. */
export interface DescriptorView {
  index: number;
  /** of its first byte */
  linear: bigint;
  bytes: Uint8Array;
  kind: DescriptorKind;
  dpl: number;
  present: boolean;
  /** limit in bytes, attributes in VMX's format */
  segment?: { base: bigint; limit: number; attributes: number };
  gate?: { selector: number; offset: number; parameters: number | null };
}

export interface DescriptorTableView {
  base: bigint;
  limit: number;
  /** what is not zero, ascending */
  entries: DescriptorView[];
  /** entries that are not zero beyond those listed */
  unlisted: number;
  /** entries where nothing is mapped */
  unreadable: number;
}

export interface TssView {
  selector: number;
  base: bigint;
  limit: number;
  wide: boolean;
  /** those within the limit */
  fields: { name: string; offset: number; size: 2 | 4; value: number }[];
}

/** The tables that segments and interrupts go through, of the VM on screen. */
export interface TablesView {
  vm: string | null;
  /** real mode: `idt` is the vector table */
  real: boolean;
  gdt: DescriptorTableView;
  ldt: DescriptorTableView | null;
  idt: DescriptorTableView;
  tss: TssView | null;
}

/** `count` entries from `first` on that map one stretch with the same flags. */
export interface PageEntryView {
  structure: 'pdpte' | 'pde' | 'pte';
  first: number;
  count: number;
  /** first linear address that it covers */
  linear: bigint;
  /** guest-physical address of the entry (of the first, in a run) */
  at: bigint;
  value: bigint;
  entryBytes: 4 | 8;
  /** guest-physical: the table or page it points to */
  target: bigint;
  leads: 'table' | 'page';
  pageBytes: number;
  present: boolean;
  flags: { name: string; set: boolean }[];
}

export interface PageTableView {
  format: '32-bit' | 'pae';
  path: number[];
  /** guest-physical */
  at: bigint;
  host: number | null;
  /** what is not zero, ascending */
  entries: PageEntryView[];
  /** entries that are zero */
  empty: number;
  /** false: no memory is behind the table */
  readable: boolean;
}

/** Linear pages that follow one another, map frames that follow one another, and allow the same. */
export interface LinearRunView {
  linear: bigint;
  bytes: number;
  /** guest-physical (host-physical on the bare machine): of the first byte */
  guest: bigint;
  pageBytes: number;
  writable: boolean;
  user: boolean;
  executable: boolean;
}

/** What one page-table root maps, ascending. */
export interface LinearSpaceView {
  cr3: bigint;
  /** the one that is loaded now */
  current: boolean;
  format: '32-bit' | 'pae';
  runs: LinearRunView[];
  /** runs beyond those listed */
  more: number;
}

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

export interface DisassemblyLine {
  linear: bigint;
  bytes: Uint8Array;
  text: string;
  file?: string;
  line?: number;
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
  /** `exact`: every access to DRAM is counted (view `dram`), and everything is interpreted. A board with memory timing or disturbance counts anyway. */
  setObserve(mode: 'off' | 'exact'): Promise<void>;
  explain(query: AccessQuery): Promise<Journey>;
  readMemory(query: { space: 'linear' | 'guest' | 'host'; vm: string | null; base: bigint; length: number }): Promise<MemoryRange>;
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
