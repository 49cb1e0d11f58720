/**
 * The control block of one virtual processor: one 4 KiB frame of host memory that says how to enter the guest, holds the
 * guest's registers while it does not run, and tells why it left. It plays the part of a VMCS (SDM vol. 3, ch. 24), but its
 * layout is open: a header, then the processor state exactly as `state-layout` has it. It is read and written as bytes in
 * a DIMM, so whoever overwrites those bytes changes what the guest becomes at the next entry.
 */
import type { HostPhysicalAddress } from '../address';
import { hostPhysical } from '../address';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { VmExit } from './exit';
import { EXIT_REASON, type ExitReason } from './exit-reasons';
import { SEGMENT, SEGMENT_INDEX, STATE, STATE_LAYOUT_VERSION, STATE_SIZE } from './state-layout';
import type { FieldName, SegmentName } from './state-layout';

/** First word of a valid block: 'PW' and the version of the state layout. */
export const CONTROL_BLOCK_REVISION = 0x5057_0000 | STATE_LAYOUT_VERSION;
/** Bytes of the whole block; it starts on a 4 KiB boundary. */
export const CONTROL_BLOCK_SIZE = 4096;
/** Where the guest's registers start in the block. */
export const GUEST_STATE_OFFSET = 0x100;

/** Bits of `controls`. Exits on HLT, I/O, MSRs, CPUID, external interrupts and a used-up budget are not optional. */
export const CONTROL = {
  /** the guest's physical addresses go through the EPT pointer; without it they are host-physical */
  ept: 1 << 0,
  /** MOV to and from CR0, CR3, CR4 exit (what shadow paging needs) */
  crAccess: 1 << 1,
  invlpg: 1 << 2,
  rdtsc: 1 << 3,
  /** exit as soon as the guest could take an interrupt */
  interruptWindow: 1 << 4,
  /** #PF in the guest exits instead of being delivered */
  pageFault: 1 << 5,
  /** MOV to and from the debug registers exits */
  drAccess: 1 << 6,
} as const;
export const CONTROL_MASK = 0x7f;

/** `completionKind` */
export const COMPLETION = { none: 0, portIn: 1, portOut: 2, memoryRead: 3, memoryWrite: 4 } as const;
export type CompletionKind = Exclude<keyof typeof COMPLETION, 'none'>;
/** How many accesses of one instruction may be completed by the VMM. */
export const MAX_COMPLETIONS = 4;

/** Types of an event to inject, bits 10:8 of `entryInterruption` (SDM vol. 3, table 25-17). */
export const EVENT_TYPE = { external: 0, nmi: 2, hardwareException: 3, softwareInterrupt: 4, softwareException: 6 } as const;

const HEADER = {
  revision: 0x00,
  controls: 0x04,
  eptPointer: 0x08,
  vpid: 0x10,
  entryInterruption: 0x14,
  entryErrorCode: 0x18,
  entryInstructionLength: 0x1c,
  exitReason: 0x20,
  exitInstructionLength: 0x24,
  exitQualification: 0x28,
  exitGuestPhysical: 0x30,
  exitGuestLinear: 0x38,
  exitInterruption: 0x40,
  exitErrorCode: 0x44,
  exitAccessKind: 0x48,
  exitAccessSize: 0x4c,
  exitAccessValue: 0x50,
} as const;
export type HeaderField = keyof typeof HEADER;
/** Bytes that an entry reads, and those that an exit writes. */
const ENTRY_BYTES = HEADER.exitReason;
const EXIT_BYTES = HEADER.exitAccessValue + 4 - HEADER.exitReason;

/** For views and attacks that aim at one field: byte offset in the block. */
export const HEADER_OFFSET: Readonly<Record<HeaderField, number>> = HEADER;

const ACCESS_KINDS = ['read', 'write', 'execute'] as const;
const REASON_BY_NUMBER = new Map<number, ExitReason>(Object.entries(EXIT_REASON).map(([name, number]) => [number, name as ExitReason]));

export interface SegmentState {
  selector: number;
  base: bigint;
  /** in bytes, scaled */
  limit: number;
  /** VMX access-rights format */
  attributes: number;
}

/** What an entry reads of the header, as it stood at one moment. */
export interface EntryFields {
  revision: number;
  /** `CONTROL` bits */
  controls: number;
  /** as it is in the block: anything may be there */
  eptPointer: bigint;
  vpid: number;
  interruption: number;
  errorCode: number;
  instructionLength: number;
}

const scratch = new DataView(new ArrayBuffer(8));

function bitsOfDouble(value: number): bigint {
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0);
}

/** What an exit writes; exits are many. */
const exitFields = new DataView(new ArrayBuffer(EXIT_BYTES));
const exitBytes = new Uint8Array(exitFields.buffer);

function putExitWord(field: HeaderField, value: number): void {
  exitFields.setUint32(HEADER[field] - HEADER.exitReason, value, true);
}
function putExitDouble(field: HeaderField, value: bigint): void {
  exitFields.setBigUint64(HEADER[field] - HEADER.exitReason, value, true);
}

/** Typed access to a control block where it lies in memory; nothing is cached, so every read sees the bytes as they are now. */
export class ControlBlock {
  /** @param address a multiple of 4096, else RangeError */
  constructor(
    readonly memory: PhysicalMemory,
    readonly address: HostPhysicalAddress,
  ) {
    if (address % CONTROL_BLOCK_SIZE !== 0) throw new RangeError(`a control block starts on a 4 KiB boundary, not at ${address}`);
  }

  /** A fresh block: the revision, no events, and the registers as after RESET (SDM vol. 3, table 10-1). */
  initialise(options: { eptPointer: number; vpid: number; controls?: number }): void {
    this.memory.writeBytes(this.address, new Uint8Array(CONTROL_BLOCK_SIZE));
    this.writeHeader('revision', CONTROL_BLOCK_REVISION);
    this.controls = options.controls ?? CONTROL.ept;
    this.eptPointer = options.eptPointer;
    this.vpid = options.vpid;
    this.write('rflags', 2n);
    this.write('rip', 0xfff0n);
    this.write('cr0', 0x6000_0010n);
    this.write('dr', 0xffff_0ff0n, 6);
    this.write('dr', 0x400n, 7);
    this.write('pat', 0x0007_0406_0007_0406n);
    this.write('apicBase', 0xfee0_0900n);
    this.write('gdtrLimit', 0xffff);
    this.write('idtrLimit', 0xffff);
    for (const name of ['ES', 'SS', 'DS', 'FS', 'GS'] as const)
      this.setSegment(name, { selector: 0, base: 0n, limit: 0xffff, attributes: 0x93 });
    this.setSegment('CS', { selector: 0xf000, base: 0xffff_0000n, limit: 0xffff, attributes: 0x93 });
    this.setSegment('LDTR', { selector: 0, base: 0n, limit: 0xffff, attributes: 0x82 });
    this.setSegment('TR', { selector: 0, base: 0n, limit: 0xffff, attributes: 0x8b });
  }

  readHeader(field: HeaderField): number {
    return this.memory.read(this.at(HEADER[field]), 4);
  }
  writeHeader(field: HeaderField, value: number): void {
    this.memory.write(this.at(HEADER[field]), 4, value >>> 0);
  }

  /** All that an entry needs, read at once: entries are many. */
  entryFields(): EntryFields {
    const { buffer, byteOffset } = this.memory.readBytes(this.address, ENTRY_BYTES);
    const view = new DataView(buffer, byteOffset, ENTRY_BYTES);
    return {
      revision: view.getUint32(HEADER.revision, true),
      controls: view.getUint32(HEADER.controls, true),
      eptPointer: view.getBigUint64(HEADER.eptPointer, true),
      vpid: view.getUint32(HEADER.vpid, true),
      interruption: view.getUint32(HEADER.entryInterruption, true),
      errorCode: view.getUint32(HEADER.entryErrorCode, true),
      instructionLength: view.getUint32(HEADER.entryInstructionLength, true),
    };
  }

  get revision(): number {
    return this.readHeader('revision');
  }
  /** `CONTROL` bits */
  get controls(): number {
    return this.readHeader('controls');
  }
  set controls(value: number) {
    this.writeHeader('controls', value);
  }
  /** Host-physical address of the EPT PML4 table with the low attribute bits (SDM vol. 3, table 25-8). */
  get eptPointer(): number {
    return Number(this.memory.read64(this.at(HEADER.eptPointer)));
  }
  set eptPointer(value: number) {
    this.memory.write64(this.at(HEADER.eptPointer), BigInt(value));
  }
  /** 1 to 65535; 0 is the host's */
  get vpid(): number {
    return this.readHeader('vpid');
  }
  set vpid(value: number) {
    this.writeHeader('vpid', value);
  }

  /** Delivers this event at the next entry. `type` as in `EVENT_TYPE`; an instruction length is needed for the software types. */
  injectEvent(event: { vector: number; type: number; errorCode?: number; instructionLength?: number }): void {
    const hasError = event.errorCode !== undefined;
    this.writeHeader('entryErrorCode', event.errorCode ?? 0);
    this.writeHeader('entryInstructionLength', event.instructionLength ?? 0);
    this.writeHeader('entryInterruption', 0x8000_0000 | (hasError ? 1 << 11 : 0) | ((event.type & 7) << 8) | (event.vector & 0xff));
  }
  /** Is an event waiting to be delivered at the next entry? */
  get hasInjection(): boolean {
    return this.readHeader('entryInterruption') >>> 31 === 1;
  }

  /**
   * Answers one access of the instruction that exited: at the next entry the instruction is executed again and this access
   * finds `value` (reads) or counts as done (writes). In the order of the accesses, at most 4 an instruction (else RangeError).
   */
  addCompletion(completion: { kind: CompletionKind; address: number; size: 1 | 2 | 4; value: number }): void {
    const count = this.completionCount;
    if (count >= MAX_COMPLETIONS) throw new RangeError(`an instruction has at most ${MAX_COMPLETIONS} completed accesses`);
    this.write('completionKind', COMPLETION[completion.kind], count);
    this.write('completionSize', completion.size, count);
    this.write('completionAddress', completion.address, count);
    this.write('completionValue', completion.value >>> 0, count);
    this.write('completionCount', count + 1);
  }
  /** Completions collected for the instruction that is being executed again. */
  get completionCount(): number {
    return this.read32('completionCount');
  }
  clearCompletions(): void {
    this.write('completionCount', 0);
  }

  /** The low 32 bits of a state field (u8 … u64 of the guest's registers). */
  read32(field: FieldName, index = 0): number {
    return this.memory.read(this.stateAt(field, index), STATE[field].type === 'u8' ? 1 : STATE[field].type === 'u16' ? 2 : 4);
  }
  /** A 64-bit state field. */
  read64(field: FieldName, index = 0): bigint {
    return this.memory.read64(this.stateAt(field, index));
  }
  /** An f64 state field (`instructions`, `ticks`, `completionAddress`). What damage left there may be NaN or out of range. */
  readDouble(field: FieldName, index = 0): number {
    const at = this.stateAt(field, index);
    scratch.setUint32(4, this.memory.read(at, 4));
    scratch.setUint32(0, this.memory.read(hostPhysical(at + 4), 4));
    return scratch.getFloat64(0);
  }
  /** Writes a state field in its own width. */
  write(field: FieldName, value: number | bigint, index = 0): void {
    const at = this.stateAt(field, index);
    switch (STATE[field].type) {
      case 'u8':
        return this.memory.write(at, 1, Number(value) & 0xff);
      case 'u16':
        return this.memory.write(at, 2, Number(value) & 0xffff);
      case 'u32':
      case 'i32':
        return this.memory.write(at, 4, Number(value) >>> 0);
      case 'u64':
        return this.memory.write64(at, BigInt.asUintN(64, BigInt(value)));
      case 'f64':
        return this.memory.write64(at, bitsOfDouble(Number(value)));
    }
  }

  /** A general register by its index in the encoding; the low 32 bits. */
  reg32(index: number): number {
    return this.read32('gpr', index);
  }
  setReg32(index: number, value: number): void {
    this.write('gpr', value >>> 0, index);
  }
  get rip(): bigint {
    return this.read64('rip');
  }
  set rip(value: bigint) {
    this.write('rip', value);
  }
  get rflags(): bigint {
    return this.read64('rflags');
  }
  set rflags(value: bigint) {
    this.write('rflags', value);
  }
  /** Instructions this guest has completed. */
  get instructions(): number {
    return this.readDouble('instructions');
  }
  set instructions(value: number) {
    this.write('instructions', value);
  }
  get ticks(): number {
    return this.readDouble('ticks');
  }
  set ticks(value: number) {
    this.write('ticks', value);
  }

  segment(name: SegmentName): SegmentState {
    const at = this.segmentAt(name);
    return {
      selector: this.memory.read(hostPhysical(at + SEGMENT.selector), 2),
      base: this.memory.read64(hostPhysical(at + SEGMENT.base)),
      limit: this.memory.read(hostPhysical(at + SEGMENT.limit), 4),
      attributes: this.memory.read(hostPhysical(at + SEGMENT.attributes), 4),
    };
  }
  setSegment(name: SegmentName, segment: SegmentState): void {
    const at = this.segmentAt(name);
    this.memory.write(hostPhysical(at + SEGMENT.selector), 2, segment.selector & 0xffff);
    this.memory.write(hostPhysical(at + SEGMENT.attributes), 4, segment.attributes >>> 0);
    this.memory.write(hostPhysical(at + SEGMENT.limit), 4, segment.limit >>> 0);
    this.memory.write64(hostPhysical(at + SEGMENT.base), segment.base);
  }

  /** The guest's registers as one copy in state-layout's layout; `into` a buffer of STATE_SIZE bytes. */
  loadState(into?: Uint8Array): Uint8Array {
    return this.memory.readBytes(this.at(GUEST_STATE_OFFSET), STATE_SIZE, into);
  }
  saveState(bytes: Uint8Array): void {
    if (bytes.length !== STATE_SIZE) throw new RangeError(`a processor state has ${STATE_SIZE} bytes, not ${bytes.length}`);
    this.memory.writeBytes(this.at(GUEST_STATE_OFFSET), bytes);
  }
  /** As loadState, leaving no trace in counters or logs. */
  peekState(): Uint8Array {
    return this.memory.peek(this.at(GUEST_STATE_OFFSET), STATE_SIZE);
  }

  /** Why the guest left last time, as it stands in the block (the same that `enter` returned). */
  get lastExit(): VmExit | undefined {
    const reason = REASON_BY_NUMBER.get(this.readHeader('exitReason'));
    if (!reason) return undefined;
    const kind = ACCESS_KINDS[this.readHeader('exitAccessKind') - 1];
    const size = this.readHeader('exitAccessSize');
    return {
      reason,
      qualification: this.memory.read64(this.at(HEADER.exitQualification)),
      guestPhysical: Number(this.memory.read64(this.at(HEADER.exitGuestPhysical))),
      guestLinear: this.memory.read64(this.at(HEADER.exitGuestLinear)),
      instructionLength: this.readHeader('exitInstructionLength'),
      interruption: { information: this.readHeader('exitInterruption'), errorCode: this.readHeader('exitErrorCode') },
      ...(kind && (size === 1 || size === 2 || size === 4) ? { access: { kind, size, value: this.readHeader('exitAccessValue') } } : {}),
    };
  }
  /** Called by the processor when the guest leaves. */
  recordExit(exit: VmExit): void {
    putExitWord('exitReason', EXIT_REASON[exit.reason]);
    putExitWord('exitInstructionLength', exit.instructionLength);
    putExitDouble('exitQualification', exit.qualification);
    putExitDouble('exitGuestPhysical', BigInt(exit.guestPhysical));
    putExitDouble('exitGuestLinear', exit.guestLinear);
    putExitWord('exitInterruption', exit.interruption.information);
    putExitWord('exitErrorCode', exit.interruption.errorCode);
    putExitWord('exitAccessKind', exit.access ? ACCESS_KINDS.indexOf(exit.access.kind) + 1 : 0);
    putExitWord('exitAccessSize', exit.access?.size ?? 0);
    putExitWord('exitAccessValue', exit.access?.value ?? 0);
    this.memory.writeBytes(this.at(HEADER.exitReason), exitBytes);
  }

  /** Host-physical address of a header field in the block. */
  addressOfHeader(field: HeaderField): HostPhysicalAddress {
    return this.at(HEADER[field]);
  }

  /** Host-physical address of a state field in the block: for views, and for attacks that aim at one register. */
  addressOfField(field: FieldName, index = 0): HostPhysicalAddress {
    return this.stateAt(field, index);
  }

  private at(offset: number): HostPhysicalAddress {
    return hostPhysical(this.address + offset);
  }
  private stateAt(field: FieldName, index: number): HostPhysicalAddress {
    const { offset, stride, count } = STATE[field];
    if (index < 0 || index >= count) throw new RangeError(`${field} has ${count} elements, no element ${index}`);
    return this.at(GUEST_STATE_OFFSET + offset + index * stride);
  }
  private segmentAt(name: SegmentName): HostPhysicalAddress {
    return this.stateAt('segments', SEGMENT_INDEX[name]);
  }
}

/**
 * After an exit whose instruction the VMM has done itself (HLT, CPUID, …): moves RIP past it and counts it as one completed
 * instruction. IP stays within 16 bits in 16-bit code. Ends the shadow of STI and MOV SS, as completing an instruction does.
 */
export function skipInstruction(block: ControlBlock, exit: Pick<VmExit, 'instructionLength'>): void {
  const code = block.segment('CS');
  const wide = (code.attributes & (1 << 14)) !== 0;
  const next = block.rip + BigInt(exit.instructionLength);
  block.rip = BigInt.asUintN(wide ? 32 : 16, next);
  block.instructions += 1;
  block.ticks += 1;
  block.write('interruptShadow', 0);
}
