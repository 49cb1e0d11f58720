/**
 * Loading segment registers: descriptors are fetched from the GDT or LDT through linear addresses, checked, marked accessed
 * and put into the hidden parts (SDM vol. 3, 3.4 and ch. 5; the load's own checks are in vol. 2 under MOV, LLDT, LTR, LAR …).
 */
import type { MemoryAccess } from './access';
import type { CpuState } from './cpu-state';
import type { SegmentIndex } from './runtime';
import {
  ATTRIBUTE,
  REAL_MODE_ATTRIBUTES,
  SYSTEM_TYPE,
  VIRTUAL_8086_ATTRIBUTES,
  attributesOf,
  decodeSegment,
  descriptorDpl,
  descriptorType,
  isCode,
  isCodeOrData,
  isConforming,
  isPresent,
  isReadable,
  isWritableData,
} from './segmentation';
import { failed } from './stack';
import { SEGMENT_INDEX } from './state-layout';
import { VECTOR } from './vectors';

const TABLE_INDICATOR = 4;
/** low two bits zero and not TI: index 0 of the GDT */
export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;

/** A descriptor as it was fetched, to be put aside while another one is looked at. */
export interface FetchedDescriptor {
  readonly low: number;
  readonly high: number;
  readonly address: number;
}

export class SegmentLoads {
  /** 1 while an external event is being delivered: the EXT bit of every error code (SDM vol. 3, 6.13). */
  external = 0;
  /** the descriptor fetched last */
  low = 0;
  high = 0;
  private address = 0;

  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
  ) {}

  /** A fault whose error code names a selector. Always false. */
  fault(vector: number, selector: number): false {
    return this.state.raise(vector, (selector & 0xfffc) | this.external);
  }

  /** ATTRIBUTE bits of the descriptor fetched last. */
  get attributes(): number {
    return attributesOf(this.high);
  }

  /** Linear address of a selector's descriptor, or -1 when it lies beyond its table's limit (or there is no LDT). */
  descriptorAddress(selector: number): number {
    const state = this.state;
    const offset = selector & 0xfff8;
    if ((selector & TABLE_INDICATOR) === 0) return offset + 7 > state.gdtrLimit ? -1 : (state.gdtrBase + offset) >>> 0;
    const ldtr = SEGMENT_INDEX.LDTR;
    if (state.segmentAttributes(ldtr) & ATTRIBUTE.unusable || offset + 7 > state.segmentLimit(ldtr)) return -1;
    return (state.segmentBase(ldtr) + offset) >>> 0;
  }

  /** Fetches a descriptor into low/high. Beyond the table: `vector` with the selector; the fetch itself may page-fault. */
  fetch(selector: number, vector: number): boolean {
    const address = this.descriptorAddress(selector);
    if (address < 0) return this.fault(vector, selector);
    return this.read(address);
  }

  private read(address: number): boolean {
    this.address = address;
    this.low = this.access.loadSystem(address, 4);
    if (failed(this.state)) return false;
    this.high = this.access.loadSystem((address + 4) >>> 0, 4);
    return !failed(this.state);
  }

  capture(): FetchedDescriptor {
    return { low: this.low, high: this.high, address: this.address };
  }
  use(fetched: FetchedDescriptor): void {
    this.low = fetched.low;
    this.high = fetched.high;
    this.address = fetched.address;
  }

  /** Sets the accessed bit of the code or data descriptor fetched last, when it is clear. */
  markAccessed(): boolean {
    if (this.high & 0x100) return true;
    return this.writeType((this.high | 0x100) >>> 0);
  }

  /** Sets or clears the busy bit of the TSS descriptor fetched last. */
  markBusy(busy: boolean): boolean {
    return this.writeType((busy ? this.high | 0x200 : this.high & ~0x200) >>> 0);
  }

  private writeType(high: number): boolean {
    this.access.storeSystem((this.address + 5) >>> 0, 1, (high >>> 8) & 0xff);
    if (failed(this.state)) return false;
    this.high = high;
    return true;
  }

  /** Puts the descriptor fetched last into a segment register. */
  install(segment: number, selector: number): void {
    const { base, limit, attributes } = decodeSegment(this.low, this.high);
    this.state.setSegment(segment, selector, base, limit, attributes);
  }

  /** A null selector: the register can be loaded but not used. SS keeps its DPL, which is the CPL. */
  installNull(segment: number, selector: number): void {
    const state = this.state;
    const dpl = segment === SEGMENT_INDEX.SS ? state.segmentAttributes(segment) & 0x60 : 0;
    state.setSegment(segment, selector, 0, 0, ATTRIBUTE.unusable | dpl);
  }

  /** Real mode: the base is the selector × 16; limit and attributes stay (big real mode), except that CS becomes writable. */
  installReal(segment: number, selector: number): void {
    const state = this.state;
    const old = state.segmentAttributes(segment);
    const unusable = (old & ATTRIBUTE.unusable) !== 0;
    const attributes = unusable ? REAL_MODE_ATTRIBUTES : (old & 0xf000) | REAL_MODE_ATTRIBUTES;
    state.setSegment(segment, selector, (selector << 4) >>> 0, unusable ? 0xffff : state.segmentLimit(segment), attributes);
  }

  /** Virtual-8086 mode: everything is fixed. */
  installVirtual8086(segment: number, selector: number): void {
    this.state.setSegment(segment, selector, (selector << 4) >>> 0, 0xffff, VIRTUAL_8086_ATTRIBUTES);
  }

  /** MOV, POP, LDS … to ES, SS, DS, FS or GS. */
  loadSegment(segment: SegmentIndex, value: number): boolean {
    const state = this.state;
    const selector = value & 0xffff;
    if (!state.protectedMode) this.installReal(segment, selector);
    else if (state.virtual8086) this.installVirtual8086(segment, selector);
    else
      return segment === SEGMENT_INDEX.SS
        ? this.loadStack(selector, state.cpl, VECTOR.generalProtection)
        : this.loadData(segment, selector);
    return true;
  }

  /**
   * Fetches and checks a stack segment for privilege `cpl`, without installing it. `vector` is #GP, or #TS when the selector
   * comes from a TSS. One that is not present is #SS, except for IRET, where it is #NP.
   */
  fetchStack(selector: number, cpl: number, vector: number, notPresent: number = VECTOR.stackFault): boolean {
    if (isNull(selector)) return this.state.raise(vector, this.external);
    if (!this.fetch(selector, vector)) return false;
    const attributes = this.attributes;
    if ((selector & 3) !== cpl || !isWritableData(attributes) || descriptorDpl(attributes) !== cpl) return this.fault(vector, selector);
    if (!isPresent(attributes)) return this.fault(notPresent, selector);
    return true;
  }

  private loadStack(selector: number, cpl: number, vector: number): boolean {
    if (!this.fetchStack(selector, cpl, vector) || !this.markAccessed()) return false;
    this.install(SEGMENT_INDEX.SS, selector);
    return true;
  }

  /** ES, DS, FS, GS. */
  loadData(segment: number, selector: number, vector: number = VECTOR.generalProtection): boolean {
    if (isNull(selector)) {
      this.installNull(segment, selector);
      return true;
    }
    if (!this.fetch(selector, vector)) return false;
    const attributes = this.attributes;
    if (!isCodeOrData(attributes) || !isReadable(attributes)) return this.fault(vector, selector);
    const dpl = descriptorDpl(attributes);
    if (!isConforming(attributes) && (dpl < (selector & 3) || dpl < this.state.cpl)) return this.fault(vector, selector);
    if (!isPresent(attributes)) return this.fault(VECTOR.segmentNotPresent, selector);
    if (!this.markAccessed()) return false;
    this.install(segment, selector);
    return true;
  }

  /** On a return to an outer level: data segments that it may not see become null (SDM vol. 3, 5.8.6). */
  dropInaccessible(cpl: number): void {
    for (const segment of [SEGMENT_INDEX.ES, SEGMENT_INDEX.DS, SEGMENT_INDEX.FS, SEGMENT_INDEX.GS]) {
      const attributes = this.state.segmentAttributes(segment);
      if (attributes & ATTRIBUTE.unusable) this.installNull(segment, 0);
      else if (!isConforming(attributes) && descriptorDpl(attributes) < cpl) this.installNull(segment, 0);
    }
  }

  loadLdtr(value: number): boolean {
    const selector = value & 0xffff;
    if (isNull(selector)) {
      this.installNull(SEGMENT_INDEX.LDTR, selector);
      return true;
    }
    return this.fetchLdt(selector, VECTOR.generalProtection, VECTOR.segmentNotPresent) && this.finish(SEGMENT_INDEX.LDTR, selector);
  }

  /** Fetches and checks an LDT's descriptor, which lies in the GDT. */
  fetchLdt(selector: number, vector: number, notPresent: number): boolean {
    if (selector & TABLE_INDICATOR) return this.fault(vector, selector);
    if (!this.fetch(selector, vector)) return false;
    if (isCodeOrData(this.attributes) || descriptorType(this.attributes) !== SYSTEM_TYPE.ldt) return this.fault(vector, selector);
    return isPresent(this.attributes) || this.fault(notPresent, selector);
  }

  loadTr(value: number): boolean {
    const selector = value & 0xffff;
    if (isNull(selector)) return this.state.raise(VECTOR.generalProtection, this.external);
    if (selector & TABLE_INDICATOR) return this.fault(VECTOR.generalProtection, selector);
    if (!this.fetch(selector, VECTOR.generalProtection)) return false;
    const type = descriptorType(this.attributes);
    if (isCodeOrData(this.attributes) || (type !== SYSTEM_TYPE.availableTss16 && type !== SYSTEM_TYPE.availableTss32)) {
      return this.fault(VECTOR.generalProtection, selector);
    }
    if (!isPresent(this.attributes)) return this.fault(VECTOR.segmentNotPresent, selector);
    return this.markBusy(true) && this.finish(SEGMENT_INDEX.TR, selector);
  }

  private finish(segment: number, selector: number): true {
    this.install(segment, selector);
    return true;
  }

  /** Is the descriptor fetched last visible at max(CPL, RPL)? Conforming code always is. */
  private visible(selector: number): boolean {
    const dpl = descriptorDpl(this.attributes);
    return isConforming(this.attributes) || (dpl >= this.state.cpl && dpl >= (selector & 3));
  }

  /** Fetches for LAR, LSL, VERR, VERW: what cannot be seen gives false without a fault; `failed` tells a page fault apart. */
  private inspect(selector: number): boolean {
    if (isNull(selector)) return false;
    const address = this.descriptorAddress(selector);
    return address >= 0 && this.read(address);
  }

  /** LAR: bits 23:8 of the descriptor's high word, or -1. Limit bits 19:16 read as they are stored. */
  accessRights(value: number): number {
    const selector = value & 0xffff;
    if (!this.inspect(selector)) return failed(this.state) ? 0 : -1;
    const type = descriptorType(this.attributes);
    if (!isCodeOrData(this.attributes) && !((1 << type) & LAR_TYPES)) return -1;
    return this.visible(selector) ? this.high & 0x00ff_ff00 : -1;
  }

  /** LSL: the limit in bytes, or -1. */
  segmentLimit(value: number): number {
    const selector = value & 0xffff;
    if (!this.inspect(selector)) return failed(this.state) ? 0 : -1;
    const type = descriptorType(this.attributes);
    if (!isCodeOrData(this.attributes) && !((1 << type) & LSL_TYPES)) return -1;
    return this.visible(selector) ? decodeSegment(this.low, this.high).limit : -1;
  }

  /** VERR, VERW. */
  verify(value: number, forWrite: boolean): boolean {
    const selector = value & 0xffff;
    if (!this.inspect(selector) || !isCodeOrData(this.attributes)) return false;
    if (forWrite && (isCode(this.attributes) || !isWritableData(this.attributes))) return false;
    return isReadable(this.attributes) && this.visible(selector);
  }
}

/** System types that LAR accepts: TSSs, LDT, call gates, task gate; LSL: TSSs and LDT (SDM vol. 2, LAR and LSL). */
const LAR_TYPES = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 9) | (1 << 11) | (1 << 12);
const LSL_TYPES = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 9) | (1 << 11);
