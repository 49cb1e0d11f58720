/**
 * What the assembler says about a program: always a place (file, line, columns), a stable code and the message in both languages.
 */

export interface Message {
  en: string;
  'zh-CN': string;
}

/** A stretch of one source line. Lines and columns count from 1; `endColumn` is one past the last character. */
export interface Place {
  file: string;
  line: number;
  column: number;
  endColumn: number;
}

export interface Diagnostic extends Place {
  severity: 'error' | 'warning';
  /** stable, kebab-case, begins with `asm-` */
  code: string;
  message: Message;
}

/** Thrown inside the assembler to leave the statement at hand; always caught at statement level and reported. */
export class AssemblyError extends Error {
  constructor(
    readonly code: string,
    readonly place: Place,
    readonly text: Message,
  ) {
    super(text.en);
    this.name = 'AssemblyError';
  }
}

/** More than this many errors are not reported one by one: the first ones matter. */
const MOST_ERRORS = 200;

/** Collects diagnostics; the same code at the same place is kept once, since several passes look at each statement. */
export class DiagnosticList {
  readonly list: Diagnostic[] = [];
  private readonly seen = new Set<string>();
  private errors = 0;

  get hasErrors(): boolean {
    return this.errors > 0;
  }

  /** true once further work would only repeat itself */
  get full(): boolean {
    return this.errors >= MOST_ERRORS;
  }

  add(severity: 'error' | 'warning', code: string, place: Place, message: Message): void {
    const key = `${code} ${place.file} ${place.line} ${place.column}`;
    if (this.seen.has(key) || this.list.length >= 2 * MOST_ERRORS) return;
    this.seen.add(key);
    if (severity === 'error') this.errors++;
    const { file, line, column, endColumn } = place;
    this.list.push({ severity, code, file, line, column, endColumn: Math.max(endColumn, column + 1), message });
  }

  addError(error: AssemblyError): void {
    this.add('error', error.code, error.place, error.text);
  }

  sorted(): Diagnostic[] {
    return [...this.list].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column));
  }
}
