/**
 * Transfers between segments: far jumps, calls and returns, call gates with their stack switch, and IRET
 * (SDM vol. 3, 5.8; vol. 2, JMP, CALL, RET, IRET). Everything is checked before a register changes.
 */
import type { MemoryAccess } from './access';
import type { CpuState } from './cpu-state';
import { FLAG } from './flags';
import type { OperandSize } from './runtime';
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
  isWideStack,
  isWideSystem,
} from './segmentation';
import { isNull } from './segment-loads';
import type { FetchedDescriptor, SegmentLoads } from './segment-loads';
import { StackCursor, failed, movedStackPointer, peekAll, peekStack } from './stack';
import { SEGMENT_INDEX, STATE } from './state-layout';
import { VECTOR } from './vectors';

const { CS, SS, TR } = SEGMENT_INDEX;
const NMI_BLOCKED = STATE.nmiBlocked.offset >> 2;

/** What an event adds to its task switch. */
export interface TaskEvent {
  errorCode: number | undefined;
  /** set in the EFLAGS that the old task saves */
  savedFlags: number;
}

export type TaskSwitchReason = 'jump' | 'call' | 'return' | 'event';

/** Hardware task switching, as the transfers and events need it. */
export interface TaskSwitcher {
  /** The TSS descriptor has been fetched and checked; `nextOffset` is saved as EIP of the old task. */
  switchTo(selector: number, reason: TaskSwitchReason, nextOffset: number, event?: TaskEvent): boolean;
}

export class FarTransfers {
  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly loads: SegmentLoads,
    private readonly tasks: TaskSwitcher,
  ) {}

  private get realOrVirtual(): boolean {
    return !this.state.protectedMode || this.state.virtual8086;
  }

  /** Real and virtual-8086 mode: selector × 16. */
  private jumpUnprotected(selector: number, offset: number): boolean {
    const { state, loads } = this;
    if (offset > state.segmentLimit(CS)) return state.raise(VECTOR.generalProtection, 0);
    if (state.virtual8086 && state.protectedMode) loads.installVirtual8086(CS, selector);
    else loads.installReal(CS, selector);
    state.eip = offset;
    return true;
  }

  jumpFar(value: number, target: number, operandSize: OperandSize): boolean {
    const { state, loads } = this;
    const selector = value & 0xffff;
    const offset = operandSize === 2 ? target & 0xffff : target >>> 0;
    if (this.realOrVirtual) return this.jumpUnprotected(selector, offset);
    if (isNull(selector)) return state.raise(VECTOR.generalProtection, 0);
    if (!loads.fetch(selector, VECTOR.generalProtection)) return false;
    const attributes = loads.attributes;
    if (isCodeOrData(attributes)) {
      if (!this.checkDirectCode(selector)) return false;
      return this.enterCode(selector, offset, state.cpl);
    }
    switch (descriptorType(attributes)) {
      case SYSTEM_TYPE.callGate16:
      case SYSTEM_TYPE.callGate32: {
        const gate = this.checkGate(selector);
        if (!gate || !this.fetchGateTarget(gate.selector)) return false;
        const dpl = descriptorDpl(loads.attributes);
        if (!isConforming(loads.attributes) && dpl !== state.cpl) return loads.fault(VECTOR.generalProtection, gate.selector);
        if (!isPresent(loads.attributes)) return loads.fault(VECTOR.segmentNotPresent, gate.selector);
        return this.enterCode(gate.selector, gate.offset, state.cpl);
      }
      default:
        return this.transferToTask(selector, 'jump');
    }
  }

  callFar(value: number, target: number, operandSize: OperandSize): boolean {
    const { state, access, loads } = this;
    const selector = value & 0xffff;
    const size = operandSize === 2 ? 2 : 4;
    const offset = size === 2 ? target & 0xffff : target >>> 0;
    const returnOffset = state.eip;
    if (this.realOrVirtual) {
      if (offset > state.segmentLimit(CS)) return state.raise(VECTOR.generalProtection, 0);
      const stack = StackCursor.current(state, access);
      if (!stack.pushAll([state.selector(CS), returnOffset], size, 0)) return false;
      state.setReg32(4, stack.pointer);
      return this.jumpUnprotected(selector, offset);
    }
    if (isNull(selector)) return state.raise(VECTOR.generalProtection, 0);
    if (!loads.fetch(selector, VECTOR.generalProtection)) return false;
    if (isCodeOrData(loads.attributes)) {
      return this.checkDirectCode(selector) && this.callSameLevel(selector, offset, size, returnOffset);
    }
    switch (descriptorType(loads.attributes)) {
      case SYSTEM_TYPE.callGate16:
      case SYSTEM_TYPE.callGate32: {
        const gate = this.checkGate(selector);
        if (!gate || !this.fetchGateTarget(gate.selector)) return false;
        if (!isPresent(loads.attributes)) return loads.fault(VECTOR.segmentNotPresent, gate.selector);
        const gateSize = isWideSystem(gate.attributes) ? 4 : 2;
        const inner = !isConforming(loads.attributes) && descriptorDpl(loads.attributes) < state.cpl;
        if (!inner) return this.callSameLevel(gate.selector, gate.offset, gateSize, returnOffset);
        return this.callInner(gate.selector, gate.offset, gateSize, gate.parameters, returnOffset);
      }
      default:
        return this.transferToTask(selector, 'call');
    }
  }

  /** A code descriptor named directly by JMP or CALL. */
  private checkDirectCode(selector: number): boolean {
    const { state, loads } = this;
    const attributes = loads.attributes;
    const dpl = descriptorDpl(attributes);
    const allowed = isCode(attributes) && (isConforming(attributes) ? dpl <= state.cpl : (selector & 3) <= state.cpl && dpl === state.cpl);
    if (!allowed) return loads.fault(VECTOR.generalProtection, selector);
    return isPresent(attributes) || loads.fault(VECTOR.segmentNotPresent, selector);
  }

  private checkGate(selector: number): ReturnType<typeof decodeGate> | undefined {
    const { state, loads } = this;
    const dpl = descriptorDpl(loads.attributes);
    if (dpl < state.cpl || dpl < (selector & 3)) loads.fault(VECTOR.generalProtection, selector);
    else if (!isPresent(loads.attributes)) loads.fault(VECTOR.segmentNotPresent, selector);
    else return decodeGate(loads.low, loads.high);
    return undefined;
  }

  /** The code segment that a call gate names; its privilege is at most the caller's. Present is for the caller to check. */
  private fetchGateTarget(selector: number): boolean {
    const { state, loads } = this;
    if (isNull(selector)) return state.raise(VECTOR.generalProtection, 0);
    if (!loads.fetch(selector, VECTOR.generalProtection)) return false;
    if (!isCode(loads.attributes) || descriptorDpl(loads.attributes) > state.cpl) return loads.fault(VECTOR.generalProtection, selector);
    return true;
  }

  private withinCode(offset: number): boolean {
    const { limit } = decodeSegment(this.loads.low, this.loads.high);
    return offset <= limit || this.state.raise(VECTOR.generalProtection, this.loads.external);
  }

  /** Loads CS from the descriptor fetched last and goes there. */
  private enterCode(selector: number, offset: number, cpl: number): boolean {
    const { state, loads } = this;
    if (!this.withinCode(offset) || !loads.markAccessed()) return false;
    loads.install(CS, (selector & ~3) | cpl);
    state.eip = offset;
    return true;
  }

  private callSameLevel(selector: number, offset: number, size: 2 | 4, returnOffset: number): boolean {
    const { state, access, loads } = this;
    if (!this.withinCode(offset) || !loads.markAccessed()) return false;
    const stack = StackCursor.current(state, access);
    if (!stack.pushAll([state.selector(CS), returnOffset], size, 0)) return false;
    state.setReg32(4, stack.pointer);
    loads.install(CS, (selector & ~3) | state.cpl);
    state.eip = offset;
    return true;
  }

  private callInner(selector: number, offset: number, size: 2 | 4, parameters: number, returnOffset: number): boolean {
    const { state, access, loads } = this;
    if (!this.withinCode(offset)) return false;
    const code = loads.capture();
    const cpl = descriptorDpl(loads.attributes);
    const copied: number[] = [];
    for (let index = 0; index < parameters; index++) {
      copied.unshift(peekStack(state, access, index * size, size));
      if (failed(state)) return false;
    }
    const frame = [state.selector(SS), state.reg32(4), ...copied, state.selector(CS), returnOffset];
    return this.switchStack(code, selector, cpl, frame, size) && this.finishInner(offset);
  }

  private finishInner(offset: number): true {
    this.state.eip = offset;
    return true;
  }

  /**
   * Enters more privileged code on the stack that the TSS gives for its level, with `frame` pushed on it: loads SS, ESP and CS.
   * Used by call gates and by interrupts. EIP is the caller's to set.
   */
  switchStack(code: FetchedDescriptor, selector: number, cpl: number, frame: readonly number[], size: 2 | 4): boolean {
    const { state, access, loads } = this;
    const wide = isWideSystem(state.segmentAttributes(TR));
    const at = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
    if (at + (wide ? 7 : 3) > state.segmentLimit(TR)) return loads.fault(VECTOR.invalidTss, state.selector(TR));
    const base = state.segmentBase(TR);
    const pointer = access.loadSystem((base + at) >>> 0, wide ? 4 : 2);
    if (failed(state)) return false;
    const stackSelector = access.loadSystem((base + at + (wide ? 4 : 2)) >>> 0, 2);
    if (failed(state)) return false;
    if (!loads.fetchStack(stackSelector, cpl, VECTOR.invalidTss) || !loads.markAccessed()) return false;
    const stackDescriptor = loads.capture();
    const { base: stackBase, limit, attributes } = decodeSegment(loads.low, loads.high);
    const stack = new StackCursor(state, access, stackBase, limit, attributes, pointer, cpl === 3);
    loads.use(code);
    if (!loads.markAccessed()) return false;
    const codeNow = loads.capture();
    if (!stack.pushAll(frame, size, (stackSelector & 0xfffc) | loads.external)) return false;
    loads.use(stackDescriptor);
    loads.install(SS, stackSelector);
    loads.use(codeNow);
    loads.install(CS, (selector & ~3) | cpl);
    state.setReg32(4, stack.pointer);
    return true;
  }

  /** JMP or CALL to a TSS or through a task gate; the descriptor has been fetched. */
  private transferToTask(selector: number, reason: 'jump' | 'call'): boolean {
    const { state, loads } = this;
    const type = descriptorType(loads.attributes);
    const dpl = descriptorDpl(loads.attributes);
    const isGate = type === SYSTEM_TYPE.taskGate;
    const isTask = isGate || type === SYSTEM_TYPE.availableTss16 || type === SYSTEM_TYPE.availableTss32;
    // a TSS lies in the GDT, a task gate may lie in the LDT (SDM vol. 3, 7.2.2)
    if (!isTask || (!isGate && (selector & 4) !== 0) || dpl < state.cpl || dpl < (selector & 3))
      return loads.fault(VECTOR.generalProtection, selector);
    if (!isPresent(loads.attributes)) return loads.fault(VECTOR.segmentNotPresent, selector);
    let task = selector;
    if (isGate) {
      task = loads.low >>> 16;
      if (!this.fetchTask(task, VECTOR.generalProtection, false)) return false;
    }
    return this.tasks.switchTo(task, reason, state.eip);
  }

  /** Fetches a TSS descriptor that a task gate or a back link names; it must lie in the GDT and be available (or busy). */
  fetchTask(selector: number, vector: number, busy: boolean): boolean {
    const { loads } = this;
    if (selector & 4) return loads.fault(vector, selector);
    if (!loads.fetch(selector, vector)) return false;
    const type = descriptorType(loads.attributes);
    const wanted = busy ? [SYSTEM_TYPE.busyTss16, SYSTEM_TYPE.busyTss32] : [SYSTEM_TYPE.availableTss16, SYSTEM_TYPE.availableTss32];
    if (isCodeOrData(loads.attributes) || !(wanted as number[]).includes(type)) return loads.fault(vector, selector);
    return isPresent(loads.attributes) || loads.fault(VECTOR.segmentNotPresent, selector);
  }

  returnFar(operandSize: OperandSize, popBytes: number): boolean {
    const { state, access } = this;
    const size = operandSize === 2 ? 2 : 4;
    const popped = peekAll(state, access, 2, size);
    if (popped === undefined) return false;
    const [offset, selector] = [popped[0]!, popped[1]! & 0xffff];
    if (this.realOrVirtual) {
      if (!this.jumpUnprotected(selector, offset)) return false;
      state.setReg32(4, movedStackPointer(state, 2 * size + popBytes));
      return true;
    }
    return this.returnProtected(selector, offset, 2 * size, popBytes, size, VECTOR.stackFault);
  }

  /**
   * The common part of RET and IRET in protected mode: CS and, to an outer level, SS:ESP that lie above `taken` bytes of
   * stack. `popBytes` are released on both stacks. A stack that is not present is #SS for RET, #NP for IRET.
   */
  private returnProtected(
    selector: number,
    offset: number,
    taken: number,
    popBytes: number,
    size: 2 | 4,
    stackNotPresent: number,
  ): boolean {
    const { state, access, loads } = this;
    if (isNull(selector)) return state.raise(VECTOR.generalProtection, 0);
    if (!loads.fetch(selector, VECTOR.generalProtection)) return false;
    const level = selector & 3;
    const dpl = descriptorDpl(loads.attributes);
    const allowed = isCode(loads.attributes) && level >= state.cpl && (isConforming(loads.attributes) ? dpl <= level : dpl === level);
    if (!allowed) return loads.fault(VECTOR.generalProtection, selector);
    if (!isPresent(loads.attributes)) return loads.fault(VECTOR.segmentNotPresent, selector);
    if (level === state.cpl) {
      if (!this.withinCode(offset) || !loads.markAccessed()) return false;
      loads.install(CS, selector);
      state.setReg32(4, movedStackPointer(state, taken + popBytes));
      state.eip = offset;
      return true;
    }
    const code = loads.capture();
    const pointer = peekStack(state, access, taken + popBytes, size);
    if (failed(state)) return false;
    const stackSelector = peekStack(state, access, taken + popBytes + size, size) & 0xffff;
    if (failed(state)) return false;
    if (!loads.fetchStack(stackSelector, level, VECTOR.generalProtection, stackNotPresent)) return false;
    const stack = loads.capture();
    loads.use(code);
    if (!this.withinCode(offset) || !loads.markAccessed()) return false;
    const codeNow = loads.capture();
    loads.use(stack);
    if (!loads.markAccessed()) return false;
    loads.install(SS, stackSelector);
    loads.use(codeNow);
    loads.install(CS, selector);
    const old = state.reg32(4);
    const wide = isWideStack(state.segmentAttributes(SS));
    const moved = pointer + popBytes;
    state.setReg32(4, wide ? moved >>> 0 : ((old & 0xffff_0000) | (moved & 0xffff)) >>> 0);
    state.eip = offset;
    loads.dropInaccessible(level);
    return true;
  }

  returnFromInterrupt(operandSize: OperandSize): boolean {
    const { state, access } = this;
    const size = operandSize === 2 ? 2 : 4;
    const isProtected = !this.realOrVirtual;
    if (state.protectedMode && state.virtual8086 && state.iopl < 3) return state.raise(VECTOR.generalProtection, 0);
    if (isProtected && state.flag(FLAG.NT)) return this.returnFromTask();
    const popped = peekAll(state, access, 3, size);
    if (popped === undefined) return false;
    const [offset, selector, flags] = popped as [number, number, number];
    if (!isProtected) {
      if (!this.jumpUnprotected(selector & 0xffff, offset)) return false;
      state.setReg32(4, movedStackPointer(state, 3 * size));
      const kept = state.virtual8086 ? FLAG.IOPL : 0;
      this.setFlags(flags, size, (size === 2 ? 0x7fd5 : 0x0025_7fd5) & ~kept);
      state.u32[NMI_BLOCKED] = 0;
      return true;
    }
    const cpl = state.cpl;
    if (size === 4 && flags & FLAG.VM && cpl === 0) return this.returnToVirtual8086(offset, selector & 0xffff, flags);
    let changeable: number =
      FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.TF | FLAG.DF | FLAG.OF | FLAG.NT | FLAG.RF | FLAG.AC | FLAG.ID;
    if (cpl <= state.iopl) changeable |= FLAG.IF;
    if (cpl === 0) changeable |= FLAG.IOPL | FLAG.VIF | FLAG.VIP;
    if (!this.returnProtected(selector & 0xffff, offset, 3 * size, 0, size, VECTOR.segmentNotPresent)) return false;
    this.setFlags(flags, size, size === 2 ? changeable & 0xffff : changeable);
    state.u32[NMI_BLOCKED] = 0;
    return true;
  }

  private setFlags(value: number, size: 2 | 4, changeable: number): void {
    const mask = size === 2 ? changeable & 0xffff : changeable;
    this.state.eflags = ((this.state.eflags & ~mask) | (value & mask)) >>> 0;
  }

  private returnToVirtual8086(offset: number, selector: number, flags: number): boolean {
    const { state, access, loads } = this;
    const values: number[] = [];
    for (let index = 3; index < 9; index++) {
      values.push(peekStack(state, access, index * 4, 4));
      if (failed(state)) return false;
    }
    if (offset > 0xffff) return state.raise(VECTOR.generalProtection, 0);
    const [pointer, ss, es, ds, fs, gs] = values as [number, number, number, number, number, number];
    state.eflags = flags;
    state.eip = offset;
    loads.installVirtual8086(CS, selector);
    loads.installVirtual8086(SS, ss & 0xffff);
    loads.installVirtual8086(SEGMENT_INDEX.ES, es & 0xffff);
    loads.installVirtual8086(SEGMENT_INDEX.DS, ds & 0xffff);
    loads.installVirtual8086(SEGMENT_INDEX.FS, fs & 0xffff);
    loads.installVirtual8086(SEGMENT_INDEX.GS, gs & 0xffff);
    state.setReg32(4, pointer);
    state.u32[NMI_BLOCKED] = 0;
    return true;
  }

  private returnFromTask(): boolean {
    const { state, access } = this;
    const link = access.loadSystem(state.segmentBase(TR), 2);
    if (failed(state)) return false;
    if (!this.fetchTask(link, VECTOR.invalidTss, true)) return false;
    if (!this.tasks.switchTo(link, 'return', state.eip)) return false;
    state.u32[NMI_BLOCKED] = 0;
    return true;
  }
}
