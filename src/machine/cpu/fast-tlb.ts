/**
 * The table in front of the TLB, laid out for compiled code: direct mapped, one part for supervisor accesses and one for the
 * user's. Its entries are always a subset of the architectural ones; a tag holds a generation, so that giving a context a new
 * one (tlb-contexts.ts) forgets all of its entries at once.
 */
import { CODE_MAP_OF, FAST_TLB, besideCode } from './tlb-layout';

/** What a fast entry may be used for without asking again. */
export const FAST_RIGHT = { read: 1, write: 2, execute: 4 } as const;

const MASK = FAST_TLB.entries - 1;
/** words from an entry to that of its code map */
const MAP = CODE_MAP_OF.distance >> 2;

export class FastTlb {
  constructor(private readonly words: Int32Array) {}

  /**
   * @param linear any address of the page
   * @param generation of the context that it belongs to
   * @param poolOffset of the page's first byte
   * @param rights FAST_RIGHT bits
   * @param codeMap address of the map to look into before a write, 0: none is needed
   */
  fill(linear: number, generation: number, user: boolean, poolOffset: number, rights: number, codeMap: number): void {
    const { words } = this;
    const page = linear & ~0xfff;
    const at = ((user ? FAST_TLB.user : FAST_TLB.supervisor) >> 2) + (((linear >>> 12) & MASK) << 2);
    const tag = page | generation;
    words[at] = rights & FAST_RIGHT.read ? tag : 0;
    words[at + 1] = rights & FAST_RIGHT.write ? (codeMap === 0 ? tag : besideCode(tag)) : 0;
    if (codeMap !== 0) words[at + MAP] = codeMap;
    words[at + 2] = rights & FAST_RIGHT.execute ? tag : 0;
    words[at + 3] = poolOffset - page;
  }

  /** Forgets a page, for both privileges. */
  drop(page: number, generation: number): void {
    const tag = (page << 12) | generation;
    const index = (page & MASK) << 2;
    this.dropAt((FAST_TLB.supervisor >> 2) + index, tag);
    this.dropAt((FAST_TLB.user >> 2) + index, tag);
  }

  private dropAt(at: number, tag: number): void {
    const { words } = this;
    // a write tag beside code needs no look of its own: such a page may be read as well
    if (words[at] === tag || words[at + 1] === tag || words[at + 2] === tag) words[at] = words[at + 1] = words[at + 2] = 0;
  }

  clear(): void {
    this.words.fill(0, FAST_TLB.offset >> 2, (FAST_TLB.offset + FAST_TLB.bytes) >> 2);
  }
}
