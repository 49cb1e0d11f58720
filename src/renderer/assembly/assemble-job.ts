/** One program → what the window shows of it. Runs in the worker; pure. */
import { assemble } from '../../assembler';
import type { AssembledLine, AssemblyJob, AssemblyResult } from './messages';

const SHOWN_BYTES = 16;

export function runJob(files: Readonly<Record<string, string | Uint8Array>>, job: AssemblyJob): AssemblyResult {
  const { ok, bytes, origin, symbols, lineMap, diagnostics, sections } = assemble(files, job.main, {
    defines: job.defines,
  });
  const lines = lineMap.entries.map((entry): AssembledLine => {
    const section = sections.find((candidate) => candidate.name === entry.section);
    const at = section && !section.nobits ? section.imageOffset + entry.address - section.base : null;
    return {
      file: entry.file,
      line: entry.line,
      address: entry.address,
      length: entry.length,
      bytes: at === null ? new Uint8Array() : bytes.slice(at, at + Math.min(entry.length, SHOWN_BYTES)),
      kind: entry.kind,
    };
  });
  return {
    main: job.main,
    ok,
    origin,
    size: bytes.length,
    diagnostics,
    symbols: Object.entries(symbols).map(([name, { value, kind, file, line }]) => ({ name, value, kind, file, line })),
    lines,
  };
}
