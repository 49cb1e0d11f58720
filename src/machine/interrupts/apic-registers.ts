/** The registers of the local APIC: where they lie and which bits they have (SDM vol. 3, ch. 10). */

/** APIC version 0x14 with six local vectors, as the P4's. */
export const VERSION = 0x0005_0014;
/** Offsets of registers (SDM vol. 3, table 10-1). */
export const APIC = {
  id: 0x20,
  version: 0x30,
  taskPriority: 0x80,
  arbitrationPriority: 0x90,
  processorPriority: 0xa0,
  endOfInterrupt: 0xb0,
  logicalDestination: 0xd0,
  destinationFormat: 0xe0,
  spurious: 0xf0,
  inService: 0x100,
  triggerMode: 0x180,
  request: 0x200,
  errorStatus: 0x280,
  commandLow: 0x300,
  commandHigh: 0x310,
  timer: 0x320,
  thermal: 0x330,
  performance: 0x340,
  lint0: 0x350,
  lint1: 0x360,
  error: 0x370,
  initialCount: 0x380,
  currentCount: 0x390,
  divide: 0x3e0,
} as const;

/** The local vector table: which bits of each entry can be written. */
export const LOCAL_VECTORS: Readonly<Record<number, number>> = {
  [APIC.timer]: 0x3_00ff,
  [APIC.thermal]: 0x1_07ff,
  [APIC.performance]: 0x1_07ff,
  [APIC.lint0]: 0x1_a7ff,
  [APIC.lint1]: 0x1_a7ff,
  [APIC.error]: 0x1_00ff,
};
/** Registers that are there but have no name above: remote read, which other processors would answer. */
const REMOTE_READ = 0xc0;
const REGISTERS: ReadonlySet<number> = new Set([...Object.values(APIC), REMOTE_READ]);
/** Is there a register at a multiple of 16? In service, trigger mode and request have eight each. */
export const registerExists = (offset: number): boolean => REGISTERS.has(offset) || (offset >= APIC.inService && offset < APIC.errorStatus);
/** of a local vector: no interrupt */
export const MASKED = 0x1_0000;
/** of the timer's: it begins again at zero */
export const PERIODIC = 0x2_0000;
/** of the spurious-interrupt vector register */
export const SOFTWARE_ENABLE = 0x100;
/** of the error status register */
export const ERROR = { sendIllegalVector: 0x20, receiveIllegalVector: 0x40, illegalRegister: 0x80 } as const;
/** Shorthand of an interrupt command: the destination field, itself, all, all others. */
export const SHORTHAND = { none: 0, self: 1, all: 2 } as const;
