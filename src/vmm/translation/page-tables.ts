/**
 * Radix page tables as EPT and VT-d second-level tables are: 512 entries of 64 bits, 9 bits of the frame number a level. The
 * entries are bytes in host memory, where hardware walks them. Beside them the VMM keeps a copy of what it wrote, so that
 * it can tell when somebody else has written there; it never repairs what it finds, and never reads its copy instead.
 */
import { hostPhysical, PAGE_SIZE } from '../../machine/address';
import type { PhysicalMemory } from '../../machine/memory/physical-memory';

export interface PageTableFormat {
  /** 3 or 4 */
  levels: number;
  /** low bits of an entry that points to a table */
  tableBits: number;
}

/** One table page: the level it serves (1 maps pages), the first frame it covers, and the host frame it lies in. */
export interface TablePage {
  level: number;
  firstFrame: number;
  hostFrame: number;
}

/** Entries of one table that are not what the VMM wrote. */
export interface TableDifference {
  page: TablePage;
  index: number;
  address: number;
  expected: bigint;
  found: bigint;
}

const ENTRIES = 512;
/** Frames that one entry of a level covers. */
const spanOf = (level: number): number => ENTRIES ** (level - 1);

/** A table filled by one stretch of frames: each entry has the next frame and the same low bits. */
interface Stretch {
  host: number;
  bits: number;
}
/**
 * What a table should hold: nothing, a stretch, or bytes. A VM with all its memory from the start has thousands of tables, nearly
 * all of them stretches, and a copy of their bytes would take as much memory as they do.
 */
type Expected = Stretch | Uint8Array | null;

/** The words of entries one behind the other, from entry `index` of a table on. */
function writeStretch(words: Uint32Array, index: number, count: number, host: number, bits: number): void {
  for (let entry = 0; entry < count; entry++) {
    const frame = host + entry;
    words[(index + entry) * 2] = (frame << 12) | bits;
    words[(index + entry) * 2 + 1] = Math.floor(frame / 2 ** 20);
  }
}

export class PageTables {
  private readonly pages = new Map<string, TablePage>();
  /** what each table page should hold, by host frame */
  private readonly expected = new Map<number, Expected>();
  /** one table's bytes, as they are in memory or are to be written there */
  private readonly scratch = new Uint8Array(PAGE_SIZE);
  private readonly scratchWords = new Uint32Array(this.scratch.buffer);
  readonly root: TablePage;

  /** @param allocateFrame a host frame for one more table, owned by the VMM; throws when there is none */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly format: PageTableFormat,
    private readonly allocateFrame: () => number,
    saved?: readonly number[],
  ) {
    if (saved) this.restorePages(saved);
    this.root = this.page(format.levels, 0) ?? this.createPage(format.levels, 0);
  }

  /** Host-physical address of the top table. */
  get rootAddress(): number {
    return this.root.hostFrame * PAGE_SIZE;
  }

  /** Host frames the tables take. */
  get pageCount(): number {
    return this.pages.size;
  }

  /** Maps `count` frames from `first` on to the host frames from `host` on, with the low bits `bits` in every entry. */
  map(first: number, host: number, count: number, bits: number): void {
    this.fill(first, host, count, bits, true);
  }

  /** Takes `count` frames out; tables stay. */
  unmap(first: number, count: number): void {
    for (let done = 0; done < count;) {
      const frame = first + done;
      const index = frame % ENTRIES;
      const here = Math.min(count - done, ENTRIES - index);
      const page = this.page(1, frame - index);
      if (page) this.clear(page, index, here);
      done += here;
    }
  }

  /** As map, but only in the VMM's own copy: after loading a snapshot, when memory already holds the entries. */
  expect(first: number, host: number, count: number, bits: number): void {
    this.fill(first, host, count, bits, false);
  }

  /** Host-physical address of the entry that maps a frame, or -1 when there is no table for it yet. */
  entryAddress(frame: number): number {
    const page = this.page(1, frame - (frame % ENTRIES));
    return page ? page.hostFrame * PAGE_SIZE + (frame % ENTRIES) * 8 : -1;
  }

  /** The table pages, root first, then by level and frame. */
  list(): TablePage[] {
    return [...this.pages.values()].sort(rootFirst);
  }

  /** Is this host frame one of the tables? */
  has(hostFrame: number): boolean {
    return this.expected.has(hostFrame);
  }

  /** Compares the bytes in memory with what was written, leaving no trace. Only `hostFrame` when it is given. */
  differences(hostFrame?: number): TableDifference[] {
    const found: TableDifference[] = [];
    const changed = [...this.pages.values()].filter(
      (page) => (hostFrame === undefined || page.hostFrame === hostFrame) && !this.isIntact(page.hostFrame),
    );
    for (const page of changed.sort(rootFirst)) {
      const base = page.hostFrame * PAGE_SIZE;
      const bytes = this.memory.peek(hostPhysical(base), PAGE_SIZE);
      const wanted = this.bytesOf(this.expected.get(page.hostFrame) ?? null);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const copy = new DataView(wanted.buffer, wanted.byteOffset);
      for (let index = 0; index < ENTRIES; index++) {
        const entry = view.getBigUint64(index * 8, true);
        const own = copy.getBigUint64(index * 8, true);
        if (entry !== own) found.push({ page, index, address: base + index * 8, expected: own, found: entry });
      }
    }
    return found;
  }

  /** The table pages, for a snapshot; their contents are in memory. */
  save(): number[] {
    return this.list().flatMap(({ level, firstFrame, hostFrame }) => [level, firstFrame, hostFrame]);
  }

  private page(level: number, firstFrame: number): TablePage | undefined {
    return this.pages.get(`${level}:${firstFrame}`);
  }

  private restorePages(saved: readonly number[]): void {
    for (let index = 0; index + 2 < saved.length; index += 3) {
      const page = { level: saved[index]!, firstFrame: saved[index + 1]!, hostFrame: saved[index + 2]! };
      this.pages.set(`${page.level}:${page.firstFrame}`, page);
      this.expected.set(page.hostFrame, null);
    }
    for (const page of this.pages.values()) if (page.level < this.format.levels) this.writeEntry(this.parentOf(page), page, false);
  }

  /** A new, empty table, and the entry that leads to it. */
  private createPage(level: number, firstFrame: number): TablePage {
    const page = { level, firstFrame, hostFrame: this.allocateFrame() };
    this.pages.set(`${level}:${firstFrame}`, page);
    this.expected.set(page.hostFrame, null);
    this.memory.writeBytes(hostPhysical(page.hostFrame * PAGE_SIZE), new Uint8Array(PAGE_SIZE));
    if (level < this.format.levels) this.writeEntry(this.parentOf(page), page, true);
    return page;
  }

  private parentOf({ level, firstFrame }: TablePage): TablePage {
    const first = firstFrame - (firstFrame % spanOf(level + 2));
    return this.page(level + 1, first) ?? this.createPage(level + 1, first);
  }

  private writeEntry(parent: TablePage, child: TablePage, toMemory: boolean): void {
    const index = (child.firstFrame / spanOf(parent.level)) % ENTRIES;
    this.store(parent, index, child.hostFrame, 1, this.format.tableBits, toMemory);
  }

  private fill(first: number, host: number, count: number, bits: number, toMemory: boolean): void {
    for (let done = 0; done < count;) {
      const frame = first + done;
      const index = frame % ENTRIES;
      const here = Math.min(count - done, ENTRIES - index);
      const page = this.page(1, frame - index) ?? this.createPage(1, frame - index);
      this.store(page, index, host + done, here, bits, toMemory);
      done += here;
    }
  }

  private store({ hostFrame }: TablePage, index: number, host: number, count: number, bits: number, toMemory: boolean): void {
    if (count === ENTRIES) this.expected.set(hostFrame, { host, bits });
    else writeStretch(this.ownBytes(hostFrame), index, count, host, bits);
    if (!toMemory) return;
    writeStretch(this.scratchWords, 0, count, host, bits);
    this.memory.writeBytes(hostPhysical(hostFrame * PAGE_SIZE + index * 8), this.scratch.subarray(0, count * 8));
  }

  private clear({ hostFrame }: TablePage, index: number, count: number): void {
    if (count === ENTRIES) this.expected.set(hostFrame, null);
    else this.ownBytes(hostFrame).fill(0, index * 2, (index + count) * 2);
    this.memory.writeBytes(hostPhysical(hostFrame * PAGE_SIZE + index * 8), this.scratch.fill(0, 0, count * 8).subarray(0, count * 8));
  }

  /** The words of a table that is about to get entries of its own. */
  private ownBytes(hostFrame: number): Uint32Array {
    const bytes = this.bytesOf(this.expected.get(hostFrame) ?? null);
    this.expected.set(hostFrame, bytes);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, ENTRIES * 2);
  }

  private bytesOf(expected: Expected): Uint8Array {
    if (expected instanceof Uint8Array) return expected;
    const words = new Uint32Array(ENTRIES * 2);
    if (expected) writeStretch(words, 0, ENTRIES, expected.host, expected.bits);
    return new Uint8Array(words.buffer);
  }

  /** Does a table hold what was written there? */
  private isIntact(hostFrame: number): boolean {
    const expected = this.expected.get(hostFrame) ?? null;
    this.memory.peek(hostPhysical(hostFrame * PAGE_SIZE), PAGE_SIZE, this.scratch);
    if (expected instanceof Uint8Array) return sameBytes(this.scratch, expected);
    const words = this.scratchWords;
    if (!expected) return words.every((word) => word === 0);
    const { host, bits } = expected;
    for (let entry = 0; entry < ENTRIES; entry++) {
      const frame = host + entry;
      if ((words[entry * 2]! ^ ((frame << 12) | bits)) !== 0 || words[entry * 2 + 1] !== Math.floor(frame / 2 ** 20)) return false;
    }
    return true;
  }
}

const rootFirst = (a: TablePage, b: TablePage): number => b.level - a.level || a.firstFrame - b.firstFrame;

/** Whole pages, mostly: compared by words where both lie on word boundaries. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const words = a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0 ? a.length >> 2 : 0;
  const [wordsA, wordsB] = [new Int32Array(a.buffer, a.byteOffset, words), new Int32Array(b.buffer, b.byteOffset, words)];
  for (let index = 0; index < words; index++) if (wordsA[index] !== wordsB[index]) return false;
  for (let index = words * 4; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
