/**
 * What a run leaves behind as evidence: the bytes of every checked range before the first device accessed memory, and the walk of the
 * last DMA. Taken by listening, never by changing anything.
 */
import type { DmaRecord } from '../../machine/bus/dma-path';
import type { Journey } from '../../machine/journey/journey';
import type { Check } from '../document/schema';
import { rangePieces } from '../checks/pieces';
import type { CheckContext, HostPiece, Range } from '../checks/context';
import type { HostBytes } from './memory-write';

/** Ranges of all `unchanged` checks, in the document's order. */
export const watchedRanges = (checks: readonly Check[]): Range[] =>
  checks.flatMap((check) => ('unchanged' in check ? [check.unchanged.range] : []));

const keyOf = ({ vm, vmmPart, from, bytes }: Range): string => JSON.stringify([vm ?? null, vmmPart ?? null, from, bytes]);

export interface SavedEvidence {
  before: [string, Uint8Array | null][];
  deviceAccessed: boolean;
  journey: Journey | null;
  dmaRequests: number;
}

export class Evidence {
  private before = new Map<string, Uint8Array | null>();
  private deviceAccessed = false;
  /** the walk of the last DMA */
  journey: Journey | null = null;
  dmaRequests = 0;

  constructor(
    private readonly ranges: readonly Range[],
    private readonly context: () => Pick<CheckContext, 'pieces' | 'part' | 'readHost'>,
  ) {}

  /** At power-on, and (once) when the first device is about to access memory. */
  capture(): void {
    const context = this.context() as CheckContext;
    for (const range of this.ranges) {
      const pieces = rangePieces(context, range);
      // a page that was never touched holds zeros
      const read = ({ host, bytes }: HostPiece): Uint8Array => (host === null ? new Uint8Array(bytes) : context.readHost(host, bytes));
      this.before.set(keyOf(range), pieces && concatenated(pieces.map(read)));
    }
  }

  /** The user has written there by hand: what is compared with has changed, so that no device is blamed. */
  written(written: readonly HostBytes[]): void {
    const context = this.context() as CheckContext;
    for (const range of this.ranges) {
      // a copy: snapshots keep the bytes as they were
      const before = this.bytesBefore(range)?.slice();
      if (!before) continue;
      let offset = 0;
      for (const { host, bytes } of rangePieces(context, range) ?? []) {
        if (host !== null) for (const each of written) overlay(before.subarray(offset, offset + bytes), host, each);
        offset += bytes;
      }
      this.before.set(keyOf(range), before);
    }
  }

  /** A device is about to access memory. */
  beforeDma(): void {
    if (this.deviceAccessed) return;
    this.deviceAccessed = true;
    this.capture();
  }

  afterDma(record: DmaRecord): void {
    this.dmaRequests++;
    this.journey = record.journey;
  }

  bytesBefore(range: Range): Uint8Array | null {
    return this.before.get(keyOf(range)) ?? null;
  }

  save(): SavedEvidence {
    return { before: [...this.before], deviceAccessed: this.deviceAccessed, journey: this.journey, dmaRequests: this.dmaRequests };
  }

  load(saved: SavedEvidence): void {
    this.before = new Map(saved.before);
    this.deviceAccessed = saved.deviceAccessed;
    this.journey = saved.journey;
    this.dmaRequests = saved.dmaRequests;
  }
}

/** What of the written bytes lies in a stretch of host memory is put there. */
function overlay(stretch: Uint8Array, host: number, { host: from, bytes }: HostBytes): void {
  const start = Math.max(host, from);
  const end = Math.min(host + stretch.length, from + bytes.length);
  if (start < end) stretch.set(bytes.subarray(start - from, end - from), start - host);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
