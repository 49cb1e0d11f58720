/**
 * The processor's state at the moment the firmware hands over: plain data, and how it is put into the processor's state (or a
 * VM's saved registers), which both have the layout of cpu/state-layout.
 */
import { ACTIVITY, REGISTER_INDEX, SEGMENT, SEGMENT_INDEX, STATE, type SegmentName } from '../cpu/state-layout';

export interface SegmentStart {
  readonly selector: number;
  /** access rights in VMX format: type, S, DPL, P in bits 7:0; AVL, L, D/B, G in bits 15:12; unusable in bit 16 */
  readonly attributes: number;
  /** in bytes, scaled */
  readonly limit: number;
  readonly base: number;
}

export interface ProcessorStart {
  readonly mode: 'real' | 'protected';
  /** offset in the code segment */
  readonly instructionPointer: number;
  readonly general: Partial<Record<keyof typeof REGISTER_INDEX, number>>;
  readonly segments: Readonly<Record<SegmentName, SegmentStart>>;
  readonly gdtr: { readonly base: number; readonly limit: number };
  readonly idtr: { readonly base: number; readonly limit: number };
  readonly cr0: number;
}

const REAL_CODE = 0x9b;
const REAL_DATA = 0x93;
const FLAT_CODE = 0xc09b;
const FLAT_DATA = 0xc093;
const LDT = 0x82;
const BUSY_TSS_32 = 0x8b;

/** CR0 after RESET has ET set (SDM vol. 3, table 9-1); the caches are on, as firmware leaves them. */
const CR0_ET = 0x10;
const CR0_PE = 0x01;

const SYSTEM_SEGMENTS = {
  LDTR: { selector: 0, attributes: LDT, limit: 0xffff, base: 0 },
  TR: { selector: 0, attributes: BUSY_TSS_32, limit: 0xffff, base: 0 },
} as const;

/**
 * Real mode, entered at a linear address below 1 MiB. Below 64 KiB the code segment is 0 and IP is the address, as a BIOS jumps
 * to 0000:7C00 (so `org` and `load` are the same number); above, CS starts at the entry's paragraph. DS = ES = SS = 0.
 */
export function realModeStart(entry: number, stackPointer: number, bootDrive: number): ProcessorStart {
  const selector = entry < 0x1_0000 ? 0 : entry >>> 4;
  const data: SegmentStart = { selector: 0, attributes: REAL_DATA, limit: 0xffff, base: 0 };
  return {
    mode: 'real',
    instructionPointer: entry - selector * 16,
    general: { RSP: stackPointer, RDX: bootDrive },
    segments: {
      ES: data,
      CS: { selector, attributes: REAL_CODE, limit: 0xffff, base: selector * 16 },
      SS: data,
      DS: data,
      FS: data,
      GS: data,
      ...SYSTEM_SEGMENTS,
    },
    gdtr: { base: 0, limit: 0xffff },
    idtr: { base: 0, limit: 0x3ff },
    cr0: CR0_ET,
  };
}

/**
 * Protected mode with flat 4 GiB segments, CPL 0, paging and interrupts off. The selectors are 0x08 and 0x10; with `gdt` they
 * name descriptors in memory, without it only the hidden parts are valid, as multiboot 1 promises (section 3.2), and a program
 * must load a GDT of its own before it loads a segment register.
 */
export function protectedModeStart(
  entry: number,
  general: ProcessorStart['general'],
  gdt: { base: number; limit: number } | null,
): ProcessorStart {
  const data: SegmentStart = { selector: 0x10, attributes: FLAT_DATA, limit: 0xffff_ffff, base: 0 };
  return {
    mode: 'protected',
    instructionPointer: entry,
    general,
    segments: {
      ES: data,
      CS: { selector: 0x08, attributes: FLAT_CODE, limit: 0xffff_ffff, base: 0 },
      SS: data,
      DS: data,
      FS: data,
      GS: data,
      ...SYSTEM_SEGMENTS,
    },
    gdtr: gdt ?? { base: 0, limit: 0 },
    idtr: { base: 0, limit: 0 },
    cr0: CR0_ET | CR0_PE,
  };
}

/**
 * Writes a start into a processor's state that has just been reset. `state` covers the whole state (STATE_SIZE bytes); fields the
 * start says nothing about keep their reset values.
 */
export function applyProcessorStart(state: DataView, start: ProcessorStart): void {
  const write64 = (offset: number, value: number): void => state.setBigUint64(offset, BigInt(value), true);
  for (const [name, value] of Object.entries(start.general)) {
    write64(STATE.gpr.offset + REGISTER_INDEX[name as keyof typeof REGISTER_INDEX] * STATE.gpr.stride, value);
  }
  for (const [name, segment] of Object.entries(start.segments)) {
    const at = STATE.segments.offset + SEGMENT_INDEX[name as SegmentName] * SEGMENT.size;
    state.setUint16(at + SEGMENT.selector, segment.selector, true);
    state.setUint32(at + SEGMENT.attributes, segment.attributes, true);
    state.setUint32(at + SEGMENT.limit, segment.limit, true);
    write64(at + SEGMENT.base, segment.base);
  }
  write64(STATE.rip.offset, start.instructionPointer);
  write64(STATE.rflags.offset, 2);
  write64(STATE.gdtrBase.offset, start.gdtr.base);
  state.setUint32(STATE.gdtrLimit.offset, start.gdtr.limit, true);
  write64(STATE.idtrBase.offset, start.idtr.base);
  state.setUint32(STATE.idtrLimit.offset, start.idtr.limit, true);
  write64(STATE.cr0.offset, start.cr0);
  state.setUint32(STATE.activity.offset, ACTIVITY.running, true);
}
