/**
 * How the walkers read and update table entries. One interface, two implementations: the running processor goes to the pool
 * (and to the chipset for what is not DRAM); an explanation peeks, and has nothing to write with.
 */
import { PAGE_SIZE, hostPhysical } from '../address';
import type { MemoryObserver, PhysicalMemory } from '../memory/physical-memory';

/** Host-physical, aligned to 4 bytes. A 64-bit entry is two reads: low half first. */
export interface TableMemory {
  read32(address: number): number;
  /** Used for accessed and dirty flags only, and never by a walk without effects. */
  write32(address: number, value: number): void;
}

/** Views over the pool, as the frame store offers them: replaced when the pool grows, so always read through this. */
export interface PoolViews {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly view: DataView;
}

/** The running processor's. */
export class LiveTables implements TableMemory {
  /** is told of every entry that a walk reads or writes in DRAM */
  observer: MemoryObserver | undefined;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly pool: PoolViews,
  ) {}

  read32(address: number): number {
    const frame = Math.floor(address / PAGE_SIZE);
    this.observer?.touch(address, 4, false);
    const offset = this.memory.readableFrame(frame);
    if (offset < 0) return this.memory.read(hostPhysical(address), 4);
    return this.pool.i32[(offset + (address - frame * PAGE_SIZE)) >>> 2]! >>> 0;
  }

  write32(address: number, value: number): void {
    const frame = Math.floor(address / PAGE_SIZE);
    this.observer?.touch(address, 4, true);
    const offset = this.memory.writableFrame(frame);
    if (offset < 0) this.memory.write(hostPhysical(address), 4, value >>> 0);
    else this.pool.i32[(offset + (address - frame * PAGE_SIZE)) >>> 2] = value;
  }
}

/** For explanations: observes nothing. */
export class PeekTables implements TableMemory {
  constructor(private readonly memory: PhysicalMemory) {}

  read32(address: number): number {
    const bytes = this.memory.peek(hostPhysical(address), 4);
    return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
  }

  write32(): void {
    throw new Error('a walk without effects must not write');
  }
}

/** The bytes of an entry in memory order, for a Journey. */
export function entryBytes(low: number, high?: number): Uint8Array {
  const bytes = new Uint8Array(high === undefined ? 4 : 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, low, true);
  if (high !== undefined) view.setUint32(4, high, true);
  return bytes;
}
