/**
 * A stack that something is about to be pushed on: the current one, or the one of an inner privilege level that is not
 * loaded into SS yet. Everything is checked before anything is written.
 */
import type { MemoryAccess } from './access';
import type { CpuState } from './cpu-state';
import { isWideStack, segmentAllows } from './segmentation';
import { SEGMENT_INDEX, STOP } from './state-layout';
import { VECTOR } from './vectors';

/** Has the current instruction (or delivery) stopped with a fault or an exit? Other values of `stop` let it go on. */
export const failed = (state: CpuState): boolean => state.stop === STOP.fault || state.stop === STOP.exit;

export class StackCursor {
  /**
   * @param pointer ESP; only its low 16 bits move on a 16-bit stack
   * @param user write with user rights (the stack belongs to CPL 3)
   */
  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly base: number,
    private readonly limit: number,
    private readonly attributes: number,
    public pointer: number,
    private readonly user: boolean,
  ) {}

  /** The stack that SS:ESP names. */
  static current(state: CpuState, access: MemoryAccess): StackCursor {
    const ss = SEGMENT_INDEX.SS;
    return new StackCursor(
      state,
      access,
      state.segmentBase(ss),
      state.segmentLimit(ss),
      state.segmentAttributes(ss),
      state.reg32(4),
      state.cpl === 3,
    );
  }

  private get mask(): number {
    return isWideStack(this.attributes) ? 0xffff_ffff : 0xffff;
  }

  /**
   * Pushes values of `size` bytes, the first one first; all or none. No room: #SS with `errorCode`. The pointer in the state
   * is not changed: take it from `pointer` when everything else has worked out.
   */
  pushAll(values: readonly number[], size: 2 | 4, errorCode: number): boolean {
    const mask = this.mask;
    let offset = this.pointer;
    const offsets: number[] = [];
    for (let index = 0; index < values.length; index++) {
      offset = ((offset - size) & mask) >>> 0;
      if (!segmentAllows(this.attributes, this.limit, offset, size, true, !this.state.protectedMode)) {
        return this.state.raise(VECTOR.stackFault, errorCode);
      }
      if (!this.access.prepareLinear((this.base + offset) >>> 0, size, this.user)) return false;
      offsets.push(offset);
    }
    for (let index = 0; index < values.length; index++) {
      this.access.storeLinear((this.base + offsets[index]!) >>> 0, size, values[index]!, this.user);
      if (failed(this.state)) return false;
    }
    this.pointer = ((this.pointer & ~mask) | offset) >>> 0;
    return true;
  }
}

/** ESP moved by `bytes` (negative: a push), within 16 bits on a 16-bit stack. */
export function movedStackPointer(state: CpuState, bytes: number): number {
  const esp = state.reg32(4);
  const mask = isWideStack(state.segmentAttributes(SEGMENT_INDEX.SS)) ? 0xffff_ffff : 0xffff;
  return ((esp & ~mask) | ((esp + bytes) & mask)) >>> 0;
}

/** Reads `size` bytes at SS:ESP + `distance`; check `failed` afterwards. */
export function peekStack(state: CpuState, access: MemoryAccess, distance: number, size: 2 | 4): number {
  const wide = isWideStack(state.segmentAttributes(SEGMENT_INDEX.SS));
  const pointer = movedStackPointer(state, distance);
  return access.load(SEGMENT_INDEX.SS, wide ? pointer : pointer & 0xffff, size);
}

/**
 * Reads the `count` values on top of the stack, the topmost first; all must lie within the stack's limit before any is read (SDM
 * vol. 2, RET and IRET). Undefined when one faults.
 */
export function peekAll(state: CpuState, access: MemoryAccess, count: number, size: 2 | 4): number[] | undefined {
  const mask = isWideStack(state.segmentAttributes(SEGMENT_INDEX.SS)) ? 0xffff_ffff : 0xffff;
  for (let index = 0; index < count; index++) {
    if (!access.checkRead(SEGMENT_INDEX.SS, (movedStackPointer(state, index * size) & mask) >>> 0, size)) return undefined;
  }
  const values: number[] = [];
  for (let index = 0; index < count; index++) {
    values.push(peekStack(state, access, index * size, size));
    if (failed(state)) return undefined;
  }
  return values;
}
