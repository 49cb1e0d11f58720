/** Taking another board in place of the lab's: the empty one, or a sample. Parts are where that board has them, all of it in view. */
import { useDocument } from '../../stores/document';
import { useSelection } from '../../stores/selection';
import { useCanvas } from './canvas';
import { emptyBoard, type BoardChange } from './edits';
import { takeSample, type SampleBoard } from './samples';
import { useBoardEdit } from './use-board-edit';

export function useBoards() {
  const lab = useDocument();
  const canvas = useCanvas();
  const selection = useSelection();
  const { change } = useBoardEdit();

  function take(wanted: BoardChange | null): boolean {
    if (!wanted || !change(wanted)) return false;
    selection.part = null;
    canvas.chosen = [];
    canvas.last = null;
    canvas.fit();
    return true;
  }
  const takeEmpty = (): boolean => lab.document !== null && take(emptyBoard(lab.document));
  const takeBoard = (sample: SampleBoard): boolean => lab.document !== null && take(takeSample(lab.document, sample));
  return { takeEmpty, takeBoard };
}
