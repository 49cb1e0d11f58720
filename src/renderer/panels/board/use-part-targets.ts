/** The parts of the board by name, for going to one of them from anywhere by keyboard. */
import { useWords } from '../../i18n';
import { useUi } from '../../stores/ui';
import { useBoardView } from './board-view';
import { useCanvas } from './canvas';
import { PLAIN_CONTROLLER, type PartBox } from './drawing';
import { usePartFacts } from './use-part-facts';
import { usePartWords } from './use-part-words';

export interface PartTarget {
  node: string;
  text: string;
  perform: () => void;
}

export function usePartTargets(): () => PartTarget[] {
  const ui = useUi();
  const canvas = useCanvas();
  const { t, say } = useWords();
  const view = useBoardView();
  const facts = usePartFacts(view);
  const { titleOf } = usePartWords(facts, view);

  function textOf(part: PartBox): string {
    const { kind, id } = part;
    switch (kind) {
      case 'slot': {
        const dimm = facts.slots.value.get(id)?.dimm;
        return `${t('board.inspector.slot', { slot: id })} · ${dimm ? say(dimm.name) : t('board.inspector.empty')}`;
      }
      case 'device':
        return `${id} · ${facts.devices.value.get(id)?.kind ?? ''}`;
      case 'bridge':
        return `${id} · ${t(`board.bridge.kind.${facts.bridges.value.get(id)?.kind ?? 'root-port'}`)}`;
      case 'controller':
        return id === PLAIN_CONTROLLER ? titleOf(part) : `${titleOf(part)} · ${id}`;
      case 'group':
        return `${titleOf(part)} · ${t('board.group.parts', canvas.groupOf.get(part.node)?.parts.length ?? 0)}`;
      default:
        return titleOf(part);
    }
  }
  return () =>
    [...new Set([...canvas.parts, ...canvas.placed])].map((part) => ({
      node: part.node,
      text: textOf(part),
      perform: () => {
        ui.go('board', 'board');
        canvas.wanted = part.node;
      },
    }));
}
