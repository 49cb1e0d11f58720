/** What one entry of the TLB holds, as the processor and as views see it. */
import { TLB_COVERED, TLB_PAGE_SIZE } from './tlb-layout';

export interface TlbGeometry {
  /** entries in all; `ways` of them to a set, the number of sets a power of two */
  entries: number;
  ways: number;
}

/** Rights of an entry as a bit set. */
export const TLB_FLAG = { writable: 1, user: 2, noExecute: 4, dirty: 8, global: 16, eptRead: 32, eptWrite: 64, eptExecute: 128 } as const;

/**
 * Sizes in an entry's flags, as powers of two of 4 KiB pages: of the page that the guest's tables map, and of what the entry covers.
 * They differ where what lies behind a large page is not one piece (4 KiB pages in EPT): it is cut up, and INVLPG drops all its cuts.
 * `covered` is 0 or as `page`.
 */
export const tlbSizes = (page: number, covered: number): number => (page << TLB_PAGE_SIZE.shift) | (covered << TLB_COVERED.shift);
export const pageSizeOf = (flags: number): number => (flags >> TLB_PAGE_SIZE.shift) & TLB_PAGE_SIZE.mask;
export const coveredSizeOf = (flags: number): number => (flags >> TLB_COVERED.shift) & TLB_COVERED.mask;

/** One entry as views see it. */
export interface TlbEntry {
  set: number;
  way: number;
  /** first linear page that it covers, and how many pages that are */
  page: number;
  pages: number;
  /** size of the page that the tables map, in pages of 4 KiB */
  mapped: number;
  guestFrame: number;
  hostFrame: number;
  /** TLB_FLAG bits */
  flags: number;
  vpid: number;
  /** host address of the EPT root table; -1 outside a guest */
  eptRoot: number;
  pcid: number;
}

export interface TlbStatistics {
  accesses: number;
  misses: number;
  evictions: number;
  /** entries of page tables (and of EPT) that misses have read: what they cost */
  tableReads: number;
}
