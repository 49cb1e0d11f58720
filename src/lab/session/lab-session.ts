/**
 * A running lab: takes commands, drives the computer, pushes views. It lives on a worker thread but knows nothing of threads: time and turns
 * come from the scheduler. Commands are answered in the order in which they come; none of them trusts its arguments.
 */
import { evaluateChecks } from '../checks/evaluate';
import type { HotPlugChange } from '../../machine/board/hot-plug';
import { error, hasErrors, text } from '../document/problem';
import { DEFAULT_INSTRUCTION_LIMIT, type LabDocument } from '../document/schema';
import { validateLab } from '../document/validate';
import type {
  AccessQuery,
  CheckResult,
  DisassemblyLine,
  FrameOwner,
  LabFiles,
  MemoryRange,
  OpenResult,
  PageTableView,
  PatchResult,
  PlacementView,
  Power,
  Problem,
  RegistersView,
  SessionCommands,
  SessionEvents,
  StatusView,
  StopHit,
  StopPoint,
  TransactionQuery,
  TransactionsFound,
  ViewName,
  Views,
  LinearSpaceView,
} from '../protocol';
import type { Cell, Journey } from '../../machine/journey/journey';
import { Breakpoints, type ReadLinear } from './breakpoints';
import { changedRegisters } from './changed-registers';
import type { CodeAddress, Computer, MemoryQuery, RunEnd, Stop } from './computer';
import { QueryError } from './computer';
import { InputLog } from './input-log';
import { KeptSnapshots } from './kept-snapshots';
import { linearValue } from './linear-value';
import { powerOn } from './power-on';
import { buildAll } from './programs';
import { RunLoop, type Scheduler } from './run-loop';
import { behind, stackAddress, type RunTarget } from './run-target';
import { admit } from './admit';
import { ViewPush } from './view-push';
import { mayChangeWhileRunning, pluggedWhileRunning } from './live-changes';

export type { Scheduler } from './run-loop';

/** Bytes that one memory query may ask for. */
const MAX_READ = 1024 * 1024;
const MAX_DISASSEMBLY = 1_000;
const MAX_TRANSACTIONS = 500;
const noPower = (): QueryError => new QueryError(text('The power is off.', '电源已关闭。'));

const whole = (value: number, least: number, most: number, what: string): number => {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new QueryError(
      text(`${what} is ${value}; expected ${least} to ${most}.`, `${what} 为 ${value}；应在 ${least} 到 ${most} 之间。`),
    );
  }
  return value;
};

export class LabSession implements SessionCommands {
  private document: LabDocument | null = null;
  private files: LabFiles = {};
  /** an edit that the running machine cannot take; the next power-on does */
  private waiting: { document: LabDocument; files: LabFiles } | null = null;
  private computer: Computer | null = null;
  /** as found when the lab was last examined or switched on */
  private labProblems: readonly Problem[] = [];
  private stop: Stop | null = null;
  private stoppedAt: StopHit | null = null;
  /** where the run is to go, and the instruction count at which it ends in any case */
  private target: RunTarget | null = null;
  private until = 0;
  private selected: string | null = null;
  /** accesses to DRAM are counted, whatever the board asks for */
  private observing = false;
  private readonly breakpoints = new Breakpoints();
  private readonly loop: RunLoop;
  private readonly inputs = new InputLog();
  /** the placement that was pushed last */
  private sentPlacement: { computer: Computer; revision: number } | null = null;
  private registersBefore: Omit<RegistersView, 'changed'> | null = null;
  /** counts what was plugged and unplugged since power-on: a snapshot fits only the hardware it was taken of */
  private hardware = 0;
  private readonly snapshots = new KeptSnapshots();
  private readonly views: ViewPush;

  constructor(private readonly scheduler: Scheduler) {
    this.views = new ViewPush(scheduler, (name) => this.value(name));
    this.loop = new RunLoop(scheduler, { onSlice: () => this.views.soon(), onEnd: (end) => this.onEnd(end) });
  }

  /** Where views and problems go. */
  attach(events: SessionEvents): void {
    this.views.events = events;
  }

  // ── document and power ──

  async open(document: LabDocument, files: LabFiles): Promise<OpenResult> {
    await this.powerOff();
    this.waiting = null;
    const admitted = admit(document, files);
    this.document = 'problems' in admitted ? null : admitted.document;
    this.files = 'problems' in admitted ? {} : admitted.files;
    return 'problems' in admitted ? { ok: false, problems: admitted.problems } : this.examine();
  }

  async update(document: LabDocument, files: LabFiles): Promise<PatchResult> {
    const admitted = admit(document, files);
    if ('problems' in admitted) return { outcome: 'rejected', problems: admitted.problems };
    const problems = validateLab(admitted.document, admitted.files);
    if (hasErrors(problems)) return { outcome: 'rejected', problems };
    if (this.computer && this.document && !mayChangeWhileRunning(this.document, this.files, admitted.document, admitted.files)) {
      const changes = pluggedWhileRunning(this.document, this.files, admitted.document, admitted.files);
      if (changes === null) {
        this.waiting = admitted;
        return { outcome: 'needs-power-off' };
      }
      const refused = this.hotPlug(this.computer, changes, admitted.document);
      if (refused) return { outcome: 'rejected', problems: [refused] };
    }
    this.waiting = null;
    this.document = admitted.document;
    this.files = admitted.files;
    this.views.now();
    return { outcome: 'applied' };
  }

  /** Between two slices of the run. What cannot be plugged now comes back as a problem. */
  private hotPlug(computer: Computer, changes: HotPlugChange[], document: LabDocument): Problem | null {
    try {
      computer.hotPlug(changes, document);
    } catch (thrown) {
      if (!(thrown instanceof QueryError)) throw thrown;
      return error('board-hot-plug-refused', thrown.text, undefined, { path: 'board' });
    }
    this.hardware++;
    const { instructions, ticks } = computer;
    this.inputs.add({ instructions, ticks, input: { kind: 'hot-plug', changes, board: document.board } });
    return null;
  }

  async powerOn(): Promise<OpenResult> {
    this.loop.stop();
    if (this.waiting) ({ document: this.document, files: this.files } = this.waiting);
    this.waiting = null;
    if (!this.document) return { ok: false, problems: [] };
    this.forgetRun();
    const { computer, problems } = powerOn(this.document, this.files);
    this.computer = computer;
    if (computer && this.observing) computer.counting = true;
    this.stop = computer?.stopped ?? null;
    this.setStops();
    this.labProblems = problems;
    this.tellProblems();
    this.views.now();
    return { ok: computer !== null, problems };
  }

  async powerOff(): Promise<void> {
    this.loop.stop();
    this.forgetRun();
    this.computer = null;
    this.tellProblems();
    this.views.now();
  }

  async reset(): Promise<void> {
    await this.powerOff();
    await this.powerOn();
  }

  private examine(): OpenResult {
    const document = this.document!;
    const problems = validateLab(document, this.files);
    if (!hasErrors(problems)) problems.push(...buildAll(document, this.files).problems);
    this.labProblems = problems;
    this.tellProblems();
    this.views.now();
    return { ok: !hasErrors(problems), problems };
  }

  /** What the lab has wrong, and why the run ended where nobody wanted it to. */
  private tellProblems(): void {
    const ofRun = this.computer && this.stop ? this.computer.stopProblems(this.stop.kind) : [];
    this.views.events?.problems([...this.labProblems, ...ofRun]);
  }

  private forgetRun(): void {
    this.hardware = 0;
    this.stop = null;
    this.stoppedAt = null;
    this.registersBefore = null;
    this.snapshots.clear();
    this.inputs.clear();
    this.breakpoints.forgetHits();
    this.target = null;
    this.breakpoints.target = null;
  }

  // ── running ──

  async run(): Promise<void> {
    if (!this.computer && !(await this.powerOn()).ok) return;
    this.goTo(null);
  }

  async runTo({ vm, linear }: { vm: string | null; linear: bigint }): Promise<void> {
    if (typeof linear !== 'bigint' || linear < 0n || linear >= 1n << 32n)
      throw new QueryError(text('A linear address has 32 bits.', '线性地址为 32 位。'));
    if (!this.computer && !(await this.powerOn()).ok) return;
    this.knownVm(vm);
    this.goTo({ vm: this.shownVm(vm), linear: Number(linear), stack: null });
  }

  async stepOver(options: { vm?: string } = {}): Promise<void> {
    if (!this.computer && !(await this.powerOn()).ok) return;
    const computer = this.computer!;
    const vm = options.vm ?? computer.currentVm;
    this.knownVm(vm);
    const before = computer.registers(vm);
    const target = this.loop.running || (this.stop && this.stop.kind !== 'limit') ? null : behind(before);
    if (!target) return this.step(options);
    this.goTo(target);
    this.registersBefore = before;
  }

  private knownVm(vm: string | null): void {
    if (vm !== null && !this.computer?.vmIds.includes(vm)) throw new QueryError(text(`There is no VM "${vm}".`, `没有虚拟机 “${vm}”。`));
  }

  /** Runs until something stops it, at a place of its own if there is one. */
  private goTo(target: RunTarget | null): void {
    const computer = this.computer!;
    if (this.loop.running || this.stop?.kind === 'boot-refused' || (this.stop && this.stop.kind !== 'limit')) return;
    const limit = this.document?.limits?.instructions ?? DEFAULT_INSTRUCTION_LIMIT;
    // past the limit a run goes on for as long again, however often it is stopped on the way
    if (computer.instructions < limit) this.until = limit;
    else if (this.until <= computer.instructions) this.until = computer.instructions + limit;
    this.aimAt(target);
    this.stop = null;
    this.stoppedAt = null;
    this.registersBefore = null;
    this.breakpoints.remember(this.readLinear);
    this.loop.start(computer, this.until);
    this.tellProblems();
    this.views.now();
  }

  private aimAt(target: RunTarget | null): void {
    if (!target && !this.target) return;
    this.target = target;
    this.breakpoints.target = target;
    this.setStops();
  }

  async pause(): Promise<void> {
    if (!this.loop.running) return;
    this.loop.stop();
    this.aimAt(null);
    this.registersBefore = null;
    this.views.now();
  }

  async step(options: { count?: number; vm?: string } = {}): Promise<void> {
    if (!this.computer && !(await this.powerOn()).ok) return;
    const computer = this.computer!;
    this.loop.stop();
    if (this.stop && this.stop.kind !== 'limit') return this.views.now();
    const count = whole(options.count ?? 1, 1, 1_000_000, 'count');
    const vm = options.vm ?? null;
    this.knownVm(vm);
    this.aimAt(null);
    this.stoppedAt = null;
    this.stop = null;
    this.breakpoints.remember(this.readLinear);
    for (let done = 0; done < count; done++) {
      this.registersBefore = computer.registers(this.shownVm(vm));
      if (vm !== null) this.inputs.add({ instructions: computer.instructions, ticks: computer.ticks, input: { kind: 'step-vm', vm } });
      const end = computer.step(vm);
      if (end.kind === 'stopped') this.stop = end.stop;
      this.stoppedAt = this.breakpoints.note(end, computer.programs, this.readLinear);
      if (end.kind !== 'budget') break;
    }
    this.tellProblems();
    this.views.now();
  }

  async setSpeed(instructionsPerSecond: number | null): Promise<void> {
    this.loop.speed = instructionsPerSecond === null ? null : whole(Math.round(instructionsPerSecond), 1, 1e9, 'speed');
  }

  async setBreakpoints(file: string, lines: number[]): Promise<{ line: number; bound: boolean }[]> {
    this.breakpoints.set(String(file), Array.isArray(lines) ? lines.slice(0, 10_000) : []);
    const { computer } = this;
    if (!computer) return this.breakpoints.bound(file, this.document ? buildAll(this.document, this.files).programs : []);
    this.setStops();
    this.views.one('breakpoints', this.breakpoints.view(computer.programs));
    return this.breakpoints.bound(file, computer.programs);
  }

  async setStopPoints(points: StopPoint[]): Promise<void> {
    this.breakpoints.setPoints(points);
    this.setStops();
    if (this.computer) this.views.one('breakpoints', this.breakpoints.view(this.computer.programs));
  }

  private setStops(): void {
    this.computer?.setStops(this.breakpoints.addresses(this.computer.programs), this.breakpoints.watched);
  }

  private readonly readLinear: ReadLinear = (vm, linear, size) => (this.computer ? linearValue(this.computer, vm, linear, size) : null);

  async setObserve(mode: 'off' | 'exact'): Promise<void> {
    this.observing = mode === 'exact';
    if (this.computer) this.computer.counting = this.observing;
    this.views.now();
  }

  private onEnd(end: RunEnd | { kind: 'limit' }): void {
    if (end.kind === 'breakpoint' && this.isCalledAgain(end.at)) return this.loop.start(this.computer!, this.until);
    if (end.kind === 'stopped') this.stop = end.stop;
    else if (end.kind === 'limit') this.stop = this.computer?.limitReached() ?? null;
    else if (this.computer) this.stoppedAt = this.breakpoints.note(end, this.computer.programs, this.readLinear);
    this.aimAt(null);
    this.tellProblems();
    this.views.now();
  }

  /** The place behind a call that is stepped over is reached, but by a call within that call. */
  private isCalledAgain(at: CodeAddress): boolean {
    const { computer, target } = this;
    if (!computer || !target || target.stack === null || !this.breakpoints.isTarget(at, computer.programs)) return false;
    return stackAddress(computer.registers(at.vm)) < target.stack;
  }

  // ── questions ──

  private get on(): Computer {
    if (!this.computer) throw noPower();
    return this.computer;
  }

  /** Checks a VM named by a query: undefined and null mean the selected one where VMs exist. */
  private shownVm(vm: string | null): string | null {
    const ids = this.computer?.vmIds ?? [];
    if (ids.length === 0) return null;
    return vm ?? this.selected ?? this.computer?.currentVm ?? ids[0]!;
  }

  async explain(query: AccessQuery): Promise<Journey> {
    return this.on.explain({ ...query, vm: query.space === 'host' || query.space === 'iova' ? query.vm : this.shownVm(query.vm) });
  }

  async readMemory(query: MemoryQuery): Promise<MemoryRange> {
    whole(query.length, 0, MAX_READ, 'length');
    return this.on.readMemory({ ...query, vm: query.space === 'host' ? null : this.shownVm(query.vm) });
  }

  async disassemble(query: { vm: string | null; linear: bigint; count: number; before?: number }): Promise<DisassemblyLine[]> {
    const before = whole(query.before ?? 0, 0, MAX_DISASSEMBLY, 'before');
    return this.on.disassemble(this.shownVm(query.vm), query.linear, whole(query.count, 0, MAX_DISASSEMBLY, 'count'), before);
  }

  async linearSpaces(query: { vm: string | null }): Promise<LinearSpaceView[]> {
    return this.on.linearSpaces(this.shownVm(query.vm));
  }

  async pageTable(query: { vm: string | null; path: number[] }): Promise<PageTableView | null> {
    const path = Array.isArray(query.path) ? query.path.slice(0, 4).map((index) => whole(index, 0, 1023, 'index')) : [];
    return this.on.pageTable(this.shownVm(query.vm), path);
  }

  async locate(hostAddress: number): Promise<{ cell: Cell | null; owner: FrameOwner | null; hiddenBy: string | null }> {
    return this.on.locate(whole(hostAddress, 0, Number.MAX_SAFE_INTEGER, 'address'));
  }

  async findTransactions(query: TransactionQuery): Promise<TransactionsFound> {
    const { kinds } = query;
    const asked = Array.isArray(kinds) ? kinds.slice(0, 20) : undefined;
    return this.on.findTransactions({ ...query, kinds: asked, most: whole(query.most, 1, MAX_TRANSACTIONS, 'most') });
  }

  async evaluateChecks(): Promise<CheckResult[]> {
    const results = this.checks();
    this.views.one('checks', results);
    return results;
  }

  async selectVm(vm: string | null): Promise<void> {
    if (vm !== null && this.computer && !this.computer.vmIds.includes(vm))
      throw new QueryError(text(`There is no VM "${vm}".`, `没有虚拟机 “${vm}”。`));
    this.selected = vm;
    this.registersBefore = null;
    this.views.now();
  }

  async stateHash(): Promise<string> {
    return this.on.stateHash();
  }

  async ping(): Promise<number> {
    return this.scheduler.now();
  }

  // ── snapshots ──

  async snapshot(label = ''): Promise<{ id: number; instructions: number; bytes: number }> {
    const computer = this.on;
    const kept = {
      label: String(label).slice(0, 200),
      computer: computer.snapshot(),
      inputs: this.inputs.length,
      hardware: this.hardware,
      stop: this.stop,
    };
    const id = this.snapshots.add(kept);
    this.views.now();
    return { id, instructions: kept.computer.instructions, bytes: kept.computer.bytes };
  }

  async restore(id: number): Promise<void> {
    const computer = this.on;
    const kept = this.snapshots.fitting(id, this.hardware);
    this.loop.stop();
    this.aimAt(null);
    computer.restore(kept.computer);
    this.inputs.truncate(kept.inputs);
    this.stop = kept.stop;
    this.stoppedAt = null;
    this.registersBefore = null;
    this.tellProblems();
    this.views.now();
  }

  // ── views ──

  async subscribe(views: ViewName[]): Promise<void> {
    this.sentPlacement = null;
    this.views.subscribe(views);
    this.views.now();
  }

  private get power(): Power {
    if (!this.computer) return 'off';
    if (this.loop.running) return 'running';
    return this.stop ? 'stopped' : 'paused';
  }

  private status(): StatusView {
    const { computer } = this;
    return {
      power: this.power,
      stop: this.stop?.kind ?? null,
      stopDetail: this.stop?.detail ?? null,
      instructions: computer?.instructions ?? 0,
      ticks: computer?.ticks ?? 0,
      mips: this.loop.mips,
      engine: computer?.engine ?? null,
      currentVm: computer?.currentVm ?? null,
      stoppedAt: this.stoppedAt,
      poolBytes: computer?.poolBytes ?? 0,
      snapshots: this.snapshots.size,
    };
  }

  private checks(): CheckResult[] {
    const { computer, document } = this;
    if (!computer || !document) return [];
    return evaluateChecks(document.checks, { ...computer.checkContext(), stop: this.stop?.kind ?? null });
  }

  private registers(computer: Computer): RegistersView {
    const now = computer.registers(this.shownVm(null));
    return { ...now, changed: this.registersBefore ? changedRegisters(this.registersBefore, now) : [] };
  }

  /** Only when it is not what the window has already. */
  private placement(computer: Computer): PlacementView | undefined {
    const { placementRevision: revision } = computer;
    if (this.sentPlacement?.computer === computer && this.sentPlacement.revision === revision) return undefined;
    this.sentPlacement = { computer, revision };
    return computer.placement();
  }

  /** The value of a view, or undefined when there is nothing to show with the power off. */
  private value(name: ViewName): Views[ViewName] | undefined {
    if (name === 'status') return this.status();
    const { computer } = this;
    if (!computer) return undefined;
    switch (name) {
      case 'registers':
        return this.registers(computer);
      case 'virtualization':
        return computer.virtualization();
      case 'placement':
        return this.placement(computer);
      case 'isolation':
        return computer.isolation(this.loop.running);
      case 'transactions':
        return computer.transactions();
      case 'chipset':
        return computer.chipset();
      case 'serial':
        return computer.serial();
      case 'boot':
        return [...computer.boots];
      case 'checks':
        // judged when the run has come to rest: half-way results would only confuse
        return this.loop.running ? undefined : this.checks();
      case 'journey':
        return this.loop.running ? null : computer.lastJourney(this.shownVm(null));
      case 'tlb':
        return computer.tlb();
      case 'tables':
        return computer.tables(this.shownVm(null));
      case 'events':
        return computer.events();
      case 'breakpoints':
        return this.breakpoints.view(computer.programs);
      case 'snapshots':
        return this.snapshots.view(this.hardware);
      case 'dram':
        return computer.dram();
    }
  }
}
