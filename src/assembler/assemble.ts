/** NASM syntax → a flat image with its symbols and line map. Pure: everything comes in as text, everything goes out as data. */
import { AssemblyError, DiagnosticList, type Diagnostic, type Place } from './diagnostics';
import type { Bits } from './encoder';
import { LineMap } from './line-map';
import { Passes, type ProgramSymbol } from './passes';
import { Preprocessor } from './preprocessor';
import { StatementParser, type ParsedLine } from './statement';

export interface AssembleOptions {
  /** predefined %define names: numbers, or text that is read as NASM source */
  defines?: Readonly<Record<string, number | bigint | string>>;
  /** code size before the first `bits`; NASM's flat format starts with 16 */
  bits?: Bits;
}

export interface AssembledSection {
  name: string;
  /** address of the first byte, as the program counts */
  base: number;
  /** bytes */
  size: number;
  /** position in the image; a section without bytes (`nobits`) has none */
  imageOffset: number;
  nobits: boolean;
}

export interface Assembly {
  /** no errors; `bytes` is the program */
  ok: boolean;
  /** the flat image; empty when there are errors */
  bytes: Uint8Array;
  /** address of the image's first byte: `org`, 0 unless given */
  origin: number;
  /** where `org` stands, if it does */
  originPlace: Place | null;
  symbols: Record<string, ProgramSymbol>;
  lineMap: LineMap;
  /** by file, line, column */
  diagnostics: Diagnostic[];
  sections: AssembledSection[];
}

/**
 * Assembles `mainPath` out of `files` (texts, and binaries for incbin, by their path inside the lab). Never throws for what a
 * source can contain: mistakes are in `diagnostics`. Output is at most 64 MiB (limits.ts).
 */
export function assemble(files: Readonly<Record<string, string | Uint8Array>>, mainPath: string, options: AssembleOptions = {}): Assembly {
  const diagnostics = new DiagnosticList();
  try {
    return assembleInto(diagnostics, files, mainPath, options);
  } catch (error) {
    if (!(error instanceof AssemblyError)) throw error;
    diagnostics.addError(error);
    return failed(diagnostics);
  }
}

const failed = (diagnostics: DiagnosticList): Assembly => ({
  ok: false,
  bytes: new Uint8Array(),
  origin: 0,
  originPlace: null,
  symbols: {},
  lineMap: new LineMap([]),
  diagnostics: diagnostics.sorted(),
  sections: [],
});

function assembleInto(
  diagnostics: DiagnosticList,
  files: Readonly<Record<string, string | Uint8Array>>,
  mainPath: string,
  options: AssembleOptions,
): Assembly {
  const preprocessor = new Preprocessor(files, diagnostics, options.defines ?? {});
  const parser = new StatementParser((path, from) => preprocessor.resolve(path, from));
  const lines: ParsedLine[] = [];
  const expanded = preprocessor.run(mainPath);
  if (preprocessor.abandoned) return failed(diagnostics);
  for (const { tokens, place } of expanded) {
    if (diagnostics.full) break;
    try {
      lines.push(parser.parse(tokens, place));
    } catch (error) {
      if (!(error instanceof AssemblyError)) throw error;
      diagnostics.addError(error);
    }
  }
  const passes = new Passes(lines, files, options.bits ?? 16);
  for (const found of passes.run().list) diagnostics.add(found.severity, found.code, found, found.message);
  const symbols: Record<string, ProgramSymbol> = {};
  for (const [name, { value, section, kind, place }] of passes.symbols)
    symbols[name] = { value: Number(value), section, kind, file: place.file, line: place.line };
  const sections = [...passes.sections.values()].filter((section) => section.size > 0 || section.name === '.text');
  const ok = !diagnostics.hasErrors;
  return {
    ok,
    bytes: ok ? image(sections) : new Uint8Array(),
    origin: passes.origin,
    originPlace: passes.originPlace,
    symbols,
    lineMap: new LineMap(passes.lineMap),
    diagnostics: diagnostics.sorted(),
    sections: sections.map(({ name, base, size, imageOffset, nobits }) => ({ name, base, size, imageOffset, nobits })),
  };
}

function image(sections: readonly { bytes: Uint8Array; imageOffset: number; nobits: boolean }[]): Uint8Array {
  const filled = sections.filter((section) => section.bytes.length > 0);
  const bytes = new Uint8Array(filled.reduce((end, section) => Math.max(end, section.imageOffset + section.bytes.length), 0));
  for (const section of filled) bytes.set(section.bytes, section.imageOffset);
  return bytes;
}
