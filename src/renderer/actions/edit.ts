/** Undo and redo of everything: the board, the lab file and the programs share one history. */
import { Redo, Undo } from '@lucide/vue';
import type { Action } from './action';
import type { ActionContext } from './context';

export const editActions = ({ lab, say, t }: ActionContext): Action[] => [
  {
    id: 'edit.undo',
    title: 'shell.action.undo',
    name: () => (lab.undoLabel ? t('shell.action.undoOf', { what: say(lab.undoLabel) }) : t('shell.action.undo')),
    menu: 'edit',
    icon: Undo,
    keys: ['Ctrl+Z'],
    yieldsToText: true,
    enabled: () => lab.undoLabel !== null,
    perform: () => lab.undo(),
  },
  {
    id: 'edit.redo',
    title: 'shell.action.redo',
    name: () => (lab.redoLabel ? t('shell.action.redoOf', { what: say(lab.redoLabel) }) : t('shell.action.redo')),
    menu: 'edit',
    icon: Redo,
    keys: ['Ctrl+Shift+Z', 'Ctrl+Y'],
    yieldsToText: true,
    enabled: () => lab.redoLabel !== null,
    perform: () => lab.redo(),
  },
];
