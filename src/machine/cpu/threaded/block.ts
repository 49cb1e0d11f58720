/** What is known of threaded code beside its words: of the code of a page, and of each block. */
import type { Mode } from '../lower/ir';

/** In a group's key, beside the bits of the region key: its code tells of every access. */
export const OBSERVED = 1 << 30;

/** Threaded code of one frame, made for one mode and one place in the address space. */
export interface ThreadedGroup {
  /** the page's frame, not its CodePage: blocks of dropped pages stay until the storage is full, and must not hold what they were made from */
  readonly frame: number;
  readonly key: number;
  readonly mode: Mode;
  readonly pageRip: number;
  /** by offset in the page: header of the block there, 0 when nothing there can be threaded */
  readonly headers: Map<number, number>;
  /** its frame was written to, or everything was dropped */
  dropped: boolean;
}

export interface Block {
  readonly group: ThreadedGroup;
  /** word indexes of its links to other blocks */
  readonly links: readonly number[];
  /** of each instruction: bytes from the block's start, bytes, accesses from it on */
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
  readonly accessesFrom: readonly number[];
}
