/**
 * Extended page tables: guest-physical → host-physical (SDM vol. 3, 29.3). Four levels of 512 64-bit entries in host memory,
 * pages of 4 KiB, 2 MiB and 1 GiB. The same walk serves the running guest and an explanation.
 */
import type { Check, FieldValue, JourneyRecorder } from '../journey/journey';
import { entryBytes } from './table-memory';
import type { TableMemory } from './table-memory';

/** What an access wants of a page; also the permission bits of an EPT entry. */
export const EPT_ACCESS = { read: 1, write: 2, execute: 4 } as const;
export const EPT_OUTCOME = { ok: 0, violation: 1, misconfiguration: 2 } as const;

/** Bits of an EPT violation's exit qualification (SDM vol. 3, table 28-7). */
export const EPT_QUALIFICATION = {
  read: 1 << 0,
  write: 1 << 1,
  execute: 1 << 2,
  readable: 1 << 3,
  writable: 1 << 4,
  executable: 1 << 5,
  /** the guest-linear address field is valid */
  linearValid: 1 << 7,
  /** the access was to the translation of a linear address, not to a guest paging structure */
  translation: 1 << 8,
} as const;

/** Attribute bits of a valid EPT pointer: write-back, four levels (SDM vol. 3, table 25-8). */
export const EPT_POINTER_FLAGS = 6 | (3 << 3);
/** Bit 6 of the EPT pointer: the walker maintains accessed and dirty flags. */
export const EPT_POINTER_ACCESSED_DIRTY = 1 << 6;

const HIGH = 2 ** 32;
const PAGE_SIZE_BIT = 1 << 7;
const ACCESSED = 1 << 8;
const DIRTY = 1 << 9;

/** Result of a walk, reused by its owner so that a TLB miss allocates nothing. */
export class EptWalk {
  outcome: number = EPT_OUTCOME.ok;
  hostPhysical = 0;
  /** R, W, X of the whole path */
  permissions = 0;
  /** 4096, 2 MiB or 1 GiB */
  pageSize = 4096;
  entriesRead = 0;
  /** of a violation: bits 5:0; the caller adds what it knows about the linear address */
  qualification = 0;
}

interface Level {
  readonly structure: 'ept-pml4e' | 'ept-pdpte' | 'ept-pde' | 'ept-pte';
  /** bytes that one entry maps */
  readonly span: number;
}

const LEVELS: readonly Level[] = [
  { structure: 'ept-pml4e', span: 2 ** 39 },
  { structure: 'ept-pdpte', span: 2 ** 30 },
  { structure: 'ept-pde', span: 2 ** 21 },
  { structure: 'ept-pte', span: 2 ** 12 },
];

/** What is wrong with a present entry, as a rule name, or undefined (SDM vol. 3, 29.3.3.1). `level` 0 is the PML4 table. */
function misconfiguration(low: number, high: number, level: number, physicalAddressBits: number): string | undefined {
  if ((low & 3) === EPT_ACCESS.write) return 'write-without-read';
  const addressHigh = (high & 0xf_ffff) >>> 0;
  if (addressHigh >= 2 ** Math.max(0, physicalAddressBits - 32)) return 'reserved-bits';
  const leaf = level === 3 || ((level === 1 || level === 2) && (low & PAGE_SIZE_BIT) !== 0);
  if (!leaf) return (low & 0xf8) !== 0 ? 'reserved-bits' : undefined;
  const memoryType = (low >> 3) & 7;
  if (memoryType === 2 || memoryType === 3 || memoryType === 7) return 'memory-type';
  if (level === 1 && (low & 0x3fff_f000) !== 0) return 'reserved-bits';
  if (level === 2 && (low & 0x1f_f000) !== 0) return 'reserved-bits';
  return undefined;
}

function decode(low: number, high: number, leaf: boolean): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {
    R: (low & 1) !== 0,
    W: (low & 2) !== 0,
    X: (low & 4) !== 0,
    A: (low & ACCESSED) !== 0,
    address: BigInt(high & 0xf_ffff) * 0x1_0000_0000n + BigInt((low & 0xffff_f000) >>> 0),
  };
  if (leaf) {
    fields.D = (low & DIRTY) !== 0;
    fields.memoryType = (low >> 3) & 7;
    fields.PS = (low & PAGE_SIZE_BIT) !== 0;
  }
  return fields;
}

/**
 * Walks the tables at `eptPointer` for one access. `guestPhysical` is below 2^48 (above, there is no entry: a violation).
 * @param access EPT_ACCESS bits wanted; all must be allowed on the whole path
 * @param effects set accessed and dirty flags when the EPT pointer asks for them
 */
export function walkEpt(
  tables: TableMemory,
  eptPointer: number,
  guestPhysical: number,
  access: number,
  physicalAddressBits: number,
  effects: boolean,
  result: EptWalk,
  recorder?: JourneyRecorder,
): boolean {
  let table = eptPointer - (eptPointer % 4096);
  let permissions = 7;
  const setFlags = effects && (eptPointer & EPT_POINTER_ACCESSED_DIRTY) !== 0;
  result.permissions = 0;
  result.entriesRead = 0;
  result.qualification = access;
  result.outcome = EPT_OUTCOME.violation;
  for (let depth = 0; depth < 4; depth++) {
    const level = LEVELS[depth]!;
    const index = depth === 0 ? Math.floor(guestPhysical / level.span) : Math.floor(guestPhysical / level.span) % 512;
    if (index > 511) return false;
    const at = table + index * 8;
    const low = tables.read32(at);
    const high = tables.read32(at + 4);
    result.entriesRead++;
    const present = (low & 7) !== 0;
    const wrong = present ? misconfiguration(low, high, depth, physicalAddressBits) : undefined;
    const leaf = depth === 3 || (depth > 0 && (low & PAGE_SIZE_BIT) !== 0);
    permissions &= low;
    const allowed = (permissions & access) === access;
    const next = (high & 0xf_ffff) * HIGH + ((low & 0xffff_f000) >>> 0);
    const stop = !present || wrong !== undefined || (leaf && !allowed);
    const host = leaf ? next - (next % level.span) + (guestPhysical % level.span) : next;
    if (recorder) {
      const checks: Check[] = [{ rule: 'present', passed: present }];
      if (present) checks.push({ rule: wrong ?? 'reserved-bits', passed: wrong === undefined });
      if (present && wrong === undefined && leaf) checks.push(...permissionChecks(permissions, access));
      recorder.step({
        room: 'ept',
        from: { space: 'guest', address: BigInt(guestPhysical) },
        ...(leaf && !stop ? { to: { space: 'host' as const, address: BigInt(host) } } : {}),
        structure: level.structure,
        index,
        entryAddress: { space: 'host', address: BigInt(at) },
        entryHostAddress: BigInt(at),
        entryBytes: entryBytes(low, high),
        fields: decode(low, high, leaf),
        checks,
        cached: false,
      });
    }
    if (wrong !== undefined) {
      result.outcome = EPT_OUTCOME.misconfiguration;
      return false;
    }
    if (stop) {
      result.qualification = access | (present ? (permissions & 7) << 3 : 0);
      return false;
    }
    if (leaf) {
      if (setFlags) setAccessedDirty(tables, eptPointer, guestPhysical, depth, (access & EPT_ACCESS.write) !== 0);
      result.outcome = EPT_OUTCOME.ok;
      result.permissions = permissions & 7;
      result.pageSize = level.span;
      result.hostPhysical = host;
      return true;
    }
    table = next;
  }
  return false;
}

function permissionChecks(permissions: number, access: number): Check[] {
  const checks: Check[] = [];
  if (access & EPT_ACCESS.read) checks.push({ rule: 'readable', passed: (permissions & EPT_ACCESS.read) !== 0 });
  if (access & EPT_ACCESS.write) checks.push({ rule: 'writable', passed: (permissions & EPT_ACCESS.write) !== 0 });
  if (access & EPT_ACCESS.execute) checks.push({ rule: 'executable', passed: (permissions & EPT_ACCESS.execute) !== 0 });
  return checks;
}

/** The walk succeeded: the path is walked again only to set flags (SDM vol. 3, 29.3.5). */
function setAccessedDirty(tables: TableMemory, eptPointer: number, guestPhysical: number, leafDepth: number, write: boolean): void {
  let table = eptPointer - (eptPointer % 4096);
  for (let depth = 0; depth <= leafDepth; depth++) {
    const at = table + (Math.floor(guestPhysical / LEVELS[depth]!.span) % 512) * 8;
    const low = tables.read32(at);
    const wanted = low | ACCESSED | (depth === leafDepth && write ? DIRTY : 0);
    if (wanted !== (low | 0)) tables.write32(at, wanted >>> 0);
    table = (tables.read32(at + 4) & 0xf_ffff) * HIGH + ((low & 0xffff_f000) >>> 0);
  }
}
