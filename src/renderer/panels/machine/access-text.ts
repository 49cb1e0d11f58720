/** What a student types into the access field: `DS:0x5010`, `0x0001_9010`, `7C00`. Numbers are hexadecimal, as everywhere on screen. Pure. */
import type { AccessQuery } from '../../../lab/protocol';

export const SEGMENTS = ['CS', 'DS', 'SS', 'ES', 'FS', 'GS'] as const;
export type SegmentName = (typeof SEGMENTS)[number];

export type ParsedAccess =
  { ok: true; segment: SegmentName | null; address: bigint } | { ok: false; reason: 'empty' | 'not-hex' | 'segment' | 'too-wide' };

const LIMIT_BITS: Record<AccessQuery['space'], number> = { logical: 32, linear: 64, guest: 52, host: 52, iova: 52 };

/** Digits an address of each space may have: 32 bits of offset, 64 linear, 52 physical. A segment makes it logical. */
export function parseAccess(text: string, space: AccessQuery['space']): ParsedAccess {
  const trimmed = text.trim();
  if (trimmed === '') return { ok: false, reason: 'empty' };
  const colon = trimmed.indexOf(':');
  const name = colon < 0 ? null : trimmed.slice(0, colon).trim().toUpperCase();
  const segment = SEGMENTS.find((candidate) => candidate === name) ?? null;
  if (name !== null && segment === null) return { ok: false, reason: 'segment' };
  const digits = trimmed
    .slice(colon + 1)
    .trim()
    .replaceAll('_', '')
    .replace(/^0x/i, '');
  if (!/^[0-9a-f]+$/i.test(digits)) return { ok: false, reason: 'not-hex' };
  const address = BigInt('0x' + digits);
  if (address >> BigInt(LIMIT_BITS[segment ? 'logical' : space]) !== 0n) return { ok: false, reason: 'too-wide' };
  return { ok: true, segment, address };
}
