/** Exits by reason as the views and reports show them: a fixed list of names, in the order of Intel's numbers, zeros left out. */
import { EXIT_REASON, type ExitReason } from '../../machine/cpu/exit-reasons';

const ORDER = (Object.entries(EXIT_REASON) as [ExitReason, number][]).sort(([, a], [, b]) => a - b).map(([name]) => name);

export const exitCounts = (exits: Partial<Record<ExitReason, number>>): Record<string, number> =>
  Object.fromEntries(ORDER.flatMap((reason) => (exits[reason] ? [[reason, exits[reason]]] : [])));
