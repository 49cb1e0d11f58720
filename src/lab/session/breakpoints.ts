/**
 * Where a run stops for whoever looks on: source lines, kept by file and line across power cycles together with where they are in each
 * program that the file is part of; addresses; and watched memory. Also what has stopped it there, and how often.
 */
import { text } from '../document/problem';
import type { BreakpointsView, StopHit, StopPoint } from '../protocol';
import { QueryError, type CodeAddress, type RunEnd, type WatchedMemory } from './computer';
import type { BuiltProgram } from './programs';

/** A program's linear address equals the address it was assembled at plus this. */
export interface PlacedProgram extends BuiltProgram {
  linearOffset: number;
}

/** Breakpoints at addresses and watchpoints together. */
const MOST_POINTS = 64;
const KINDS: readonly unknown[] = ['code', 'write', 'access'];
const SIZES: readonly unknown[] = [1, 2, 4];

/** Reads a little-endian number of linear memory; null where nothing is mapped. Changes nothing. */
export type ReadLinear = (vm: string | null, linear: bigint, size: number) => number | null;

interface PlacedLine extends CodeAddress {
  file: string;
  line: number;
}

export class Breakpoints {
  private readonly byFile = new Map<string, number[]>();
  private points: readonly StopPoint[] = [];
  /** where the run that is under way was asked to go */
  target: CodeAddress | null = null;
  /** by place, since power-on */
  private readonly hits = new Map<string, number>();
  /** what watched memory held when the run was started, by place */
  private readonly before = new Map<string, number | null>();

  /** Remembers the lines of a file (1-based); an empty list forgets it. */
  set(file: string, lines: readonly number[]): void {
    const unique = [...new Set(lines.filter((line) => Number.isInteger(line) && line > 0))].sort((a, b) => a - b);
    if (unique.length === 0) this.byFile.delete(file);
    else this.byFile.set(file, unique);
  }

  /** Replaces the addresses and the watched memory. Throws QueryError for what is no such place, or too many of them. */
  setPoints(points: readonly StopPoint[]): void {
    if (!Array.isArray(points) || points.length > MOST_POINTS)
      throw new QueryError(text(`There can be ${MOST_POINTS} breakpoints and watchpoints.`, `断点与监视点最多 ${MOST_POINTS} 个。`));
    const asked = points.map(({ vm, kind, linear, size }: StopPoint): StopPoint => {
      const bytes = kind === 'code' ? 1 : size;
      if (!KINDS.includes(kind) || !SIZES.includes(bytes) || typeof linear !== 'bigint' || (vm !== null && typeof vm !== 'string'))
        throw new QueryError(text('This is no breakpoint and no watchpoint.', '这既不是断点，也不是监视点。'));
      if (linear < 0n || linear + BigInt(bytes) > 1n << 32n)
        throw new QueryError(text('A linear address has 32 bits.', '线性地址为 32 位。'));
      return { vm, kind, linear, size: bytes };
    });
    this.points = asked.filter((point, index) => asked.findIndex((other) => placeOf(other) === placeOf(point)) === index);
  }

  /** Where each line of a file ended up: the first line from it on that has code in a program, or itself, unbound. */
  bound(file: string, programs: readonly BuiltProgram[]): { line: number; bound: boolean }[] {
    return (this.byFile.get(file) ?? []).map((line) => {
      for (const { assembly } of programs) {
        const entry = assembly?.lineMap.breakpoint(file, line);
        if (entry) return { line: entry.line, bound: true };
      }
      return { line, bound: false };
    });
  }

  /** Every address at which a run must stop. */
  addresses(programs: readonly PlacedProgram[]): CodeAddress[] {
    const given = this.points.filter(({ kind }) => kind === 'code').map(({ vm, linear }) => ({ vm, linear: Number(linear) }));
    return [...this.lines(programs), ...given, ...(this.target ? [this.target] : [])];
  }

  /** Is this where the run was to go, and no breakpoint of the user's? */
  isTarget({ vm, linear }: CodeAddress, programs: readonly PlacedProgram[]): boolean {
    if (this.target?.vm !== vm || this.target.linear !== linear) return false;
    const same = (point: { vm: string | null; linear: number | bigint }): boolean => point.vm === vm && Number(point.linear) === linear;
    return !this.lines(programs).some(same) && !this.points.some((point) => point.kind === 'code' && same(point));
  }

  /** Memory after whose access a run must stop. */
  get watched(): WatchedMemory[] {
    return this.points.flatMap(({ vm, kind, linear, size }) =>
      kind === 'code' ? [] : [{ vm, kind, linear: Number(linear), bytes: size }],
    );
  }

  private lines(programs: readonly PlacedProgram[]): PlacedLine[] {
    const list: PlacedLine[] = [];
    for (const { vm, assembly, linearOffset } of programs) {
      for (const [file, lines] of this.byFile) {
        for (const line of lines) {
          const entry = assembly?.lineMap.breakpoint(file, line);
          if (entry) list.push({ vm, linear: entry.address + linearOffset, file, line: entry.line });
        }
      }
    }
    return list;
  }

  // ── what happens there ──

  /** At power-on: nothing has stopped anywhere. */
  forgetHits(): void {
    this.hits.clear();
    this.before.clear();
  }

  /** A run is about to be started: what watched memory holds now. */
  remember(read: ReadLinear): void {
    for (const point of this.points) if (point.kind !== 'code') this.before.set(placeOf(point), read(point.vm, point.linear, point.size));
  }

  /** A run has ended: counts the hit and says what it was; null for every other end. */
  note(end: RunEnd, programs: readonly PlacedProgram[], read: ReadLinear): StopHit | null {
    if (end.kind !== 'breakpoint' && end.kind !== 'watchpoint') return null;
    if (end.kind === 'breakpoint' && this.isTarget(end.at, programs)) return null;
    const hit = end.kind === 'breakpoint' ? atCode(end.at, programs) : this.atMemory(end.access, programs, read);
    const place = placeOf(hit);
    this.hits.set(place, (this.hits.get(place) ?? 0) + 1);
    return hit;
  }

  private atMemory(
    { at, kind, linear, size, instruction }: Extract<RunEnd, { kind: 'watchpoint' }>['access'],
    programs: readonly PlacedProgram[],
    read: ReadLinear,
  ): StopHit {
    const point: StopPoint = { vm: at.vm, kind: at.kind, linear: BigInt(at.linear), size: at.bytes as StopPoint['size'] };
    return {
      ...point,
      access: {
        kind,
        linear: BigInt(linear),
        size,
        instruction: instruction && {
          linear: BigInt(instruction.linear),
          text: instruction.text,
          ...(sourceLine(programs, at.vm, instruction.linear) ?? {}),
        },
        before: this.before.get(placeOf(point)) ?? null,
        after: read(point.vm, point.linear, point.size),
      },
    };
  }

  view(programs: readonly PlacedProgram[]): BreakpointsView {
    const lines = this.lines(programs).map(({ vm, linear, file, line }) => ({ ...codePoint(vm, linear), file, line }));
    return { points: [...lines, ...this.points].map((point) => ({ ...point, hits: this.hits.get(placeOf(point)) ?? 0 })) };
  }
}

const codePoint = (vm: string | null, linear: number): StopPoint => ({ vm, kind: 'code', linear: BigInt(linear), size: 1 });

const atCode = ({ vm, linear }: CodeAddress, programs: readonly PlacedProgram[]): StopHit => ({
  ...codePoint(vm, linear),
  ...(sourceLine(programs, vm, linear) ?? {}),
});

const placeOf = ({ vm, kind, linear, size }: StopPoint): string => `${vm ?? ''} ${kind} ${linear} ${size}`;

/** The source line of a linear address, in the program of that VM. */
export function sourceLine(programs: readonly PlacedProgram[], vm: string | null, linear: number): { file: string; line: number } | null {
  for (const program of programs) {
    if (program.vm !== vm) continue;
    const entry = program.assembly?.lineMap.at(linear - program.linearOffset);
    if (entry) return { file: entry.file, line: entry.line };
  }
  return null;
}
