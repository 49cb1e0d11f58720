/** Whether a DIMM fits a slot, and if not, why: one controller drives one kind of memory. Pure. */
import { dimmPart } from '../../../machine/board/parts';
import type { Board } from '../../../machine/board/schema';

export type Misfit = { why: 'unknown' } | { why: 'kind'; here: string; there: string; slot: string };

/** Null when it fits. `from` is the slot that the DIMM leaves; what is in `slot` goes there. */
export function misfit(board: Board, slot: string, dimm: string, from: string | null = null): Misfit | null {
  const part = dimmPart(dimm);
  if (!part) return { why: 'unknown' };
  const controller = (board.controllers ?? []).find(({ channels, banks }) => [...channels.flat(), ...banks.flat()].includes(slot));
  if (!controller) return null;
  for (const id of [...controller.channels.flat(), ...controller.banks.flat()]) {
    if (id === slot || id === from) continue;
    const neighbour = dimmPart(board.slots.find((candidate) => candidate.id === id)?.dimm ?? '');
    if (neighbour && neighbour.technology !== part.technology)
      return { why: 'kind', here: neighbour.technology, there: part.technology, slot: id };
  }
  return null;
}
