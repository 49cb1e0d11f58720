/** What stands between a line's number and its text: the address and bytes that the line became. Pure. */
import { formatOpenBytes } from '../../components/format';
import type { AssemblyResult } from '../../assembly/messages';

export interface GutterLine {
  address: number;
  bytes: string;
}

const SHOWN = 5;

/** By line. A line that became several pieces (a macro, data) shows the first address; of two programs that include the file, the first. */
export function gutterLines(results: readonly AssemblyResult[], file: string): ReadonlyMap<number, GutterLine> {
  const lines = new Map<number, GutterLine>();
  const [result] = results;
  for (const made of result?.lines ?? []) {
    if (made.file !== file || lines.has(made.line)) continue;
    const more = made.length > Math.min(SHOWN, made.bytes.length);
    const shown = more ? made.bytes.subarray(0, SHOWN - 1) : made.bytes;
    lines.set(made.line, {
      address: made.address,
      bytes: made.bytes.length === 0 ? '' : formatOpenBytes(shown, made.open) + (more ? ' …' : ''),
    });
  }
  return lines;
}
