/**
 * The system side of one processor put together: what the instruction side calls (runtime.ts), the TLB, events and guest
 * mode, over one state.
 */
import { hostPhysical } from '../address';
import type { HostPhysicalAddress } from '../address';
import type { FrameStore } from '../memory/frame-store';
import type { MemoryObserver, PhysicalMemory } from '../memory/physical-memory';
import { MemoryAccess } from './access';
import type { AddressSpaces } from './address-spaces';
import { ControlRegisters } from './control';
import type { SystemPart } from './control';
import { wordOf } from './cpu-state';
import type { CpuState } from './cpu-state';
import { DR6, DR7, DebugRegisters } from './debug';
import { EPT_ACCESS, EptWalk, walkEpt, EPT_OUTCOME } from './ept';
import { Events } from './events';
import type { VmExit } from './exit';
import { FLAG } from './flags';
import { enterSystem, exitSystem } from './fast-system-calls';
import { LEVEL, modelOf } from './instruction-set';
import { MachineCheck } from './machine-check';
import { MemoryOperands } from './operands';
import { WALK, PageWalk } from './paging';
import { CR0, onAddressLines, type PagingContext } from './paging-registers';
import { PortAccess } from './ports';
import type { CpuPorts, OperandSize, SegmentIndex, SystemInstructions } from './runtime';
import { SegmentLoads } from './segment-loads';
import { STATE, STOP } from './state-layout';
import { LiveTables } from './table-memory';
import { Tasks } from './tasks';
import { TestRegisters } from './test-registers';
import { Tlb } from './tlb';
import { FarTransfers } from './transfers';
import { Virtualization } from './virtualization';
import type { GuestRunner } from './virtualization';

const DEBUG_PENDING = wordOf('debugPending');

/** The registers a translation depends on, read from the running state each time. */
class LiveContext implements PagingContext {
  eptPointer = -1;
  readonly pdpte: Uint32Array;
  private readonly eferWord = STATE.efer.offset >> 2;
  private readonly a20Word = STATE.a20Masked.offset >> 2;

  constructor(
    private readonly state: CpuState,
    readonly physicalAddressBits: number,
  ) {
    const first = STATE.pdpte.offset >> 2;
    this.pdpte = state.u32.subarray(first, first + 8);
  }
  get cr0(): number {
    return this.state.cr0;
  }
  get cr3(): number {
    return this.state.cr3;
  }
  get cr4(): number {
    return this.state.cr4;
  }
  get a20Masked(): boolean {
    return this.state.u32[this.a20Word] !== 0;
  }
  get efer(): number {
    return this.state.u32[this.eferWord]!;
  }
}

export interface SystemOptions {
  state: CpuState;
  frames: FrameStore;
  memory: PhysicalMemory;
  ports: CpuPorts;
  part: SystemPart;
}

export class ProcessorSystem implements SystemInstructions {
  readonly access: MemoryAccess;
  readonly tlb: Tlb;
  readonly events: Events;
  readonly debug: DebugRegisters;
  readonly virtualization: Virtualization;
  readonly machineCheck: MachineCheck;
  readonly part: SystemPart;

  private readonly state: CpuState;
  private readonly tables: LiveTables;
  private readonly loads: SegmentLoads;
  private readonly operands: MemoryOperands;
  private readonly transfers: FarTransfers;
  private readonly control: ControlRegisters;
  private readonly portAccess: PortAccess;
  private readonly testRegisters: TestRegisters;

  constructor({ state, frames, memory, ports, part }: SystemOptions) {
    this.state = state;
    this.part = part;
    const model = modelOf(part.instructionSet);
    state.flagsMask = model.flags;
    state.fixedFlags = model.fixedFlags;
    const tables = (this.tables = new LiveTables(memory, frames));
    const context = new LiveContext(state, part.physicalAddressBits);
    const tlb = new Tlb(frames, state, part.tlb);
    const virtualization = new Virtualization(state, memory, tlb, context, part.physicalAddressBits);
    const debug = new DebugRegisters(state, tlb);
    const access = new MemoryAccess(state, frames, memory, tables, tlb, context, virtualization, debug, model.level === LEVEL.i8086);
    const loads = new SegmentLoads(state, access);
    const tasks = new Tasks(state, access, loads, context, {
      loadPageTables: (cr3) => this.control.loadPageTables(cr3),
      deliverInNewTask: () => void this.events.deliverFault(),
      beginDebugging: (trap) => {
        state.setDr(7, state.dr(7) & ~DR7.localEnables);
        debug.refresh();
        if (trap) debug.note(DR6.BT);
      },
    });
    const transfers = new FarTransfers(state, access, loads, tasks);
    const machineCheck = (this.machineCheck = new MachineCheck(state, model));
    const events = new Events(state, access, loads, transfers, tasks, ports.interrupts, virtualization, machineCheck, model);
    virtualization.connect({ events, access });
    // what else a device may want (an event, the end of the run) it says itself
    access.afterDevice = () => {
      if (!events.isQuiet) state.requestEndSlice();
    };

    const ept = new EptWalk();
    const walk = new PageWalk();
    const readGuestPhysical = (address: number): number => {
      if (context.eptPointer < 0) return tables.read32(onAddressLines(context, address));
      if (walkEpt(tables, context.eptPointer, address, EPT_ACCESS.read, part.physicalAddressBits, true, ept))
        return tables.read32(ept.hostPhysical);
      walk.outcome = ept.outcome === EPT_OUTCOME.violation ? WALK.eptViolation : WALK.eptMisconfiguration;
      walk.guestPhysical = address;
      walk.qualification = ept.qualification;
      virtualization.leaveForEpt(walk, 0, undefined);
      return 0;
    };

    this.tlb = tlb;
    this.testRegisters = new TestRegisters(state, tlb);
    this.access = access;
    this.debug = debug;
    this.events = events;
    this.virtualization = virtualization;
    this.loads = loads;
    this.operands = new MemoryOperands(state, access, loads);
    this.transfers = transfers;
    this.control = new ControlRegisters(state, access, tlb, context, part, virtualization, debug, machineCheck, readGuestPhysical);
    this.portAccess = new PortAccess(state, access, ports, virtualization, debug);

    frames.onRelocate(() => tlb.dropAllFast());
    frames.onCodeWatch(() => tlb.dropAllFast());
    this.access.contextChanged();
  }

  /** Who is told of every access to memory, the walks included; see MemoryAccess.observer. */
  set observer(observer: MemoryObserver | undefined) {
    this.access.observer = this.access.describer = this.tables.observer = observer;
    this.tlb.clearFast();
    this.tlb.forgetDescriptions();
  }

  /** Tells the observer that there is, or lets it be for a while. */
  set isObserved(on: boolean) {
    this.access.observer = this.tables.observer = on ? this.access.describer : undefined;
    // pages have been filled meanwhile that nobody has described
    if (on) this.tlb.forgetDescriptions();
  }

  /** the page-table roots that were loaded, for views */
  get addressSpaces(): AddressSpaces {
    return this.control.addressSpaces;
  }

  /** After RESET: an empty TLB, no guest. The state itself is the instruction side's to reset. */
  reset(): void {
    this.tlb.reset();
    this.access.contextChanged();
  }

  /** After the state's bytes were replaced (a snapshot) or changed from outside (firmware, a debugger): nothing derived from them is kept. */
  stateReplaced(): void {
    this.tlb.clearFast();
    this.access.contextChanged();
  }

  /** Runs a guest; see Virtualization.enter. `run` is the instruction side. */
  enter(controlBlock: HostPhysicalAddress, budget: number, run: GuestRunner): VmExit {
    return this.virtualization.enter(hostPhysical(controlBlock), budget, run);
  }

  /** Delivers the fault that the state holds. */
  deliverFault(): void {
    this.events.deliverFault();
  }

  /** A fault or an INT n has been delivered by compiled code. */
  delivered(vector: number, software: boolean, errorCode: number, cr2: number): void {
    this.events.delivered(vector, software, errorCode, cr2);
  }

  /**
   * Can the next instruction follow at once? Not when something has stopped, a trap is due, an interrupt waits, or what accesses
   * are checked for has changed. RF is left out.
   */
  get isQuiet(): boolean {
    const { state } = this;
    if (state.stop !== STOP.none || state.flag(FLAG.TF) || this.debug.armed || state.u32[DEBUG_PENDING] !== 0) return false;
    return this.access.checksAlignment === this.wantsAlignment && this.events.isQuiet;
  }

  /** Are the program's accesses to be checked for alignment from here on (SDM vol. 3, 6.15, interrupt 17)? */
  get wantsAlignment(): boolean {
    const { state } = this;
    return (state.cr0 & CR0.AM) !== 0 && state.flag(FLAG.AC) && state.cpl === 3;
  }

  loadSegment(segment: SegmentIndex, selector: number): boolean {
    return this.loads.loadSegment(segment, selector);
  }
  jumpFar(selector: number, offset: number, operandSize: OperandSize): boolean {
    return this.transfers.jumpFar(selector, offset, operandSize);
  }
  callFar(selector: number, offset: number, operandSize: OperandSize): boolean {
    return this.transfers.callFar(selector, offset, operandSize);
  }
  returnFar(operandSize: OperandSize, popBytes: number): boolean {
    return this.transfers.returnFar(operandSize, popBytes);
  }
  returnFromInterrupt(operandSize: OperandSize): boolean {
    return this.transfers.returnFromInterrupt(operandSize);
  }
  softwareInterrupt(vector: number, nextOffset: number, checksGate?: boolean): boolean {
    return this.events.softwareInterrupt(vector, nextOffset, checksGate);
  }
  loadDescriptorTable(table: 'gdtr' | 'idtr', base: number, limit: number): boolean {
    return this.control.loadDescriptorTable(table, base, limit);
  }
  loadLdtr(selector: number): boolean {
    return this.control.requirePrivilege() && this.loads.loadLdtr(selector);
  }
  loadTr(selector: number): boolean {
    return this.control.requirePrivilege() && this.loads.loadTr(selector);
  }
  readControl(index: number): number {
    return this.control.readControl(index);
  }
  writeControl(index: number, value: number): boolean {
    return this.control.writeControl(index, value);
  }
  readTest(index: number): number {
    return this.control.requirePrivilege() ? this.testRegisters.read(index) : 0;
  }
  writeTest(index: number, value: number): boolean {
    if (!this.control.requirePrivilege()) return false;
    this.testRegisters.write(index, value);
    return true;
  }
  readDebug(index: number): number {
    return this.control.readDebug(index);
  }
  writeDebug(index: number, value: number): boolean {
    return this.control.writeDebug(index, value);
  }
  invalidatePage(linear: number): boolean {
    return this.control.invalidatePage(linear);
  }
  compareExchange8(segment: SegmentIndex, offset: number): boolean {
    return this.operands.compareExchange8(segment, offset);
  }
  popSegment(segment: SegmentIndex, operandSize: OperandSize): boolean {
    return this.operands.popSegment(segment, operandSize);
  }
  loadFarPointer(pointer: number, offset: number, selectorOffset: number): boolean {
    return this.operands.loadFarPointer(pointer, offset, selectorOffset);
  }
  adjustReadOnly(segment: SegmentIndex, offset: number, privilege: number): boolean {
    return this.operands.adjustReadOnly(segment, offset, privilege);
  }
  readMsr(): boolean {
    return this.control.readMsr();
  }
  writeMsr(): boolean {
    return this.control.writeMsr();
  }
  cpuid(): boolean {
    return this.control.cpuid();
  }
  readTimestamp(): number {
    return this.control.readTimestamp();
  }
  timestampHigh(): number {
    return this.control.timestampHigh;
  }
  accessRights(selector: number): number {
    return this.loads.accessRights(selector);
  }
  segmentLimit(selector: number): number {
    return this.loads.segmentLimit(selector);
  }
  verify(selector: number, forWrite: boolean): boolean {
    return this.loads.verify(selector, forWrite);
  }
  writeFlags(value: number, operandSize: OperandSize): boolean {
    return this.control.writeFlags(value, operandSize);
  }
  setInterruptFlag(value: boolean): boolean {
    return this.control.setInterruptFlag(value);
  }
  enterSystem(): boolean {
    return enterSystem(this.state);
  }
  exitSystem(): boolean {
    return exitSystem(this.state);
  }
  callHypervisor(): boolean {
    return this.control.callHypervisor();
  }
  halt(): boolean {
    return this.control.halt();
  }
  checkPort(port: number, size: OperandSize): boolean {
    return this.portAccess.allowed(port, size);
  }
  portIn(port: number, size: OperandSize): number {
    return this.portAccess.portIn(port, size);
  }
  portOut(port: number, size: OperandSize, value: number): void {
    this.portAccess.portOut(port, size, value);
  }
  portInString(port: number, size: OperandSize, offset: number): void {
    this.portAccess.inString(port, size, offset);
  }
  portOutString(port: number, size: OperandSize, segment: SegmentIndex, offset: number): void {
    this.portAccess.outString(port, size, segment, offset);
  }
  requirePrivilege(): boolean {
    return this.control.requirePrivilege();
  }
}
