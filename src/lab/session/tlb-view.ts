/** The architectural TLB as a view. */
import { PAGE_SIZE } from '../../machine/address';
import type { Tlb } from '../../machine/cpu/tlb';
import { TLB_FLAG } from '../../machine/cpu/tlb-entry';
import type { TlbView } from '../protocol';

/** Rights by the manual's letters, in a fixed order; a right that is not there is a dot. */
const letters = (flags: number): string =>
  [
    flags & TLB_FLAG.writable ? 'W' : '·',
    flags & TLB_FLAG.user ? 'U' : '·',
    flags & TLB_FLAG.noExecute ? '·' : 'X',
    flags & TLB_FLAG.dirty ? 'D' : '·',
    flags & TLB_FLAG.global ? 'G' : '·',
  ].join('');

export function tlbView(tlb: Tlb): TlbView {
  return {
    sets: tlb.sets,
    ways: tlb.ways,
    entries: tlb.entries().map(({ set, way, page, pages, mapped, hostFrame, flags, vpid }) => ({
      set,
      way,
      linear: BigInt(page) * BigInt(PAGE_SIZE),
      host: hostFrame * PAGE_SIZE,
      pageBytes: pages * PAGE_SIZE,
      mappedBytes: mapped * PAGE_SIZE,
      flags: letters(flags),
      vpid,
      global: (flags & TLB_FLAG.global) !== 0,
    })),
    ...tlb.statistics,
  };
}
