/** Applies a change of the board as one undo step; refused while the power is on, with the reason shown. Says what became of it. */
import { useWords } from '../../i18n';
import { useControl } from '../../stores/control';
import { useDocument } from '../../stores/document';
import { useUi } from '../../stores/ui';
import { useBoardView } from './board-view';
import { useCanvas } from './canvas';
import type { BoardChange } from './edits';
import { isHotChange } from './edits/hot';

export function useBoardEdit() {
  const lab = useDocument();
  const board = useBoardView();
  const canvas = useCanvas();
  const ui = useUi();
  const control = useControl();
  const { t, say } = useWords();

  function apply(wanted: BoardChange, mergeKey: string | null): boolean {
    if (wanted.patches.length === 0) return false;
    const outcome = lab.patch(wanted.patches, wanted.label, mergeKey);
    if (!outcome.applied) {
      const problem = outcome.problems[0];
      if (problem) ui.notify({ tone: 'error', text: say(problem.message) });
      return false;
    }
    if (wanted.look) canvas.look(wanted.look);
    const also = (wanted.also ?? []).map(say).join(t('board.said.comma'));
    const text = also ? t('board.said.also', { what: say(wanted.label), also }) : say(wanted.label);
    canvas.said = t('board.said.done', { what: text });
    if (also) ui.notify({ tone: 'neutral', text: canvas.said, action: { label: t('shell.action.undo'), perform: () => lab.undo() } });
    return true;
  }
  /** A change of the hardware; with the power on only of what is for hot-plug. False when nothing was changed. */
  function change(wanted: BoardChange): boolean {
    if (board.locked && !(board.board && isHotChange(board.board, wanted.patches))) {
      ui.notify({
        tone: 'neutral',
        text: t('board.locked'),
        action: { label: t('shell.action.powerOff'), perform: () => void control.powerOff() },
      });
      return false;
    }
    return apply(wanted, null);
  }
  /** A change of the drawing only, which the power does not mind. Changes with the same `mergeKey` in a row are one step. */
  const arrange = (wanted: BoardChange, mergeKey: string | null = null): boolean => apply(wanted, mergeKey);
  return { change, arrange };
}
