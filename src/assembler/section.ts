/** A section while it is assembled: growing bytes (or, for `nobits`, only a size), and where it will lie. */

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
