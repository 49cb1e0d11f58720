/** A section while it is assembled: growing bytes (or, for `nobits`, only a size), and where it will lie. */

import { LIMITS } from './limits';

export class Section {
  /** address of its first byte, of the layout before this pass */
  base = 0;
  /** position of its first byte in the image */
  imageOffset = 0;
  /** bytes used so far in this pass */
  size = 0;
  /** bytes of the pass before */
  previousSize = 0;
  align: number;
  start: number | null = null;
  virtualStart: number | null = null;
  private buffer = new Uint8Array(256);

  constructor(
    readonly name: string,
    public nobits: boolean,
  ) {
    this.align = name === '.text' ? 1 : 4;
  }

  begin(): void {
    this.previousSize = this.size;
    this.size = 0;
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.nobits ? 0 : this.size);
  }

  append(bytes: Uint8Array): void {
    if (!this.nobits) this.room(bytes.length).set(bytes);
    this.size += bytes.length;
  }

  /** `count` copies of `bytes`. */
  fill(bytes: Uint8Array, count: number): void {
    const total = bytes.length * count;
    const room = this.nobits ? new Uint8Array() : this.room(total);
    if (bytes.every((byte) => byte === bytes[0])) room.fill(bytes[0] ?? 0);
    else for (let index = 0; index < count; index++) room.set(bytes, index * bytes.length);
    this.size += total;
  }

  reserve(bytes: number): void {
    if (!this.nobits) this.room(bytes).fill(0);
    this.size += bytes;
  }

  private room(bytes: number): Uint8Array {
    if (this.size + bytes > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.size + bytes));
      grown.set(this.buffer.subarray(0, this.size));
      this.buffer = grown;
    }
    return this.buffer.subarray(this.size, this.size + bytes);
  }
}

/**
 * Places sections one behind the other from the origin: those with bytes in the order of their first appearance, then the reserved
 * ones. `moved`: an address or a size differs from the pass before. `outside`: one that cannot be part of the image.
 */
export function layoutSections(sections: readonly Section[], origin: number): { moved: boolean; outside: Section | null } {
  const ordered = [...sections].sort((left, right) => Number(left.nobits) - Number(right.nobits));
  let moved = false;
  let at = origin;
  let virtual = origin;
  for (const section of ordered) {
    const aligned = (address: number): number =>
      section.name === '.text' || section.size === 0 ? address : Math.ceil(address / section.align) * section.align;
    const start = section.start ?? aligned(at);
    const base = section.virtualStart ?? section.start ?? aligned(virtual);
    const imageOffset = start - origin;
    if (imageOffset < 0 || (!section.nobits && imageOffset + section.size > LIMITS.outputBytes)) return { moved, outside: section };
    if (base !== section.base || section.size !== section.previousSize) moved = true;
    section.base = base;
    section.imageOffset = imageOffset;
    at = start + section.size;
    virtual = base + section.size;
  }
  return { moved, outside: null };
}
