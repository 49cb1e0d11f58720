/** Exceptions by vector (SDM vol. 3, table 6-1), with what event delivery must know of each. */

export const VECTOR = {
  divideError: 0,
  debug: 1,
  nmi: 2,
  breakpoint: 3,
  overflow: 4,
  boundRange: 5,
  invalidOpcode: 6,
  deviceNotAvailable: 7,
  doubleFault: 8,
  coprocessorSegmentOverrun: 9,
  invalidTss: 10,
  segmentNotPresent: 11,
  stackFault: 12,
  generalProtection: 13,
  pageFault: 14,
  floatingPoint: 16,
  alignmentCheck: 17,
  machineCheck: 18,
  simd: 19,
} as const;

/** Bit 1 of an error code: the index is into the IDT (SDM vol. 3, 6.13). */
export const ERROR_CODE_IDT = 2;

const WITH_ERROR_CODE = new Set<number>([8, 10, 11, 12, 13, 14, 17]);
const CONTRIBUTORY = new Set<number>([0, 10, 11, 12, 13]);

/** Does this exception push an error code (in protected mode)? */
export const pushesErrorCode = (vector: number): boolean => WITH_ERROR_CODE.has(vector);

/** Does a second exception while delivering the first become a double fault? (SDM vol. 3, table 6-5) */
export function makesDoubleFault(first: number, second: number): boolean {
  if (CONTRIBUTORY.has(first)) return CONTRIBUTORY.has(second);
  return first === VECTOR.pageFault && (CONTRIBUTORY.has(second) || second === VECTOR.pageFault);
}
