/**
 * One logical processor: instruction side and system side over one state, the loop between instructions (interrupts, faults,
 * traps, halting), breakpoints, and counters for checks.
 */
import type { HostPhysicalAddress } from '../address';
import type { FrameStore } from '../memory/frame-store';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { LastAccess } from './access';
import { ControlBlock } from './control-block';
import { CpuState, NO_ERROR_CODE, wordOf } from './cpu-state';
import type { VmExit } from './exit';
import { FLAG } from './flags';
import { Interpreter } from './interpret/interpreter';
import { EXCEPTION } from './lower/exceptions';
import type { CpuPorts, ExceptionKind } from './runtime';
import { ACTIVITY, SEGMENT_INDEX, STATE_SIZE, STOP, VIRTUALIZATION } from './state-layout';
import { ProcessorSystem } from './system';
import type { SystemPart } from './control';
import type { Tlb } from './tlb';

export type StopReason = 'budget' | 'halted' | 'triple-fault' | 'breakpoint' | 'exit';

export interface RunResult {
  /** `budget`: the instructions were used up, or a device asked for the slice to end */
  reason: StopReason;
  /** instructions completed */
  executed: number;
}

export interface RunOptions {
  passBreakpoint?: boolean;
  stopAtDelivery?: boolean;
}

export interface DeliveredException {
  vector: number;
  kind: ExceptionKind;
  /** NO_ERROR_CODE when there was none */
  errorCode: number;
  /** CR2 at the delivery; meaningful for a page fault */
  cr2: number;
  /** the running program's instruction count (a VM's own while a guest runs) */
  instructions: number;
  /** VPID of the guest, 0 on the bare machine */
  vpid: number;
}

export interface ProcessorOptions {
  frames: FrameStore;
  memory: PhysicalMemory;
  ports: CpuPorts;
  part: SystemPart;
}

/** Delivered events kept for checks; older ones are only counted. */
const LOG_LIMIT = 1024;
const VPID = wordOf('vpid');
const DR6_SINGLE_STEP = 1 << 14;
/** Faults delivered one after another without any instruction completing, after which `run` returns so that nobody hangs. */
const MOST_BARREN_DELIVERIES = 1000;

export class Processor {
  readonly state: CpuState;
  readonly system: ProcessorSystem;
  readonly interpreter: Interpreter;
  /** Exceptions and interrupts that reached a handler: the latest LOG_LIMIT of them, and how many by vector. */
  readonly delivered: DeliveredException[] = [];
  readonly deliveredByVector = new Map<number, number>();

  private readonly breakpointSet = new Set<number>();
  private readonly memory: PhysicalMemory;

  constructor({ frames, memory, ports, part }: ProcessorOptions) {
    this.memory = memory;
    this.state = new CpuState(frames.memory.buffer);
    this.system = new ProcessorSystem({ state: this.state, frames, memory, ports, part });
    this.interpreter = new Interpreter(frames, memory, this.state, this.system.access, this.system, this.breakpointSet);
    this.system.events.onDelivered = (event) => this.note(event.vector, event.kind, event.errorCode);
    this.reset();
  }

  get tlb(): Tlb {
    return this.system.tlb;
  }

  /** As after RESET (SDM vol. 3, table 10-1): real mode at F000:FFF0, TLB empty, counters at zero. */
  reset(): void {
    const { state } = this;
    state.u8.fill(0, 0, STATE_SIZE);
    state.eflags = 2;
    state.eip = 0xfff0;
    state.cr0 = 0x6000_0010;
    state.setReg32(2, 0x611);
    state.setDr(6, 0xffff_0ff0);
    state.setDr(7, 0x400);
    const { CS, LDTR, TR } = SEGMENT_INDEX;
    for (let segment = 0; segment < 6; segment++) state.setSegment(segment, 0, 0, 0xffff, 0x93);
    state.setSegment(CS, 0xf000, 0xffff_0000, 0xffff, 0x93);
    state.setSegment(LDTR, 0, 0, 0xffff, 0x82);
    state.setSegment(TR, 0, 0, 0xffff, 0x8b);
    state.gdtrLimit = state.idtrLimit = 0xffff;
    this.delivered.length = 0;
    this.deliveredByVector.clear();
    this.system.reset();
    this.interpreter.reset();
  }

  /** To be called after the state's bytes were replaced or changed from outside: a snapshot, firmware, a debugger. */
  stateReplaced(): void {
    this.state.clearStop();
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
    const result = (reason: StopReason): RunResult => ({ reason, executed });
    // what was asked for between slices (a DMA write into code, an end of slice) has happened by now
    if (state.stop === STOP.endSlice || state.stop === STOP.codeWritten) state.clearStop();
    while (executed < maxInstructions) {
      if (system.events.pollInterrupts()) {
        interpreter.invalidate();
        if (options.stopAtDelivery) return result('budget');
      }
      if (state.stop === STOP.exit) return result('exit');
      if (state.activity !== ACTIVITY.running) return result(state.activity === ACTIVITY.shutdown ? 'triple-fault' : 'halted');
      const shadow = state.interruptShadow;
      const trap = state.flag(FLAG.TF);
      const done = interpreter.run(shadow !== 0 || trap ? 1 : maxInstructions - executed, pass);
      executed += done;
      pass &&= done === 0;
      if (done !== 0 && shadow !== 0) state.interruptShadow &= ~shadow;
      const stop = state.stop;
      if (stop === STOP.exit) return result('exit');
      if (stop === STOP.fault) {
        this.deliverFault();
        if (options.stopAtDelivery) return result('budget');
      } else if (trap && done !== 0) this.deliverTrap();
      if (stop === STOP.endSlice) {
        state.clearStop();
        return result('budget');
      }
      if (interpreter.atBreakpoint) return result('breakpoint');
      // a handler whose first instruction faults again never completes one: the caller must get a chance to stop it
      barren = done === 0 ? barren + 1 : 0;
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
   * when a device asked for the slice to end, or at a breakpoint (`interpreter.atBreakpoint` tells).
   */
  enter(controlBlock: HostPhysicalAddress, maxInstructions: number, options: { passBreakpoint?: boolean } = {}): VmExit {
    this.interpreter.invalidate();
    // an instruction that is executed again with answers from the VMM has passed its breakpoint already
    let pass = (options.passBreakpoint ?? false) || new ControlBlock(this.memory, controlBlock).completionCount > 0;
    const exit = this.system.enter(controlBlock, maxInstructions, (max) => {
      const { executed } = this.run(max, { passBreakpoint: pass });
      pass &&= executed === 0;
      return { executed, goOn: false };
    });
    this.interpreter.invalidate();
    return exit;
  }

  private deliverFault(): void {
    this.system.events.deliverFault();
    this.interpreter.invalidate();
  }

  private deliverTrap(): void {
    this.state.setDr(6, this.state.dr(6) | DR6_SINGLE_STEP);
    this.system.events.deliver({ vector: EXCEPTION.DB, kind: 'trap', errorCode: NO_ERROR_CODE });
    this.interpreter.invalidate();
  }

  private note(vector: number, kind: ExceptionKind, errorCode: number): void {
    const { state } = this;
    this.deliveredByVector.set(vector, (this.deliveredByVector.get(vector) ?? 0) + 1);
    const vpid = state.virtualizationMode === VIRTUALIZATION.guest ? state.u32[VPID]! : 0;
    if (this.delivered.length === LOG_LIMIT) this.delivered.shift();
    this.delivered.push({ vector, kind, errorCode, cr2: state.cr2, instructions: state.instructions, vpid });
  }

  // --- what the machine, the session and checks look at ------------------------------------------------------------------

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
    return this.breakpointSet;
  }
  /** Replaces them. Blocks are split at breakpoints, so a change means translating anew. */
  setBreakpoints(linear: Iterable<number>): void {
    const wanted = new Set([...linear].map((address) => address >>> 0));
    if (wanted.size === this.breakpointSet.size && [...wanted].every((address) => this.breakpointSet.has(address))) return;
    this.breakpointSet.clear();
    for (const address of wanted) this.breakpointSet.add(address);
    this.interpreter.breakpointsChanged();
  }

  /** When on, `lastAccess` is the last data access that an instruction made. */
  set recordAccess(on: boolean) {
    this.system.access.recordAccess = on;
  }
  get recordAccess(): boolean {
    return this.system.access.recordAccess;
  }
  get lastAccess(): LastAccess | null {
    return this.system.access.lastAccess;
  }

  /** Opcodes that raised #UD because nobody knows them. */
  get unknownOpcodes(): number {
    return this.interpreter.unknownOpcodes;
  }
}
