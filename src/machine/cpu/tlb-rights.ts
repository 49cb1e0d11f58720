/** What an entry of the TLB allows, and the flags that a walk gives it. */
import { EPT_ACCESS } from './ept';
import { ACCESS, pageAllows } from './page-rights';
import type { PageWalk } from './paging';
import type { PagingContext } from './paging-registers';
import { FAST_RIGHT } from './fast-tlb';
import { TLB_FLAG, tlbSizes } from './tlb-entry';

/** What a TLB entry with these flags lets an access do without a walk: FAST_RIGHT bits. A write needs D to be set. */
export function tlbRights(cr0: number, flags: number, user: boolean): number {
  const access = user ? ACCESS.user : 0;
  const writable = (flags & TLB_FLAG.writable) !== 0;
  const userPage = (flags & TLB_FLAG.user) !== 0;
  const noExecute = (flags & TLB_FLAG.noExecute) !== 0;
  let rights = 0;
  if (flags & TLB_FLAG.eptRead && pageAllows(cr0, access, writable, userPage, noExecute)) rights |= FAST_RIGHT.read;
  if (flags & TLB_FLAG.dirty && flags & TLB_FLAG.eptWrite && pageAllows(cr0, access | ACCESS.write, writable, userPage, noExecute)) {
    rights |= FAST_RIGHT.write;
  }
  if (flags & TLB_FLAG.eptExecute && pageAllows(cr0, access | ACCESS.execute, writable, userPage, noExecute)) rights |= FAST_RIGHT.execute;
  return rights;
}

/** The one FAST_RIGHT that an access (ACCESS bits) needs. */
export function wantedRight(access: number): number {
  if (access & ACCESS.execute) return FAST_RIGHT.execute;
  return access & ACCESS.write ? FAST_RIGHT.write : FAST_RIGHT.read;
}

/** The sizes in an entry's flags. Entries of large pages cover them whole, where what lies behind is one piece. */
function sizesOf({ pageBits, ept }: PageWalk, context: PagingContext): number {
  const page = pageBits - 12;
  if (page === 0) return 0;
  const whole =
    context.eptPointer >= 0 ? ept.pageSize >= 2 ** pageBits : context.a20Masked !== true && context.physicalAddressBits >= pageBits;
  return tlbSizes(page, whole ? page : 0);
}

/** TLB_FLAG bits and sizes of the entry for a walk that has ended well. */
export function flagsOf(walk: PageWalk, context: PagingContext): number {
  const ept = walk.eptPermissions;
  return (
    sizesOf(walk, context) |
    (walk.writable ? TLB_FLAG.writable : 0) |
    (walk.user ? TLB_FLAG.user : 0) |
    (walk.noExecute ? TLB_FLAG.noExecute : 0) |
    (walk.dirty ? TLB_FLAG.dirty : 0) |
    (walk.global ? TLB_FLAG.global : 0) |
    (ept & EPT_ACCESS.read ? TLB_FLAG.eptRead : 0) |
    (ept & EPT_ACCESS.write ? TLB_FLAG.eptWrite : 0) |
    (ept & EPT_ACCESS.execute ? TLB_FLAG.eptExecute : 0)
  );
}
