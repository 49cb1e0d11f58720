/** Breakpoints by file and line, and where they are in each program that the file is part of. Kept across power cycles. */
import type { CodeAddress } from './computer';
import type { BuiltProgram } from './programs';

/** A program's linear address equals the address it was assembled at plus this. */
export interface PlacedProgram extends BuiltProgram {
  linearOffset: number;
}

export class Breakpoints {
  private readonly byFile = new Map<string, number[]>();

  /** Remembers the lines of a file (1-based); an empty list forgets it. */
  set(file: string, lines: readonly number[]): void {
    const unique = [...new Set(lines.filter((line) => Number.isInteger(line) && line > 0))].sort((a, b) => a - b);
    if (unique.length === 0) this.byFile.delete(file);
    else this.byFile.set(file, unique);
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
    const list: CodeAddress[] = [];
    for (const { vm, assembly, linearOffset } of programs) {
      for (const [file, lines] of this.byFile) {
        for (const line of lines) {
          const entry = assembly?.lineMap.breakpoint(file, line);
          if (entry) list.push({ vm, linear: entry.address + linearOffset });
        }
      }
    }
    return list;
  }
}

/** The source line of a linear address, in the program of that VM. */
export function sourceLine(programs: readonly PlacedProgram[], vm: string | null, linear: number): { file: string; line: number } | null {
  for (const program of programs) {
    if (program.vm !== vm) continue;
    const entry = program.assembly?.lineMap.at(linear - program.linearOffset);
    if (entry) return { file: entry.file, line: entry.line };
  }
  return null;
}
