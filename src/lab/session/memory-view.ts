/** Memory by range for the hex views and the disassembly: bytes as they lie in the DIMMs, page by page, without any effect. */
import { PAGE_SIZE } from '../../machine/address';
import type { FrameOwner, MemoryRange } from '../protocol';

/** What the view asks of the machine; all of it observes nothing. */
export interface MemorySource {
  peek(host: number, bytes: number): Uint8Array;
  /** is there DRAM (one DIMM or several) at this host address? */
  isMemory(host: number): boolean;
  slotOf(host: number): string | null;
  ownerOf(host: number): FrameOwner | null;
}

/** Cuts `length` bytes from `base` at page borders. */
export function eachPage(base: number, length: number, visit: (address: number, bytes: number, offset: number) => void): void {
  for (let offset = 0; offset < length;) {
    const address = base + offset;
    const bytes = Math.min(length - offset, PAGE_SIZE - (address % PAGE_SIZE));
    visit(address, bytes, offset);
    offset += bytes;
  }
}

/** `translate` gives the host address of a page's byte, or null where nothing is mapped. */
export function memoryRange(
  source: MemorySource,
  base: number,
  length: number,
  translate: (address: number) => number | null,
): MemoryRange {
  const bytes = new Uint8Array(length).fill(0xff);
  const present = new Uint8Array(length);
  const pages: MemoryRange['pages'] = [];
  eachPage(base, length, (address, count, offset) => {
    const host = translate(address);
    const there = host !== null && source.isMemory(host);
    if (there) {
      bytes.set(source.peek(host, count), offset);
      present.fill(1, offset, offset + count);
    }
    const first = address - (address % PAGE_SIZE);
    const hostPage = host === null ? null : host - (address % PAGE_SIZE);
    pages.push({
      base: BigInt(first),
      host: hostPage,
      slot: there ? source.slotOf(host) : null,
      owner: host === null ? null : source.ownerOf(host),
    });
  });
  return { base: BigInt(base), bytes, present, pages };
}
