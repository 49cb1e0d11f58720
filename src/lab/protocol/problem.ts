/** What is wrong, where, and what to do: as every room and the window say it. */

export type Language = 'en' | 'zh-CN';

export interface Problem {
  severity: 'error' | 'warning';
  /** stable, kebab-case with a prefix of the room: `board-overlap`, `asm-unknown-instruction`, `lab-unknown-key`, `boot-no-memory-at-load-address` */
  code: string;
  message: Record<Language, string>;
  remedy?: Record<Language, string>;
  /** where: a file with line and column (1-based), a path in the document, a part of the board, a VM */
  file?: string;
  line?: number;
  column?: number;
  endLine?: number;
  endColumn?: number;
  path?: string;
  part?: string;
  vm?: string;
}
