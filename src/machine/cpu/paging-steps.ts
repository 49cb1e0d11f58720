/** The Journey's steps of a page walk: each entry as it was read, and what was checked of it. */
import type { Check, FieldValue, JourneyRecorder } from '../journey/journey';
import { ACCESS } from './page-rights';
import { CR0, type PagingContext } from './paging-registers';
import { entryBytes } from './table-memory';

/** Bits that entries of every level and format have in common (SDM vol. 3, 4.3 and 4.4). */
export const ENTRY = { present: 1, writable: 2, user: 4, accessed: 32, dirty: 64, large: 128, global: 256 } as const;
const NX_HIGH = 0x8000_0000;

/** Of the whole path, so far as it was walked. */
export function rightsChecks(cr0: number, access: number, path: { writable: boolean; user: boolean; noExecute: boolean }): Check[] {
  const checks: Check[] = [];
  if (access & ACCESS.user) checks.push({ rule: 'user', passed: path.user });
  if (access & ACCESS.write) {
    const needed = (access & ACCESS.user) !== 0 || (cr0 & CR0.WP) !== 0;
    checks.push({
      rule: 'writable',
      passed: path.writable || !needed,
      detail: `R/W ${path.writable ? 1 : 0}, WP ${cr0 & CR0.WP ? 1 : 0}`,
    });
  }
  if (access & ACCESS.execute) checks.push({ rule: 'executable', passed: !path.noExecute });
  return checks;
}

function decodeEntry(low: number, high: number | undefined, leaf: boolean): Record<string, FieldValue> {
  const address = BigInt((low & 0xffff_f000) >>> 0) + (high === undefined ? 0n : BigInt(high & 0xf_ffff) << 32n);
  const fields: Record<string, FieldValue> = {
    P: (low & ENTRY.present) !== 0,
    RW: (low & ENTRY.writable) !== 0,
    US: (low & ENTRY.user) !== 0,
    A: (low & ENTRY.accessed) !== 0,
    address,
  };
  if (leaf) {
    fields.D = (low & ENTRY.dirty) !== 0;
    fields.G = (low & ENTRY.global) !== 0;
  }
  if (low & ENTRY.large) fields.PS = true;
  if (high !== undefined) fields.NX = (high & NX_HIGH) !== 0;
  return fields;
}

export interface EntryStep {
  structure: string;
  index: number;
  guest: number;
  host: number;
  low: number;
  high?: number;
  leaf: boolean;
  checks: Check[];
  /** guest-physical address the leaf gives, when the walk goes on */
  to?: number;
}

export function recordEntry(recorder: JourneyRecorder, context: PagingContext, linear: number, step: EntryStep): void {
  recorder.step({
    room: 'paging',
    from: { space: 'linear', address: BigInt(linear) },
    ...(step.to === undefined ? {} : { to: { space: 'guest' as const, address: BigInt(step.to) } }),
    structure: step.structure,
    index: step.index,
    entryAddress: { space: context.eptPointer < 0 ? 'host' : 'guest', address: BigInt(step.guest) },
    entryHostAddress: BigInt(step.host),
    entryBytes: entryBytes(step.low, step.high),
    fields: decodeEntry(step.low, step.high, step.leaf),
    checks: step.checks,
    cached: false,
  });
}
