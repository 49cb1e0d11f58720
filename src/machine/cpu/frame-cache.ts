/**
 * What the fills of compiled code know of frames: for a guest frame, the pool offset of its bytes, the host frame behind it, and
 * what EPT and the chipset allow. Derived, never architectural: whatever it was made from is watched, and a change voids it, so
 * a translation found here is the one that a walk would find.
 */
import { FRAME_DISTANCE } from '../dram/model-layout';
import type { FrameStore } from '../memory/frame-store';
import type { MemoryObserver, PhysicalMemory } from '../memory/physical-memory';
import { EPT_ACCESS, EPT_POINTER_ACCESSED_DIRTY, EptWalk, walkEpt } from './ept';
import { onAddressLines, type PagingContext } from './paging-registers';
import type { TableMemory } from './table-memory';
import type { Tlb } from './tlb';
import { FRAME_CACHE, FRAME_READS, FRAME_RIGHT, FRAME_WHOLE, TLB_WORD } from './tlb-layout';

const MISSED = TLB_WORD.missed >> 2;
const FRAMES = TLB_WORD.frames >> 2;
const FIRST = FRAME_CACHE.offset >> 2;
const MASK = FRAME_CACHE.entries - 1;
/** Frame numbers are kept in words. */
const FRAME_LIMIT = 2 ** 31;
/** R, W and X of an EPT entry: when none is set it maps nothing, and nothing was derived from it. */
const EPT_PRESENT = 7;

/** Reads EPT entries, and has the frames watched that they lie in. */
class WatchedTables implements TableMemory {
  constructor(
    private readonly frames: FrameStore,
    private readonly tables: TableMemory,
  ) {}
  read32(address: number): number {
    this.frames.watchTable(Math.floor(address / 4096));
    return this.tables.read32(address);
  }
  write32(): void {
    throw new Error('a walk without effects must not write');
  }
}

export class FrameCache {
  private readonly words: Int32Array;
  private readonly watched: WatchedTables;
  private readonly ept = new EptWalk();

  constructor(
    private readonly frames: FrameStore,
    private readonly memory: PhysicalMemory,
    private readonly context: PagingContext,
    tables: TableMemory,
    tlb: Tlb,
  ) {
    this.words = frames.i32;
    this.words[MISSED] = -1;
    this.watched = new WatchedTables(frames, tables);
    frames.onTableWrite((frame, offset, length) => {
      if (this.mapsSomething(frame, offset, length)) tlb.forgetFrames();
    });
  }

  /**
   * To be called after the slow path did what a fill could not: the frame that the fill lacked is looked up for the next one.
   * @param observer who is to describe frames, and whether it is told of accesses now: then EPT is left to the walker, which tells
   */
  learn(observer: MemoryObserver | undefined, told: boolean): void {
    const { words } = this;
    const frame = words[MISSED]!;
    if (frame < 0) return;
    words[MISSED] = -1;
    let host = 0;
    let rights: number = FRAME_RIGHT.read | FRAME_RIGHT.write | FRAME_RIGHT.execute;
    const { context } = this;
    if (context.eptPointer < 0) {
      host = Math.floor(onAddressLines(context, frame * 4096) / 4096);
      // as sizesOf in tlb-rights.ts
      if (context.a20Masked !== true && context.physicalAddressBits >= 22) rights |= 2 << FRAME_WHOLE.shift;
    } else {
      if (told) return;
      // with accessed and dirty flags of EPT, a walk leaves traces that a cached translation would not
      if (context.eptPointer & EPT_POINTER_ACCESSED_DIRTY) return;
      const { ept } = this;
      if (!walkEpt(this.watched, context.eptPointer, frame * 4096, EPT_ACCESS.read, context.physicalAddressBits, false, ept)) return;
      host = Math.floor(ept.hostPhysical / 4096);
      const whole = ept.pageSize >= 2 ** 22 ? 2 : ept.pageSize >= 2 ** 21 ? 1 : 0;
      rights = (ept.permissions << 1) | (ept.entriesRead << FRAME_READS.shift) | (whole << FRAME_WHOLE.shift);
    }
    if (host >= FRAME_LIMIT) return;
    const pool = this.memory.readableFrame(host);
    if (pool < 0) return;
    if (this.memory.writableFrame(host) >= 0) rights |= FRAME_RIGHT.pool;
    const at = FIRST + (frame & MASK) * 4;
    words[at] = frame;
    words[at + 1] = words[FRAMES]!;
    words[at + 2] = pool | rights;
    words[at + 3] = host;
    observer?.describe?.(host, words, at + (FRAME_DISTANCE >> 2));
  }

  /** Before bytes of a watched table change: does any EPT entry there map something? */
  private mapsSomething(frame: number, offset: number, length: number): boolean {
    const pool = this.frames.offsetOf(frame);
    if (pool < 0) return false;
    for (let entry = offset & ~7; entry < offset + length; entry += 8) {
      if (this.frames.i32[(pool + entry) >> 2]! & EPT_PRESENT) return true;
    }
    return false;
  }
}
