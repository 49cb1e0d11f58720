/** The board's placement rules, as problems of a lab. */
import type { Board } from '../../machine/board/schema';
import type { Problem } from '../protocol';

export const boardProblems = (_board: Board): Problem[] => [];
