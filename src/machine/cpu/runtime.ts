/**
 * The line between the instruction side of the processor (decode, lower, interpret; later compile) and its system side
 * (segmentation, paging, TLB, events, virtualization). The instruction side calls these; nothing here throws for a guest's
 * mistake: a fault or a VM exit sets `stop` (and its details) in the state and returns 0 / false, and the caller leaves the
 * instruction with nothing written.
 */
import type { PortSpace } from '../memory/physical-memory';

/** Index into `segments` (ES CS SS DS FS GS LDTR TR). */
export type SegmentIndex = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
export type OperandSize = 1 | 2 | 4;

/** Memory as instructions see it: segment:offset, checked, translated, then read or written. Values are unsigned. */
export interface DataAccess {
  load(segment: SegmentIndex, offset: number, size: OperandSize): number;
  store(segment: SegmentIndex, offset: number, size: OperandSize, value: number): void;
  /** Faults exactly as a write would and writes nothing: for read-modify-write, and for pushes that must not be half done. */
  prepareStore(segment: SegmentIndex, offset: number, size: OperandSize): boolean;
  /** Supervisor accesses to linear addresses: descriptor tables, TSS. */
  loadSystem(linear: number, size: OperandSize): number;
  storeSystem(linear: number, size: OperandSize, value: number): void;
  /**
   * Host frame number of the code page at a linear address, checked for execution; -1 on a fault. The page entered last is
   * held: asking for it again (after a slice ended) is no access to the TLB. `continued`: the rest of an instruction that
   * began on the page before; always looked up, and does not count as entering the page.
   */
  fetchFrame(linear: number, continued?: boolean): number;
}

export type ExceptionKind = 'fault' | 'trap' | 'software' | 'external';

/**
 * Everything an instruction may ask of segmentation, paging control and events. Booleans: completed, or `stop` is set.
 * When callFar is called, RIP holds the offset of the NEXT instruction (it is what the call saves). The far transfers,
 * returns and softwareInterrupt set RIP themselves. On a fault or an exit the caller puts RIP back to the instruction's start.
 */
export interface SystemInstructions {
  loadSegment(segment: SegmentIndex, selector: number): boolean;
  jumpFar(selector: number, offset: number, operandSize: OperandSize): boolean;
  callFar(selector: number, offset: number, operandSize: OperandSize): boolean;
  returnFar(operandSize: OperandSize, popBytes: number): boolean;
  returnFromInterrupt(operandSize: OperandSize): boolean;
  /** INT n, INT3, INTO: `nextOffset` is the offset of the next instruction, which the frame saves. */
  softwareInterrupt(vector: number, nextOffset: number, checksGate?: boolean): boolean;
  loadDescriptorTable(table: 'gdtr' | 'idtr', base: number, limit: number): boolean;
  loadLdtr(selector: number): boolean;
  loadTr(selector: number): boolean;
  readControl(index: number): number;
  writeControl(index: number, value: number): boolean;
  /** TR6 and TR7 of the 80386 */
  readTest(index: number): number;
  writeTest(index: number, value: number): boolean;
  readDebug(index: number): number;
  writeDebug(index: number, value: number): boolean;
  invalidatePage(linear: number): boolean;
  /** CMPXCHG8B: one operand of eight bytes, whose limit comes before its pages, aligned to eight (SDM vol. 3, table 6-7). */
  compareExchange8(segment: SegmentIndex, offset: number): boolean;
  /** POP to a segment register, with its shadow where that is SS. */
  popSegment(segment: SegmentIndex, operandSize: OperandSize): boolean;
  /** LDS, LES, LFS, LGS, LSS: `pointer` as packFarPointer has it, then where the offset and the selector lie. */
  loadFarPointer(pointer: number, offset: number, selectorOffset: number): boolean;
  /**
   * ARPL where the segment is not writable: #GP(0) only if the word's RPL would be raised ("if the result is in a nonwritable
   * segment", 80386 Programmer's Reference Manual, ARPL), else ZF = 0. True: the segment is writable, and nothing was done.
   */
  adjustReadOnly(segment: SegmentIndex, offset: number, privilege: number): boolean;
  /** ECX in, EDX:EAX out / in */
  readMsr(): boolean;
  writeMsr(): boolean;
  cpuid(): boolean;
  /** RDTSC: the lower half; 0 when it faults or exits. */
  readTimestamp(): number;
  /** the upper half of what it read last */
  timestampHigh(): number;
  /** LAR, LSL, VERR, VERW: the value or -1 when ZF must be cleared. */
  accessRights(selector: number): number;
  segmentLimit(selector: number): number;
  verify(selector: number, forWrite: boolean): boolean;
  /** POPF/IRET rules on IOPL and IF; STI/CLI privilege. */
  writeFlags(value: number, operandSize: OperandSize): boolean;
  setInterruptFlag(value: boolean): boolean;
  halt(): boolean;
  /** SYSENTER and SYSEXIT; they set RIP themselves */
  enterSystem(): boolean;
  exitSystem(): boolean;
  /** VMCALL */
  callHypervisor(): boolean;
  /** IOPL and the I/O bitmap: #GP(0) when neither allows it. */
  checkPort(port: number, size: OperandSize): boolean;
  /** The same, and the VM exit; then the port. */
  portIn(port: number, size: OperandSize): number;
  portOut(port: number, size: OperandSize, value: number): void;
  /** One element of INS: to ES:offset, which is checked before the port is read, lest a fault lose what the device gave. */
  portInString(port: number, size: OperandSize, offset: number): void;
  /** One element of OUTS. */
  portOutString(port: number, size: OperandSize, segment: SegmentIndex, offset: number): void;
  /** Is CPL 0 (else #GP(0))? */
  requirePrivilege(): boolean;
}

/** What the chipset's interrupt controllers offer the processor. */
export interface InterruptSource {
  /** is an interrupt request waiting at the processor's pin? */
  pending(): boolean;
  /** takes it: the vector */
  acknowledge(): number;
}

export interface CpuPorts extends PortSpace {
  readonly interrupts: InterruptSource;
}
