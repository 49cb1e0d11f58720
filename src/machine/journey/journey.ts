/**
 * The record of one access, from the instruction (or the device) to the DRAM cell, a device register, nobody, or a fault.
 * Every room that translates adds its steps, in the order in which the hardware takes them. A step that does nothing
 * (paging off: linear = physical) stays in the list. Explaining an access changes nothing in the machine.
 */
import type { Space } from '../address';

export type AccessKind = 'read' | 'write' | 'execute';

/** Where a step starts or ends. Addresses are bigint because a linear one may need 64 bits. */
export interface Place {
  space: Space;
  address: bigint;
  /** logical only: segment register name and the selector in it */
  segment?: string;
  selector?: number;
}

export interface Cell {
  channel: number;
  subchannel: number;
  slot: string;
  rank: number;
  bankGroup: number;
  bank: number;
  row: number;
  column: number;
  byte: number;
}

export type Room = 'segmentation' | 'paging' | 'tlb' | 'ept' | 'vmm-map' | 'iommu' | 'bus' | 'chipset' | 'memory-controller';

export interface Check {
  /** kebab-case rule, translated by the renderer and the command line: `limit`, `present`, `writable`, `user`, … */
  rule: string;
  passed: boolean;
  /** the two sides of the comparison, for people: `0x5013 ≤ 0xF_FFFF` */
  detail?: string;
}

export type FieldValue = bigint | number | boolean | string;

export interface JourneyStep {
  room: Room;
  from: Place;
  /** absent when the walk stopped here, and for a step that reads a table entry on the way */
  to?: Place;
  /** what was read or applied: `descriptor`, `pde`, `pte`, `identity`, `ept-pml4e`, `ept-pdpte`, `ept-pde`, `ept-pte`, `root-entry`,
   * `context-entry`, `sl-pml4e` … `sl-pte`, `decode-entry`, `dram-mapping`, `tlb-entry` */
  structure: string;
  /** table index, decimal for people */
  index?: number;
  /** where the entry was read: its address as the walker sees it, and where that is in host memory */
  entryAddress?: Place;
  entryHostAddress?: bigint;
  /** the bytes in memory order */
  entryBytes?: Uint8Array;
  entryCell?: Cell;
  /** decoded fields by the manual's names (P, W, U, A, D, PS, base, limit, …) */
  fields: Record<string, FieldValue>;
  checks: Check[];
  /** true when a translation cache answered instead of memory */
  cached: boolean;
}

export interface JourneyFault {
  /** kebab-case: `general-protection`, `page-fault`, `ept-violation`, `ept-misconfiguration`, `iommu-fault`, … */
  name: string;
  vector?: number;
  errorCode?: number;
  cr2?: bigint;
  /** exit qualification (EPT) or VT-d fault reason */
  qualification?: bigint;
  reason?: number;
}

export type JourneyEnd =
  | { kind: 'dram'; hostAddress: bigint; cell: Cell; value?: Uint8Array; owner?: string }
  | { kind: 'register'; hostAddress: bigint; device: string; region: string; offset: number }
  | { kind: 'nobody'; hostAddress: bigint; value?: Uint8Array }
  | { kind: 'fault'; fault: JourneyFault };

export interface Journey {
  access: {
    vm?: string;
    /** a device's requester ID `bb:dd.f`, when a device makes the access */
    requester?: string;
    /** the ports, bridges and units that a device's request passed, in order */
    path?: readonly string[];
    space: Space;
    address: bigint;
    size: number;
    kind: AccessKind;
    cpl?: number;
    /** the machine's instruction count at which the walk was made */
    at: number;
    /** disassembled instruction, when the access comes from one */
    instruction?: string;
  };
  steps: JourneyStep[];
  end: JourneyEnd;
  /** the way of the bytes on the next linear page, of an access that crosses into it; absent when the first page refuses already */
  rest?: Journey;
}

/** A walker that is given a recorder pushes its steps here; without one it records nothing. The walk itself is the same. */
export interface JourneyRecorder {
  step(step: JourneyStep): void;
}
