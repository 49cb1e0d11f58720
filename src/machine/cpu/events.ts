/**
 * Delivering exceptions and interrupts (SDM vol. 3, ch. 6): through the vector table of real mode, or the gates of the IDT,
 * with stack switch, error code, and what happens when the delivery itself faults. Registers change only when a delivery has
 * succeeded, so a failed one leaves the interrupted program as it was.
 */
import type { MemoryAccess } from './access';
import { EVENT_TYPE } from './control-block';
import { NO_ERROR_CODE } from './cpu-state';
import type { CpuState } from './cpu-state';
import { FLAG } from './flags';
import { LEVEL } from './instruction-set';
import type { Model } from './instruction-set';
import type { ExceptionKind, InterruptSource } from './runtime';
import {
  SYSTEM_TYPE,
  decodeGate,
  decodeSegment,
  descriptorDpl,
  descriptorType,
  isCode,
  isCodeOrData,
  isConforming,
  isPresent,
  isWideSystem,
} from './segmentation';
import type { MachineCheck } from './machine-check';
import { isNull } from './segment-loads';
import type { SegmentLoads } from './segment-loads';
import { StackCursor, failed } from './stack';
import { ACTIVITY, SEGMENT_INDEX, STATE, STOP } from './state-layout';
import type { FarTransfers, TaskSwitcher } from './transfers';
import { ERROR_CODE_IDT, VECTOR, makesDoubleFault, pushesErrorCode } from './vectors';

const { CS, SS, ES, DS, FS, GS } = SEGMENT_INDEX;
const NMI_PENDING = STATE.nmiPending.offset >> 2;
const NMI_BLOCKED = STATE.nmiBlocked.offset >> 2;
const SHADOW_OF_MOV_SS = 2;

export interface Event {
  vector: number;
  kind: ExceptionKind;
  /** NO_ERROR_CODE when there is none */
  errorCode: number;
}

/** What virtualization must do for event delivery while a guest runs. */
export interface EventExits {
  readonly guestRuns: boolean;
  /** The delivery of this event left the guest: it is to be delivered again at the next entry. */
  keepForNextEntry(event: Event): void;
  leaveForTripleFault(): void;
  leaveForExternalInterrupt(): void;
  leaveForNmi(): void;
  /** A machine check is the host's, which has taken it by being told. */
  leaveForMachineCheck(): void;
  /** The VMM's answers were for the instruction that the event displaces. */
  dropCompletions(): void;
  /** An interrupt window was asked for. */
  readonly wantsInterruptWindow: boolean;
  /** It is open now. False when none was asked for. */
  leaveForInterruptWindow(): boolean;
}

/** Told of every exception that reached its handler, and of CR2 then; for checks, views and the log. */
export type DeliveryListener = (event: Event, cr2: number) => void;

export class Events {
  onDelivered: DeliveryListener | null = null;
  /** an INT n, INT3 or INTO has been taken since this was last cleared: it takes the place of a single-step trap */
  softwareTaken = false;

  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly loads: SegmentLoads,
    private readonly transfers: FarTransfers,
    private readonly tasks: TaskSwitcher,
    private readonly interrupts: InterruptSource,
    private readonly exits: EventExits,
    private readonly machineCheck: MachineCheck,
    private readonly model: Model,
  ) {}

  /** Can an external interrupt be taken at this instruction boundary? */
  get interruptible(): boolean {
    return this.state.flag(FLAG.IF) && this.state.interruptShadow === 0;
  }

  /**
   * To be called between instructions: takes a waiting interrupt, or leaves the guest for one (external interrupts belong to
   * the host). True when something was delivered; `stop` is set when the guest was left or the delivery failed.
   */
  pollInterrupts(): boolean {
    if (this.machineCheck.pending) return this.takeMachineCheck();
    if (this.state.u32[NMI_PENDING] !== 0 && this.takesNmi()) {
      if (this.exits.guestRuns) {
        this.exits.leaveForNmi();
        return false;
      }
      this.state.u32[NMI_PENDING] = 0;
      return this.deliver({ vector: VECTOR.nmi, kind: 'external', errorCode: NO_ERROR_CODE });
    }
    if (this.exits.guestRuns) {
      if (this.interrupts.pending()) {
        this.exits.leaveForExternalInterrupt();
        return false;
      }
      if (this.interruptible) this.exits.leaveForInterruptWindow();
      return false;
    }
    if (!this.interruptible || !this.interrupts.pending()) return false;
    return this.deliver({ vector: this.interrupts.acknowledge() & 0xff, kind: 'external', errorCode: NO_ERROR_CODE });
  }

  /** Before everything else (SDM vol. 3, table 6-2), whatever EFLAGS.IF and the interrupt shadow say. */
  private takeMachineCheck(): boolean {
    if (this.exits.guestRuns) {
      this.exits.leaveForMachineCheck();
      return false;
    }
    return this.machineCheck.take() && this.deliver({ vector: VECTOR.machineCheck, kind: 'external', errorCode: NO_ERROR_CODE });
  }

  /** Would `pollInterrupts` do nothing, and does the processor run? */
  get isQuiet(): boolean {
    const { state, exits } = this;
    if (state.activity !== ACTIVITY.running || state.interruptShadow !== 0 || state.u32[NMI_PENDING] !== 0) return false;
    if (this.machineCheck.pending) return false;
    if (exits.guestRuns) return !(this.interruptible && exits.wantsInterruptWindow) && !this.interrupts.pending();
    return !this.interruptible || !this.interrupts.pending();
  }

  /** Not while one is being handled (until IRET), nor behind MOV SS (SDM vol. 3, 6.7.1 and 6.8.3). A guest's own do not matter. */
  private takesNmi(): boolean {
    return this.exits.guestRuns || (this.state.u32[NMI_BLOCKED] === 0 && (this.state.interruptShadow & SHADOW_OF_MOV_SS) === 0);
  }

  /** Delivers the fault that the state holds (`faultVector`, `faultErrorCode`); RIP is at the faulting instruction. */
  deliverFault(): boolean {
    const vector = this.state.faultVector;
    return this.deliver({ vector, kind: 'fault', errorCode: this.state.faultErrorCode });
  }

  /**
   * Delivers an event at an instruction boundary, with what follows when that faults: a second exception, a double fault, and
   * at last shutdown (in a guest: the exit triple-fault). True when some handler was reached; false with `stop` exit, or with
   * activity shutdown.
   */
  deliver(event: Event): boolean {
    const { state } = this;
    let current = event;
    for (;;) {
      state.clearStop();
      if (this.deliverOnce(current, this.savedOffset(current))) {
        if (this.exits.guestRuns) this.exits.dropCompletions();
        if (current.vector === VECTOR.nmi && current.kind === 'external') state.u32[NMI_BLOCKED] = 1;
        this.onDelivered?.(current, state.cr2);
        return true;
      }
      if (state.stop === STOP.exit) {
        this.exits.keepForNextEntry(current);
        return false;
      }
      const second = state.faultVector;
      if (current.vector === VECTOR.doubleFault && current.kind === 'fault') return this.shutDown();
      const hardware = current.kind === 'fault' || current.kind === 'trap';
      current =
        hardware && makesDoubleFault(current.vector, second)
          ? { vector: VECTOR.doubleFault, kind: 'fault', errorCode: 0 }
          : { vector: second, kind: 'fault', errorCode: state.faultErrorCode };
    }
  }

  /** A fault or an INT n has been delivered by compiled code, which does only the plainest. */
  delivered(vector: number, software: boolean, errorCode: number, cr2: number): void {
    this.onDelivered?.({ vector, kind: software ? 'software' : 'fault', errorCode }, cr2);
  }

  /** What the frame returns to: the faulting instruction, except that the 8086 counts a division that failed as done. */
  private savedOffset(event: Event): number {
    const { state } = this;
    const past = this.model.level === LEVEL.i8086 && event.vector === VECTOR.divideError && event.kind === 'fault';
    return past ? (state.eip + state.instructionLength) & 0xffff : state.eip;
  }

  private shutDown(): false {
    this.state.clearStop();
    if (this.exits.guestRuns) this.exits.leaveForTripleFault();
    else this.state.activity = ACTIVITY.shutdown;
    return false;
  }

  /** INT n, INT3, INTO. A fault is the instruction's own: RIP goes back to it. */
  softwareInterrupt(vector: number, nextOffset: number, checksGate = true): boolean {
    const event: Event = { vector: vector & 0xff, kind: checksGate ? 'software' : 'trap', errorCode: NO_ERROR_CODE };
    if (!this.deliverOnce(event, nextOffset)) return false;
    this.softwareTaken = true;
    this.onDelivered?.(event, this.state.cr2);
    return true;
  }

  private deliverOnce(event: Event, savedOffset: number): boolean {
    this.loads.external = event.kind === 'software' ? 0 : 1;
    const done = this.state.protectedMode ? this.throughGate(event, savedOffset) : this.throughVectorTable(event, savedOffset);
    this.loads.external = 0;
    if (!done) return false;
    this.state.activity = ACTIVITY.running;
    this.state.interruptShadow = 0;
    return true;
  }

  /** Real mode (SDM vol. 3, 20.1.4). */
  private throughVectorTable(event: Event, savedOffset: number): boolean {
    const { state, access } = this;
    const at = event.vector * 4;
    if (at + 3 > state.idtrLimit) return state.raise(event.kind === 'software' ? VECTOR.generalProtection : VECTOR.doubleFault, 0);
    const entry = access.loadSystem((state.idtrBase + at) >>> 0, 4);
    if (failed(state)) return false;
    const stack = StackCursor.current(state, access);
    if (!stack.pushAll([state.eflags & 0xffff, state.selector(CS), savedOffset], 2, 0)) return false;
    state.setReg32(4, stack.pointer);
    this.loads.installReal(CS, entry >>> 16);
    state.eip = entry & 0xffff;
    state.setFlag(FLAG.IF | FLAG.TF | FLAG.RF | FLAG.AC, false);
    return true;
  }

  /** Protected and virtual-8086 mode (SDM vol. 3, 6.11 and 6.12). */
  private throughGate(event: Event, savedOffset: number): boolean {
    const { state, access, loads } = this;
    const external = loads.external;
    const index = event.vector * 8;
    const code = (index | ERROR_CODE_IDT | external) >>> 0;
    if (index + 7 > state.idtrLimit) return state.raise(VECTOR.generalProtection, code);
    const low = access.loadSystem((state.idtrBase + index) >>> 0, 4);
    if (failed(state)) return false;
    const high = access.loadSystem((state.idtrBase + index + 4) >>> 0, 4);
    if (failed(state)) return false;
    const gate = decodeGate(low, high);
    const type = descriptorType(gate.attributes);
    if (isCodeOrData(gate.attributes) || !((1 << type) & IDT_GATES)) return state.raise(VECTOR.generalProtection, code);
    if (event.kind === 'software' && descriptorDpl(gate.attributes) < state.cpl) return state.raise(VECTOR.generalProtection, code);
    if (!isPresent(gate.attributes)) return state.raise(VECTOR.segmentNotPresent, code);
    if (type === SYSTEM_TYPE.taskGate) return this.throughTaskGate(event, gate.selector, savedOffset);

    if (isNull(gate.selector)) return state.raise(VECTOR.generalProtection, external);
    if (!loads.fetch(gate.selector, VECTOR.generalProtection)) return false;
    const attributes = loads.attributes;
    const dpl = descriptorDpl(attributes);
    if (!isCode(attributes) || dpl > state.cpl) return loads.fault(VECTOR.generalProtection, gate.selector);
    if (!isPresent(attributes)) return loads.fault(VECTOR.segmentNotPresent, gate.selector);
    const virtual = state.virtual8086;
    const inner = !isConforming(attributes) && dpl < state.cpl;
    if (virtual && (!inner || dpl !== 0)) return loads.fault(VECTOR.generalProtection, gate.selector);
    if (gate.offset > decodeSegment(loads.low, loads.high).limit) return state.raise(VECTOR.generalProtection, external);

    const size = isWideSystem(gate.attributes) ? 4 : 2;
    const frame = [(state.eflags | restartFlag(event)) >>> 0, state.selector(CS), savedOffset];
    if (hasErrorCode(event)) frame.push(event.errorCode);
    if (inner) {
      frame.unshift(state.selector(SS), state.reg32(4));
      if (virtual) frame.unshift(state.selector(GS), state.selector(FS), state.selector(DS), state.selector(ES));
      if (!this.transfers.switchStack(loads.capture(), gate.selector, dpl, frame, size)) return false;
      if (virtual) for (const segment of [GS, FS, DS, ES]) loads.installNull(segment, 0);
    } else {
      if (!loads.markAccessed()) return false;
      const stack = StackCursor.current(state, access);
      if (!stack.pushAll(frame, size, external)) return false;
      state.setReg32(4, stack.pointer);
      loads.install(CS, (gate.selector & ~3) | state.cpl);
    }
    state.eip = gate.offset;
    const interruptGate = type === SYSTEM_TYPE.interruptGate16 || type === SYSTEM_TYPE.interruptGate32;
    state.setFlag(FLAG.TF | FLAG.NT | FLAG.RF | FLAG.VM | (interruptGate ? FLAG.IF : 0), false);
    return true;
  }

  private throughTaskGate(event: Event, selector: number, savedOffset: number): boolean {
    if (!this.transfers.fetchTask(selector, VECTOR.generalProtection, false)) return false;
    const errorCode = hasErrorCode(event) ? event.errorCode : undefined;
    return this.tasks.switchTo(selector, 'event', savedOffset, { errorCode, savedFlags: restartFlag(event) });
  }
}

const IDT_GATES =
  (1 << SYSTEM_TYPE.taskGate) |
  (1 << SYSTEM_TYPE.interruptGate16) |
  (1 << SYSTEM_TYPE.trapGate16) |
  (1 << SYSTEM_TYPE.interruptGate32) |
  (1 << SYSTEM_TYPE.trapGate32);

/** What is set in the EFLAGS that an event saves: a fault's instruction is restarted without its breakpoint (SDM vol. 3, 18.3.1.1). */
const restartFlag = (event: Event): number => (event.kind === 'fault' && event.vector !== VECTOR.debug ? FLAG.RF : 0);

function hasErrorCode(event: Event): boolean {
  return (event.kind === 'fault' || event.kind === 'trap') && pushesErrorCode(event.vector) && event.errorCode !== NO_ERROR_CODE;
}

/** VMX's type of an event (interruption-information bits 10:8). */
export function eventType(event: Event): number {
  if (event.kind === 'external') return event.vector === VECTOR.nmi ? EVENT_TYPE.nmi : EVENT_TYPE.external;
  if (event.kind === 'software') return EVENT_TYPE.softwareInterrupt;
  return EVENT_TYPE.hardwareException;
}
