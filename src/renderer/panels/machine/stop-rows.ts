/** Breakpoints on lines and at addresses, and watchpoints, as rows of one table; and what a student types to make one. Pure. */
import type { BreakpointsView, RegistersView, StopHit, StopPoint } from '../../../lab/protocol';
import type { Breakpoint } from '../../stores/breakpoints';
import type { KeptPoint } from '../../stores/kept-stops';
import { keyOf } from '../../stores/stop-points';
import { parseAccess } from './access-text';

export type StopRow =
  | { key: string; enabled: boolean; hits: number; here: boolean; kind: 'code'; line: Breakpoint }
  | { key: string; enabled: boolean; hits: number; here: boolean; kind: StopPoint['kind']; point: KeptPoint };

/** Lines first, then addresses ascending. `at`: what has stopped the run. */
export function stopRows(
  lines: readonly Breakpoint[],
  points: readonly KeptPoint[],
  view: BreakpointsView | null,
  at: StopHit | null,
): StopRow[] {
  const known = view?.points ?? [];
  const hitsOf = (wanted: (point: BreakpointsView['points'][number]) => boolean): number =>
    known.filter(wanted).reduce((sum, { hits }) => sum + hits, 0);
  const ofLines = lines.map((line): StopRow => {
    const isIt = (place: { file?: string; line?: number }): boolean => place.file === line.file && place.line === line.line;
    const placed = known.filter(isIt).map(keyOf);
    return {
      key: `${line.file}:${line.line}`,
      kind: 'code',
      enabled: line.enabled,
      hits: hitsOf(isIt),
      here: line.enabled && at !== null && placed.includes(keyOf(at)),
      line,
    };
  });
  const ofPoints = [...points]
    .sort((a, b) => Number(a.linear - b.linear))
    .map((point): StopRow => {
      const key = keyOf(point);
      return {
        key,
        kind: point.kind,
        enabled: point.enabled,
        hits: hitsOf((other) => other.file === undefined && keyOf(other) === key),
        here: point.enabled && at !== null && keyOf(at) === key,
        point,
      };
    });
  return [...ofLines, ...ofPoints];
}

export type ParsedPlace =
  { ok: true; linear: bigint } | { ok: false; reason: 'empty' | 'not-hex' | 'segment' | 'too-wide' | 'noRegisters' };

/** `0x7C00`, or `DS:0x5010` with the base that the segment has now. `size` bytes from there on must be below 4 GiB. */
export function parsePlace(text: string, size: number, registers: RegistersView | null): ParsedPlace {
  const parsed = parseAccess(text, 'linear');
  if (!parsed.ok) return parsed;
  let linear = parsed.address;
  if (parsed.segment) {
    const segment = registers?.segments.find(({ name }) => name === parsed.segment);
    if (!segment) return { ok: false, reason: 'noRegisters' };
    linear = (segment.base + linear) & 0xffff_ffffn;
  }
  return linear + BigInt(size) > 1n << 32n ? { ok: false, reason: 'too-wide' } : { ok: true, linear };
}
