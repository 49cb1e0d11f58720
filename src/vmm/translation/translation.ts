/**
 * How the VMM makes a guest-physical address mean a host-physical one. One technique a file behind this interface; the
 * first is EPT, where hardware walks tables that the VMM writes.
 */
import type { TableDifference } from './page-tables';

/** What a mapping allows, for memory and for device registers alike. */
export interface MappingRights {
  readable: boolean;
  writable: boolean;
  executable: boolean;
  /** device registers: uncached, and no part of the VM's memory */
  device?: boolean;
}

export interface Translation {
  readonly technique: 'ept';
  /** what the control block's EPT pointer must hold */
  readonly pointer: number;
  /** bytes of host memory that the tables take */
  readonly tableBytes: number;
  /** `count` guest frames from `guest` on lie in the host frames from `host` on */
  map(guest: number, host: number, count: number, rights: MappingRights): void;
  unmap(guest: number, count: number): void;
  /** Host-physical address of the entry that maps a guest frame; -1 when there is none yet. */
  entryAddress(guestFrame: number): number;
  /** Does this host frame hold one of the tables? */
  ownsTable(hostFrame: number): boolean;
  /** Entries that are not as the VMM wrote them. */
  differences(hostFrame?: number): TableDifference[];
  /** What an entry of a level (1 maps pages) makes of an access: nothing there, refused as malformed, or it leads somewhere. */
  meaningOf(entry: bigint, level: number): 'absent' | 'malformed' | 'leads';
  /** Frames that the tables, as they stand in memory now, let the VM reach. */
  reachableFrames(): ReachablePage[];
  save(): number[];
}

/** A stretch that the tables in memory map: its first guest and host frame, and how many there are. */
export interface ReachablePage {
  guest: number;
  host: number;
  count: number;
  /** address of the entry for the first one */
  entryAddress: number;
}
