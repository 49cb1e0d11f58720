/** Which bytes came from which source line, in both directions. */

export interface LineMapEntry {
  /** address of the first byte, as the program counts (org or vstart included) */
  address: number;
  /** bytes; one entry for all repetitions of a `times` */
  length: number;
  file: string;
  /** from 1; inside a macro the line of the call */
  line: number;
  section: string;
  kind: 'code' | 'data';
}

export class LineMap {
  /** ascending by address */
  readonly entries: readonly LineMapEntry[];

  constructor(entries: LineMapEntry[]) {
    this.entries = entries.filter((entry) => entry.length > 0).sort((left, right) => left.address - right.address);
  }

  /** The entry that holds an address, or undefined. */
  at(address: number): LineMapEntry | undefined {
    let low = 0;
    let high = this.entries.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const entry = this.entries[middle]!;
      if (address < entry.address) high = middle - 1;
      else if (address >= entry.address + entry.length) low = middle + 1;
      else return entry;
    }
    return undefined;
  }

  /** What a line made, ascending. */
  ofLine(file: string, line: number): LineMapEntry[] {
    return this.entries.filter((entry) => entry.line === line && entry.file === file);
  }

  /**
   * Where a breakpoint on a line belongs: the first code of that line, or of the next line of the file that has some (within 20
   * lines: comments and labels). Undefined when there is none.
   */
  breakpoint(file: string, line: number): LineMapEntry | undefined {
    let best: LineMapEntry | undefined;
    for (const entry of this.entries) {
      if (entry.file !== file || entry.kind !== 'code' || entry.line < line || entry.line > line + 20) continue;
      if (!best || entry.line < best.line) best = entry;
    }
    return best;
  }
}
