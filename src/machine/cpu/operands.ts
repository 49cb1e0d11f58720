/**
 * Instructions with several accesses to memory or with a segment load behind one, which every tier asks the system side for as a
 * whole: nothing is changed before the last thing that can fault.
 */
import type { MemoryAccess } from './access';
import type { CpuState } from './cpu-state';
import { FLAG } from './flags';
import type { OperandSize, SegmentIndex } from './runtime';
import type { SegmentLoads } from './segment-loads';
import { ATTRIBUTE, isWritableData } from './segmentation';
import { failed } from './stack';
import { SEGMENT_INDEX } from './state-layout';
import { VECTOR } from './vectors';

const { SS } = SEGMENT_INDEX;
const EAX = 0;
const ECX = 1;
const EDX = 2;
const EBX = 3;
const ESP = 4;
/** what a load of SS holds back until the next instruction is over */
const SHADOW_OF_MOV_SS = 2;

export class MemoryOperands {
  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly loads: SegmentLoads,
  ) {}

  /** CMPXCHG8B. The second half of its operand does not wrap around as an address of its own would. */
  compareExchange8(segment: SegmentIndex, offset: number): boolean {
    const { state, access } = this;
    if (!access.prepareStore(segment, offset, 8)) return false;
    const upper = (offset + 4) >>> 0;
    const low = access.load(segment, offset, 4);
    if (failed(state)) return false;
    const high = access.load(segment, upper, 4);
    if (failed(state)) return false;
    const same = low === state.reg32(EAX) && high === state.reg32(EDX);
    access.store(segment, offset, 4, same ? state.reg32(EBX) : low);
    if (failed(state)) return false;
    access.store(segment, upper, 4, same ? state.reg32(ECX) : high);
    if (failed(state)) return false;
    state.setFlag(FLAG.ZF, same);
    if (same) return true;
    state.setReg32(EAX, low);
    state.setReg32(EDX, high);
    return true;
  }

  popSegment(segment: SegmentIndex, operandSize: OperandSize): boolean {
    const { state } = this;
    const wide = (state.segmentAttributes(SS) & ATTRIBUTE.big) !== 0;
    const esp = state.reg32(ESP);
    const selector = this.access.load(SS, wide ? esp : esp & 0xffff, 2);
    if (failed(state) || !this.loads.loadSegment(segment, selector)) return false;
    if (wide) state.setReg32(ESP, esp + operandSize);
    else state.setReg16(ESP, esp + operandSize);
    if (segment === SS) state.interruptShadow |= SHADOW_OF_MOV_SS;
    return true;
  }

  /** LDS and its like, `pointer` by packFarPointer. */
  loadFarPointer(pointer: number, offset: number, selectorOffset: number): boolean {
    const { state } = this;
    const from = ((pointer >> 4) & 15) as SegmentIndex;
    const register = (pointer >> 8) & 15;
    const size = (pointer >> 12) as OperandSize;
    const value = this.access.load(from, offset, size);
    if (failed(state)) return false;
    const selector = this.access.load(from, selectorOffset, 2);
    if (failed(state) || !this.loads.loadSegment((pointer & 15) as SegmentIndex, selector)) return false;
    if (size === 4) state.setReg32(register, value);
    else state.setReg16(register, value);
    return true;
  }

  /** ARPL where the segment is not writable (runtime.ts). */
  adjustReadOnly(segment: SegmentIndex, offset: number, privilege: number): boolean {
    const { state } = this;
    if (isWritableData(state.segmentAttributes(segment))) return true;
    const word = this.access.load(segment, offset, 2);
    if (failed(state)) return false;
    if ((word & 3) < (privilege & 3)) return state.raise(VECTOR.generalProtection, 0);
    state.setFlag(FLAG.ZF, false);
    return false;
  }
}
