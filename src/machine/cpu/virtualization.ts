/**
 * Guest mode, in the manner of VMX with EPT, VPID and unrestricted guest (SDM vol. 3, ch. 24-28). `enter` loads a guest from
 * its control block, runs it until something makes it leave, and saves it again. It knows EPT and exits; who handles them it
 * does not know. What differs from VMX: an event whose delivery was cut short by an exit is put back for injection by the
 * processor itself; and an access that the VMM emulates is answered with a completion, whereupon the instruction is executed
 * again from its start.
 */
import type { HostPhysicalAddress } from '../address';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { MemoryAccess } from './access';
import { CONTROL, ControlBlock, EVENT_TYPE, MAX_COMPLETIONS } from './control-block';
import type { EntryFields } from './control-block';
import { NO_ERROR_CODE } from './cpu-state';
import type { CpuState } from './cpu-state';
import { checkGuestState, checkHeader } from './entry-checks';
import { eventType } from './events';
import type { Event, Events } from './events';
import type { VmExit } from './exit';
import type { ExitReason } from './exit-reasons';
import { MACHINE_CHECK_WORDS } from './machine-check';
import { WALK, type PageWalk } from './paging';
import type { PagingContext } from './paging-registers';
import { STATE, STATE_SIZE, STOP, VIRTUALIZATION } from './state-layout';
import type { FieldName } from './state-layout';
import type { Tlb } from './tlb';
import { LEAVES } from './tlb-layout';
import { VECTOR } from './vectors';

/** Runs the instruction side for at most so many instructions; returns how many completed. `stop` is `exit` when it left. */
export type GuestRunner = (maxInstructions: number) => { executed: number; goOn: boolean };

/** The EPT pointer that walks use; -1 outside a guest. Shared with the paging context. */
export interface EptSelection {
  eptPointer: number;
}

const word = (field: FieldName): number => STATE[field].offset >> 2;
const W = {
  vpid: word('vpid'),
  nmiPending: word('nmiPending'),
  a20Masked: word('a20Masked'),
  machineCheckPending: word('machineCheckPending'),
  eptPointer: word('eptPointer'),
  entryInterruption: word('entryInterruption'),
  entryErrorCode: word('entryErrorCode'),
  entryInstructionLength: word('entryInstructionLength'),
  completionCount: word('completionCount'),
  completionKind: word('completionKind'),
  completionSize: word('completionSize'),
  completionValue: word('completionValue'),
} as const;
/** What comes from outside, and the record of machine checks, belongs to the processor, whoever runs on it. */
const PINS = [W.nmiPending, W.a20Masked, ...MACHINE_CHECK_WORDS];
const COMPLETION_ADDRESS = STATE.completionAddress.offset >> 3;
/** Everything from here on is not architectural: neither believed from a block nor saved to one. */
const HIDDEN = STATE.lazyKind.offset;
/** Exits that an instruction causes: the exit says how long it is. */
const BY_INSTRUCTION = new Set<ExitReason>([
  'cpuid', 'hlt', 'invlpg', 'rdtsc', 'vmcall', 'cr-access', 'dr-access', 'io-instruction', 'rdmsr', 'wrmsr', 'ept-violation', 'ept-misconfiguration',
]); // prettier-ignore

export class Virtualization {
  /** CONTROL bits of the running guest; 0 outside */
  controls = 0;
  private readonly hostState = new Uint8Array(STATE_SIZE);
  /** on its way from the block or to it */
  private readonly guestState = new Uint8Array(STATE_SIZE);
  private readonly hostWords = new Uint32Array(this.hostState.buffer);
  private readonly hostDoubles = new Float64Array(this.hostState.buffer);
  private pending: VmExit | null = null;
  private interrupted: Event | null = null;
  private completionsUsed = 0;
  private entryInstructions = 0;
  private entryTicks = 0;
  private events!: Events;
  private access!: MemoryAccess;

  constructor(
    private readonly state: CpuState,
    private readonly memory: PhysicalMemory,
    private readonly tlb: Tlb,
    private readonly selection: PagingContext & EptSelection,
    private readonly physicalAddressBits: number,
  ) {}

  /** Events and memory access are made after this object, because they call it. */
  connect(parts: { events: Events; access: MemoryAccess }): void {
    this.events = parts.events;
    this.access = parts.access;
  }

  get guestRuns(): boolean {
    return this.state.virtualizationMode === VIRTUALIZATION.guest;
  }

  /** The machine's instruction count, also while a guest runs (whose own counter is in the state then). */
  get machineInstructions(): number {
    if (!this.guestRuns) return this.state.instructions;
    return this.hostDoubles[STATE.instructions.offset >> 3]! + (this.state.instructions - this.entryInstructions);
  }
  /** The machine clock, likewise. */
  get machineTicks(): number {
    if (!this.guestRuns) return this.state.ticks;
    return this.hostDoubles[STATE.ticks.offset >> 3]! + (this.state.ticks - this.entryTicks);
  }

  /**
   * Runs the guest of a control block for at most `budget` instructions (its REP iterations included). Never throws for what
   * is in the block: a damaged one gives `entry-failure-guest-state` with `detail`, and the block is left as it is except for
   * the exit fields.
   */
  enter(address: HostPhysicalAddress, budget: number, run: GuestRunner): VmExit {
    const block = new ControlBlock(this.memory, address);
    const header = block.entryFields();
    const badHeader = checkHeader(header, this.physicalAddressBits);
    if (badHeader) return this.refuse(block, badHeader);

    this.hostState.set(this.state.u8);
    this.state.u8.set(block.loadState(this.guestState));
    this.state.u8.fill(0, HIDDEN);
    const badState = checkGuestState(this.state, this.physicalAddressBits);
    if (badState) {
      this.restoreHost(0, 0);
      return this.refuse(block, badState);
    }
    this.begin(header);
    this.runGuest(block, header, budget, run);
    return this.finish(block);
  }

  private begin(header: EntryFields): void {
    const { state } = this;
    this.controls = header.controls;
    state.virtualizationMode = VIRTUALIZATION.guest;
    for (const pin of PINS) state.u32[pin] = this.hostWords[pin]!;
    state.u32[W.vpid] = header.vpid;
    const eptPointer = this.controls & CONTROL.ept ? Number(header.eptPointer) : -1;
    state.u64[W.eptPointer >> 1] = eptPointer < 0 ? 0n : header.eptPointer;
    this.selection.eptPointer = eptPointer;
    this.tlb.selectContext(header.vpid, eptPointer < 0 ? -1 : eptPointer - (eptPointer % 4096));
    this.access.contextChanged();
    this.entryInstructions = state.instructions;
    this.entryTicks = state.ticks;
    this.pending = null;
    this.interrupted = null;
    this.completionsUsed = 0;
  }

  private runGuest(block: ControlBlock, header: EntryFields, budget: number, run: GuestRunner): void {
    const { state } = this;
    this.inject(block, header);
    let left = Math.max(0, budget);
    if (this.pending === null && state.u32[W.completionCount]! > 0 && left > 0) {
      left -= run(1).executed;
      if (this.pending === null) this.dropCompletions();
    }
    while (this.pending === null && left > 0) {
      const { executed, goOn } = run(left);
      left -= executed;
      if (!goOn) break;
    }
    if (this.pending === null) this.leave('preemption-timer');
  }

  /** Delivers the event of the header, once. */
  private inject(block: ControlBlock, { interruption: information, errorCode, instructionLength: length }: EntryFields): void {
    if (information >>> 31 === 0) return;
    block.writeHeader('entryInterruption', 0);
    const vector = information & 0xff;
    const type = (information >>> 8) & 7;
    if (type === EVENT_TYPE.softwareInterrupt || type === EVENT_TYPE.softwareException) {
      const state = this.state;
      if (this.events.softwareInterrupt(vector, (state.eip + length) >>> 0)) return;
      if (state.stop === STOP.fault) this.events.deliverFault();
      else if (this.pending === null) this.leave('preemption-timer');
      return;
    }
    const kind = type !== EVENT_TYPE.hardwareException ? 'external' : vector === VECTOR.debug ? 'trap' : 'fault';
    this.events.deliver({ vector, kind, errorCode: information & 0x800 ? errorCode : NO_ERROR_CODE });
  }

  private finish(block: ControlBlock): VmExit {
    const { state } = this;
    const exit = this.pending!;
    if (BY_INSTRUCTION.has(exit.reason) && this.interrupted === null) exit.instructionLength = state.instructionLength;
    const event = this.interrupted;
    if (event) {
      const hasError = event.errorCode !== NO_ERROR_CODE;
      block.injectEvent({ vector: event.vector, type: eventType(event), ...(hasError ? { errorCode: event.errorCode } : {}) });
      exit.interruption = { information: block.readHeader('entryInterruption'), errorCode: hasError ? event.errorCode : 0 };
    }
    state.materialiseFlags();
    const instructions = state.instructions - this.entryInstructions;
    const ticks = state.ticks - this.entryTicks;
    if (!keepsCompletions(exit.reason)) this.dropCompletions();
    for (const pin of PINS) {
      this.hostWords[pin] = state.u32[pin]!;
      state.u32[pin] = 0;
    }
    this.guestState.set(state.u8.subarray(0, STATE_SIZE));
    block.saveState(this.guestState.fill(0, HIDDEN));
    block.recordExit(exit);
    this.restoreHost(instructions, ticks);
    return exit;
  }

  private restoreHost(instructions: number, ticks: number): void {
    const { state } = this;
    state.u8.set(this.hostState);
    state.clearStop();
    state.f64[STATE.instructions.offset >> 3]! += instructions;
    state.f64[STATE.ticks.offset >> 3]! += ticks;
    this.controls = 0;
    this.pending = null;
    this.interrupted = null;
    this.selection.eptPointer = -1;
    this.tlb.selectContext(0, -1);
    this.access.contextChanged();
  }

  private refuse(block: ControlBlock, detail: NonNullable<VmExit['detail']>): VmExit {
    const exit: VmExit = { ...emptyExit('entry-failure-guest-state'), detail };
    block.recordExit(exit);
    return exit;
  }

  // --- what makes a guest leave ----------------------------------------------------------------------------------------

  /** The current instruction (or the boundary before it) leaves the guest. Always false. */
  leave(reason: ExitReason, details?: Partial<VmExit>): false {
    this.pending = details === undefined ? emptyExit(reason) : { ...emptyExit(reason), ...details };
    return this.state.requestExit();
  }

  leaveForEpt(walk: PageWalk, linear: number, access: VmExit['access']): void {
    const violation = walk.outcome === WALK.eptViolation;
    this.leave(violation ? 'ept-violation' : 'ept-misconfiguration', {
      qualification: BigInt(violation ? walk.qualification : 0),
      guestPhysical: walk.guestPhysical,
      guestLinear: BigInt(linear),
      ...(access ? { access } : {}),
    });
  }

  get leaves(): number {
    const { controls } = this;
    return (
      (controls & CONTROL.pageFault ? LEAVES.pageFault : 0) |
      (controls & CONTROL.invlpg ? LEAVES.invlpg : 0) |
      (controls & CONTROL.crAccess ? LEAVES.control : 0)
    );
  }

  leavesForPageFault(linear: number, errorCode: number): boolean {
    if (!(this.controls & CONTROL.pageFault)) return false;
    this.leave('exception-or-nmi', {
      qualification: BigInt(linear),
      guestLinear: BigInt(linear),
      interruption: { information: (0x8000_0b00 | VECTOR.pageFault) >>> 0, errorCode },
    });
    return true;
  }

  leaveForTripleFault(): void {
    this.leave('triple-fault');
  }
  leaveForExternalInterrupt(): void {
    this.leave('external-interrupt');
  }
  /** An NMI belongs to the host, which has taken it by being told. */
  leaveForNmi(): void {
    this.state.u32[W.nmiPending] = 0;
    this.leave('exception-or-nmi', { interruption: { information: (0x8000_0200 | VECTOR.nmi) >>> 0, errorCode: 0 } });
  }
  leaveForMachineCheck(): void {
    this.state.u32[W.machineCheckPending] = 0;
    this.leave('exception-or-nmi', { interruption: { information: (0x8000_0300 | VECTOR.machineCheck) >>> 0, errorCode: 0 } });
  }
  get wantsInterruptWindow(): boolean {
    return (this.controls & CONTROL.interruptWindow) !== 0;
  }
  leaveForInterruptWindow(): boolean {
    if (!this.wantsInterruptWindow) return false;
    this.leave('interrupt-window');
    return true;
  }

  /** The delivery of an event was cut short by the exit that is pending: it is injected again at the next entry. */
  keepForNextEntry(event: Event): void {
    this.interrupted = event;
  }

  // --- completions -----------------------------------------------------------------------------------------------------

  takeCompletion(kind: number, address: number, size: number): number {
    const { state } = this;
    const index = this.completionsUsed;
    if (index >= Math.min(state.u32[W.completionCount]!, MAX_COMPLETIONS)) return -1;
    if (state.u32[W.completionKind + index] !== kind || state.u32[W.completionSize + index] !== size) return -1;
    if (state.f64[COMPLETION_ADDRESS + index] !== address) return -1;
    this.completionsUsed++;
    return state.u32[W.completionValue + index]!;
  }

  /** The instruction they were for has completed, or an event took its place. */
  dropCompletions(): void {
    this.state.u32[W.completionCount] = 0;
  }
}

/** Exits after which the VMM may answer an access and let the instruction run again; the answers given so far still count. */
const keepsCompletions = (reason: ExitReason): boolean =>
  reason === 'io-instruction' || reason === 'ept-violation' || reason === 'ept-misconfiguration';

const emptyExit = (reason: ExitReason): VmExit => ({
  reason,
  qualification: 0n,
  guestPhysical: 0,
  guestLinear: 0n,
  instructionLength: 0,
  interruption: { information: 0, errorCode: 0 },
});
