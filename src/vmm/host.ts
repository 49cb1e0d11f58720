/**
 * What the VMM uses of the machine below it. Everything it does to hardware goes through here: memory and registers by
 * host-physical address, the processor by entering a guest, time by letting due events happen.
 */
import type { Watchpoint } from '../machine/cpu/debug';
import type { VmExit } from '../machine/cpu/exit';
import type { ControlBlock } from '../machine/cpu/control-block';
import type { TransactionReport } from '../machine/bus/transaction-log';
import type { DmaRecord } from '../machine/bus/dma-path';
import type { RequesterId } from '../machine/bus/dma-port';
import type { PciIdentity } from '../machine/devices/device';
import type { PhysicalMemory } from '../machine/memory/physical-memory';

/** A device of the board that may be passed through. */
export interface HostDevice {
  id: string;
  kind: string;
  requester: RequesterId;
  identity: PciIdentity;
  /** memory BARs in BAR order */
  bars: readonly { region: string; size: number; hostBase: number }[];
}

/** Where a guest stops for whoever looks at it: before an instruction at a linear address, or after an access to linear memory. */
export type StoppedAt = 'breakpoint' | 'watchpoint' | 'delivery';

export interface EnterOptions {
  passBreakpoint: boolean;
  stopAtDelivery: boolean;
}

export interface GuestStops {
  breakpoints: readonly number[];
  watchpoints: readonly Watchpoint[];
}

export interface MemoryErrors {
  /** from now on, what ECC cannot correct is a machine check */
  enable(): void;
  /** what the bank holds, which is then empty; null: nothing that was not corrected */
  take(): { address: number } | null;
}

export interface VmmHost {
  readonly memory: PhysicalMemory;
  readonly physicalAddressBits: number;
  /** DRAM without conflicts, ascending, in bytes */
  readonly dram: readonly { base: number; bytes: number }[];
  readonly devices: readonly HostDevice[];
  readonly iommuPresent: boolean;
  /** slots whose DIMMs hold a range of host memory */
  slotsOf(address: number, bytes: number): string[];
  /** what CPUID answers on this processor */
  cpuid(leaf: number): { eax: number; ebx: number; ecx: number; edx: number };
  /**
   * VMLAUNCH/VMRESUME: runs the guest until it leaves, at most `budget` instructions. `passBreakpoint`: a breakpoint on the
   * first instruction does not hold it. `stopAtDelivery`: the delivery of an event ends it. `vm` is for the log.
   */
  enter(vm: string, block: ControlBlock, budget: number, options: EnterOptions): VmExit;
  /** did the last entry end before an instruction at a breakpoint, after an access to watched memory, or after a delivery? */
  stoppedAt(): StoppedAt | null;
  /** where the guest that is entered next stops */
  setStops(stops: GuestStops): void;
  /** INVEPT for the tables at a pointer */
  invalidateEpt(pointer: number): void;
  /** an instruction that the VMM completed for a guest: it counts on the machine too */
  countInstruction(): void;
  /** the machine's instruction count */
  instructions(): number;
  /** delivers the events that are due now */
  runDueEvents(): void;
  /** ticks until the next event, Infinity when none is pending */
  ticksToNextEvent(): number;
  /** everyone waits: time jumps to the next event and it happens. False when none is pending. */
  waitForEvent(): boolean;
  /** the pool has no room for another touched frame: nothing may run on */
  outOfMemory(): boolean;
  /** the processor's machine-check bank, on boards whose memory has ECC to report through it; null elsewhere */
  readonly memoryErrors: MemoryErrors | null;
  log(report: TransactionReport): void;
  /** every DMA request of the board's devices, when it is done */
  onDma(listener: (record: DmaRecord) => void): void;
}
