/** What can be wrong with a drawing, as data: the reason and the remedy for people, and where possible an edit that mends it. */
import type { Text } from './parts';

/** One edit of the board document. The path starts at the board: `['slots', 2, 'base']`. */
export interface BoardEdit {
  path: (string | number)[];
  value: unknown;
}

export interface BoardFix {
  /** as a command: "Move to 0x3000_0000" */
  text: Text;
  edits: BoardEdit[];
}

/** Fits lab/protocol's Problem. */
export interface BoardIssue {
  severity: 'error' | 'warning';
  /** stable, `board-…` */
  code: string;
  message: Text;
  remedy?: Text;
  /** slot or device id */
  part?: string;
  /** `board.slots.A1.base` */
  path?: string;
  fix?: BoardFix;
}

export const text = (en: string, zh: string): Text => ({ en, 'zh-CN': zh });
