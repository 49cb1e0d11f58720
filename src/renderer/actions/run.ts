/** Power and time. */
import { Camera, ListChecks, Pause, Play, Power, Redo2, RedoDot, RotateCcw } from '@lucide/vue';
import { formatMoment } from '../components/format';
import type { Action } from './action';
import type { ActionContext } from './context';

export const runActions = ({ checks, control, session, ui, t }: ActionContext): Action[] => [
  {
    id: 'run.run',
    title: 'shell.action.run',
    menu: 'run',
    icon: Play,
    keys: ['F5'],
    enabled: () => control.canRun,
    perform: control.run,
  },
  {
    id: 'run.pause',
    title: 'shell.action.pause',
    menu: 'run',
    icon: Pause,
    keys: ['Shift+F5'],
    enabled: () => session.running,
    perform: control.pause,
  },
  {
    id: 'run.step',
    title: 'shell.action.step',
    menu: 'run',
    separated: true,
    icon: Redo2,
    keys: ['F10'],
    enabled: () => control.canStep,
    perform: () => control.step(),
  },
  {
    id: 'run.stepOver',
    title: 'shell.action.stepOver',
    menu: 'run',
    icon: RedoDot,
    keys: ['F8'],
    enabled: () => control.canStep,
    perform: () => control.stepOver(),
  },
  {
    id: 'run.reset',
    title: 'shell.action.reset',
    menu: 'run',
    separated: true,
    icon: RotateCcw,
    keys: ['Ctrl+Shift+F5'],
    enabled: () => session.connection === 'ready' && session.poweredOn,
    perform: control.reset,
  },
  {
    id: 'run.powerOff',
    title: 'shell.action.powerOff',
    menu: 'run',
    icon: Power,
    enabled: () => session.poweredOn,
    perform: control.powerOff,
  },
  {
    id: 'run.snapshot',
    title: 'stops.snapshot.take',
    menu: 'run',
    separated: true,
    icon: Camera,
    enabled: () => session.connection === 'ready' && session.poweredOn,
    async perform() {
      await control.snapshot('');
      if (control.complaint !== null) return;
      const show = { label: t('stops.snapshot.show'), perform: () => ui.go('machine', 'snapshots') };
      ui.notify({
        tone: 'neutral',
        text: t('stops.snapshot.taken', { n: formatMoment(session.views.status?.instructions ?? 0) }),
        action: show,
      });
    },
  },
  {
    id: 'run.checks',
    title: 'shell.action.checks',
    menu: 'run',
    separated: true,
    icon: ListChecks,
    enabled: () => session.poweredOn,
    async perform() {
      await checks.evaluate();
      ui.go('labs', 'about');
    },
  },
];
