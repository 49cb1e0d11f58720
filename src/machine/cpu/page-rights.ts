/** What an access is, what a page allows, and what a page fault says. */
import { CR0 } from './paging-registers';

/** Error code of a page fault (SDM vol. 3, figure 4-12). */
export const PAGE_FAULT = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16 } as const;
/** What an access is, as bits: a read of the supervisor's unless told otherwise. */
export const ACCESS = { write: 2, user: 4, execute: 16 } as const;

/** May the access use a page with these combined rights? (SDM vol. 3, 4.6.1) Also asked of a TLB entry. */
export function pageAllows(cr0: number, access: number, writable: boolean, user: boolean, noExecute: boolean): boolean {
  if (access & ACCESS.user && !user) return false;
  if (access & ACCESS.write && !writable && (access & ACCESS.user || cr0 & CR0.WP)) return false;
  return !(access & ACCESS.execute && noExecute);
}
