/** What actions act on. */
import type { InjectionKey } from 'vue';
import type { LocalizedText } from '../i18n';
import type { useChecks } from '../stores/checks';
import type { useControl } from '../stores/control';
import type { useDocument } from '../stores/document';
import type { useSelection } from '../stores/selection';
import type { useSession } from '../stores/session';
import type { useSettings } from '../stores/settings';
import type { useUi } from '../stores/ui';
import type { Action } from './action';

export interface ActionContext {
  lab: ReturnType<typeof useDocument>;
  session: ReturnType<typeof useSession>;
  checks: ReturnType<typeof useChecks>;
  control: ReturnType<typeof useControl>;
  settings: ReturnType<typeof useSettings>;
  selection: ReturnType<typeof useSelection>;
  ui: ReturnType<typeof useUi>;
  t: (key: string, named?: Record<string, unknown>) => string;
  say: (text: LocalizedText) => string;
}

export interface Actions {
  list: readonly Action[];
  byId(id: string): Action | undefined;
  /** Performs it when it exists and is enabled; a failure becomes a notice. */
  perform(id: string, argument?: string): Promise<void>;
  /** `Ctrl S`, for tooltips; empty when it has no keys */
  shortcut(id: string): string;
  context: ActionContext;
}

export const ACTIONS: InjectionKey<Actions> = Symbol('actions');
