/**
 * The state hash (CONTRACTS, "State hash and snapshots"): SHA-256 over the machine's canonical serialisation, then the VMM's. Two runs that
 * did the same have the same hash, on any host.
 */
import type { Machine } from '../../machine/machine';
import type { Vmm } from '../../vmm/vmm';
import { Sha256 } from '../checks/sha256';

/** Raised whenever anything that goes into the hash changes its form. */
const STATE_HASH_VERSION = 1;

const encoder = new TextEncoder();

/** 64 lower-case hex digits. Changes nothing. */
export function stateHash(machine: Machine, vmm: Vmm | null): string {
  const hash = new Sha256().update(encoder.encode(`pagewalk.state/${STATE_HASH_VERSION}\n`));
  for (const chunk of machine.stateChunks()) hash.update(chunk);
  hash.update(encoder.encode(vmm ? 'vmm\n' : 'bare\n'));
  if (vmm) hash.update(vmm.save());
  return hash.digest();
}
