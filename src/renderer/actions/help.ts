/** Words about the program itself. */
import { Info, Keyboard } from '@lucide/vue';
import type { Action } from './action';
import type { ActionContext } from './context';

export const helpActions = ({ ui }: ActionContext): Action[] => [
  {
    id: 'help.shortcuts',
    title: 'shell.action.shortcuts',
    menu: 'help',
    icon: Keyboard,
    keys: ['F1'],
    perform: () => (ui.dialog = 'shortcuts'),
  },
  { id: 'help.about', title: 'shell.action.about', menu: 'help', icon: Info, perform: () => (ui.dialog = 'about') },
];
