/** What a check may know of a run: a plain view of the machine that the session fills in, so that checks judge the same facts everywhere. */
import type { Cell } from '../../machine/journey/journey';
import type { FaultRecord, StopKind, TlbView } from '../protocol';
import type { Check, DramCount } from '../document/schema';

export type Range = Extract<Check, { unchanged: unknown }>['unchanged']['range'];

/** A stretch of a range and where it lies in host memory; `host` null where nothing is mapped. */
export interface HostPiece {
  host: number | null;
  bytes: number;
}

export interface ExceptionRecord {
  vm: string | null;
  vector: number;
  errorCode: number | null;
  cr2: number | null;
}

export interface CheckContext {
  readonly stop: StopKind | null;
  /** bytes of host memory as they lie in the DIMMs, without asking the guest */
  readHost(host: number, bytes: number): Uint8Array;
  /** Pieces of a range of one space, ascending, together exactly `bytes` long. `vm` null: the bare machine (or host memory itself). */
  pieces(space: 'linear' | 'guest' | 'host', vm: string | null, from: number, bytes: number): HostPiece[];
  /** bytes of guest-physical memory that a VM has from 0, backed or not; null for an unknown VM */
  guestMemory(vm: string): number | null;
  /** Host range of a part of the VMM; null when there is none of that name */
  part(name: string, vm: string | null): { base: number; bytes: number } | null;
  /** The bytes a range had before the first device accessed memory (at power-on when none did); null when they were not kept */
  before(range: Range): Uint8Array | null;
  locate(host: number): Cell | null;
  /** accesses that nobody answered, all or at one address */
  unanswered(address: number | null): number;
  serial(vm: string | null): string;
  exits(vm: string): Readonly<Record<string, number>>;
  readonly tlb: Readonly<Pick<TlbView, 'accesses' | 'misses' | 'evictions' | 'tableReads'>>;
  /** of the DRAM model; null when it is off, or there is no such slot or bank */
  dram(count: DramCount, slot: string | null, bank: number | null): number | null;
  /** instructions completed by the machine or by a VM; null for an unknown VM */
  instructions(vm: string | null): number | null;
  readonly exceptions: readonly ExceptionRecord[];
  readonly faults: readonly FaultRecord[];
}
