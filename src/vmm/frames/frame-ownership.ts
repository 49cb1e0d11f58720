/**
 * Who owns which host frame, as extents: a board of 2 TiB costs as little as one of 1 GiB, until its memory is really cut to
 * pieces. Allocation is first fit at 4 KiB grain: from the bottom for VMs, from the top for what the VMM keeps to itself, so
 * that its tables lie above anything a VM can name by its own addresses (unless the board is nearly full).
 */
import { PAGE_SIZE } from '../../machine/address';
import { ownerKey } from './frame-owner';
import type { FrameOwner, OwnedExtent } from './frame-owner';

/** A run of frames, `first` being a host frame number. */
export interface FrameRun {
  first: number;
  count: number;
}

interface SavedOwnership {
  starts: number[];
  ends: number[];
  owners: number[];
  names: FrameOwner[];
}

const FREE = 0;

export class FrameOwnership {
  /** extents, ascending, covering exactly the DRAM: first frame, frame behind the last, owner number (0: free) */
  private starts: number[] = [];
  private ends: number[] = [];
  private owners: number[] = [];
  private names: (FrameOwner | null)[] = [null];
  private numbers = new Map<string, number>();
  private free = 0;
  private changes = 0;
  /** no free frame lies below this one, none at or above that one */
  private lowestFree = 0;
  private highestFree = Infinity;

  /** @param dram stretches of DRAM in bytes, ascending, disjoint, multiples of 4096 */
  constructor(dram: readonly { base: number; bytes: number }[]) {
    for (const { base, bytes } of dram) {
      const start = base / PAGE_SIZE;
      const last = this.ends.length - 1;
      if (last >= 0 && this.ends[last] === start) this.ends[last] = start + bytes / PAGE_SIZE;
      else this.insert(this.starts.length, start, start + bytes / PAGE_SIZE, FREE);
      this.free += bytes / PAGE_SIZE;
    }
  }

  /** Grows with every change of ownership. */
  get revision(): number {
    return this.changes;
  }

  get freeFrames(): number {
    return this.free;
  }

  /** Null for a free frame, undefined where there is no DRAM. */
  ownerOf(frame: number): FrameOwner | null | undefined {
    const index = this.find(frame);
    return index < 0 ? undefined : this.names[this.owners[index]!];
  }

  /** The first of `count` frames that does not belong to `owner`, -1 when all do. */
  firstForeign(first: number, count: number, owner: FrameOwner): number {
    const number = this.numbers.get(ownerKey(owner));
    for (let frame = first; frame < first + count;) {
      const index = this.find(frame);
      if (index < 0 || this.owners[index] !== number) return frame;
      frame = this.ends[index]!;
    }
    return -1;
  }

  /**
   * Takes `count` frames, first fit from the bottom or the top, in as few runs as the free memory allows. Runs come in the
   * order they were found. Null, and nothing taken, when there are not that many free frames.
   */
  allocate(count: number, owner: FrameOwner, from: 'bottom' | 'top' = 'bottom'): FrameRun[] | null {
    if (count > this.free) return null;
    const runs: FrameRun[] = [];
    for (let left = count; left > 0;) {
      const index = from === 'bottom' ? this.firstFree() : this.lastFree();
      const start = this.starts[index]!;
      const end = this.ends[index]!;
      const take = Math.min(left, end - start);
      const first = from === 'bottom' ? start : end - take;
      this.assign(index, first, first + take, this.numberOf(owner));
      if (from === 'bottom') this.lowestFree = first + take;
      else this.highestFree = first;
      runs.push({ first, count: take });
      left -= take;
    }
    return runs;
  }

  /** Gives frames that lie inside one extent a new owner. Returns false when they do not, or when they are not free. */
  take(first: number, count: number, owner: FrameOwner): boolean {
    const index = this.find(first);
    if (index < 0 || this.owners[index] !== FREE || this.ends[index]! < first + count) return false;
    this.assign(index, first, first + count, this.numberOf(owner));
    return true;
  }

  /** Gives owned frames back. Returns false when they do not all belong to one owner. */
  release(first: number, count: number): boolean {
    const index = this.find(first);
    if (index < 0 || this.owners[index] === FREE || this.ends[index]! < first + count) return false;
    this.assign(index, first, first + count, FREE);
    this.lowestFree = Math.min(this.lowestFree, first);
    this.highestFree = Math.max(this.highestFree, first + count);
    return true;
  }

  /** Everything that is owned, ascending; neighbours of one owner are one extent. */
  extents(): OwnedExtent[] {
    const list: OwnedExtent[] = [];
    this.starts.forEach((start, index) => {
      const owner = this.names[this.owners[index]!];
      if (owner) list.push({ base: start * PAGE_SIZE, bytes: (this.ends[index]! - start) * PAGE_SIZE, owner });
    });
    return list;
  }

  save(): SavedOwnership {
    const names = this.names.filter((name) => name !== null);
    return { starts: [...this.starts], ends: [...this.ends], owners: [...this.owners], names };
  }

  load(saved: SavedOwnership): void {
    this.changes++;
    this.starts = [...saved.starts];
    this.ends = [...saved.ends];
    this.owners = [...saved.owners];
    this.names = [null, ...saved.names];
    this.numbers = new Map(saved.names.map((name, index) => [ownerKey(name), index + 1]));
    this.free = 0;
    this.owners.forEach((owner, index) => {
      if (owner === FREE) this.free += this.ends[index]! - this.starts[index]!;
    });
    this.lowestFree = 0;
    this.highestFree = Infinity;
  }

  private numberOf(owner: FrameOwner): number {
    const key = ownerKey(owner);
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.names.push({ ...owner }) - 1;
      this.numbers.set(key, number);
    }
    return number;
  }

  /** Index of the extent that holds a frame, -1 when none does. */
  private find(frame: number): number {
    const index = this.lastStartingAtOrBelow(frame);
    return index >= 0 && frame < this.ends[index]! ? index : -1;
  }

  private lastStartingAtOrBelow(frame: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! <= frame) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** There is one: allocate has counted. */
  private firstFree(): number {
    let index = Math.max(0, this.lastStartingAtOrBelow(this.lowestFree));
    while (this.owners[index] !== FREE) index++;
    return index;
  }

  private lastFree(): number {
    let index = Math.min(this.starts.length - 1, this.lastStartingAtOrBelow(this.highestFree));
    while (this.owners[index] !== FREE) index--;
    return index;
  }

  /** Cuts [first, end) out of extent `index` for a new owner, and joins it to neighbours that have the same one. */
  private assign(index: number, first: number, end: number, owner: number): void {
    this.changes++;
    const count = end - first;
    if (this.owners[index] === FREE && owner !== FREE) this.free -= count;
    if (this.owners[index] !== FREE && owner === FREE) this.free += count;
    const start = this.starts[index]!;
    const stop = this.ends[index]!;
    const old = this.owners[index]!;
    let at = index;
    if (first > start) {
      this.ends[index] = first;
      at = index + 1;
      this.insert(at, first, end, owner);
    } else {
      this.ends[index] = end;
      this.owners[index] = owner;
    }
    if (end < stop) this.insert(at + 1, end, stop, old);
    this.join(at + 1);
    this.join(at);
  }

  /** Joins extent `index` to the one before it when they touch and have one owner. */
  private join(index: number): void {
    if (index < 1 || index >= this.starts.length) return;
    if (this.owners[index] !== this.owners[index - 1] || this.starts[index] !== this.ends[index - 1]) return;
    this.ends[index - 1] = this.ends[index]!;
    this.starts.splice(index, 1);
    this.ends.splice(index, 1);
    this.owners.splice(index, 1);
  }

  private insert(index: number, start: number, end: number, owner: number): void {
    this.starts.splice(index, 0, start);
    this.ends.splice(index, 0, end);
    this.owners.splice(index, 0, owner);
  }
}
