/** Opening, saving and making labs. Whatever would drop unsaved changes asks first. */
import { FilePlus, FolderOpen, Save, SaveAll } from '@lucide/vue';
import type { ShellError, ShellResult } from '../../lab/shell-bridge';
import type { Action } from './action';
import type { ActionContext } from './context';

/** Saves, and says what became of it. False when cancelled or failed. */
export async function saveLab({ lab, settings, ui, t }: ActionContext, saveAs = false): Promise<boolean> {
  const saved = await lab.save(saveAs);
  if (saved && lab.path !== null) settings.lastLab = { path: lab.path };
  // why it failed is told by whoever watches the document's failures
  if (saved) ui.notify({ tone: 'neutral', text: t('shell.notice.saved', { name: lab.name }) });
  return saved;
}

/** True when what is open may be dropped: nothing unsaved, saved now, or discarded. */
export async function mayDrop(context: ActionContext): Promise<boolean> {
  if (!context.lab.isOpen || !context.lab.unsaved) return true;
  const answer = await context.ui.askUnsaved(context.lab.name);
  if (answer === 'cancel') return false;
  return answer === 'discard' || saveLab(context);
}

/** So that the next start opens the same lab. */
function remember({ lab, settings }: ActionContext): void {
  if (lab.shipped) settings.lastLab = { shipped: lab.name };
  else if (lab.path !== null) settings.lastLab = { path: lab.path };
}

function complain({ ui, say }: ActionContext, error: ShellError): void {
  ui.notify({ tone: 'error', text: () => say(error.message) });
}

/** Opens another lab through `how`, after asking; true when it is open. */
export async function openLab(context: ActionContext, how: () => Promise<ShellResult<unknown> | null>): Promise<boolean> {
  if (!(await mayDrop(context))) return false;
  const result = await how();
  if (result === null) return false;
  if (!result.ok) {
    complain(context, result.error);
    return false;
  }
  remember(context);
  context.selection.clear();
  return true;
}

export const fileActions = (context: ActionContext): Action[] => {
  const { lab, ui } = context;
  return [
    {
      id: 'file.new',
      title: 'shell.action.new',
      menu: 'file',
      icon: FilePlus,
      keys: ['Ctrl+N', 'Ctrl+Alt+N'],
      async perform() {
        if (!(await mayDrop(context))) return;
        lab.createNew();
        context.selection.clear();
        ui.go('programs');
      },
    },
    {
      id: 'file.open',
      title: 'shell.action.open',
      menu: 'file',
      icon: FolderOpen,
      keys: ['Ctrl+O'],
      perform: () => openLab(context, lab.openDialog),
    },
    {
      id: 'file.openPath',
      title: 'shell.action.openPath',
      perform: (path) => path !== undefined && openLab(context, () => lab.openPath(path)),
    },
    {
      id: 'file.openShipped',
      title: 'shell.action.openShipped',
      perform: (name) => name !== undefined && openLab(context, () => lab.openShipped(name)),
    },
    {
      id: 'file.save',
      title: 'shell.action.save',
      menu: 'file',
      separated: true,
      icon: Save,
      keys: ['Ctrl+S'],
      enabled: () => lab.isOpen,
      perform: () => saveLab(context),
    },
    {
      id: 'file.saveAs',
      title: 'shell.action.saveAs',
      menu: 'file',
      icon: SaveAll,
      keys: ['Ctrl+Shift+S'],
      enabled: () => lab.isOpen,
      perform: () => saveLab(context, true),
    },
  ];
};
