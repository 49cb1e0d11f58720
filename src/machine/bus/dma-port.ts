/**
 * The only way a device reaches memory: it issues requests here, and what stands behind (switch, bridge, IOMMU, chipset)
 * is none of its business. The completion comes back as an event.
 */

import type { JourneyRecorder } from '../journey/journey';

/** PCI requester ID: bus << 8 | device << 3 | function. */
export type RequesterId = number;

export interface DmaRequest {
  kind: 'read' | 'write' | 'translate';
  /** < 2^53; what space it belongs to is for the path to say */
  address: number;
  addressType: 'untranslated' | 'translated' | 'translation-request';
  /** a claim, which the topology may check */
  requester: RequesterId;
  /** 1 to 4096, never across a 4 KiB boundary */
  length: number;
  /** for writes: `length` bytes */
  data?: Uint8Array;
}

export type DmaStatus = 'success' | 'unsupported-request' | 'completer-abort';

export interface DmaCompletion {
  id: number;
  status: DmaStatus;
  data?: Uint8Array;
}

export interface DmaPort {
  /** Returns the request's id; the completion arrives as the event tag `{ kind: 'dma-completion', completion }`. Throws RangeError on a malformed request. */
  issue(request: DmaRequest): number;
}

/** One stage on the way of a request. Hops are asked in order; each writes one log entry. */
export interface DmaHop {
  readonly id: string;
  /** With a recorder the hop also adds its steps to the Journey of this request. */
  handle(request: DmaRequest, recorder?: JourneyRecorder): DmaHopResult;
}

export type DmaHopResult =
  | { outcome: 'accept'; request: DmaRequest }
  | { outcome: 'redirect'; request: DmaRequest; to: string }
  | { outcome: 'reject'; status: DmaStatus; reason: number; text: string }
  /** `register`: a device on this side answered, and the request never reached the chipset */
  | { outcome: 'answer'; status: DmaStatus; data?: Uint8Array; register?: { device: string; region: string; offset: number } };

export const formatRequester = (id: RequesterId): string =>
  `${(id >> 8).toString(16).padStart(2, '0')}:${((id >> 3) & 31).toString(16).padStart(2, '0')}.${id & 7}`;

/** `00:04.0` or `04.0` → requester ID, or undefined when it is not one. */
export function parseRequester(text: string): RequesterId | undefined {
  const match = /^(?:([0-9a-f]{1,2}):)?([0-9a-f]{1,2})\.([0-7])$/i.exec(text.trim());
  if (!match) return undefined;
  const [, bus = '0', device, fn] = match;
  const slot = parseInt(device!, 16);
  return slot > 31 ? undefined : (parseInt(bus, 16) << 8) | (slot << 3) | parseInt(fn!, 10);
}
