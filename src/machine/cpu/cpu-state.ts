/**
 * One processor's state by name, over the bytes that state-layout lays out: at the bottom of the frame store's pool while it
 * runs, in a control block or a snapshot when it does not. 32-bit values are unsigned numbers; whole 64-bit slots are bigint.
 */
import { FLAG, STATUS_FLAGS, LAZY, conditionHolds, statusFlags } from './flags';
import { SEGMENT, STATE, STATE_SIZE, STOP, type FieldName } from './state-layout';

/** Index of a field's first 32-bit word in `CpuState.i32`. */
export const wordOf = (field: FieldName): number => STATE[field].offset >> 2;

const RIP = wordOf('rip');
const RFLAGS = wordOf('rflags');
const SEGMENTS = STATE.segments.offset;
const W = {
  cr0: wordOf('cr0'),
  cr2: wordOf('cr2'),
  cr3: wordOf('cr3'),
  cr4: wordOf('cr4'),
  dr: wordOf('dr'),
  gdtrBase: wordOf('gdtrBase'),
  idtrBase: wordOf('idtrBase'),
  gdtrLimit: wordOf('gdtrLimit'),
  idtrLimit: wordOf('idtrLimit'),
  activity: wordOf('activity'),
  interruptShadow: wordOf('interruptShadow'),
  virtualizationMode: wordOf('virtualizationMode'),
  lazyKind: wordOf('lazyKind'),
  lazyResult: wordOf('lazyResult'),
  lazyLeft: wordOf('lazyLeft'),
  lazyRight: wordOf('lazyRight'),
  stop: wordOf('stop'),
  faultVector: wordOf('faultVector'),
  faultErrorCode: wordOf('faultErrorCode'),
  blockProgress: wordOf('blockProgress'),
  instructionLength: wordOf('instructionLength'),
} as const;
const INSTRUCTIONS = STATE.instructions.offset >> 3;
const TICKS = STATE.ticks.offset >> 3;

/** A segment register with its hidden part: limit in bytes, attributes in VMX's format. */
export interface SegmentRegister {
  selector: number;
  base: number;
  limit: number;
  attributes: number;
}

/** `faultErrorCode` of an exception that pushes none. */
export const NO_ERROR_CODE = -1;

export class CpuState {
  /** bits of EFLAGS that can be set, and those that always are: the processor's model has its own */
  flagsMask = 0x003f_7fd5;
  fixedFlags = 2;
  /** Views over exactly this state's bytes (index 0 is the state's first byte). */
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  readonly f64: Float64Array;

  /**
   * @param buffer the pool's buffer, or any other that holds a state
   * @param byteOffset where the state starts; a multiple of 8
   */
  constructor(buffer: ArrayBufferLike, byteOffset = 0) {
    this.u8 = new Uint8Array(buffer, byteOffset, STATE_SIZE);
    this.u16 = new Uint16Array(buffer, byteOffset, STATE_SIZE >> 1);
    this.i32 = new Int32Array(buffer, byteOffset, STATE_SIZE >> 2);
    this.u32 = new Uint32Array(buffer, byteOffset, STATE_SIZE >> 2);
    this.u64 = new BigUint64Array(buffer, byteOffset, STATE_SIZE >> 3);
    this.f64 = new Float64Array(buffer, byteOffset, STATE_SIZE >> 3);
  }

  // General registers, by their encoding (0 = EAX … 7 = EDI). 32-bit writes leave the upper half of the slot alone.
  reg32(index: number): number {
    return this.u32[index << 1]!;
  }
  setReg32(index: number, value: number): void {
    this.i32[index << 1] = value;
  }
  reg16(index: number): number {
    return this.u16[index << 2]!;
  }
  setReg16(index: number, value: number): void {
    this.u16[index << 2] = value;
  }
  /** 0 AL, 1 CL, 2 DL, 3 BL, 4 AH, 5 CH, 6 DH, 7 BH. */
  reg8(index: number): number {
    return this.u8[((index & 3) << 3) | (index >> 2)]!;
  }
  setReg8(index: number, value: number): void {
    this.u8[((index & 3) << 3) | (index >> 2)] = value;
  }
  reg64(index: number): bigint {
    return this.u64[index]!;
  }
  setReg64(index: number, value: bigint): void {
    this.u64[index] = value;
  }

  get eip(): number {
    return this.u32[RIP]!;
  }
  set eip(value: number) {
    this.i32[RIP] = value;
  }

  // Segment registers with their hidden parts, by SEGMENT_INDEX. Limit in bytes (already scaled), attributes in VMX's format.
  selector(segment: number): number {
    return this.u16[(SEGMENTS + segment * SEGMENT.size + SEGMENT.selector) >> 1]!;
  }
  setSelector(segment: number, value: number): void {
    this.u16[(SEGMENTS + segment * SEGMENT.size + SEGMENT.selector) >> 1] = value;
  }
  segmentBase(segment: number): number {
    return this.u32[(SEGMENTS + segment * SEGMENT.size + SEGMENT.base) >> 2]!;
  }
  setSegmentBase(segment: number, value: number): void {
    const word = (SEGMENTS + segment * SEGMENT.size + SEGMENT.base) >> 2;
    this.i32[word] = value;
    this.i32[word + 1] = 0;
  }
  segmentLimit(segment: number): number {
    return this.u32[(SEGMENTS + segment * SEGMENT.size + SEGMENT.limit) >> 2]!;
  }
  setSegmentLimit(segment: number, value: number): void {
    this.i32[(SEGMENTS + segment * SEGMENT.size + SEGMENT.limit) >> 2] = value;
  }
  segmentAttributes(segment: number): number {
    return this.u32[(SEGMENTS + segment * SEGMENT.size + SEGMENT.attributes) >> 2]!;
  }
  setSegmentAttributes(segment: number, value: number): void {
    this.i32[(SEGMENTS + segment * SEGMENT.size + SEGMENT.attributes) >> 2] = value;
  }
  setSegment(segment: number, selector: number, base: number, limit: number, attributes: number): void {
    this.setSelector(segment, selector);
    this.setSegmentBase(segment, base);
    this.setSegmentLimit(segment, limit);
    this.setSegmentAttributes(segment, attributes);
  }
  /** A copy of the register with its hidden part. */
  segment(segment: number): SegmentRegister {
    return {
      selector: this.selector(segment),
      base: this.segmentBase(segment),
      limit: this.segmentLimit(segment),
      attributes: this.segmentAttributes(segment),
    };
  }
  /** Current privilege level: the DPL in SS's hidden part, as VMX defines it (0 in real mode, 3 in virtual-8086 mode). */
  get cpl(): number {
    return (this.segmentAttributes(2) >> 5) & 3;
  }

  get cr0(): number {
    return this.u32[W.cr0]!;
  }
  set cr0(value: number) {
    this.i32[W.cr0] = value;
  }
  get cr2(): number {
    return this.u32[W.cr2]!;
  }
  set cr2(value: number) {
    this.i32[W.cr2] = value;
  }
  get cr3(): number {
    return this.u32[W.cr3]!;
  }
  set cr3(value: number) {
    this.i32[W.cr3] = value;
  }
  get cr4(): number {
    return this.u32[W.cr4]!;
  }
  set cr4(value: number) {
    this.i32[W.cr4] = value;
  }
  dr(index: number): number {
    return this.u32[W.dr + index * 2]!;
  }
  setDr(index: number, value: number): void {
    this.i32[W.dr + index * 2] = value;
  }
  get gdtrBase(): number {
    return this.u32[W.gdtrBase]!;
  }
  set gdtrBase(value: number) {
    this.i32[W.gdtrBase] = value;
  }
  get gdtrLimit(): number {
    return this.u32[W.gdtrLimit]!;
  }
  set gdtrLimit(value: number) {
    this.i32[W.gdtrLimit] = value;
  }
  get idtrBase(): number {
    return this.u32[W.idtrBase]!;
  }
  set idtrBase(value: number) {
    this.i32[W.idtrBase] = value;
  }
  get idtrLimit(): number {
    return this.u32[W.idtrLimit]!;
  }
  set idtrLimit(value: number) {
    this.i32[W.idtrLimit] = value;
  }

  /** EFLAGS with the status flags worked out; reading changes nothing. */
  get eflags(): number {
    const i32 = this.i32;
    const kind = i32[W.lazyKind]!;
    const stored = i32[RFLAGS]!;
    if (kind === LAZY.none) return stored >>> 0;
    const status = statusFlags(kind, i32[W.lazyLeft]!, i32[W.lazyRight]!, i32[W.lazyResult]!, stored);
    return ((stored & ~STATUS_FLAGS) | status) >>> 0;
  }
  /** Sets every flag; bits that the processor does not have keep their fixed value. */
  set eflags(value: number) {
    this.i32[RFLAGS] = (value & this.flagsMask) | this.fixedFlags;
    this.i32[W.lazyKind] = LAZY.none;
  }
  flag(mask: number): boolean {
    return ((mask & STATUS_FLAGS ? this.eflags : this.i32[RFLAGS]!) & mask) !== 0;
  }
  setFlag(mask: number, value: boolean): void {
    if (mask & STATUS_FLAGS) this.materialiseFlags();
    this.i32[RFLAGS] = value ? this.i32[RFLAGS]! | mask : this.i32[RFLAGS]! & ~mask;
  }
  /** Stores the status flags into rflags and forgets where they came from; before hashing, saving or comparing a state. */
  materialiseFlags(): void {
    if (this.i32[W.lazyKind] !== LAZY.none) this.eflags = this.eflags;
  }
  condition(code: number): boolean {
    const i32 = this.i32;
    return conditionHolds(code, i32[W.lazyKind]!, i32[W.lazyLeft]!, i32[W.lazyRight]!, i32[W.lazyResult]!, i32[RFLAGS]!);
  }
  get iopl(): number {
    return (this.i32[RFLAGS]! & FLAG.IOPL) >> 12;
  }
  /** In virtual-8086 mode? */
  get virtual8086(): boolean {
    return (this.i32[RFLAGS]! & FLAG.VM) !== 0;
  }
  /** CR0.PE: protected mode, virtual-8086 included. */
  get protectedMode(): boolean {
    return (this.i32[W.cr0]! & 1) !== 0;
  }

  /** ACTIVITY */
  get activity(): number {
    return this.i32[W.activity]!;
  }
  set activity(value: number) {
    this.i32[W.activity] = value;
  }
  /** Bit 0: blocked by STI, bit 1: by MOV SS / POP SS. Ends after the next instruction. */
  get interruptShadow(): number {
    return this.i32[W.interruptShadow]!;
  }
  set interruptShadow(value: number) {
    this.i32[W.interruptShadow] = value;
  }
  /** VIRTUALIZATION */
  get virtualizationMode(): number {
    return this.i32[W.virtualizationMode]!;
  }
  set virtualizationMode(value: number) {
    this.i32[W.virtualizationMode] = value;
  }

  /** Instructions completed so far, exact also in the middle of a block (from a device's register access). */
  get instructions(): number {
    return this.f64[INSTRUCTIONS]! + this.i32[W.blockProgress]!;
  }
  set instructions(value: number) {
    this.f64[INSTRUCTIONS] = value - this.i32[W.blockProgress]!;
  }
  /** The machine clock, exact also in the middle of a block. */
  get ticks(): number {
    return this.f64[TICKS]! + this.i32[W.blockProgress]!;
  }
  set ticks(value: number) {
    this.f64[TICKS] = value - this.i32[W.blockProgress]!;
  }

  /** STOP */
  get stop(): number {
    return this.i32[W.stop]!;
  }
  set stop(value: number) {
    this.i32[W.stop] = value;
  }
  get faultVector(): number {
    return this.i32[W.faultVector]!;
  }
  /** NO_ERROR_CODE when the exception pushes none. */
  get faultErrorCode(): number {
    return this.i32[W.faultErrorCode]!;
  }
  /** Bytes of the instruction that faulted or left the guest; 0 when it was not fetched. */
  get instructionLength(): number {
    return this.i32[W.instructionLength]!;
  }
  set instructionLength(value: number) {
    this.i32[W.instructionLength] = value;
  }

  /** The current instruction faults: it leaves with nothing written, and the exception is delivered. Always returns false. */
  raise(vector: number, errorCode: number = NO_ERROR_CODE): false {
    this.i32[W.faultVector] = vector;
    this.i32[W.faultErrorCode] = errorCode;
    this.i32[W.stop] = STOP.fault;
    return false;
  }
  /** The current instruction leaves the guest with nothing written. Always returns false. */
  requestExit(): false {
    this.i32[W.stop] = STOP.exit;
    return false;
  }
  /** The slice ends once the current instruction has completed (a device changed what happens next). */
  requestEndSlice(): void {
    if (this.i32[W.stop] === STOP.none) this.i32[W.stop] = STOP.endSlice;
  }
  clearStop(): void {
    this.i32[W.stop] = STOP.none;
  }
}
