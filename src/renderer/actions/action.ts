/** One thing the user can do: the same object serves menu, keyboard, palette and the native menu. */
import type { Component } from 'vue';

export type MenuName = 'file' | 'edit' | 'view' | 'run' | 'help';

export interface Action {
  /** `file.save`; the native menu names actions by this */
  id: string;
  /** key in the messages; or a name that needs no translation, in `name` */
  title: string;
  name?: () => string;
  menu?: MenuName;
  /** a line above it in the menu */
  separated?: boolean;
  icon?: Component;
  /** `Ctrl+Shift+S`, `F5`; Ctrl is ⌘ on a Mac */
  keys?: readonly string[];
  /** shown as its shortcut; the board's canvas listens to it itself while it has the focus */
  canvasKeys?: readonly string[];
  /** false: shown grey */
  enabled?: () => boolean;
  checked?: () => boolean;
  /** handled by the editor when it has the focus */
  yieldsToText?: boolean;
  /** `argument` comes with some native menu entries */
  perform: (argument?: string) => unknown;
}

export const isEnabled = (action: Action): boolean => action.enabled?.() ?? true;
