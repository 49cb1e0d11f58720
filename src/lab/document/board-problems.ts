/** The board's placement rules, as problems of a lab. */
import { checkBoard } from '../../machine/board/rules';
import type { Board } from '../../machine/board/schema';
import type { Problem } from '../protocol';

/** Every issue of a board; the edit that would mend it (`fix`) stays with `checkBoard`, which the Board workspace calls itself. */
export const boardProblems = (board: Board): Problem[] =>
  checkBoard(board).map(({ severity, code, message, remedy, part, path }) => ({
    severity,
    code,
    message,
    ...(remedy ? { remedy } : {}),
    ...(part !== undefined ? { part } : {}),
    ...(path !== undefined ? { path } : {}),
  }));
