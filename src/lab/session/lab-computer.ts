/** A powered-on lab: the machine, the VMM when there is one, and every question the session asks of them. */
import { linearAddress } from '../../machine/address';
import type { Journey } from '../../machine/journey/journey';
import { HotPlugRefusedError } from '../../machine/hot-plug';
import type { HotPlugChange } from '../../machine/board/hot-plug';
import type { MachineSnapshot } from '../../machine/machine-state';
import type { LabDocument } from '../document/schema';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import type { CheckContext } from '../checks/context';
import { text } from '../document/problem';
import type {
  AccessQuery,
  BootReport,
  ChipsetView,
  DramView,
  DisassemblyLine,
  FrameOwner,
  IsolationView,
  MemoryRange,
  PageTableView,
  Problem,
  RegistersView,
  SerialView,
  StopKind,
  EventsView,
  TablesView,
  TlbView,
  TransactionQuery,
  TransactionsFound,
  TransactionsView,
  PlacementView,
  VirtualizationView,
  LinearSpaceView,
} from '../protocol';
import type { Cell } from '../../machine/journey/journey';
import { hostPhysical, PAGE_SIZE } from '../../machine/address';
import { stateHash } from '../snapshot/state-hash';
import { chipsetView } from './chipset-view';
import { checkFacts, serialChannels } from './check-facts';
import type { CodeAddress, Computer, ComputerSnapshot, MemoryQuery, RunEnd, Stop, WatchedMemory } from './computer';
import { QueryError } from './computer';
import { tablesView } from './descriptor-tables';
import { disassembly, instructionText, linesBefore } from './disassembly';
import { dramView } from './dram-view';
import { eventsView } from './events-view';
import { Evidence, watchedRanges, type SavedEvidence } from './evidence';
import { explainQuery, hostAddressOf, translationContext, withCells } from './explain-query';
import { isolationView } from './isolation-view';
import { memoryRange } from './memory-view';
import type { TranslationContext } from '../../machine/cpu/explain';
import { linearSpace } from './linear-spaces';
import { pageTable, type GuestMemory } from './page-tables';
import { registersView, stateCopy } from './registers-view';
import { stopProblems } from './stop-problems';
import { explainSource, memorySource, ownerOf, vmOf, type System } from './system';
import type { GuestStops } from '../../vmm/host';
import type { VmmRunReason } from '../../vmm/vmm';
import { tlbView } from './tlb-view';
import { TransactionsSource } from './transactions-view';
import { placementView, virtualizationView } from './virtualization-view';

/** The last instructions of a slice are watched, so that a pause can show the last access; watching all would cost speed. */
const WATCHED_TAIL = 64;
/** Programs that end soon are watched whole, so that the last access of the run is known however it ends. */
const WATCHED_HEAD = 200_000;
/** HLT, the one instruction after which a run ends by itself */
const HLT = 0xf4;

interface State {
  machine: MachineSnapshot;
  vmm: Uint8Array | null;
  evidence: SavedEvidence;
  stopped: Stop | null;
  lastVm: string | null;
}

const SEGMENT_NAMES = Object.keys(SEGMENT_INDEX) as (keyof typeof SEGMENT_INDEX)[];

/** Bytes of each serial port that the window is shown: a program that never stops writing must not fill the wire. */
const MOST_SERIAL = 32 * 1024;

export class LabComputer implements Computer {
  stopped: Stop | null;
  private readonly evidence: Evidence;
  private readonly log: TransactionsSource;
  /** whose instruction was executed last */
  private lastVm: string | null = null;

  constructor(
    private readonly system: System,
    readonly boots: readonly BootReport[],
    stopped: Stop | null,
  ) {
    this.stopped = stopped;
    this.log = new TransactionsSource(system);
    this.evidence = new Evidence(watchedRanges(system.document.checks), () => checkFacts(system, null));
    this.evidence.capture();
    system.machine.beforeDma(() => this.evidence.beforeDma());
    system.machine.onDma((record) => this.evidence.afterDma({ ...record, journey: withCells(explainSource(system), record.journey) }));
  }

  get programs() {
    return this.system.programs;
  }
  get vmIds(): readonly string[] {
    return this.system.vmm?.vms.map(({ id }) => id) ?? [];
  }
  get instructions(): number {
    return this.system.machine.instructions;
  }
  get ticks(): number {
    return this.system.machine.ticks;
  }
  get currentVm(): string | null {
    return this.system.vmm?.current?.id ?? null;
  }
  get engine(): 'interpreter' | 'compiled' {
    const { processor, memory } = this.system.machine;
    // an access that is counted is interpreted
    return processor.compiles && !memory.counting ? 'compiled' : 'interpreter';
  }
  get poolBytes(): number {
    return this.system.machine.frames.bytesUsed;
  }

  // ── running ──

  /** a run has been held before the first instruction; the next one goes on from there */
  private heldAtStart = false;

  run(budget: number): RunEnd {
    if (this.stopped) return { kind: 'stopped', stop: this.stopped };
    const { processor } = this.system.machine;
    const start = this.instructions;
    const head = Math.min(budget, Math.max(WATCHED_HEAD - start, 0));
    if (head > 0) {
      processor.recordAccess = true;
      // nobody has seen the very first instruction yet: a breakpoint there holds the run
      const end = this.advance(head, start > 0 || this.heldAtStart);
      this.heldAtStart = end.kind === 'breakpoint' && this.instructions === 0;
      if (end.kind !== 'budget' || head === budget) return end;
    }
    const unwatched = budget - head - WATCHED_TAIL;
    if (unwatched > 0) {
      processor.recordAccess = false;
      const end = this.advance(unwatched, head === 0);
      if (end.kind !== 'budget') return end;
    }
    processor.recordAccess = true;
    return this.advance(Math.min(budget - head, WATCHED_TAIL), head === 0 && unwatched <= 0);
  }

  step(vm: string | null): RunEnd {
    if (this.stopped) return { kind: 'stopped', stop: this.stopped };
    const { machine, vmm } = this.system;
    machine.processor.recordAccess = true;
    // the delivery of an event is a step of its own, in a VM too: the access that faulted, and where its handler begins, can be seen
    if (!vmm) return this.advance(1, true, true);
    const { reason, vm: stepped } = vmm.step(vm ?? undefined);
    this.lastVm = stepped ?? vm ?? this.currentVm;
    return this.afterVms(reason, this.lastVm);
  }

  private advance(budget: number, passBreakpoint: boolean, stopAtDelivery = false): RunEnd {
    const { machine, vmm } = this.system;
    if (!vmm) {
      const { reason } = machine.run(budget, { passBreakpoint, stopAtDelivery });
      if (reason === 'budget') return { kind: 'budget' };
      if (reason === 'breakpoint') return { kind: 'breakpoint', at: { vm: null, linear: this.nextLinear(null) } };
      if (reason === 'watchpoint') return this.watched(null);
      return this.stop(this.stopOf(reason));
    }
    this.lastVm = this.currentVm;
    const { reason, vm } = vmm.run(budget, passBreakpoint);
    if (reason === 'breakpoint') return { kind: 'breakpoint', at: { vm: vm ?? null, linear: this.nextLinear(vm ?? null) } };
    return this.afterVms(reason, vm ?? null);
  }

  /** The access is also what is shown as the last one, when nobody has recorded it. */
  private watched(vm: string | null): RunEnd {
    const { processor } = this.system.machine;
    const { point, linear, size, write, instruction } = processor.takeWatchHit()!;
    const kind = write ? 'write' : 'read';
    this.lastVm = vm;
    processor.recordAccess = true;
    const user = instruction !== null && stateCopy(this.stateBytes(vm)).cpl === 3;
    processor.system.access.lastAccess ??= { through: null, offset: 0, linear, size, kind, user };
    return {
      kind: 'watchpoint',
      access: {
        at: { vm, ...point },
        kind,
        linear,
        size,
        instruction: instruction === null ? null : { linear: instruction, text: instructionText(this.system, vm, instruction) },
      },
    };
  }

  private afterVms(reason: VmmRunReason, vm: string | null): RunEnd {
    if (reason === 'watchpoint') return this.watched(vm);
    // a VM's exit port is its own, so only the VMM knows of it
    if (reason === 'exit-port' || reason === 'out-of-memory') return this.stop(this.stopOf(reason));
    return reason === 'stopped' ? this.finish() : this.check();
  }

  /** The pool may have run full, or a program asked to end. */
  private check(): RunEnd {
    const reason = this.system.machine.stopRequested();
    return reason ? this.stop(this.stopOf(reason)) : { kind: 'budget' };
  }

  /** No VM can run any more: halted, or given up after a triple fault. */
  private finish(): RunEnd {
    const requested = this.system.machine.stopRequested();
    if (requested) return this.stop(this.stopOf(requested));
    const crashed = this.system.vmm!.vms.filter(({ state }) => state === 'crashed');
    const detail =
      crashed.length === 0
        ? null
        : text(crashed.map((vm) => vm.detail?.en ?? vm.id).join(' '), crashed.map((vm) => vm.detail?.['zh-CN'] ?? vm.id).join(''));
    return this.stop({ kind: crashed.some(({ tripleFault }) => tripleFault) ? 'triple-fault' : 'halted', detail });
  }

  private stop(stop: Stop): RunEnd {
    this.stopped = stop;
    return { kind: 'stopped', stop };
  }

  /** An end with what there is to say about it. */
  private stopOf(kind: StopKind): Stop {
    return { kind, detail: this.stopProblems(kind)[0]?.message ?? null };
  }

  limitReached(): Stop {
    return this.stopOf('limit');
  }

  stopProblems(kind: StopKind): Problem[] {
    return stopProblems(this.system, kind, this.currentVm);
  }

  setStops(code: readonly CodeAddress[], watched: readonly WatchedMemory[]): void {
    const { machine, vmm } = this.system;
    const of = (vm: string | null): GuestStops => ({
      breakpoints: code.filter((address) => address.vm === vm).map(({ linear }) => linear),
      watchpoints: watched.filter((memory) => memory.vm === vm).map(({ linear, bytes, kind }) => ({ linear, bytes, kind })),
    });
    if (vmm) for (const { id } of vmm.vms) vmm.setStops(id, of(id));
    else {
      const { breakpoints, watchpoints } = of(null);
      machine.processor.setBreakpoints(breakpoints);
      machine.processor.setWatchpoints(watchpoints);
    }
  }

  // ── views ──

  private stateBytes(vm: string | null): Uint8Array {
    return vm === null ? this.system.machine.processor.state.u8 : vmOf(this.system, vm).vcpu.block.peekState();
  }

  private nextLinear(vm: string | null): number {
    const state = stateCopy(this.stateBytes(vm));
    return (state.segmentBase(SEGMENT_INDEX.CS) + state.eip) >>> 0;
  }

  registers(vm: string | null): Omit<RegistersView, 'changed'> {
    const view = registersView(vm, stateCopy(this.stateBytes(vm)));
    const [next] = this.disassemble(vm, BigInt(this.nextLinear(vm)), 1);
    return { ...view, next: next && next.bytes.length > 0 ? next : null };
  }

  /** The program's last data access; when it made none (or it was not watched), the fetch of the instruction that is next or ended the run. */
  lastJourney(vm: string | null): Journey | null {
    const { processor } = this.system.machine;
    const last = (vm === null || vm === this.lastVm) && processor.recordAccess ? processor.lastAccess : null;
    const state = stateCopy(this.stateBytes(vm));
    if (!last) {
      const linear = this.nextLinear(vm);
      const [behind] = this.stopped?.kind === 'halted' ? this.disassemble(vm, BigInt((linear - 1) >>> 0), 1) : [];
      const ended = behind?.bytes[0] === HLT ? behind : null;
      const [shown] = ended ? [ended] : this.disassemble(vm, BigInt(linear), 1);
      const offset = BigInt((state.eip - (ended ? 1 : 0)) >>> 0);
      const journey = this.explain({ vm, space: 'logical', address: offset, segment: 'CS', size: 1, kind: 'execute' });
      return shown ? { ...journey, access: { ...journey.access, instruction: shown.text } } : journey;
    }
    const cpl = last.user ? 3 : Math.min(state.cpl, 2);
    const size = (last.size === 8 || last.size === 4 || last.size === 2 ? last.size : 1) as AccessQuery['size'];
    const { kind, through } = last;
    if (through === null) return this.explain({ vm, space: 'linear', address: linearAddress(last.linear), size, kind, cpl });
    const segment = SEGMENT_NAMES[through.segment] as NonNullable<AccessQuery['segment']>;
    const query: AccessQuery = { vm, space: 'logical', address: BigInt(last.offset), segment, size, kind, cpl };
    return explainQuery(explainSource(this.system), query, through);
  }

  virtualization(): VirtualizationView {
    return virtualizationView(this.system, this.boots);
  }
  placement(): PlacementView {
    return placementView(this.system);
  }
  get placementRevision(): number {
    return this.system.vmm?.placementRevision ?? 0;
  }
  isolation(running: boolean): IsolationView {
    return isolationView(this.system, this.checkContext(), this.evidence, running);
  }
  transactions(): TransactionsView {
    return this.log.view();
  }
  chipset(): ChipsetView {
    return chipsetView(this.system.machine);
  }
  serial(): SerialView {
    return { channels: serialChannels(this.system, MOST_SERIAL) };
  }
  tlb(): TlbView {
    return tlbView(this.system.machine.processor.tlb);
  }
  tables(vm: string | null): TablesView {
    const context = translationContext(explainSource(this.system), vm);
    const translate = (address: number): number | null => hostAddressOf(explainSource(this.system), context, 'linear', address);
    return tablesView(vm, stateCopy(this.stateBytes(vm)), (linear, length) =>
      memoryRange(memorySource(this.system), linear, length, 2 ** 32, translate),
    );
  }
  events(): EventsView {
    return eventsView(this.system);
  }
  dram(): DramView | null {
    return dramView(this.system.machine);
  }
  set counting(on: boolean) {
    this.system.machine.memory.counting = on;
  }
  checkContext(): CheckContext {
    return checkFacts(this.system, this.evidence);
  }

  // ── questions ──

  explain(query: AccessQuery): Journey {
    return explainQuery(explainSource(this.system), query);
  }

  readMemory({ space, vm, base, length }: MemoryQuery): MemoryRange {
    const source = explainSource(this.system);
    const start = Number(base);
    if (space === 'host')
      return memoryRange(memorySource(this.system), start, length, 2 ** this.system.machine.map.physicalAddressBits, (address) => address);
    const context = translationContext(source, vm);
    const end = space === 'linear' ? 2 ** 32 : vm === null ? 2 ** this.system.machine.map.physicalAddressBits : 2 ** 48;
    return memoryRange(memorySource(this.system), start, length, end, (address) => hostAddressOf(source, context, space, address));
  }

  disassemble(vm: string | null, linear: bigint, count: number, before = 0): DisassemblyLine[] {
    const after = disassembly(this.system, vm, this.stateBytes(vm), linear, count);
    return before > 0 && after.length > 0
      ? [...linesBefore(this.system, vm, this.stateBytes(vm), Number(linear), before), ...after]
      : after;
  }

  pageTable(vm: string | null, path: readonly number[]): PageTableView | null {
    const context = translationContext(explainSource(this.system), vm);
    return pageTable(context, this.guestMemory(context), path);
  }

  linearSpaces(vm: string | null): LinearSpaceView[] {
    const context = translationContext(explainSource(this.system), vm);
    const memory = this.guestMemory(context);
    const { instructions } = stateCopy(this.stateBytes(vm));
    const used = this.system.machine.processor.system.addressSpaces.list(context.vpid, instructions);
    const others = used.some(({ cr3 }) => cr3 === context.cr3) ? used : [...used, context];
    return others.flatMap(({ cr3, cr4 }) => {
      const current = cr3 === context.cr3;
      return linearSpace(current ? context : { ...context, cr3, cr4 }, memory, current) ?? [];
    });
  }

  /** Physical memory as a guest's page tables name it. */
  private guestMemory(context: TranslationContext): GuestMemory {
    const host = (guest: number): number | null => hostAddressOf(explainSource(this.system), context, 'guest', guest);
    const read = (guest: number, length: number): Uint8Array | null => {
      const end = 2 ** this.system.machine.map.physicalAddressBits;
      const range = memoryRange(memorySource(this.system), guest, length, end, host);
      return range.present.includes(0) ? null : range.bytes;
    };
    return { read, host };
  }

  findTransactions(query: TransactionQuery): TransactionsFound {
    return this.log.find(query);
  }

  locate(hostAddress: number): { cell: Cell | null; owner: FrameOwner | null; hiddenBy: string | null } {
    return {
      hiddenBy: this.system.machine.chipset.entryAt(hostAddress)?.range.device ?? null,
      cell: this.system.machine.controller.locate(hostPhysical(hostAddress))?.cell ?? null,
      owner: ownerOf(this.system, hostAddress),
    };
  }

  // ── hot-plug ──

  hotPlug(changes: readonly HotPlugChange[], document: LabDocument): void {
    const { machine, vmm } = this.system;
    const dimm = changes.find((change) => change.kind === 'dimm');
    if (vmm && dimm?.kind === 'dimm') {
      const owned = vmm.extents().find(({ base }) => machine.slotsOf(hostPhysical(base), 1).includes(dimm.slot));
      const holder = owned ? (owned.owner.kind === 'vm' ? owned.owner.vm : 'the VMM') : null;
      throw new QueryError(
        holder === null
          ? text(
              `The VMM counted the frames of ${dimm.slot} at power-on and cannot give them up: switch the power off first.`,
              `VMM 在上电时已统计 ${dimm.slot} 的页框，无法放弃：请先关闭电源。`,
            )
          : text(
              `Frames in ${dimm.slot} belong to ${holder}: nothing can move them. Switch the power off first.`,
              `${dimm.slot} 中的页框属于 ${holder === 'the VMM' ? 'VMM' : holder}，无法迁移。请先关闭电源。`,
            ),
      );
    }
    try {
      machine.hotPlug(changes, document.board);
    } catch (thrown) {
      if (!(thrown instanceof HotPlugRefusedError)) throw thrown;
      const { text: why, remedy } = thrown;
      throw new QueryError(text(`${why.en} ${remedy.en}`, `${why['zh-CN']}${remedy['zh-CN']}`));
    }
    this.system.document = document;
  }

  // ── state ──

  stateHash(): string {
    return stateHash(this.system.machine, this.system.vmm);
  }

  snapshot(): ComputerSnapshot {
    const { machine, vmm } = this.system;
    const saved: State = {
      machine: machine.snapshot(),
      vmm: vmm?.save() ?? null,
      evidence: this.evidence.save(),
      stopped: this.stopped,
      lastVm: this.lastVm,
    };
    return { instructions: machine.instructions, bytes: saved.machine.frames.frames.length * PAGE_SIZE, state: saved };
  }

  restore(snapshot: ComputerSnapshot): void {
    const saved = snapshot.state as State;
    this.system.machine.restore(saved.machine);
    if (saved.vmm) this.system.vmm?.load(saved.vmm);
    this.evidence.load(saved.evidence);
    this.stopped = saved.stopped;
    this.lastVm = saved.lastVm;
  }
}
