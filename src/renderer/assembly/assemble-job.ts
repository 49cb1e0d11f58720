/** One program → what the window shows of it. Runs in the worker; pure. */
import { assemble, type Assembly } from '../../assembler';
import type { AssembledLine, AssemblyJob, AssemblyResult } from './messages';

const SHOWN_BYTES = 16;
/**
 * What symbols that are known only at power-on stand for meanwhile. Both are wide, so that every instruction has the length it
 * will have; they differ in every byte, so that bytes that come out different are those that are not known yet.
 */
const STAND_INS = [0x7fff_f000, 0x6a5b_4cd3] as const;

type Files = Readonly<Record<string, string | Uint8Array>>;

function assembleWith(files: Files, { main, defines, atPowerOn }: AssemblyJob, standIn: number): Assembly {
  return assemble(files, main, { defines: { ...defines, ...Object.fromEntries(atPowerOn.map((name) => [name, standIn])) } });
}

/** The first bytes of each entry of the line map; empty for reserved space. */
function shownBytes({ bytes, lineMap, sections }: Assembly): Uint8Array[] {
  return lineMap.entries.map((entry) => {
    const section = sections.find((candidate) => candidate.name === entry.section);
    if (!section || section.nobits) return new Uint8Array();
    const at = section.imageOffset + entry.address - section.base;
    return bytes.slice(at, at + Math.min(entry.length, SHOWN_BYTES));
  });
}

const differences = (one: Uint8Array, other: Uint8Array): number[] => [...one.keys()].filter((at) => one[at] !== other[at]);

export function runJob(files: Files, job: AssemblyJob): AssemblyResult {
  const assembly = assembleWith(files, job, STAND_INS[0]);
  const { ok, bytes, origin, symbols, lineMap, diagnostics } = assembly;
  const shown = shownBytes(assembly);
  const other = ok && job.atPowerOn.length > 0 ? shownBytes(assembleWith(files, job, STAND_INS[1])) : null;
  const lines = lineMap.entries.map(({ file, line, address, length, kind }, index): AssembledLine => {
    const made = shown[index] ?? new Uint8Array();
    return { file, line, address, length, kind, bytes: made, open: other ? differences(made, other[index] ?? made) : [] };
  });
  return {
    main: job.main,
    ok,
    origin,
    size: bytes.length,
    diagnostics,
    symbols: Object.entries(symbols)
      // labels that a macro made for itself
      .filter(([name]) => !name.startsWith('..@'))
      .map(([name, { value, kind, file, line }]) => ({ name, value, kind, file, line })),
    lines,
  };
}
