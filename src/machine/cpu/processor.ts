/**
 * One logical processor: instruction side and system side over one state, the loop between instructions (interrupts, faults,
 * traps, halting), breakpoints, and counters for checks.
 */
import { PAGE_SIZE, hostPhysical } from '../address';
import type { HostPhysicalAddress } from '../address';
import type { FrameStore } from '../memory/frame-store';
import type { MemoryObserver, PhysicalMemory } from '../memory/physical-memory';
import type { LastAccess } from './access';
import { ControlBlock } from './control-block';
import { CpuState, NO_ERROR_CODE, wordOf } from './cpu-state';
import type { VmExit } from './exit';
import { DR6, DR7 } from './debug';
import type { WatchHit, Watchpoint } from './debug';
import { DeliveryLog, type DeliveredException } from './delivery-log';
import { Tiers, type Engine } from './engine';
import { FLAG } from './flags';
import { isRepeatedString } from './decode/repeated-string';
import { LEVEL, modelOf } from './instruction-set';
import { Interpreter } from './interpret/interpreter';
import { EXCEPTION } from './lower/exceptions';
import type { MemoryError } from './machine-check';
import type { CpuPorts, ExceptionKind } from './runtime';
import { resetRegisters } from './reset-values';
import { ACTIVITY, SEGMENT_INDEX, STOP, VIRTUALIZATION } from './state-layout';
import { ProcessorSystem } from './system';
import { StopAddresses } from './stop-addresses';
import type { SystemPart } from './control';
import type { Tlb } from './tlb';

export type StopReason = 'budget' | 'halted' | 'triple-fault' | 'breakpoint' | 'watchpoint' | 'exit';

export interface RunResult {
  /**
   * `budget`: the instructions were used up, or a device asked for the slice to end. `watchpoint`: an access to watched memory has
   * been made (`watchHit`); everything returns at once until it is taken.
   */
  reason: StopReason;
  /** instructions completed */
  executed: number;
}

export interface RunOptions {
  passBreakpoint?: boolean;
  stopAtDelivery?: boolean;
}

export interface ProcessorOptions {
  frames: FrameStore;
  memory: PhysicalMemory;
  ports: CpuPorts;
  part: SystemPart;
  /** which tiers execute; `auto` unless told. The state is the same at every instruction count whatever this is. */
  engine?: Engine;
}

const VPID = wordOf('vpid');
const NMI_PENDING = wordOf('nmiPending');
const A20_MASKED = wordOf('a20Masked');
const SHADOW_OF_MOV_SS = 2;
/** Faults delivered one after another without any instruction completing, after which `run` returns so that nobody hangs. */
const MOST_BARREN_DELIVERIES = 1000;

export class Processor {
  readonly state: CpuState;
  readonly system: ProcessorSystem;
  readonly interpreter: Interpreter;
  /** after `run`: it ended because an event had been delivered (`stopAtDelivery`) */
  stoppedAtDelivery = false;

  /** exceptions and interrupts that reached a handler */
  readonly deliveries = new DeliveryLog();
  private readonly stops: StopAddresses;
  private readonly memory: PhysicalMemory;
  /** undefined: everything is interpreted */
  private readonly tiers: Tiers | undefined;

  constructor({ frames, memory, ports, part, engine = 'auto' }: ProcessorOptions) {
    this.memory = memory;
    this.state = new CpuState(frames.memory.buffer);
    this.system = new ProcessorSystem({ state: this.state, frames, memory, ports, part });
    this.stops = new StopAddresses(this.system.debug, () => this.interpreter.breakpointsChanged());
    const { level } = modelOf(part.instructionSet);
    this.interpreter = new Interpreter(frames, memory, this.state, this.system.access, this.system, this.stops.all, level);
    if (engine !== 'interpreter' && level !== LEVEL.i8086) {
      this.tiers = new Tiers(engine, this.interpreter, {
        memory: frames.memory,
        poolOffset: (frame: number): number => memory.readableFrame(frame),
        state: this.state,
        access: this.system.access,
        blocks: this.interpreter.blocks,
        system: this.system,
        boundary: this.system,
        clockOffset: (): number => this.machineTicks - this.state.ticks,
        geometry: this.system.tlb,
      });
    }
    this.system.debug.instructionAt = () => this.currentLinear;
    this.system.events.onDelivered = ({ vector, kind, errorCode }, cr2) => this.note(vector, kind, errorCode, cr2);
    this.reset();
  }

  get tlb(): Tlb {
    return this.system.tlb;
  }

  /** As after RESET: the registers (reset-values.ts), the TLB empty, nothing delivered yet. */
  reset(): void {
    resetRegisters(this.state, this.system.part);
    this.deliveries.reset();
    this.system.reset();
    this.interpreter.reset();
  }

  /** To be called after the state's bytes were replaced or changed from outside: a snapshot, firmware, a debugger. */
  stateReplaced(): void {
    this.state.clearStop();
    this.system.debug.hit = null;
    // bits that the processor does not have take their fixed values
    this.state.eflags = this.state.eflags;
    this.system.stateReplaced();
    this.interpreter.invalidate();
  }

  // --- running ---------------------------------------------------------------------------------------------------------

  /**
   * Executes at most `maxInstructions`. Returns earlier when the processor halts or shuts down, before an instruction at a
   * breakpoint, or after an access to a device (`budget`), so that the machine can look at its events again.
   * @param options.passBreakpoint execute the first instruction even if a breakpoint lies there
   * @param options.stopAtDelivery return (`budget`) when an interrupt or a fault was delivered, before its handler begins
   */
  run(maxInstructions: number, options: RunOptions = {}): RunResult {
    const { state, system, interpreter } = this;
    let executed = 0;
    let barren = 0;
    let pass = options.passBreakpoint ?? false;
    const { debug } = system;
    const result = (reason: StopReason): RunResult => ({
      reason: debug.hit !== null && reason === 'budget' ? 'watchpoint' : reason,
      executed,
    });
    const delivered = (): RunResult => {
      this.stoppedAtDelivery = true;
      return result('budget');
    };
    this.stoppedAtDelivery = false;
    // what was asked for between slices (a DMA write into code, an end of slice) has happened by now
    if (state.stop === STOP.endSlice || state.stop === STOP.codeWritten) state.clearStop();
    while (executed < maxInstructions) {
      if (debug.hit !== null) return result('budget');
      if (this.pollInterrupts()) {
        interpreter.invalidate();
        if (options.stopAtDelivery) return delivered();
      }
      if (state.stop === STOP.exit) return result('exit');
      // the delivery of an event reached a device: nothing runs before the machine has looked
      if (state.stop === STOP.endSlice) {
        state.clearStop();
        return result('budget');
      }
      if (state.activity !== ACTIVITY.running) return result(state.activity === ACTIVITY.shutdown ? 'triple-fault' : 'halted');
      const shadow = state.interruptShadow;
      const trap = state.flag(FLAG.TF);
      const resume = state.flag(FLAG.RF);
      system.access.checksAlignment = system.wantsAlignment;
      this.stops.refresh();
      const at = this.currentLinear;
      interpreter.atBreakpoint = !pass && this.stops.breakpoints.has(at);
      if (interpreter.atBreakpoint) return result('breakpoint');
      if (!(shadow & SHADOW_OF_MOV_SS) && (this.deliverDebugTrap() || (!resume && this.breaksAt(at)))) {
        if (++barren === MOST_BARREN_DELIVERIES) return result('budget');
        continue;
      }
      // RF holds for one instruction
      if (resume) state.setFlag(FLAG.RF, false);
      system.events.softwareTaken = false;
      const alone = shadow !== 0 || trap || resume;
      interpreter.goesOn = !alone && !options.stopAtDelivery && this.stops.breakpoints.size === 0 && !debug.armed;
      const done = interpreter.run(alone ? 1 : maxInstructions - executed, true);
      executed += done;
      pass &&= done === 0;
      if (done !== 0 && shadow !== 0) state.interruptShadow &= ~shadow;
      if (resume && (done === 0 || this.repeats(at))) state.setFlag(FLAG.RF, true);
      const stop = state.stop;
      const { justDelivered } = interpreter;
      // a device that a delivery reached is looked at below, as after any other delivery
      if (justDelivered && stop === STOP.endSlice) continue;
      if (stop === STOP.exit || stop === STOP.fault) {
        // what the instruction has touched it will touch again
        debug.take();
        debug.hit = null;
      }
      if (stop === STOP.exit) return result('exit');
      if (stop === STOP.fault) {
        this.deliverFault();
        if (options.stopAtDelivery && state.stop !== STOP.exit) return delivered();
      } else if (done !== 0 && !(state.interruptShadow & SHADOW_OF_MOV_SS)) {
        if (trap && !system.events.softwareTaken) debug.note(DR6.BS);
        this.deliverDebugTrap();
      }
      if (state.stop === STOP.exit) return result('exit');
      if (stop === STOP.endSlice) {
        state.clearStop();
        return result('budget');
      }
      // a handler whose first instruction faults again never completes one: the caller must get a chance to stop it
      barren = done === 0 ? barren + 1 : justDelivered && stop === STOP.fault ? 1 : 0;
      if (barren === MOST_BARREN_DELIVERIES) return result('budget');
    }
    if (state.activity === ACTIVITY.halted) return result('halted');
    return result(state.activity === ACTIVITY.shutdown ? 'triple-fault' : 'budget');
  }

  /** One instruction (or one iteration of a REP), or the delivery of one event. */
  step(): RunResult {
    return this.run(1, { passBreakpoint: true });
  }

  /**
   * Runs the guest of a control block for at most `maxInstructions`. The exit is `preemption-timer` when they are used up,
   * when a device asked for the slice to end, at a breakpoint (`interpreter.atBreakpoint` tells), or, with `stopAtDelivery`, when
   * an event was delivered (`stoppedAtDelivery` tells).
   */
  enter(controlBlock: HostPhysicalAddress, maxInstructions: number, options: RunOptions = {}): VmExit {
    this.interpreter.invalidate();
    // an instruction that is executed again with answers from the VMM has passed its breakpoint already
    let pass = (options.passBreakpoint ?? false) || new ControlBlock(this.memory, controlBlock).completionCount > 0;
    const exit = this.system.enter(controlBlock, maxInstructions, (max) => {
      const { executed } = this.run(max, { ...options, passBreakpoint: pass });
      pass &&= executed === 0;
      return { executed, goOn: false };
    });
    this.interpreter.invalidate();
    return exit;
  }

  private deliverFault(): void {
    const { access, events } = this.system;
    // what is looked for afterwards is the access that faulted, not what its delivery has pushed
    const { lastAccess } = access;
    this.delivering(() => events.deliverFault());
    if (access.recordAccess) access.lastAccess = lastAccess;
    this.interpreter.invalidate();
  }

  /** Breakpoints hit, single step and task switch of the instruction that has completed make one exception. */
  private deliverDebugTrap(): boolean {
    const bits = this.system.debug.take();
    if (bits !== 0) this.deliverDebug(bits, 'trap');
    return bits !== 0;
  }

  private deliverDebug(bits: number, kind: 'fault' | 'trap'): void {
    const { state } = this;
    state.setDr(6, state.dr(6) | bits);
    state.setDr(7, state.dr(7) & ~DR7.GD);
    this.delivering(() => this.system.events.deliver({ vector: EXCEPTION.DB, kind, errorCode: NO_ERROR_CODE }));
    this.interpreter.invalidate();
  }

  private pollInterrupts(): boolean {
    return this.system.debug.armed ? this.delivering(() => this.system.events.pollInterrupts()) : this.system.events.pollInterrupts();
  }

  /** What a delivery pushes into watched memory is no instruction's doing. */
  private delivering<T>(deliver: () => T): T {
    const { debug } = this.system;
    const before = debug.hit;
    const delivered = deliver();
    if (debug.hit !== null && debug.hit !== before) debug.hit.instruction = null;
    return delivered;
  }

  /** A breakpoint of the program's on the instruction at a linear address: the exception comes before it. */
  private breaksAt(linear: number): boolean {
    const bits = this.system.debug.executes ? this.system.debug.atCode(linear) : 0;
    if (bits !== 0) this.deliverDebug(bits, 'fault');
    return bits !== 0;
  }

  /** Is there more to come of a repeated string instruction at this linear address, whose one iteration has completed? */
  private repeats(linear: number): boolean {
    if (this.currentLinear !== linear) return false;
    const frame = this.system.access.fetchFrame(linear);
    if (frame < 0) return false;
    const bytes = this.memory.peek(hostPhysical(frame * PAGE_SIZE + (linear % PAGE_SIZE)), Math.min(15, PAGE_SIZE - (linear % PAGE_SIZE)));
    return isRepeatedString(bytes);
  }

  /** A non-maskable interrupt is signalled; it is taken at the next boundary that lets it through. */
  signalNmi(): void {
    this.state.u32[NMI_PENDING] = 1;
    this.endSlice();
  }

  /** A window of registers has moved: it may lie over DRAM whose pool offsets are held, the running code's among them. The slice must end. */
  windowsChanged(): void {
    this.tlb.clearFast();
    this.interpreter.invalidate();
  }

  /** Memory reports an error. One that is signalled is taken at the next boundary; parts without the architecture hear nothing. */
  reportMemoryError(error: MemoryError): void {
    const { machineCheck } = this.system;
    if (machineCheck.present && machineCheck.record(error)) this.endSlice();
  }

  /** The pin A20M#: with the gate closed, address line 20 is zero. */
  set addressLine20(open: boolean) {
    const masked = open ? 0 : 1;
    if (this.state.u32[A20_MASKED] === masked) return;
    this.state.u32[A20_MASKED] = masked;
    this.tlb.flushAll();
    this.interpreter.invalidate();
    this.endSlice();
  }

  private note(vector: number, kind: ExceptionKind, errorCode: number, cr2: number): void {
    const { state } = this;
    const vpid = state.virtualizationMode === VIRTUALIZATION.guest ? state.u32[VPID]! : 0;
    this.deliveries.add({ vector, kind, errorCode, cr2, instructions: state.instructions, vpid });
  }

  // --- what the machine, the session and checks look at ------------------------------------------------------------------

  /** Exceptions and interrupts that reached a handler, at least the latest 1024 of them. */
  get delivered(): readonly DeliveredException[] {
    return this.deliveries.latest;
  }
  /** How many since power-on. */
  get deliveredByVector(): ReadonlyMap<number, number> {
    return this.deliveries.byVector;
  }

  /** Instructions of the machine, exact at any moment: from a device's register access, and while a guest runs. */
  get machineInstructions(): number {
    return this.system.virtualization.machineInstructions;
  }
  /** The machine clock, likewise. */
  get machineTicks(): number {
    return this.system.virtualization.machineTicks;
  }

  /** Linear address of the instruction that is being executed, for a device or a log that it calls. */
  get currentLinear(): number {
    return (this.state.segmentBase(SEGMENT_INDEX.CS) + this.interpreter.currentRip()) >>> 0;
  }

  /** Ends the slice once the current instruction has completed. */
  endSlice(): void {
    this.state.requestEndSlice();
  }

  /** Linear addresses before which execution stops. */
  get breakpoints(): ReadonlySet<number> {
    return this.stops.breakpoints;
  }
  /** Replaces them. */
  setBreakpoints(linear: Iterable<number>): void {
    this.stops.breakpoints = new Set([...linear].map((address) => address >>> 0));
  }

  /** Replaces the linear memory after whose access by an instruction, or by the delivery of an event, execution stops. */
  setWatchpoints(points: readonly Watchpoint[]): void {
    this.system.debug.setWatchpoints(points);
  }
  /** The access that the last run stopped for, if it did. */
  get watchHit(): WatchHit | null {
    return this.system.debug.hit;
  }
  /** The same, which is then dealt with: the next run goes on. */
  takeWatchHit(): WatchHit | null {
    const { hit } = this.system.debug;
    this.system.debug.hit = null;
    return hit;
  }

  /** Is what runs hot compiled, or is everything interpreted? */
  get compiles(): boolean {
    return this.tiers?.compiles ?? false;
  }

  /** When on, `lastAccess` is the last data access that an instruction made; everything is interpreted then. */
  set recordAccess(on: boolean) {
    this.system.access.recordAccess = on;
    if (!on) this.system.access.lastAccess = null;
    this.tiers?.choose();
  }
  get recordAccess(): boolean {
    return this.system.access.recordAccess;
  }
  get lastAccess(): LastAccess | null {
    return this.system.access.lastAccess;
  }

  /** Who is told of every access to memory that instructions and walks make; nothing compiled runs meanwhile. Only between slices. */
  set memoryObserver(observer: MemoryObserver | undefined) {
    this.system.observer = observer;
    this.tiers?.choose();
  }

  /** Is it told now? From time to time, when only samples are wanted: what has been compiled and translated stays. Only between slices. */
  get isObserved(): boolean {
    return this.system.access.observer !== undefined;
  }
  set isObserved(on: boolean) {
    if (on === this.isObserved) return;
    this.system.isObserved = on;
    this.tiers?.choose();
  }

  /** Opcodes that raised #UD because nobody knows them. */
  get unknownOpcodes(): number {
    return this.interpreter.unknownOpcodes;
  }
}
