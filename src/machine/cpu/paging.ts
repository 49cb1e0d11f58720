/**
 * Paging: linear → guest-physical → host-physical for one access (SDM vol. 3, ch. 4). Modes: off, 32-bit (4 KiB, and 4 MiB
 * with CR4.PSE, PSE-36 included) and PAE (4 KiB, 2 MiB, NX). In a guest every table entry lies at a guest-physical address
 * that EPT translates first; on the bare machine guest-physical is host-physical. One walk serves the running processor and
 * explanations: effects and recorder are parameters.
 */
import type { Check, JourneyRecorder } from '../journey/journey';
import { EPT_ACCESS, EPT_OUTCOME, EPT_QUALIFICATION, EptWalk, walkEpt } from './ept';
import { ACCESS, PAGE_FAULT, pageAllows } from './page-rights';
import { CR0, CR4, EFER, onAddressLines, type PagingContext } from './paging-registers';
import { ENTRY, recordEntry, rightsChecks } from './paging-steps';
import { entryBytes } from './table-memory';
import type { TableMemory } from './table-memory';

export const WALK = { ok: 0, pageFault: 1, eptViolation: 2, eptMisconfiguration: 3 } as const;

const HIGH = 2 ** 32;

/** Result of a walk, reused by its owner so that a TLB miss allocates nothing. */
export class PageWalk {
  outcome: number = WALK.ok;
  guestPhysical = 0;
  hostPhysical = 0;
  /** what the guest's tables allow on the whole path */
  writable = true;
  user = true;
  noExecute = false;
  /** D is set in the leaf, so a later write needs no walk */
  dirty = true;
  global = false;
  /** EPT_ACCESS bits of the final page; 7 without EPT */
  eptPermissions = 7;
  /** PAGE_FAULT bits */
  errorCode = 0;
  /** of an EPT violation */
  qualification = 0;
  /** size of the page that the guest's tables map, as a power of two of bytes */
  pageBits = 12;
  /** entries read, those of EPT included */
  tableReads = 0;
  readonly ept = new EptWalk();
}

/**
 * Translates one linear address (unsigned 32 bits) for an access (ACCESS bits). Returns false when `result.outcome` is not ok:
 * a page fault has its error code, an EPT violation or misconfiguration its guest-physical address and qualification.
 * With `effects`, accessed and dirty flags are set once the guest's own tables allow the access.
 */
export function walkPaging(
  context: PagingContext,
  linear: number,
  access: number,
  tables: TableMemory,
  effects: boolean,
  result: PageWalk,
  recorder?: JourneyRecorder,
): boolean {
  result.outcome = WALK.ok;
  result.writable = true;
  result.user = true;
  result.noExecute = false;
  result.dirty = true;
  result.global = false;
  result.pageBits = 12;
  result.tableReads = 0;
  if ((context.cr0 & CR0.PG) === 0) {
    result.guestPhysical = linear;
    recorder?.step({
      room: 'paging',
      from: { space: 'linear', address: BigInt(linear) },
      to: { space: 'guest', address: BigInt(linear) },
      structure: 'identity',
      fields: { PG: false },
      checks: [],
      cached: false,
    });
  } else if (!(context.cr4 & CR4.PAE ? walkPae : walkLegacy)(context, linear, access, tables, effects, result, recorder)) {
    return false;
  }
  return finalTranslation(context, access, tables, effects, result, recorder);
}

/**
 * Guest-physical → host-physical of an access whose guest-physical address is `result.guestPhysical`. With `physical` there is
 * no linear address behind it (an explanation that starts at a guest-physical address).
 */
export function finalTranslation(
  context: PagingContext,
  access: number,
  tables: TableMemory,
  effects: boolean,
  result: PageWalk,
  recorder?: JourneyRecorder,
  physical = false,
): boolean {
  result.outcome = WALK.ok;
  const wanted = access & ACCESS.execute ? EPT_ACCESS.execute : access & ACCESS.write ? EPT_ACCESS.write : EPT_ACCESS.read;
  const host = toHost(context, result.guestPhysical, wanted, tables, effects, result, recorder);
  if (host < 0) {
    if (result.outcome === WALK.eptViolation && !physical) {
      result.qualification |= EPT_QUALIFICATION.linearValid | EPT_QUALIFICATION.translation;
    }
    return false;
  }
  result.hostPhysical = host;
  return true;
}

/** Host-physical address of a guest-physical one, or -1 with the outcome set. */
function toHost(
  context: PagingContext,
  guestPhysical: number,
  wanted: number,
  tables: TableMemory,
  effects: boolean,
  result: PageWalk,
  recorder?: JourneyRecorder,
): number {
  if (context.eptPointer < 0) {
    result.eptPermissions = 7;
    const host = onAddressLines(context, guestPhysical);
    recorder?.step({
      room: 'vmm-map',
      from: { space: 'guest', address: BigInt(guestPhysical) },
      to: { space: 'host', address: BigInt(host) },
      structure: 'identity',
      fields: {
        virtualization: false,
        ...(host === guestPhysical ? {} : { addressLines: BigInt(context.physicalAddressBits), A20: context.a20Masked !== true }),
      },
      checks: [],
      cached: false,
    });
    return host;
  }
  const ept = result.ept;
  const allowed = walkEpt(tables, context.eptPointer, guestPhysical, wanted, context.physicalAddressBits, effects, ept, recorder);
  result.tableReads += ept.entriesRead;
  if (allowed) {
    result.eptPermissions = ept.permissions;
    return ept.hostPhysical;
  }
  result.guestPhysical = guestPhysical;
  result.outcome = ept.outcome === EPT_OUTCOME.violation ? WALK.eptViolation : WALK.eptMisconfiguration;
  result.qualification = ept.qualification;
  return -1;
}

/** Where a guest's table entry lies in host memory; -1 when EPT stops it (no final translation: qualification bit 8 clear). */
function entryHost(
  context: PagingContext,
  guestPhysical: number,
  write: boolean,
  tables: TableMemory,
  effects: boolean,
  result: PageWalk,
  recorder?: JourneyRecorder,
): number {
  if (!write) result.tableReads++;
  if (context.eptPointer < 0) return onAddressLines(context, guestPhysical);
  const host = toHost(
    context,
    guestPhysical,
    write ? EPT_ACCESS.read | EPT_ACCESS.write : EPT_ACCESS.read,
    tables,
    effects,
    result,
    recorder,
  );
  if (host < 0) result.qualification |= EPT_QUALIFICATION.linearValid;
  return host;
}

function pageFault(result: PageWalk, access: number, context: PagingContext, bits: number): false {
  const fetch = access & ACCESS.execute && context.cr4 & CR4.PAE && context.efer & EFER.NXE ? PAGE_FAULT.fetch : 0;
  result.outcome = WALK.pageFault;
  result.errorCode = (access & (ACCESS.write | ACCESS.user)) | fetch | bits;
  return false;
}

/** 32-bit paging (SDM vol. 3, 4.3). */
function walkLegacy(
  context: PagingContext,
  linear: number,
  access: number,
  tables: TableMemory,
  effects: boolean,
  result: PageWalk,
  recorder?: JourneyRecorder,
): boolean {
  const pdeIndex = linear >>> 22;
  const pdeGuest = ((context.cr3 & 0xffff_f000) >>> 0) + pdeIndex * 4;
  let pdeHost = entryHost(context, pdeGuest, false, tables, effects, result, recorder);
  if (pdeHost < 0) return false;
  const pde = tables.read32(pdeHost);
  const large = (pde & ENTRY.large) !== 0 && (context.cr4 & CR4.PSE) !== 0;
  const pdePresent = (pde & ENTRY.present) !== 0;
  // PSE-36: bits 20:13 are address bits 39:32; bit 21 is reserved, and so are those beyond the physical width
  const pse36 = (pde >>> 13) & 0xff;
  const pdeReserved = large && ((pde & (1 << 21)) !== 0 || pse36 >= 2 ** Math.max(0, Math.min(40, context.physicalAddressBits) - 32));
  result.writable = (pde & ENTRY.writable) !== 0;
  result.user = (pde & ENTRY.user) !== 0;
  if (recorder && !(pdePresent && large && !pdeReserved)) {
    const checks: Check[] = [{ rule: 'present', passed: pdePresent }];
    if (large && pdePresent) checks.push({ rule: 'reserved-bits', passed: !pdeReserved });
    recordEntry(recorder, context, linear, {
      structure: 'pde',
      index: pdeIndex,
      guest: pdeGuest,
      host: pdeHost,
      low: pde,
      leaf: large,
      checks,
    });
  }
  if (!pdePresent) return pageFault(result, access, context, 0);
  if (pdeReserved) return pageFault(result, access, context, PAGE_FAULT.present | PAGE_FAULT.reserved);

  let leafGuest = pdeGuest;
  let leafHost = pdeHost;
  let leaf = pde;
  let guestPhysical = pse36 * HIGH + ((pde & 0xffc0_0000) >>> 0) + (linear & 0x3f_ffff);
  let structure = 'pde';
  let index = pdeIndex;
  if (!large) {
    structure = 'pte';
    index = (linear >>> 12) & 1023;
    leafGuest = ((pde & 0xffff_f000) >>> 0) + index * 4;
    leafHost = entryHost(context, leafGuest, false, tables, effects, result, recorder);
    if (leafHost < 0) return false;
    leaf = tables.read32(leafHost);
    guestPhysical = ((leaf & 0xffff_f000) >>> 0) + (linear & 0xfff);
    result.writable &&= (leaf & ENTRY.writable) !== 0;
    result.user &&= (leaf & ENTRY.user) !== 0;
  }
  const present = (leaf & ENTRY.present) !== 0;
  const allowed = pageAllows(context.cr0, access, result.writable, result.user, false);
  if (recorder) {
    const checks: Check[] = [{ rule: 'present', passed: present }];
    if (present) checks.push(...rightsChecks(context.cr0, access, result));
    const step = { structure, index, guest: leafGuest, host: leafHost, low: leaf, leaf: true, checks };
    recordEntry(recorder, context, linear, present && allowed ? { ...step, to: guestPhysical } : step);
  }
  if (!present) return pageFault(result, access, context, 0);
  if (!allowed) return pageFault(result, access, context, PAGE_FAULT.present);

  const wantedLeaf = leaf | ENTRY.accessed | (access & ACCESS.write ? ENTRY.dirty : 0);
  if (effects) {
    if (!large && (pde & ENTRY.accessed) === 0) {
      pdeHost = entryHost(context, pdeGuest, true, tables, effects, result);
      if (pdeHost < 0) return false;
      tables.write32(pdeHost, (pde | ENTRY.accessed) >>> 0);
    }
    if (wantedLeaf !== (leaf | 0)) {
      leafHost = entryHost(context, leafGuest, true, tables, effects, result);
      if (leafHost < 0) return false;
      tables.write32(leafHost, wantedLeaf >>> 0);
    }
  }
  result.dirty = (wantedLeaf & ENTRY.dirty) !== 0;
  result.global = (leaf & ENTRY.global) !== 0 && (context.cr4 & CR4.PGE) !== 0;
  result.pageBits = large ? 22 : 12;
  result.guestPhysical = guestPhysical;
  return true;
}

/** PAE paging (SDM vol. 3, 4.4): the four pointer entries are registers, then two levels of 64-bit entries. */
function walkPae(
  context: PagingContext,
  linear: number,
  access: number,
  tables: TableMemory,
  effects: boolean,
  result: PageWalk,
  recorder?: JourneyRecorder,
): boolean {
  const nxe = (context.efer & EFER.NXE) !== 0;
  const pointerIndex = linear >>> 30;
  const pointerLow = context.pdpte[pointerIndex * 2]!;
  const pointerHigh = context.pdpte[pointerIndex * 2 + 1]!;
  const pointerPresent = (pointerLow & 1) !== 0;
  recorder?.step({
    room: 'paging',
    from: { space: 'linear', address: BigInt(linear) },
    structure: 'pdpte',
    index: pointerIndex,
    entryBytes: entryBytes(pointerLow >>> 0, pointerHigh >>> 0),
    fields: { P: pointerPresent, address: BigInt(pointerHigh & 0xf_ffff) * 0x1_0000_0000n + BigInt((pointerLow & 0xffff_f000) >>> 0) },
    checks: [{ rule: 'present', passed: pointerPresent }],
    cached: true,
  });
  if (!pointerPresent) return pageFault(result, access, context, 0);

  const highLimit = 2 ** Math.max(0, context.physicalAddressBits - 32);
  const path: { guest: number; low: number; wanted: number }[] = [];
  let table = (pointerHigh & 0xf_ffff) * HIGH + ((pointerLow & 0xffff_f000) >>> 0);
  for (let depth = 0; ; depth++) {
    const index = depth === 0 ? (linear >>> 21) & 511 : (linear >>> 12) & 511;
    const guest = table + index * 8;
    const host = entryHost(context, guest, false, tables, effects, result, recorder);
    if (host < 0) return false;
    const low = tables.read32(host);
    const high = tables.read32(host + 4);
    const present = (low & ENTRY.present) !== 0;
    const leaf = depth === 1 || (low & ENTRY.large) !== 0;
    const addressHigh = high & 0xf_ffff;
    const reserved =
      addressHigh >= highLimit ||
      (high & 0x7ff0_0000) !== 0 ||
      (!nxe && high >>> 31 === 1) ||
      (leaf && depth === 0 && (low & 0x1f_e000) !== 0);
    result.writable &&= (low & ENTRY.writable) !== 0;
    result.user &&= (low & ENTRY.user) !== 0;
    result.noExecute ||= nxe && high >>> 31 === 1;
    const frame = addressHigh * HIGH + ((low & 0xffff_f000) >>> 0);
    const guestPhysical = depth === 0 ? frame - (frame % 0x20_0000) + (linear & 0x1f_ffff) : frame + (linear & 0xfff);
    const allowed = !leaf || pageAllows(context.cr0, access, result.writable, result.user, result.noExecute);
    if (recorder) {
      const checks: Check[] = [{ rule: 'present', passed: present }];
      if (present) checks.push({ rule: 'reserved-bits', passed: !reserved });
      if (present && leaf && !reserved) checks.push(...rightsChecks(context.cr0, access, result));
      const step = { structure: depth === 0 ? 'pde' : 'pte', index, guest, host, low, high, leaf, checks };
      recordEntry(recorder, context, linear, leaf && present && !reserved && allowed ? { ...step, to: guestPhysical } : step);
    }
    if (!present) return pageFault(result, access, context, 0);
    if (reserved) return pageFault(result, access, context, PAGE_FAULT.present | PAGE_FAULT.reserved);
    if (!allowed) return pageFault(result, access, context, PAGE_FAULT.present);
    const wanted = low | ENTRY.accessed | (leaf && access & ACCESS.write ? ENTRY.dirty : 0);
    path.push({ guest, low, wanted });
    if (!leaf) {
      table = frame;
      continue;
    }
    if (effects) {
      for (const entry of path) {
        if (entry.wanted === (entry.low | 0)) continue;
        const entryAt = entryHost(context, entry.guest, true, tables, effects, result);
        if (entryAt < 0) return false;
        tables.write32(entryAt, entry.wanted >>> 0);
      }
    }
    result.dirty = (wanted & ENTRY.dirty) !== 0;
    result.global = (low & ENTRY.global) !== 0 && (context.cr4 & CR4.PGE) !== 0;
    result.pageBits = depth === 0 ? 21 : 12;
    result.guestPhysical = guestPhysical;
    return true;
  }
}
