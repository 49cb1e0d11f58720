/** A powered-on lab: the machine, the VMM when there is one, and every question the session asks of them. */
import type { Cell, Journey } from '../../machine/journey/journey';
import type { HotPlugChange } from '../../machine/board/hot-plug';
import type { MachineSnapshot } from '../../machine/machine-state';
import type { LabDocument } from '../document/schema';
import type { CheckContext } from '../checks/context';
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
import { hostPhysical, PAGE_SIZE } from '../../machine/address';
import { stateHash } from '../snapshot/state-hash';
import { chipsetView } from './chipset-view';
import { checkFacts, serialChannels } from './check-facts';
import type { CodeAddress, Computer, ComputerSnapshot, MemoryQuery, MemoryWrite, RunEnd, Stop, WatchedMemory } from './computer';
import { tablesView } from './descriptor-tables';
import { disassembly, linesBefore } from './disassembly';
import { dramView } from './dram-view';
import { eventsView } from './events-view';
import { Evidence, watchedRanges, type SavedEvidence } from './evidence';
import { explainQuery, hostAddressOf, translationContext, withCells } from './explain-query';
import { hotPlug } from './hot-plug';
import { isolationView } from './isolation-view';
import { lastJourney } from './last-access';
import { memoryRange } from './memory-view';
import { hostPieces, writePieces, type HostBytes } from './memory-write';
import type { TranslationContext } from '../../machine/cpu/explain';
import { linearSpace } from './linear-spaces';
import { pageTable, type GuestMemory } from './page-tables';
import { registersView, stateCopy } from './registers-view';
import { Runner } from './runner';
import { explainSource, memorySource, nextLinear, ownerOf, stateBytes, type System } from './system';
import { tlbView } from './tlb-view';
import { TransactionsSource } from './transactions-view';
import { placementView, virtualizationView } from './virtualization-view';

interface State {
  machine: MachineSnapshot;
  vmm: Uint8Array | null;
  evidence: SavedEvidence;
  stopped: Stop | null;
  lastVm: string | null;
}

/** Bytes of each serial port that the window is shown: a program that never stops writing must not fill the wire. */
const MOST_SERIAL = 32 * 1024;

export class LabComputer implements Computer {
  private readonly evidence: Evidence;
  private readonly log: TransactionsSource;
  private readonly runner: Runner;

  constructor(
    private readonly system: System,
    readonly boots: readonly BootReport[],
    stopped: Stop | null,
  ) {
    this.runner = new Runner(system, stopped);
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
    return this.runner.currentVm;
  }
  get engine(): 'interpreter' | 'compiled' {
    const { processor, memory } = this.system.machine;
    // an access that is counted is interpreted
    return processor.compiles && memory.observe !== 'exact' ? 'compiled' : 'interpreter';
  }
  get poolBytes(): number {
    return this.system.machine.frames.bytesUsed;
  }

  // ── running ──

  get stopped(): Stop | null {
    return this.runner.stopped;
  }
  run(budget: number): RunEnd {
    return this.runner.run(budget);
  }
  step(vm: string | null): RunEnd {
    return this.runner.step(vm);
  }
  limitReached(): Stop {
    return this.runner.limitReached();
  }
  stopProblems(kind: StopKind): Problem[] {
    return this.runner.stopProblems(kind);
  }
  setStops(code: readonly CodeAddress[], watched: readonly WatchedMemory[]): void {
    this.runner.setStops(code, watched);
  }

  // ── views ──

  private stateBytes(vm: string | null): Uint8Array {
    return stateBytes(this.system, vm);
  }

  registers(vm: string | null): Omit<Views['registers'], 'changed'> {
    const view = registersView(vm, stateCopy(this.stateBytes(vm)));
    const [next] = this.disassemble(vm, BigInt(nextLinear(this.system, vm)), 1);
    return { ...view, next: next && next.bytes.length > 0 ? next : null };
  }

  lastJourney(vm: string | null): Journey {
    return lastJourney(this.system, vm, this.runner.lastVm, this.runner.stopped);
  }

  virtualization(): Views['virtualization'] {
    return virtualizationView(this.system, this.boots);
  }
  placement(): Views['placement'] {
    return placementView(this.system);
  }
  get placementRevision(): number {
    return this.system.vmm?.placementRevision ?? 0;
  }
  isolation(running: boolean): Views['isolation'] {
    return isolationView(this.system, this.checkContext(), this.evidence, running);
  }
  transactions(): Views['transactions'] {
    return this.log.view();
  }
  chipset(): Views['chipset'] {
    return chipsetView(this.system.machine);
  }
  serial(): Views['serial'] {
    return { channels: serialChannels(this.system, MOST_SERIAL) };
  }
  tlb(): Views['tlb'] {
    return tlbView(this.system.machine.processor.tlb);
  }
  tables(vm: string | null): Views['tables'] {
    const translate = this.hostIn('linear', vm);
    return tablesView(vm, stateCopy(this.stateBytes(vm)), (linear, length) =>
      memoryRange(memorySource(this.system), linear, length, translate),
    );
  }
  events(): Views['events'] {
    return eventsView(this.system);
  }
  dram(): Views['dram'] {
    return dramView(this.system.machine);
  }
  set observe(mode: Observe) {
    this.system.machine.memory.observe = mode;
  }
  checkContext(): CheckContext {
    return checkFacts(this.system, this.evidence);
  }

  // ── questions ──

  explain(query: AccessQuery): Journey {
    return explainQuery(explainSource(this.system), query);
  }

  readMemory({ space, vm, base, length }: MemoryQuery): MemoryRange {
    return memoryRange(memorySource(this.system), Number(base), length, this.hostIn(space, vm));
  }

  /** The host address behind an address of a space, by the tables as they stand; null where nothing is mapped, or the space has ended. */
  private hostIn(space: MemoryQuery['space'], vm: string | null): (address: number) => number | null {
    const source = explainSource(this.system);
    const bits = this.system.machine.map.physicalAddressBits;
    if (space === 'host') return (address) => (address < 2 ** bits ? address : null);
    const context = translationContext(source, vm);
    const end = space === 'linear' ? 2 ** 32 : vm === null ? 2 ** bits : 2 ** 48;
    return (address) => (address < end ? hostAddressOf(source, context, space, address) : null);
  }

  writeMemory({ space, vm, base, bytes }: MemoryWrite): HostBytes[] {
    const pieces = hostPieces(this.system, Number(base), bytes, this.hostIn(space, vm));
    writePieces(this.system, pieces);
    this.evidence.written(pieces);
    return pieces;
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
    const end = 2 ** this.system.machine.map.physicalAddressBits;
    const host = (guest: number): number | null =>
      guest < end ? hostAddressOf(explainSource(this.system), context, 'guest', guest) : null;
    const read = (guest: number, length: number): Uint8Array | null => {
      const range = memoryRange(memorySource(this.system), guest, length, host);
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
    hotPlug(this.system, changes, document);
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
      stopped: this.runner.stopped,
      lastVm: this.runner.lastVm,
    };
    return { instructions: machine.instructions, bytes: saved.machine.frames.frames.length * PAGE_SIZE, state: saved };
  }

  restore(snapshot: ComputerSnapshot): void {
    const saved = snapshot.state as State;
    this.system.machine.restore(saved.machine);
    if (saved.vmm) this.system.vmm?.load(saved.vmm);
    this.evidence.load(saved.evidence);
    this.runner.stopped = saved.stopped;
    this.runner.lastVm = saved.lastVm;
  }
}
