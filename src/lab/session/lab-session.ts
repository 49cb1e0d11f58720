/**
 * A running lab: takes commands, drives the computer, pushes views. It lives on a worker thread but knows nothing of threads: time and turns
 * come from the scheduler. Commands are answered in the order in which they come; none of them trusts its arguments.
 */
import type { HotPlugChange } from '../../machine/board/hot-plug';
import { error, hasErrors, text } from '../document/problem';
import { DEFAULT_INSTRUCTION_LIMIT, type LabDocument } from '../document/schema';
import { validateLab } from '../document/validate';
import type {
  CheckResult,
  LabFiles,
  Observe,
  OpenResult,
  PatchResult,
  Problem,
  SessionCommands,
  SessionEvents,
  StopPoint,
  ViewName,
} from '../protocol';
import { admit } from './admit';
import { whole } from './argument';
import type { ReadLinear } from './breakpoints';
import { QueryError, type CodeAddress, type Computer, type MemoryWrite, type RunEnd } from './computer';
import { linearValue } from './linear-value';
import { admittedWrite } from './memory-write';
import { mayChangeWhileRunning, pluggedWhileRunning } from './live-changes';
import { powerOn } from './power-on';
import { buildAll } from './programs';
import { Queries } from './queries';
import { RunLoop, type Scheduler } from './run-loop';
import { RunState } from './run-state';
import { behind, stackAddress, type RunTarget } from './run-target';
import { ViewPush } from './view-push';
import { ViewValues } from './view-values';

export type { Scheduler } from './run-loop';

export class LabSession implements SessionCommands {
  private document: LabDocument | null = null;
  private files: LabFiles = {};
  /** an edit that the running machine cannot take; the next power-on does */
  private waiting: { document: LabDocument; files: LabFiles } | null = null;
  /** as found when the lab was last examined or switched on */
  private labProblems: readonly Problem[] = [];
  /** where the run is to go, and the instruction count at which it ends in any case */
  private target: RunTarget | null = null;
  private until = 0;
  /** accesses to DRAM are counted, whatever the board asks for */
  private observe: Observe = 'off';
  private readonly state = new RunState();
  private readonly queries = new Queries(this.state);
  private readonly values: ViewValues;
  private readonly loop: RunLoop;
  private readonly views: ViewPush;

  constructor(private readonly scheduler: Scheduler) {
    this.views = new ViewPush(scheduler, (name) => this.values.value(name));
    this.loop = new RunLoop(scheduler, { onSlice: () => this.views.soon(), onEnd: (end) => this.onEnd(end) });
    this.values = new ViewValues(this.state, this.loop, () => this.document);
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
    if (this.state.computer && this.document && !mayChangeWhileRunning(this.document, this.files, admitted.document, admitted.files)) {
      const changes = pluggedWhileRunning(this.document, this.files, admitted.document, admitted.files);
      if (changes === null) {
        this.waiting = admitted;
        return { outcome: 'needs-power-off' };
      }
      const refused = this.hotPlug(this.state.computer, changes, admitted.document);
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
    this.state.hardware++;
    const { instructions, ticks } = computer;
    this.state.inputs.add({ instructions, ticks, input: { kind: 'hot-plug', changes, board: document.board } });
    return null;
  }

  async powerOn(): Promise<OpenResult> {
    this.loop.stop();
    if (this.waiting) ({ document: this.document, files: this.files } = this.waiting);
    this.waiting = null;
    if (!this.document) return { ok: false, problems: [] };
    this.forgetRun();
    const { computer, problems } = powerOn(this.document, this.files);
    this.state.computer = computer;
    if (computer) computer.observe = this.observe;
    this.state.stop = computer?.stopped ?? null;
    this.setStops();
    this.labProblems = problems;
    this.tellProblems();
    this.views.now();
    return { ok: computer !== null, problems };
  }

  async powerOff(): Promise<void> {
    this.loop.stop();
    this.forgetRun();
    this.state.computer = null;
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
    const ofRun = this.state.computer && this.state.stop ? this.state.computer.stopProblems(this.state.stop.kind) : [];
    this.views.events?.problems([...this.labProblems, ...ofRun]);
  }

  private forgetRun(): void {
    this.state.forget();
    this.target = null;
    this.state.breakpoints.target = null;
  }

  // ── running ──

  async run(): Promise<void> {
    if (!this.state.computer && !(await this.powerOn()).ok) return;
    this.goTo(null);
  }

  async runTo({ vm, linear }: { vm: string | null; linear: bigint }): Promise<void> {
    if (typeof linear !== 'bigint' || linear < 0n || linear >= 1n << 32n)
      throw new QueryError(text('A linear address has 32 bits.', '线性地址为 32 位。'));
    if (!this.state.computer && !(await this.powerOn()).ok) return;
    this.state.knownVm(vm);
    this.goTo({ vm: this.state.shownVm(vm), linear: Number(linear), stack: null });
  }

  async stepOver(options: { vm?: string } = {}): Promise<void> {
    if (!this.state.computer && !(await this.powerOn()).ok) return;
    const computer = this.state.computer!;
    const vm = options.vm ?? computer.currentVm;
    this.state.knownVm(vm);
    const before = computer.registers(vm);
    const target = this.loop.running || (this.state.stop && this.state.stop.kind !== 'limit') ? null : behind(before);
    if (!target) return this.step(options);
    this.goTo(target);
    this.state.registersBefore = before;
  }

  /** Runs until something stops it, at a place of its own if there is one. */
  private goTo(target: RunTarget | null): void {
    const computer = this.state.computer!;
    if (this.loop.running || this.state.stop?.kind === 'boot-refused' || (this.state.stop && this.state.stop.kind !== 'limit')) return;
    const limit = this.document?.limits?.instructions ?? DEFAULT_INSTRUCTION_LIMIT;
    // past the limit a run goes on for as long again, however often it is stopped on the way
    if (computer.instructions < limit) this.until = limit;
    else if (this.until <= computer.instructions) this.until = computer.instructions + limit;
    this.aimAt(target);
    this.state.stop = null;
    this.state.stoppedAt = null;
    this.state.registersBefore = null;
    this.state.breakpoints.remember(this.readLinear);
    this.loop.start(computer, this.until);
    this.tellProblems();
    this.views.now();
  }

  private aimAt(target: RunTarget | null): void {
    if (!target && !this.target) return;
    this.target = target;
    this.state.breakpoints.target = target;
    this.setStops();
  }

  async pause(): Promise<void> {
    if (!this.loop.running) return;
    this.loop.stop();
    this.aimAt(null);
    this.state.registersBefore = null;
    this.views.now();
  }

  async step(options: { count?: number; vm?: string } = {}): Promise<void> {
    if (!this.state.computer && !(await this.powerOn()).ok) return;
    const computer = this.state.computer!;
    this.loop.stop();
    if (this.state.stop && this.state.stop.kind !== 'limit') return this.views.now();
    const count = whole(options.count ?? 1, 1, 1_000_000, 'count');
    const vm = options.vm ?? null;
    this.state.knownVm(vm);
    this.aimAt(null);
    this.state.stoppedAt = null;
    this.state.stop = null;
    this.state.breakpoints.remember(this.readLinear);
    for (let done = 0; done < count; done++) {
      this.state.registersBefore = computer.registers(this.state.shownVm(vm));
      if (vm !== null)
        this.state.inputs.add({ instructions: computer.instructions, ticks: computer.ticks, input: { kind: 'step-vm', vm } });
      const end = computer.step(vm);
      if (end.kind === 'stopped') this.state.stop = end.stop;
      this.state.stoppedAt = this.state.breakpoints.note(end, computer.programs, this.readLinear);
      if (end.kind !== 'budget') break;
    }
    this.tellProblems();
    this.views.now();
  }

  async writeMemory(write: MemoryWrite): Promise<void> {
    const computer = this.state.on;
    if (this.loop.running)
      throw new QueryError(
        text('Pause the machine first: memory is changed between two instructions.', '请先暂停机器：只能在两条指令之间修改内存。'),
      );
    const { instructions, ticks } = computer;
    const admitted = admittedWrite(write);
    const pieces = computer.writeMemory({ ...admitted, vm: admitted.space === 'host' ? null : this.state.shownVm(admitted.vm) });
    this.state.inputs.add({ instructions, ticks, input: { kind: 'memory', pieces } });
    this.views.now();
  }

  async setSpeed(instructionsPerSecond: number | null): Promise<void> {
    this.loop.speed = instructionsPerSecond === null ? null : whole(Math.round(instructionsPerSecond), 1, 1e9, 'speed');
  }

  async setBreakpoints(file: string, lines: number[]): Promise<{ line: number; bound: boolean }[]> {
    this.state.breakpoints.set(String(file), Array.isArray(lines) ? lines.slice(0, 10_000) : []);
    const { computer } = this.state;
    if (!computer) return this.state.breakpoints.bound(file, this.document ? buildAll(this.document, this.files).programs : []);
    this.setStops();
    this.views.one('breakpoints', this.state.breakpoints.view(computer.programs));
    return this.state.breakpoints.bound(file, computer.programs);
  }

  async setStopPoints(points: StopPoint[]): Promise<void> {
    this.state.breakpoints.setPoints(points);
    this.setStops();
    if (this.state.computer) this.views.one('breakpoints', this.state.breakpoints.view(this.state.computer.programs));
  }

  private setStops(): void {
    this.state.computer?.setStops(this.state.breakpoints.addresses(this.state.computer.programs), this.state.breakpoints.watched);
  }

  private readonly readLinear: ReadLinear = (vm, linear, size) =>
    this.state.computer ? linearValue(this.state.computer, vm, linear, size) : null;

  async setObserve(mode: Observe): Promise<void> {
    this.observe = mode === 'sampled' || mode === 'exact' ? mode : 'off';
    if (this.state.computer) this.state.computer.observe = this.observe;
    this.views.now();
  }

  private onEnd(end: RunEnd | { kind: 'limit' }): void {
    if (end.kind === 'breakpoint' && this.isCalledAgain(end.at)) return this.loop.start(this.state.computer!, this.until);
    if (end.kind === 'stopped') this.state.stop = end.stop;
    else if (end.kind === 'limit') this.state.stop = this.state.computer?.limitReached() ?? null;
    else if (this.state.computer) this.state.stoppedAt = this.state.breakpoints.note(end, this.state.computer.programs, this.readLinear);
    this.aimAt(null);
    this.tellProblems();
    this.views.now();
  }

  /** The place behind a call that is stepped over is reached, but by a call within that call. */
  private isCalledAgain(at: CodeAddress): boolean {
    const { target } = this;
    const { computer } = this.state;
    if (!computer || !target || target.stack === null || !this.state.breakpoints.isTarget(at, computer.programs)) return false;
    return stackAddress(computer.registers(at.vm)) < target.stack;
  }

  // ── questions ──

  explain: SessionCommands['explain'] = (query) => this.queries.explain(query);
  readMemory: SessionCommands['readMemory'] = (query) => this.queries.readMemory(query);
  disassemble: SessionCommands['disassemble'] = (query) => this.queries.disassemble(query);
  linearSpaces: SessionCommands['linearSpaces'] = (query) => this.queries.linearSpaces(query);
  pageTable: SessionCommands['pageTable'] = (query) => this.queries.pageTable(query);
  locate: SessionCommands['locate'] = (query) => this.queries.locate(query);
  findTransactions: SessionCommands['findTransactions'] = (query) => this.queries.findTransactions(query);

  async evaluateChecks(): Promise<CheckResult[]> {
    const results = this.values.checks();
    this.views.one('checks', results);
    return results;
  }

  async selectVm(vm: string | null): Promise<void> {
    if (this.state.computer) this.state.knownVm(vm);
    this.state.selected = vm;
    this.state.registersBefore = null;
    this.views.now();
  }

  async stateHash(): Promise<string> {
    return this.state.on.stateHash();
  }

  async ping(): Promise<number> {
    return this.scheduler.now();
  }

  // ── snapshots ──

  async snapshot(label = ''): Promise<{ id: number; instructions: number; bytes: number }> {
    const computer = this.state.on;
    const kept = {
      label: String(label).slice(0, 200),
      computer: computer.snapshot(),
      inputs: this.state.inputs.length,
      hardware: this.state.hardware,
      stop: this.state.stop,
    };
    const id = this.state.snapshots.add(kept);
    this.views.now();
    return { id, instructions: kept.computer.instructions, bytes: kept.computer.bytes };
  }

  async restore(id: number): Promise<void> {
    const computer = this.state.on;
    const kept = this.state.snapshots.fitting(id, this.state.hardware);
    this.loop.stop();
    this.aimAt(null);
    computer.restore(kept.computer);
    this.state.inputs.truncate(kept.inputs);
    this.state.stop = kept.stop;
    this.state.stoppedAt = null;
    this.state.registersBefore = null;
    this.tellProblems();
    this.views.now();
  }

  // ── views ──

  async subscribe(views: ViewName[]): Promise<void> {
    this.values.forgetSent();
    this.views.subscribe(views);
    this.views.now();
  }
}
