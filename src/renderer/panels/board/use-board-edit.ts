/** Applies a change of the board as one undo step; refused while the power is on, with the reason shown. */
import { useWords } from '../../i18n';
import { useDocument } from '../../stores/document';
import { useUi } from '../../stores/ui';
import { useBoardView } from './board-view';
import type { BoardChange } from './edits';

export const DIMM_TYPE = 'application/x-pagewalk-dimm';

export function useBoardEdit() {
  const lab = useDocument();
  const board = useBoardView();
  const ui = useUi();
  const { t, say } = useWords();

  /** False when nothing was changed. */
  function change(wanted: BoardChange): boolean {
    if (board.locked) {
      ui.notify({ tone: 'neutral', text: t('board.locked') });
      return false;
    }
    const outcome = lab.patch(wanted.patches, wanted.label);
    if (!outcome.applied) {
      const problem = outcome.problems[0];
      if (problem) ui.notify({ tone: 'error', text: say(problem.message) });
    }
    return outcome.applied;
  }
  return { change };
}
