/** Which values the control registers take, and how they are stored (SDM vol. 3, 2.5). */
import { modelOf } from './instruction-set';
import { CR0, EFER } from './paging-registers';

const NEWEST = modelOf();

/** CR0 as it is stored: ET reads as one, undefined bits as zero. */
export const storedCr0 = (value: number, model = NEWEST): number => ((value & model.cr0) | CR0.ET) >>> 0;
/** Combinations that MOV CR0 (and a VM entry) refuses: paging without protection, NW without CD. */
export const validCr0 = (value: number): boolean => !((value & CR0.PG && !(value & CR0.PE)) || (value & CR0.NW && !(value & CR0.CD)));
export const validCr4 = (value: number, model = NEWEST): boolean => (value & ~model.cr4) === 0;
export const validEfer = (value: number): boolean => (value & ~EFER.NXE) === 0;
