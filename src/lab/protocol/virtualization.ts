/** The VMs, and whose the host's memory is. */
import type { Language } from './problem';

export interface Extent {
  /** first byte and length; both multiples of 4096 */
  base: number;
  bytes: number;
}

export interface VmView {
  id: string;
  /** position in the document: decides hue and letter */
  index: number;
  state: 'running' | 'waiting' | 'halted' | 'crashed' | 'refused';
  detail: Record<Language, string> | null;
  memoryBytes: number;
  residentBytes: number;
  tableBytes: number;
  translation: 'ept';
  instructions: number;
  ticks: number;
  exits: Record<string, number>;
  passthrough: string[];
}

export interface MappingPiece {
  vm: string;
  guest: number;
  host: number;
  bytes: number;
  /** slots the piece lies in */
  slots: string[];
}

export type FrameOwner =
  | { kind: 'vm'; vm: string }
  | { kind: 'vmm'; part: string }
  | { kind: 'table'; part: string }
  | { kind: 'preoccupied' }
  | { kind: 'device'; device: string };

export interface OwnedExtent extends Extent {
  owner: FrameOwner;
}

/** Where the VMs' memory landed and whose the host's is: thousands of entries, so it is pushed only when it has changed. */
export interface PlacementView {
  vms: { id: string; index: number; memoryBytes: number }[];
  pieces: MappingPiece[];
  /** host memory by owner, ascending; what is not listed is free (or no DRAM: see the address map) */
  host: OwnedExtent[];
  slots: { slot: string; base: number; bytes: number }[];
}

export interface VirtualizationView {
  vms: VmView[];
  audit: { violations: { vm: string; frame: number; text: Record<Language, string> }[] };
}
