/**
 * Breakpoints and watchpoints by lab, as the settings keep them: they are whoever debugs' own and no part of the lab file, so that
 * setting one changes no lab. Read as input from outside: what is malformed is left out. Pure.
 */
import type { StopPoint } from '../../lab/protocol';

export interface KeptLine {
  file: string;
  line: number;
  /** off: kept, but nothing stops there */
  enabled: boolean;
}
export interface KeptPoint extends StopPoint {
  enabled: boolean;
}
export interface KeptStops {
  lines: readonly KeptLine[];
  points: readonly KeptPoint[];
}

/** More breakpoints at addresses and watchpoints than the session takes are refused by the window already. */
export const MOST_STOP_POINTS = 64;
const MOST_LINES = 500;
/** Those of the labs that were debugged last are kept. */
const MOST_LABS = 50;

/** What a lab's breakpoints are kept under; null for a new lab that has not been saved. */
export function labKey(lab: { shipped: boolean; name: string; path: string | null }): string | null {
  if (lab.shipped) return `shipped:${lab.name}`;
  return lab.path === null ? null : `file:${lab.path}`;
}

const objects = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value)
    ? value.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null && !Array.isArray(each))
    : [];

function readLine({ file, line, enabled }: Record<string, unknown>): KeptLine | null {
  if (typeof file !== 'string' || typeof line !== 'number' || !Number.isSafeInteger(line) || line < 1) return null;
  return { file, line, enabled: enabled !== false };
}

function readPoint({ vm, kind, linear, size, enabled }: Record<string, unknown>): KeptPoint | null {
  if (kind !== 'code' && kind !== 'write' && kind !== 'access') return null;
  if (size !== 1 && size !== 2 && size !== 4) return null;
  if ((vm !== null && typeof vm !== 'string') || typeof linear !== 'number') return null;
  if (!Number.isSafeInteger(linear) || linear < 0 || linear + size > 2 ** 32) return null;
  return { vm, kind, linear: BigInt(linear), size, enabled: enabled !== false };
}

/** What is kept for one lab. */
export function readStops(kept: Readonly<Record<string, unknown>>, key: string | null): KeptStops {
  const own = key !== null && Object.hasOwn(kept, key) ? kept[key] : null;
  const { lines, points } = typeof own === 'object' && own !== null ? (own as Record<string, unknown>) : {};
  return {
    lines: objects(lines)
      .map(readLine)
      .filter((line) => line !== null)
      .slice(0, MOST_LINES),
    points: objects(points)
      .map(readPoint)
      .filter((point) => point !== null)
      .slice(0, MOST_STOP_POINTS),
  };
}

/** The same settings with one lab's changed: that lab last, the oldest dropped, and nothing kept of a lab that has none. */
export function writeStops(kept: Readonly<Record<string, unknown>>, key: string, { lines, points }: KeptStops): Record<string, unknown> {
  const others = Object.entries(kept).filter(([other]) => other !== key);
  if (lines.length + points.length === 0) return Object.fromEntries(others);
  const own = {
    lines: lines.map(({ file, line, enabled }) => ({ file, line, enabled })),
    points: points.map(({ vm, kind, linear, size, enabled }) => ({ vm, kind, linear: Number(linear), size, enabled })),
  };
  return Object.fromEntries([...others, [key, own] as const].slice(-MOST_LABS));
}
