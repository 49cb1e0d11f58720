/**
 * The bytes of all DIMMs, sparse: only frames that were touched cost memory. They live in a pool of at most 3.5 GiB inside
 * one shared WebAssembly memory (shared, so that views made before it grew stay valid), behind a reserved area at the bottom
 * for processor state. Nobody else may keep a pool offset across `onRelocate`. Snapshots lie outside the pool.
 *
 * A frame is named by its host frame number. Where several DIMMs answer the same address, each further DIMM keeps its bytes
 * in a layer of its own: frame + layer × LAYER_STRIDE (see dram-bytes.ts).
 */
import { PAGE_SIZE } from '../address';

const WASM_PAGE = 64 * 1024;
/** Pool never larger than this: wasm32 ends at 4 GiB and Electron at about 7.5 GiB of array buffers altogether. */
const DEFAULT_POOL_LIMIT = 3.5 * 1024 ** 3;
const SMALLEST_GROWTH = 4 * 1024 * 1024;

/** Frames per leaf of the sparse map: one leaf covers 4 MiB of address space. */
const LEAF_FRAMES = 1024;
/** Leaves that are found without a map: the lowest 8 GiB. */
const LOW_LEAVES = 2048;
const FRAME_WORDS = PAGE_SIZE / 4;
/** Frames of a snapshot that share one allocation. */
const SLAB_FRAMES = 64;

/** Distance between the layers of conflicting DIMMs, in frames: beyond the widest physical address (52 bits). */
export const LAYER_STRIDE = 2 ** 40;
/** Frame numbers, layers included, are below this. */
const FRAME_LIMIT = LAYER_STRIDE * 16;

export interface FrameStoreOptions {
  /** bytes at the bottom of the pool for processor state; rounded up to whole frames */
  reservedBytes: number;
  /** the pool never exceeds this many bytes, the reserved area included; at most 4 GiB */
  limitBytes?: number;
}

/** `length` bytes at `offset` of a frame that holds translated code were (or are about to be) overwritten. */
export type CodeWriteListener = (frame: number, offset: number, length: number) => void;
/** A frame has just become watched: write mappings to it must be dropped. */
export type CodeWatchListener = (frame: number) => void;
/** Pool offsets obtained before are void: every cached mapping must be dropped. */
export type RelocateListener = () => void;

/**
 * All frames that are not all zero, ascending, as plain data that survives a structured clone. Chunks are never written
 * again once made; consecutive snapshots share the chunks of frames that did not change.
 */
export interface FrameSnapshot {
  frames: number[];
  /** PAGE_SIZE bytes each */
  chunks: Uint8Array[];
}

export class FrameStore {
  readonly memory: WebAssembly.Memory;
  /**
   * Views over the whole pool, replaced when it grows; older ones stay valid but are shorter. So touch first and take the
   * view afterwards: in `frames.u8[frames.touch(f)] = x` the view is read before it may be replaced, and the byte is lost.
   */
  u8!: Uint8Array;
  i32!: Int32Array;
  view!: DataView;
  /** First byte of the pool that holds frames. */
  readonly poolBase: number;
  /** What the pool may grow to; smaller than asked for when the runtime would not reserve that much. */
  readonly limitBytes: number;
  /** Set when a frame could not be backed; the run must pause with `out-of-memory`. Cleared by `restore` and `reset`. */
  full = false;

  /** leaf number → pool page of each frame (index from poolBase, plus one; 0: untouched) */
  private readonly leaves = new Map<number, Int32Array>();
  /** the leaves below LOW_LEAVES again: most of the processor's accesses go there, and not always to the same one */
  private readonly lowLeaves = new Array<Int32Array | undefined>(LOW_LEAVES).fill(undefined);
  /** pool pages handed out so far */
  private nextPage = 0;
  /** the frame that each of them holds */
  private readonly frameOfPage: number[] = [];
  /** frames with translated code, and their code maps */
  private readonly watched = new Map<number, number>();
  /** frames with translation tables that something was derived from */
  private readonly tables = new Set<number>();
  private readonly codeWriteListeners: CodeWriteListener[] = [];
  private readonly codeWatchListeners: CodeWatchListener[] = [];
  private readonly tableWriteListeners: CodeWriteListener[] = [];
  private readonly relocateListeners: RelocateListener[] = [];
  /** chunks of the newest snapshot taken or restored, to share what is unchanged */
  private lastChunks = new Map<number, Uint8Array>();

  /** Throws RangeError when the sizes are not sensible or not even the reserved area can be had. */
  constructor({ reservedBytes, limitBytes = DEFAULT_POOL_LIMIT }: FrameStoreOptions) {
    if (!Number.isSafeInteger(reservedBytes) || reservedBytes < 0) throw new RangeError(`reservedBytes is ${reservedBytes}`);
    this.poolBase = Math.ceil(reservedBytes / PAGE_SIZE) * PAGE_SIZE;
    const limit = Math.floor(Math.min(limitBytes, 65_536 * WASM_PAGE) / WASM_PAGE) * WASM_PAGE;
    if (limit < this.poolBase) throw new RangeError(`a pool of ${limitBytes} bytes cannot hold ${reservedBytes} reserved bytes`);
    const initial = Math.max(1, Math.ceil(this.poolBase / WASM_PAGE));
    const reserved = reserveMemory(initial, Math.max(initial, limit / WASM_PAGE));
    this.memory = reserved.memory;
    this.limitBytes = reserved.maximumPages * WASM_PAGE;
    this.refreshViews();
  }

  /** Byte offset of a frame in the pool, or -1 when it was never touched (all its bytes are zero). */
  offsetOf(frame: number): number {
    const leafNumber = Math.floor(frame / LEAF_FRAMES);
    const leaf = leafNumber < LOW_LEAVES ? this.lowLeaves[leafNumber] : this.leaves.get(leafNumber);
    if (leaf === undefined) return -1;
    const page = leaf[frame - leafNumber * LEAF_FRAMES]!;
    return page === 0 ? -1 : this.poolBase + (page - 1) * PAGE_SIZE;
  }

  /** As offsetOf, but backs an untouched frame with zeroes first. -1 (and `full`) when the pool has no room. */
  touch(frame: number): number {
    const present = this.offsetOf(frame);
    if (present >= 0) return present;
    if (!Number.isSafeInteger(frame) || frame < 0 || frame >= FRAME_LIMIT) throw new RangeError(`${frame} is not a frame number`);
    const page = this.takePage();
    if (page < 0) {
      this.full = true;
      return -1;
    }
    const leafNumber = Math.floor(frame / LEAF_FRAMES);
    let leaf = this.leaves.get(leafNumber);
    if (leaf === undefined) {
      leaf = new Int32Array(LEAF_FRAMES);
      this.leaves.set(leafNumber, leaf);
      if (leafNumber < LOW_LEAVES) this.lowLeaves[leafNumber] = leaf;
    }
    leaf[frame - leafNumber * LEAF_FRAMES] = page + 1;
    this.frameOfPage[page] = frame;
    return this.poolBase + page * PAGE_SIZE;
  }

  /** The frame whose byte lies at a pool offset: the inverse of offsetOf, for offsets from there. */
  frameAt(offset: number): number {
    return this.frameOfPage[(offset - this.poolBase) >>> 12]!;
  }

  /** Frames touched so far. */
  get touchedFrames(): number {
    return this.nextPage;
  }

  /** Bytes of the pool that hold touched frames (the reserved area not counted). */
  get bytesUsed(): number {
    return this.touchedFrames * PAGE_SIZE;
  }

  /** Touched frames with their pool offsets, by ascending frame number. The store must not change while iterating. */
  *entries(): IterableIterator<[frame: number, offset: number]> {
    const numbers = [...this.leaves.keys()].sort((a, b) => a - b);
    for (const leafNumber of numbers) {
      const leaf = this.leaves.get(leafNumber)!;
      for (let index = 0; index < LEAF_FRAMES; index++) {
        const page = leaf[index]!;
        if (page !== 0) yield [leafNumber * LEAF_FRAMES + index, this.poolBase + (page - 1) * PAGE_SIZE];
      }
    }
  }

  /** The bytes of a touched frame, as a view into the pool (valid until `onRelocate`); undefined when untouched. */
  frameBytes(frame: number): Uint8Array | undefined {
    const offset = this.offsetOf(frame);
    return offset < 0 ? undefined : this.u8.subarray(offset, offset + PAGE_SIZE);
  }

  /** True when every byte of the frame at a pool offset is zero. */
  isZeroAt(offset: number): boolean {
    const words = this.i32;
    const first = offset / 4;
    for (let index = first; index < first + FRAME_WORDS; index++) if (words[index] !== 0) return false;
    return true;
  }

  // --- translated code -------------------------------------------------------------------------------------------------

  /**
   * Marks a frame as holding translated code: it is no longer writable directly, and writes reach the listeners.
   * @param map pool offset of what says which of its bytes are code; 0: nothing says so
   */
  watchCode(frame: number, map = 0): void {
    if (this.watched.has(frame)) return;
    this.watched.set(frame, map);
    for (const listener of this.codeWatchListeners) listener(frame);
  }

  /** The frame holds no translated code any more. */
  unwatchCode(frame: number): void {
    this.watched.delete(frame);
  }

  /** Pool offset of the frame's code map, if that is all that writes to it need to look at; else 0. */
  codeMap(frame: number): number {
    return this.watched.size === 0 || this.tables.has(frame) ? 0 : (this.watched.get(frame) ?? 0);
  }

  /** Must writes to the frame be noticed: because of code, or of tables? */
  holdsCode(frame: number): boolean {
    return (this.watched.size !== 0 && this.watched.has(frame)) || (this.tables.size !== 0 && this.tables.has(frame));
  }

  /** Marks a frame as holding translation tables: as watchCode, but writes reach `onTableWrite`. Until frames are reset. */
  watchTable(frame: number): void {
    if (this.tables.has(frame)) return;
    this.tables.add(frame);
    for (const listener of this.codeWatchListeners) listener(frame);
  }

  /** Called on every write to a watched table, before the bytes change. */
  onTableWrite(listener: CodeWriteListener): void {
    this.tableWriteListeners.push(listener);
  }

  /** Called on every write to a watched frame, before the bytes change. The watch stays until `unwatchCode`. */
  onCodeWrite(listener: CodeWriteListener): void {
    this.codeWriteListeners.push(listener);
  }

  onCodeWatch(listener: CodeWatchListener): void {
    this.codeWatchListeners.push(listener);
  }

  /** Every store path calls this for the bytes it is about to write within one frame; cheap when the frame holds no code. */
  beforeWrite(frame: number, offset: number, length: number): void {
    if (this.watched.size !== 0 && this.watched.has(frame)) {
      for (const listener of this.codeWriteListeners) listener(frame, offset, length);
    }
    if (this.tables.size !== 0 && this.tables.has(frame)) {
      for (const listener of this.tableWriteListeners) listener(frame, offset, length);
    }
  }

  // --- snapshots -------------------------------------------------------------------------------------------------------

  /** Called after frames may have moved in the pool (restore, reset). */
  onRelocate(listener: RelocateListener): void {
    this.relocateListeners.push(listener);
  }

  /** All frames that hold anything but zeroes. Costs a comparison for each touched frame, and a copy for each changed one. */
  snapshot(): FrameSnapshot {
    const snapshot: FrameSnapshot = { frames: [], chunks: [] };
    const chunks = new Map<number, Uint8Array>();
    let slab = new Uint8Array(0);
    let slabUsed = 0;
    for (const [frame, offset] of this.entries()) {
      if (this.isZeroAt(offset)) continue;
      let chunk = this.lastChunks.get(frame);
      if (chunk === undefined || !this.equalsAt(offset, chunk)) {
        if (slabUsed === slab.length) {
          slab = new Uint8Array(SLAB_FRAMES * PAGE_SIZE);
          slabUsed = 0;
        }
        chunk = slab.subarray(slabUsed, slabUsed + PAGE_SIZE);
        chunk.set(this.u8.subarray(offset, offset + PAGE_SIZE));
        slabUsed += PAGE_SIZE;
      }
      snapshot.frames.push(frame);
      snapshot.chunks.push(chunk);
      chunks.set(frame, chunk);
    }
    this.lastChunks = chunks;
    return snapshot;
  }

  /**
   * Memory as it was, to the byte. Frames touched since are given back. Listeners of translated code and of pool offsets are
   * told. Throws RangeError when the snapshot is not one, or when the pool cannot hold it (the store is then empty and `full`).
   */
  restore(snapshot: FrameSnapshot): void {
    if (snapshot.frames.length !== snapshot.chunks.length) throw new RangeError('a frame snapshot needs one chunk for each frame');
    for (const chunk of snapshot.chunks) if (chunk.length !== PAGE_SIZE) throw new RangeError(`a chunk has ${chunk.length} bytes`);
    this.reset();
    for (let index = 0; index < snapshot.frames.length; index++) {
      const frame = snapshot.frames[index]!;
      const chunk = snapshot.chunks[index]!;
      const offset = this.touch(frame);
      if (offset < 0) {
        this.reset();
        this.full = true;
        throw new RangeError(`the pool of ${this.limitBytes} bytes cannot hold the snapshot's ${snapshot.frames.length} frames`);
      }
      this.u8.set(chunk, offset);
      this.lastChunks.set(frame, chunk);
    }
  }

  /** Every frame untouched, as at power-on. The reserved area is left alone. */
  reset(): void {
    for (const frame of [...this.watched.keys()]) for (const listener of this.codeWriteListeners) listener(frame, 0, PAGE_SIZE);
    this.watched.clear();
    this.tables.clear();
    this.u8.fill(0, this.poolBase, this.poolBase + this.nextPage * PAGE_SIZE);
    this.nextPage = 0;
    this.frameOfPage.length = 0;
    this.leaves.clear();
    this.lowLeaves.fill(undefined);
    this.lastChunks = new Map();
    this.full = false;
    for (const listener of this.relocateListeners) listener();
  }

  // --- the pool --------------------------------------------------------------------------------------------------------

  /** A zeroed pool page, or -1. Pages never handed out are zero already; `reset` clears those that were. */
  private takePage(): number {
    const end = this.poolBase + (this.nextPage + 1) * PAGE_SIZE;
    if (end > this.u8.length && !this.grow(end)) return -1;
    return this.nextPage++;
  }

  private grow(atLeast: number): boolean {
    if (atLeast > this.limitBytes) return false;
    const size = this.u8.length;
    const comfortable = Math.min(this.limitBytes, Math.max(atLeast, size + Math.max(SMALLEST_GROWTH, Math.floor(size / 4))));
    for (const target of [comfortable, atLeast]) {
      try {
        this.memory.grow(Math.ceil((target - size) / WASM_PAGE));
        this.refreshViews();
        return true;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return false;
  }

  private refreshViews(): void {
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
  }

  private equalsAt(offset: number, chunk: Uint8Array): boolean {
    if (chunk.byteOffset % 4 !== 0) return chunk.every((byte, index) => byte === this.u8[offset + index]);
    const words = new Int32Array(chunk.buffer, chunk.byteOffset, FRAME_WORDS);
    const pool = this.i32;
    const first = offset / 4;
    for (let index = 0; index < FRAME_WORDS; index++) if (words[index] !== pool[first + index]) return false;
    return true;
  }
}

/** A shared memory with as much room to grow as the runtime will reserve, up to `maximumPages`. */
function reserveMemory(initial: number, maximumPages: number): { memory: WebAssembly.Memory; maximumPages: number } {
  for (let maximum = maximumPages; ; maximum = Math.max(initial, Math.floor(maximum / 2))) {
    try {
      return { memory: new WebAssembly.Memory({ initial, maximum, shared: true }), maximumPages: maximum };
    } catch (error) {
      if (!(error instanceof RangeError) || maximum === initial) throw error;
    }
  }
}
