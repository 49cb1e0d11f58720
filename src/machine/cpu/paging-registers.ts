/** The registers that a translation depends on, and what they are on the address lines. */

export const CR0 = { PE: 1, MP: 2, EM: 4, TS: 8, ET: 16, NE: 32, WP: 1 << 16, AM: 1 << 18, NW: 1 << 29, CD: 1 << 30, PG: 1 << 31 } as const;
export const CR4 = { VME: 1, PVI: 2, TSD: 4, DE: 8, PSE: 16, PAE: 32, MCE: 64, PGE: 128 } as const;
export const EFER = { LME: 1 << 8, LMA: 1 << 10, NXE: 1 << 11 } as const;

/** The registers a translation depends on, from the running processor or from a control block. */
export interface PagingContext {
  cr0: number;
  cr3: number;
  cr4: number;
  efer: number;
  /** PAE's page-directory-pointer registers: low and high halves, 8 words. They are loaded by MOV CR3, not by the walk. */
  pdpte: ArrayLike<number>;
  physicalAddressBits: number;
  /** EPT pointer, or -1 when guest-physical addresses are host-physical */
  eptPointer: number;
  /** the pin A20M#: address line 20 is held at zero */
  a20Masked?: boolean;
}

const LINE_20 = 2 ** 20;

/**
 * A physical address as it appears on the processor's address lines: those it lacks are not there (the 8086 and the 80386SX
 * wrap around), and the A20 gate of the board may hold line 20 at zero.
 */
export function onAddressLines(context: PagingContext, address: number): number {
  let driven = address;
  if (context.physicalAddressBits < 32) driven %= 2 ** context.physicalAddressBits;
  if (context.a20Masked && Math.floor(driven / LINE_20) % 2 === 1) driven -= LINE_20;
  return driven;
}

export const pagingEnabled = (context: PagingContext): boolean => (context.cr0 & CR0.PG) !== 0;
