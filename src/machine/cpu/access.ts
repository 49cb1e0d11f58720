/**
 * Memory as instructions see it: the segment check, then a linear address (linear-access.ts). A guest's mistake sets `stop` in
 * the state and returns 0 or false; nothing here throws for one.
 */
import type { AccessKind } from '../journey/journey';
import { CompiledAccess } from './compiled-access';
import type { SegmentRegister } from './cpu-state';
import { CHIPSET, LinearAccess, VIOLATION } from './linear-access';
import { ACCESS } from './page-rights';
import type { DataAccess, OperandSize, SegmentIndex } from './runtime';
import { segmentAllows } from './segmentation';
import {
  ATTRIBUTES,
  BASE,
  DPL_3,
  FIRST_SEGMENT,
  LIMIT,
  READ_MASK,
  READ_PLAIN,
  SEGMENT_WORDS,
  SS_ATTRIBUTES,
  WRITE_MASK,
  WRITE_PLAIN,
} from './segment-words';
import { SEGMENT_INDEX } from './state-layout';
import { VECTOR } from './vectors';

export interface LastAccess {
  /** null: the processor's own, or not known */
  through: AccessedSegment | null;
  offset: number;
  linear: number;
  size: number;
  kind: AccessKind;
  /** made with the rights of ring 3 */
  user: boolean;
  /** the TLB did not have its translation, so the tables were read */
  missed: boolean;
}

/** A segment register as it was at an access: the same instruction may have loaded it anew since (a call through a gate). */
export interface AccessedSegment {
  /** SEGMENT_INDEX */
  segment: number;
  register: SegmentRegister;
  protectedMode: boolean;
  virtual8086: boolean;
}

export class MemoryAccess extends LinearAccess implements DataAccess {
  /** When on, `lastAccess` is the last data access of the instruction, or the fetch that failed. Nothing may be compiled then. */
  recordAccess = false;
  lastAccess: LastAccess | null = null;
  /** instructions completed before the one that made it */
  private lastAccessAt = 0;

  /** what compiled code needs instead */
  readonly compiled = new CompiledAccess(this.state, this.tlb, this, (...access) => this.checkSegment(...access));

  load(segment: SegmentIndex, offset: number, size: OperandSize): number {
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & READ_MASK) !== READ_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (this.wraps && offset + size > 0x1_0000) return this.loadWrapped(segment, offset, size);
      if (!this.wraps && !this.checkSegment(segment, offset, size, false)) return 0;
    }
    const linear = (u32[words + BASE]! + offset) >>> 0;
    const user = (u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    if (this.recordAccess) return this.noted(segment, offset, linear, size, 'read', () => this.loadLinear(linear, size, user));
    return this.loadLinear(linear, size, user);
  }

  store(segment: SegmentIndex, offset: number, size: OperandSize, value: number): void {
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & WRITE_MASK) !== WRITE_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (this.wraps && offset + size > 0x1_0000) return this.storeWrapped(segment, offset, size, value);
      if (!this.wraps && !this.checkSegment(segment, offset, size, true)) return;
    }
    const linear = (u32[words + BASE]! + offset) >>> 0;
    const user = (u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    if (this.recordAccess) this.noted(segment, offset, linear, size, 'write', () => this.storeLinear(linear, size, value, user));
    else this.storeLinear(linear, size, value, user);
  }

  private note(segment: number, offset: number, linear: number, size: number, kind: AccessKind): LastAccess {
    const { state } = this;
    const user = (state.u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    const { protectedMode, virtual8086 } = state;
    const through = { segment, register: state.segment(segment), protectedMode, virtual8086 };
    this.lastAccessAt = state.instructions;
    return (this.lastAccess = { through, offset, linear, size, kind, user, missed: false });
  }

  /** Notes an access and makes it. What an instruction asks for twice (a push, what is read and written back) has missed if the first did. */
  private noted<T>(segment: number, offset: number, linear: number, size: number, kind: AccessKind, act: () => T): T {
    const { lastAccess: before, lastAccessAt } = this;
    const last = this.note(segment, offset, linear, size, kind);
    const again = before?.linear === linear && before.size === size && lastAccessAt === this.lastAccessAt;
    const { misses } = this.tlb.statistics;
    const result = act();
    last.missed = (again && before.missed) || this.tlb.statistics.misses !== misses;
    return result;
  }

  /** The 8086: the second byte of a word at offset FFFF is the segment's first. */
  private loadWrapped(segment: SegmentIndex, offset: number, size: OperandSize): number {
    let value = 0;
    for (let index = 0; index < size; index++) value |= this.load(segment, (offset + index) & 0xffff, 1) << (8 * index);
    return value;
  }
  private storeWrapped(segment: SegmentIndex, offset: number, size: OperandSize, value: number): void {
    for (let index = 0; index < size; index++) this.store(segment, (offset + index) & 0xffff, 1, (value >>> (8 * index)) & 0xff);
  }

  prepareStore(segment: SegmentIndex, offset: number, size: OperandSize | 8): boolean {
    const u32 = this.state.u32;
    const words = FIRST_SEGMENT + segment * SEGMENT_WORDS;
    if ((u32[words + ATTRIBUTES]! & WRITE_MASK) !== WRITE_PLAIN || offset > u32[words + LIMIT]! - size + 1) {
      if (this.wraps) return true;
      if (!this.checkSegment(segment, offset, size, true)) return false;
    }
    const linear = (u32[words + BASE]! + offset) >>> 0;
    const user = (u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    const prepared = this.recordAccess
      ? this.noted(segment, offset, linear, size, 'write', () => this.prepareLinear(linear, size, user))
      : this.prepareLinear(linear, size, user);
    if (!prepared || this.misaligned(linear, size, user)) return false;
    this.learnFrame();
    return true;
  }

  /** Does the segment allow a read there? Sets the fault if not. Nothing is translated. */
  checkRead(segment: SegmentIndex, offset: number, size: OperandSize): boolean {
    return this.wraps || this.checkSegment(segment, offset, size, false);
  }

  loadSystem(linear: number, size: OperandSize): number {
    return this.loadLinear(linear >>> 0, size, false);
  }

  storeSystem(linear: number, size: OperandSize, value: number): void {
    this.storeLinear(linear >>> 0, size, value, false);
  }

  fetchFrame(linear: number, continued = false): number {
    const user = (this.state.u32[SS_ATTRIBUTES]! & DPL_3) === DPL_3;
    const page = linear >>> 12;
    if (this.translates) {
      const held = continued ? -1 : this.tlb.codeFrame(page, user);
      if (held >= 0) return held;
      this.tlb.countAccesses(1);
    }
    const at = this.resolve(linear >>> 0, user ? ACCESS.user | ACCESS.execute : ACCESS.execute);
    if (at === VIOLATION) this.exits.leaveForEpt(this.walk, linear >>> 0, { kind: 'execute', size: 1, value: 0 });
    if (at < 0 && at !== CHIPSET) {
      const { CS } = SEGMENT_INDEX;
      if (this.recordAccess) this.note(CS, (linear - this.state.segmentBase(CS)) >>> 0, linear >>> 0, 1, 'execute');
      return -1;
    }
    this.learnFrame();
    const frame = Math.floor(this.host / 4096);
    if (this.translates && !continued) this.tlb.enterCodePage(page, user, frame);
    return frame;
  }

  /** The full segment check; sets the fault. */
  private checkSegment(segment: SegmentIndex, offset: number, size: OperandSize | 8, write: boolean): boolean {
    const state = this.state;
    if (segmentAllows(state.segmentAttributes(segment), state.segmentLimit(segment), offset, size, write, !state.protectedMode))
      return true;
    if (this.recordAccess) this.note(segment, offset, (state.segmentBase(segment) + offset) >>> 0, size, write ? 'write' : 'read');
    return state.raise(segment === SEGMENT_INDEX.SS ? VECTOR.stackFault : VECTOR.generalProtection, 0);
  }
}
