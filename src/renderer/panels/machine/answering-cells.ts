/** The cells that answer an access, with the parts they belong to and the bits that chose them. */
import type { DimmPart } from '../../../machine/board/parts';
import type { BitCut } from './bit-cuts';
import { dramCuts } from './dram-cuts';
import type { Answer, JourneyModel } from './journey-model';

export interface AnsweringCell extends Answer {
  /** undefined: the board on screen has no longer a DIMM there */
  part: DimmPart | undefined;
  cuts: BitCut[];
}

export const answeringCells = (model: JourneyModel, partIn: (slot: string) => DimmPart | undefined): AnsweringCell[] =>
  model.answers.map((answer) => {
    const part = partIn(answer.cell.slot);
    return { ...answer, part, cuts: part ? dramCuts(part.geometry, answer.cell) : [] };
  });
