/**
 * What every device is: registers that answer, events that arrive, and four things it may use. It has no other reference,
 * so it cannot reach memory or another device except through its port.
 */
import type { DmaCompletion, DmaPort } from '../bus/dma-port';

/** Plain data, so that a pending event survives a snapshot. */
export type EventTag = { kind: string; completion?: DmaCompletion; value?: number };

export interface DeviceClock {
  /** the machine clock's ticks, exact at the instruction that made the access */
  now(): number;
  /** the device's `event(tag)` is called when the clock reaches now() + delay (delay ≥ 1) */
  schedule(delay: number, tag: EventTag): void;
  cancel(kind: string): void;
}

export interface InterruptLine {
  /** level of the device's interrupt pin */
  set(asserted: boolean): void;
}

export interface DeviceLog {
  note(event: string, detail?: Record<string, number | string>): void;
}

export interface DeviceContext {
  dma: DmaPort;
  interrupt: InterruptLine;
  clock: DeviceClock;
  log: DeviceLog;
}

/** A window of registers. PCI BARs have no base of their own: firmware assigns one. */
export interface DeviceRegion {
  name: string;
  kind: 'memory' | 'port';
  size: number;
  /** fixed base of a legacy device (COM1: 0x3F8) */
  base?: number;
}

export interface PciIdentity {
  vendor: number;
  device: number;
  classCode: number;
  revision: number;
  interruptPin: 0 | 1 | 2 | 3 | 4;
}

export interface Device {
  readonly id: string;
  readonly kind: string;
  readonly regions: readonly DeviceRegion[];
  /** absent for a device that does not sit on PCI */
  readonly pci?: PciIdentity;
  /** memory that nothing can write: what every region reads as; the processor may execute from it like from DRAM */
  readonly contents?: Uint8Array;
  /** memory that can be looked at without effect; every access goes through `read` and `write` all the same */
  readonly storage?: Uint8Array;
  reset(): void;
  read(region: string, offset: number, size: 1 | 2 | 4): number;
  write(region: string, offset: number, size: 1 | 2 | 4, value: number): void;
  event(tag: EventTag): void;
  save(): Uint8Array;
  load(bytes: Uint8Array): void;
}
