/** Names of the messages between the main process and the preload script. */
export const CHANNEL = {
  /** request: method name and arguments of ShellBridge */
  call: 'pagewalk:call',
  sessionPort: 'pagewalk:session-port',
  sessionLost: 'pagewalk:session-lost',
  action: 'pagewalk:action',
  closeRequested: 'pagewalk:close-requested',
} as const;

/** The calls that cross; everything else of ShellBridge is made of events. */
export const SHELL_CALLS = [
  'connectSession',
  'listShipped',
  'openShipped',
  'openDialog',
  'openPath',
  'save',
  'recents',
  'autosave',
  'discardAutosave',
  'recovered',
  'discardRecovered',
  'loadSettings',
  'saveSettings',
  'setDocumentState',
  'setLanguage',
  'setTheme',
  'answerClose',
  'ready',
] as const;
export type ShellCall = (typeof SHELL_CALLS)[number];
