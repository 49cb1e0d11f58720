/**
 * The remapping unit's register file as numbers: offsets, bits and the capabilities we declare. Intel VT-d specification
 * (D51397), chapter 11. A driver written for the real unit finds what it expects.
 */

/** Where the register block answers, as on the Q35 boards that drivers know; found through the ACPI DMAR table. */
export const IOMMU_BASE = 0xfed9_0000;
export const IOMMU_SIZE = 0x1000;

/** Byte offsets of the registers. */
export const REGISTER = {
  version: 0x00,
  capability: 0x08,
  extendedCapability: 0x10,
  globalCommand: 0x18,
  globalStatus: 0x1c,
  rootTableAddress: 0x20,
  contextCommand: 0x28,
  faultStatus: 0x34,
  faultEventControl: 0x38,
  faultEventData: 0x3c,
  faultEventAddress: 0x40,
  faultEventUpperAddress: 0x44,
  invalidateAddress: 0xf0,
  iotlbInvalidate: 0xf8,
  faultRecording: 0x220,
} as const;

/** 16 bytes each, from REGISTER.faultRecording on. */
export const FAULT_RECORDING_REGISTERS = 8;

/** Global command and status share these positions. */
export const GLOBAL = { translation: 0x8000_0000, setRootTable: 0x4000_0000 } as const;

/** Fault status: records overflowed; one is pending (the or of all F bits). */
export const FAULT_STATUS = { overflow: 1, pending: 2 } as const;
/** Fault event control: the message is masked; one is waiting for the mask to be lifted. */
export const FAULT_EVENT = { masked: 0x8000_0000, pending: 0x4000_0000 } as const;

/** Bits of the upper half of the context command register. */
export const CONTEXT_COMMAND = { invalidate: 0x8000_0000, requestShift: 29, actualShift: 27, actualMask: 3 << 27 } as const;
/** Bits of the upper half of the IOTLB invalidate register. */
export const IOTLB_COMMAND = { invalidate: 0x8000_0000, requestShift: 28, actualShift: 25, actualMask: 3 << 25 } as const;
/** Granularities, the same in both: everything, one domain, and one device (context) or one range of pages (IOTLB). */
export const GRANULARITY = { reserved: 0, global: 1, domain: 2, selective: 3 } as const;

/** Widest guest address the unit translates (MGAW), and the address widths of the tables it can walk by the AW code of a context entry. */
export const MAXIMUM_GUEST_ADDRESS_BITS = 48;
export const LEVELS_BY_ADDRESS_WIDTH: Readonly<Record<number, 3 | 4>> = { 1: 3, 2: 4 };
/** Largest address mask value of a page-selective invalidation: 2^18 pages. */
const MAXIMUM_ADDRESS_MASK = 18;

export const VERSION = 0x10;

/**
 * ND = 6 (16-bit domain IDs), SAGAW = 39 and 48 bits, MGAW = 48, FRO = 0x220, 2 MiB and 1 GiB pages, page-selective
 * invalidation, NFR = 8, MAMV = 18.
 */
export const CAPABILITY =
  6n |
  (0b0110n << 8n) |
  (BigInt(MAXIMUM_GUEST_ADDRESS_BITS - 1) << 16n) |
  (BigInt(REGISTER.faultRecording / 16) << 24n) |
  (0b11n << 34n) |
  (1n << 39n) |
  (BigInt(FAULT_RECORDING_REGISTERS - 1) << 40n) |
  (BigInt(MAXIMUM_ADDRESS_MASK) << 48n);

/** Pass-through contexts, and IRO = 0xF0. No queued invalidation, no interrupt remapping, no device TLBs. */
export const EXTENDED_CAPABILITY = (1n << 6n) | (BigInt(REGISTER.invalidateAddress / 16) << 8n);
