/**
 * What the firmware sees of the computer it runs on. A board is one platform, and every VM is one: the same code loads
 * programs for both. All addresses are physical as this platform counts them (host-physical on a board, guest-physical in a
 * VM), in bytes.
 */

import type { BiosSurroundings } from './bios/bios-services';
import type { BootStep } from './boot-report';

/** A stretch of DRAM without a gap, `base` to `base + bytes`, not including the end. */
export interface PlatformRange {
  readonly base: number;
  readonly bytes: number;
  /** slots whose DIMMs answer here, in address order; empty for a VM's memory, whose DIMMs the VM cannot see */
  readonly slots: readonly string[];
}

/** How a slot came to its address: a board that is `fixed` was wired so; with `automatic` the firmware reads SPD and places the DIMMs. */
export interface SlotAssignment {
  readonly slot: string;
  readonly base: number;
  readonly bytes: number;
}

export interface Platform {
  readonly kind: 'board' | 'vm';
  /** the VM's id; `board` for the bare machine */
  readonly name: string;
  /** DRAM, ascending, no two ranges touching or overlapping (neighbouring DIMMs make one range) */
  readonly memory: readonly PlatformRange[];
  readonly assignment: { readonly mode: 'fixed' | 'automatic'; readonly slots: readonly SlotAssignment[] };
  /** what to do with a program that is linked where there is no DRAM: refuse it, or copy it to the first DRAM there is */
  readonly loader: 'strict' | 'force';
  /**
   * Physical address width in bits. What a program asks for beyond it is refused with the rest.
   */
  readonly physicalAddressBits: number;
  /** the processor's name, when it knows nothing but real mode; absent otherwise */
  readonly realModeOnly?: string;
  /** what the services for real mode tell; absent: the firmware leaves none */
  readonly bios?: BiosSurroundings;
  /** What the firmware does about memory before it loads anything, as the steps it takes; a VM's memory is ready. */
  prepare?(): BootStep[];
  /** Writes through the platform's own decode (the chipset, or the VM's guest-physical map). May cross frames. */
  writeBytes(address: number, bytes: Uint8Array): void;
  /** Slots whose DIMMs hold `bytes` bytes from `address`, in address order, each once. Empty where nobody answers. For a VM: through its map. */
  slotsOf(address: number, bytes: number): readonly string[];
}
