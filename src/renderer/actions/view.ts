/** Where one is and how it looks. */
import { Languages, PanelsTopLeft, Presentation, RotateCcw, Search, Settings, SunMoon } from '@lucide/vue';
import { TEXT_SCALES } from '../stores/settings';
import { WORKSPACES } from '../workspaces/registry';
import type { Action } from './action';
import type { ActionContext } from './context';
import { focusNextZone } from './focus-zones';

export const viewActions = ({ settings, ui }: ActionContext): Action[] => {
  const scaleBy = (step: number): void => {
    const at = TEXT_SCALES.findIndex((scale) => scale === settings.textScale);
    settings.textScale = TEXT_SCALES[Math.min(TEXT_SCALES.length - 1, Math.max(0, at + step))] ?? 1;
  };
  return [
    {
      id: 'view.palette',
      title: 'shell.action.palette',
      menu: 'view',
      icon: Search,
      keys: ['Ctrl+K', 'Ctrl+P'],
      perform: () => (ui.palette = !ui.palette),
    },
    ...WORKSPACES.map((workspace, index): Action => ({
      id: `view.${workspace.id}`,
      title: workspace.title,
      menu: 'view',
      separated: index === 0,
      icon: workspace.icon,
      keys: [`Ctrl+${index + 1}`],
      checked: () => ui.workspace === workspace.id,
      perform: () => ui.go(workspace.id),
    })),
    {
      id: 'view.toggleTheme',
      title: 'shell.action.toggleTheme',
      menu: 'view',
      separated: true,
      icon: SunMoon,
      perform: () => (settings.theme = settings.shownTheme === 'dark' ? 'light' : 'dark'),
    },
    {
      id: 'view.toggleLanguage',
      title: 'shell.action.toggleLanguage',
      menu: 'view',
      icon: Languages,
      perform: () => (settings.language = settings.language === 'en' ? 'zh-CN' : 'en'),
    },
    {
      id: 'view.larger',
      title: 'shell.action.larger',
      menu: 'view',
      keys: ['Ctrl+=', 'Ctrl++', 'Ctrl+Shift++'],
      perform: () => scaleBy(1),
    },
    { id: 'view.smaller', title: 'shell.action.smaller', menu: 'view', keys: ['Ctrl+-'], perform: () => scaleBy(-1) },
    {
      id: 'view.projector',
      title: 'shell.action.projector',
      menu: 'view',
      icon: Presentation,
      checked: () => settings.density === 'projector',
      perform: () => (settings.density = settings.density === 'projector' ? 'normal' : 'projector'),
    },
    {
      id: 'view.resetLayout',
      title: 'shell.action.resetLayout',
      menu: 'view',
      separated: true,
      icon: RotateCcw,
      perform: () => settings.forgetLayout(ui.workspace),
    },
    { id: 'view.nextPanel', title: 'shell.action.nextPanel', icon: PanelsTopLeft, keys: ['F6'], perform: () => focusNextZone(1) },
    {
      id: 'view.previousPanel',
      title: 'shell.action.previousPanel',
      icon: PanelsTopLeft,
      keys: ['Shift+F6'],
      perform: () => focusNextZone(-1),
    },
    {
      id: 'view.settings',
      title: 'shell.action.settings',
      menu: 'view',
      icon: Settings,
      keys: ['Ctrl+,'],
      perform: () => (ui.dialog = 'settings'),
    },
  ];
};
