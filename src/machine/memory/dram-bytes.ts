/**
 * The bytes of DRAM as the chipset moves them between the frame store and whoever asks, little-endian. Everything here stays
 * within one frame, and the caller knows that DRAM answers there. Where several DIMMs do, each has its bytes in a layer of its
 * own: reads are the AND of all of them, writes reach them all.
 */
import { PAGE_SIZE } from '../address';
import { LAYER_STRIDE, type FrameStore } from './frame-store';

/** Reads as all ones: what a bus shows that nobody drives. Unsigned. */
export const allOnes = (size: 1 | 2 | 4): number => (size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff);

export class DramBytes {
  constructor(private readonly frames: FrameStore) {}

  /** What one DIMM holds; a frame that was never written reads as zeroes. */
  load(frame: number, offset: number, size: 1 | 2 | 4): number {
    const pool = this.frames.offsetOf(frame);
    if (pool < 0) return 0;
    const { view } = this.frames;
    if (size === 4) return view.getUint32(pool + offset, true);
    return size === 2 ? view.getUint16(pool + offset, true) : view.getUint8(pool + offset);
  }

  /** As load, where `layers` DIMMs answer at once. */
  loadLayers(layers: number, frame: number, offset: number, size: 1 | 2 | 4): number {
    let value = allOnes(size);
    for (let layer = 0; layer < layers; layer++) value = (value & this.load(frame + layer * LAYER_STRIDE, offset, size)) >>> 0;
    return value;
  }

  /** Nothing is written when the frame store is full, which pauses the run. */
  store(frame: number, offset: number, size: 1 | 2 | 4, value: number): void {
    const pool = this.frames.touch(frame);
    if (pool < 0) return;
    this.frames.beforeWrite(frame, offset, size);
    const { view } = this.frames;
    if (size === 4) view.setUint32(pool + offset, value, true);
    else if (size === 2) view.setUint16(pool + offset, value, true);
    else view.setUint8(pool + offset, value);
  }

  storeLayers(layers: number, frame: number, offset: number, size: 1 | 2 | 4, value: number): void {
    for (let layer = 0; layer < layers; layer++) this.store(frame + layer * LAYER_STRIDE, offset, size, value);
  }

  /** As many bytes from an address on as the buffer has, which is given back. */
  copy(address: number, into: Uint8Array): Uint8Array {
    const pool = this.frames.offsetOf(Math.floor(address / PAGE_SIZE));
    if (pool < 0) return into.fill(0);
    const start = pool + (address % PAGE_SIZE);
    into.set(this.frames.u8.subarray(start, start + into.length));
    return into;
  }

  /** As copy, where `layers` DIMMs answer at once. */
  copyLayers(layers: number, address: number, into: Uint8Array): void {
    // one DIMM, the usual case
    if (layers === 1) return void this.copy(address, into);
    into.fill(0xff);
    for (let layer = 0; layer < layers; layer++) {
      const pool = this.frames.offsetOf(Math.floor(address / PAGE_SIZE) + layer * LAYER_STRIDE);
      const start = pool + (address % PAGE_SIZE);
      for (let index = 0; index < into.length; index++) into[index]! &= pool < 0 ? 0 : this.frames.u8[start + index]!;
    }
  }

  /** Is there room for the frame of an address in each of `layers` DIMMs? It is taken then. */
  back(address: number, layers: number): boolean {
    const frame = Math.floor(address / PAGE_SIZE);
    return Array.from({ length: layers }, (_, layer) => this.frames.touch(frame + layer * LAYER_STRIDE)).every((pool) => pool >= 0);
  }

  put(address: number, bytes: Uint8Array): void {
    this.putLayers(1, address, bytes);
  }

  /** As put, where `layers` DIMMs answer at once. */
  putLayers(layers: number, address: number, bytes: Uint8Array): void {
    const offset = address % PAGE_SIZE;
    for (let layer = 0; layer < layers; layer++) {
      const frame = Math.floor(address / PAGE_SIZE) + layer * LAYER_STRIDE;
      const pool = this.frames.touch(frame);
      if (pool < 0) return;
      this.frames.beforeWrite(frame, offset, bytes.length);
      this.frames.u8.set(bytes, pool + offset);
    }
  }
}
