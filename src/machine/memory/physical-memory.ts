/**
 * What the processor, the walkers and the VMM see of the host-physical space: frames that can be touched directly in the
 * pool, and everything else (device registers, holes, conflicts) through the chipset.
 */
import type { HostPhysicalAddress } from '../address';

export type AccessSize = 1 | 2 | 4 | 8;

export interface PhysicalMemory {
  /**
   * Byte offset in the pool (`FrameStore.u8`) at which host frame `frame` may be read directly, or -1 when reads must go
   * through `read` (device registers, nobody, conflicting DIMMs). A frame never written yet is backed on demand.
   */
  readableFrame(frame: number): number;
  /** As readableFrame, for writes. -1 also while the frame holds translated code, so that the write is noticed. */
  writableFrame(frame: number): number;
  /** Where only that keeps writes from a frame: byte offset in the pool of the map of its code (interpret/code-maps.ts in cpu); else 0. */
  codeMap(frame: number): number;
  /** Little-endian, through the decode table. Sizes 1, 2, 4 as unsigned numbers. May cross a frame. Nobody answers: all ones, counted and logged. */
  read(address: HostPhysicalAddress, size: 1 | 2 | 4): number;
  write(address: HostPhysicalAddress, size: 1 | 2 | 4, value: number): void;
  read64(address: HostPhysicalAddress): bigint;
  write64(address: HostPhysicalAddress, value: bigint): void;
  /**
   * Bulk copies, chunked by frame; same rules. Used by DMA, firmware and the VMM.
   * @param into of that length, to be filled and given back instead of a new one
   */
  readBytes(address: HostPhysicalAddress, length: number, into?: Uint8Array): Uint8Array;
  writeBytes(address: HostPhysicalAddress, bytes: Uint8Array): void;
  /** As readBytes, but observes nothing: no log, no counter, no device side effect (device registers read as zero, nobody as 0xFF). */
  peek(address: HostPhysicalAddress, length: number, into?: Uint8Array): Uint8Array;
}

/** Sees every access to memory that the processor makes, page walks included, before its bytes are read or written. */
export interface MemoryObserver {
  /** up to 8 bytes at a host-physical address, whoever answers there; they do not cross a frame */
  touch(address: number, size: number, write: boolean): void;
  /** Writes what makes plain accesses to a frame possible without being told of each (OBSERVED_PAGES), or zeroes. */
  describe?(frame: number, words: Int32Array, at: number): void;
}

/** I/O ports. Nobody: reads all ones, counted and logged. */
export interface PortSpace {
  readPort(port: number, size: 1 | 2 | 4): number;
  writePort(port: number, size: 1 | 2 | 4, value: number): void;
}
