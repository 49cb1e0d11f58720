/**
 * Segment descriptors as data: decoding, encoding, and the check of one access against a segment's hidden part
 * (SDM vol. 3, ch. 3 and 5). Pure functions; loading segment registers is in segment-loads.ts.
 */

/** Bits of the hidden part's attributes, in the format of VMX access rights (SDM vol. 3, table 25-2). */
export const ATTRIBUTE = {
  accessed: 1 << 0,
  /** data: writable; code: readable */
  readWrite: 1 << 1,
  /** data: expand-down; code: conforming */
  directionConforming: 1 << 2,
  code: 1 << 3,
  /** S: code or data (clear: a system descriptor) */
  codeOrData: 1 << 4,
  present: 1 << 7,
  available: 1 << 12,
  long: 1 << 13,
  /** D for code, B for stacks and expand-down data */
  big: 1 << 14,
  granularity: 1 << 15,
  unusable: 1 << 16,
} as const;

/** Types of system descriptors (SDM vol. 3, table 3-2). */
export const SYSTEM_TYPE = {
  availableTss16: 1,
  ldt: 2,
  busyTss16: 3,
  callGate16: 4,
  taskGate: 5,
  interruptGate16: 6,
  trapGate16: 7,
  availableTss32: 9,
  busyTss32: 11,
  callGate32: 12,
  interruptGate32: 14,
  trapGate32: 15,
} as const;

export interface SegmentDescriptor {
  base: number;
  /** last valid offset, in bytes (granularity applied) */
  limit: number;
  /** ATTRIBUTE bits, without `unusable` */
  attributes: number;
}

export interface GateDescriptor {
  selector: number;
  offset: number;
  /** parameters to copy (call gates), 0 to 31 words of the gate's size */
  parameters: number;
  attributes: number;
}

export const descriptorType = (attributes: number): number => attributes & 15;
export const descriptorDpl = (attributes: number): number => (attributes >> 5) & 3;
export const isPresent = (attributes: number): boolean => (attributes & ATTRIBUTE.present) !== 0;
export const isCodeOrData = (attributes: number): boolean => (attributes & ATTRIBUTE.codeOrData) !== 0;
export const isCode = (attributes: number): boolean => (attributes & 0x18) === 0x18;
export const isConforming = (attributes: number): boolean => (attributes & 0x1c) === 0x1c;
export const isWritableData = (attributes: number): boolean => (attributes & 0x1a) === 0x12;
export const isReadable = (attributes: number): boolean => (attributes & 0x18) === 0x10 || (attributes & 0x1a) === 0x1a;
/** A gate of 32-bit size, or a 32-bit TSS. */
export const isWideSystem = (attributes: number): boolean => (attributes & 8) !== 0;

/** The VMX access rights in a descriptor's high word. */
export const attributesOf = (high: number): number => (high >>> 8) & 0xf0ff;

/** A code, data, TSS or LDT descriptor from its two 32-bit words. */
export function decodeSegment(low: number, high: number): SegmentDescriptor {
  const attributes = attributesOf(high);
  const raw = (low & 0xffff) | (high & 0xf_0000);
  return {
    base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0,
    limit: attributes & ATTRIBUTE.granularity ? ((raw << 12) | 0xfff) >>> 0 : raw,
    attributes,
  };
}

/**
 * The two words of a descriptor. RangeError when the limit cannot be said with the granularity given: above 1 MiB - 1 in
 * bytes, or not the last byte of a page in pages.
 */
export function encodeSegment({ base, limit, attributes }: SegmentDescriptor): [low: number, high: number] {
  const pages = (attributes & ATTRIBUTE.granularity) !== 0;
  if (pages ? (limit & 0xfff) !== 0xfff : limit > 0xf_ffff) throw new RangeError(`limit ${limit} does not fit the descriptor`);
  const raw = pages ? limit >>> 12 : limit;
  return [
    ((raw & 0xffff) | (base << 16)) >>> 0,
    (((base >>> 16) & 0xff) | ((attributes & 0xf0ff) << 8) | (raw & 0xf_0000) | (base & 0xff00_0000)) >>> 0,
  ];
}

/** A call, interrupt, trap or task gate from its two words. 16-bit gates have 16-bit offsets. */
export function decodeGate(low: number, high: number): GateDescriptor {
  const attributes = attributesOf(high) & 0xff;
  const offset = isWideSystem(attributes) ? ((low & 0xffff) | (high & 0xffff_0000)) >>> 0 : low & 0xffff;
  return { selector: low >>> 16, offset, parameters: high & 31, attributes };
}

export function encodeGate({ selector, offset, parameters, attributes }: GateDescriptor): [low: number, high: number] {
  return [
    ((selector << 16) | (offset & 0xffff)) >>> 0,
    (((isWideSystem(attributes) ? offset & 0xffff_0000 : 0) | ((attributes & 0xff) << 8) | (parameters & 31)) >>> 0),
  ]; // prettier-ignore
}

/**
 * Are `size` bytes at `offset` within the segment's limit? Expand-down segments are valid above their limit, up to 64 KiB or
 * 4 GiB by B. The offset is unsigned 32 bits and must not wrap.
 */
export function withinLimit(attributes: number, limit: number, offset: number, size: number): boolean {
  const last = offset + size - 1;
  if ((attributes & 0x1c) === 0x14) return offset > limit && last <= (attributes & ATTRIBUTE.big ? 0xffff_ffff : 0xffff);
  return last <= limit;
}

/**
 * May an instruction read or write here? In real mode only the limit counts; otherwise the segment must be usable and of a
 * type that allows it (SDM vol. 3, 5.3 and 5.4).
 */
export function segmentAllows(attributes: number, limit: number, offset: number, size: number, write: boolean, realMode: boolean): boolean {
  if (!realMode) {
    if (attributes & ATTRIBUTE.unusable) return false;
    if (write ? !isWritableData(attributes) : !isReadable(attributes)) return false;
  }
  return withinLimit(attributes, limit, offset, size);
}

/** Is a stack with these attributes addressed with ESP (true) or SP? */
export const isWideStack = (attributes: number): boolean => (attributes & ATTRIBUTE.big) !== 0;

/** Attributes of flat 32-bit code and data of ring 0, as SYSENTER loads them. */
export const FLAT_CODE = 0xc09b;
export const FLAT_DATA = 0xc093;

/** Attributes of every segment in virtual-8086 mode: present, DPL 3, writable data (SDM vol. 3, 20.2.1). */
export const VIRTUAL_8086_ATTRIBUTES = 0xf3;
/** What a load in real mode gives a segment that was unusable. */
export const REAL_MODE_ATTRIBUTES = 0x93;
