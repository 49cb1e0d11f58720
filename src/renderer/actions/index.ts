/** All actions, made once over the stores; the shell provides them to every component. */
import { inject } from 'vue';
import type { Action } from './action';
import { ACTIONS, type ActionContext, type Actions } from './context';
import { boardActions } from './board';
import { editActions } from './edit';
import { fileActions } from './file';
import { helpActions } from './help';
import { isEnabled } from './action';
import { showShortcut } from './keys';
import { runActions } from './run';
import { viewActions } from './view';

export const isMac = (): boolean => /mac/i.test(navigator.platform);

export function createActions(context: ActionContext): Actions {
  const list: Action[] = [
    ...fileActions(context),
    ...editActions(context),
    ...boardActions(context),
    ...viewActions(context),
    ...runActions(context),
    ...helpActions(context),
  ];
  const index = new Map(list.map((action) => [action.id, action]));
  return {
    list,
    context,
    byId: (id) => index.get(id),
    async perform(id, argument) {
      const action = index.get(id);
      if (!action || !isEnabled(action)) return;
      try {
        await action.perform(argument);
      } catch (error) {
        context.ui.notify({ tone: 'error', text: error instanceof Error ? error.message : String(error) });
      }
    },
    shortcut(id) {
      const action = index.get(id);
      const keys = action?.keys?.[0] ?? action?.canvasKeys?.[0];
      return keys ? showShortcut(keys, isMac()) : '';
    },
  };
}

/** For components: `const actions = useActions(); actions.perform('run.run')`. */
export function useActions(): Actions {
  const actions = inject(ACTIONS);
  if (!actions) throw new Error('actions are not provided');
  return actions;
}
