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

export class PageTables {
  private readonly pages = new Map<string, TablePage>();
  /** what each table page should hold, by host frame */
  private readonly expected = new Map<number, Uint8Array>();
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
    return [...this.pages.values()].sort((a, b) => b.level - a.level || a.firstFrame - b.firstFrame);
  }

  /** Is this host frame one of the tables? */
  has(hostFrame: number): boolean {
    return this.expected.has(hostFrame);
  }

  /** Compares the bytes in memory with what was written, leaving no trace. Only `hostFrame` when it is given. */
  differences(hostFrame?: number): TableDifference[] {
    const found: TableDifference[] = [];
    for (const page of this.list()) {
      if (hostFrame !== undefined && page.hostFrame !== hostFrame) continue;
      const base = page.hostFrame * PAGE_SIZE;
      const bytes = this.memory.peek(hostPhysical(base), PAGE_SIZE);
      const wanted = this.expected.get(page.hostFrame)!;
      if (sameBytes(bytes, wanted)) continue;
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
      this.expected.set(page.hostFrame, new Uint8Array(PAGE_SIZE));
    }
    for (const page of this.pages.values()) if (page.level < this.format.levels) this.writeEntry(this.parentOf(page), page, false);
  }

  /** A new, empty table, and the entry that leads to it. */
  private createPage(level: number, firstFrame: number): TablePage {
    const page = { level, firstFrame, hostFrame: this.allocateFrame() };
    this.pages.set(`${level}:${firstFrame}`, page);
    this.expected.set(page.hostFrame, new Uint8Array(PAGE_SIZE));
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
    this.store(parent, index, [child.hostFrame], this.format.tableBits, toMemory);
  }

  private fill(first: number, host: number, count: number, bits: number, toMemory: boolean): void {
    for (let done = 0; done < count;) {
      const frame = first + done;
      const index = frame % ENTRIES;
      const here = Math.min(count - done, ENTRIES - index);
      const page = this.page(1, frame - index) ?? this.createPage(1, frame - index);
      const targets = Array.from({ length: here }, (_, i) => host + done + i);
      this.store(page, index, targets, bits, toMemory);
      done += here;
    }
  }

  private store(page: TablePage, index: number, hostFrames: readonly number[], bits: number, toMemory: boolean): void {
    const copy = this.expected.get(page.hostFrame)!;
    const view = new DataView(copy.buffer, copy.byteOffset);
    hostFrames.forEach((frame, i) => {
      const address = frame * PAGE_SIZE;
      view.setUint32((index + i) * 8, ((address % 2 ** 32) | bits) >>> 0, true);
      view.setUint32((index + i) * 8 + 4, Math.floor(address / 2 ** 32), true);
    });
    if (toMemory) this.flush(page, index, hostFrames.length);
  }

  private clear(page: TablePage, index: number, count: number): void {
    this.expected.get(page.hostFrame)!.fill(0, index * 8, (index + count) * 8);
    this.flush(page, index, count);
  }

  /** Writes entries of the copy to where they belong. */
  private flush(page: TablePage, index: number, count: number): void {
    const changed = this.expected.get(page.hostFrame)!.slice(index * 8, (index + count) * 8);
    this.memory.writeBytes(hostPhysical(page.hostFrame * PAGE_SIZE + index * 8), changed);
  }
}

/** Whole pages, mostly: compared by words where both lie on word boundaries. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const words = a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0 ? a.length >> 2 : 0;
  const [wordsA, wordsB] = [new Int32Array(a.buffer, a.byteOffset, words), new Int32Array(b.buffer, b.byteOffset, words)];
  for (let index = 0; index < words; index++) if (wordsA[index] !== wordsB[index]) return false;
  for (let index = words * 4; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
