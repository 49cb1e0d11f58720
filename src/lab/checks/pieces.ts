/** The memory that a check looks at, as pieces of host memory. */
import type { CheckContext, HostPiece, Range } from './context';

/** Bytes of pieces in order, or the position of the first one that nothing is mapped to. */
export function readPieces(context: CheckContext, pieces: readonly HostPiece[]): Uint8Array | { unmappedAt: number } {
  const total = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  const out = new Uint8Array(total);
  let at = 0;
  for (const { host, bytes } of pieces) {
    if (host === null) return { unmappedAt: at };
    out.set(context.readHost(host, bytes), at);
    at += bytes;
  }
  return out;
}

/** Pieces of a range of a VM, of a part of the VMM, or of the board's memory. Null: there is no such part. */
export function rangePieces(context: CheckContext, range: Range): HostPiece[] | null {
  if (range.vmmPart === undefined)
    return context.pieces(range.vm === undefined ? 'host' : 'guest', range.vm ?? null, range.from, range.bytes);
  const part = context.part(range.vmmPart, range.vm ?? null);
  if (!part || range.from >= part.bytes) return null;
  return context.pieces('host', null, part.base + range.from, Math.min(range.bytes, part.bytes - range.from));
}
