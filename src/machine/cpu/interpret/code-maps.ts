/**
 * Which bytes of a frame translated code was made from: a bit each, in the pool's reserved area, so that WebAssembly can look
 * before a store (compile/beside-code.ts). A map in which every bit is set asks for every write to be told of: those of frames
 * without code are so, and those that no frame has.
 */
import { PAGE_SIZE } from '../../address';
import { CODE_MAPS, POOL_RESERVED } from '../state-layout';

const ASK = 0xff;

export class CodeMaps {
  private readonly bytes: Uint8Array;
  /** addresses of maps given back */
  private readonly free: number[] = [];
  private next = CODE_MAPS.offset;

  constructor(buffer: ArrayBufferLike) {
    this.bytes = new Uint8Array(buffer, 0, POOL_RESERVED);
  }

  /** Maps that can still be taken. */
  get left(): number {
    return this.free.length + (CODE_MAPS.offset + CODE_MAPS.most * CODE_MAPS.frameBytes - this.next) / CODE_MAPS.frameBytes;
  }

  /**
   * Byte address of a map that asks for every write.
   * @throws RangeError when there is none left
   */
  take(): number {
    if (this.left < 1) throw new RangeError(`all ${CODE_MAPS.most} code maps are taken`);
    const map = this.free.pop() ?? this.next;
    if (map === this.next) this.next += CODE_MAPS.frameBytes;
    this.ask(map);
    return map;
  }

  /** The map's frame holds no code any more. It goes on asking, until it is cleared for another frame. */
  give(map: number): void {
    this.ask(map);
    this.free.push(map);
  }

  /** Every write is to be told of. */
  ask(map: number): void {
    this.bytes.fill(ASK, map, map + CODE_MAPS.frameBytes);
  }

  /** No byte is code. */
  clear(map: number): void {
    this.bytes.fill(0, map, map + CODE_MAPS.frameBytes);
  }

  /** Bytes from `start` up to `end` of the frame (0 to PAGE_SIZE) are code. */
  mark(map: number, start: number, end: number): void {
    for (let at = start; at < end; at++) this.bytes[map + (at >> 3)]! |= 1 << (at & 7);
  }

  /** Is one of these bytes code? */
  holds(map: number, start: number, end: number): boolean {
    for (let at = start; at < Math.min(PAGE_SIZE, end); at++) if ((this.bytes[map + (at >> 3)]! >> (at & 7)) & 1) return true;
    return false;
  }
}
