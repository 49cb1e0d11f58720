/** What the window and the assembler's worker say to each other. */
import type { Diagnostic } from '../../assembler';

export interface AssemblyJob {
  /** the file that is assembled; others come in through %include and incbin */
  main: string;
  defines: Readonly<Record<string, number>>;
  /** symbols that get their value only when the machine is switched on */
  atPowerOn: readonly string[];
}

export interface AssemblyRequest {
  id: number;
  files: Readonly<Record<string, string | Uint8Array>>;
  jobs: readonly AssemblyJob[];
}

/** What one source line made. */
export interface AssembledLine {
  file: string;
  line: number;
  /** as the program counts (org included) */
  address: number;
  length: number;
  /** at most the first 16; empty for reserved space */
  bytes: Uint8Array;
  kind: 'code' | 'data';
  /** positions in `bytes` that are known only at power-on */
  open: readonly number[];
}

export interface AssembledSymbol {
  name: string;
  value: number;
  kind: 'label' | 'equ';
  file: string;
  line: number;
}

export interface AssemblyResult {
  main: string;
  ok: boolean;
  origin: number;
  /** bytes of the image */
  size: number;
  diagnostics: readonly Diagnostic[];
  symbols: readonly AssembledSymbol[];
  /** ascending by address */
  lines: readonly AssembledLine[];
}

export interface AssemblyAnswer {
  id: number;
  results: readonly AssemblyResult[];
  /** for all jobs together */
  milliseconds: number;
}
