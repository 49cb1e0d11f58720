/** Keyboard shortcuts: from an event to the action it means, and how a shortcut is written on this platform. Pure. */
import type { Action } from './action';

export interface KeyPress {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** `Ctrl+Shift+S` → does this key press mean it? On a Mac Ctrl stands for ⌘. */
export function matches(shortcut: string, press: KeyPress, mac: boolean): boolean {
  const parts = shortcut.split('+');
  const key = parts.at(-1) ?? '';
  const control = mac ? press.metaKey : press.ctrlKey;
  const otherControl = mac ? press.ctrlKey : press.metaKey;
  if (control !== parts.includes('Ctrl') || otherControl) return false;
  if (press.shiftKey !== parts.includes('Shift') || press.altKey !== parts.includes('Alt')) return false;
  // digits by position, so that layouts with shifted digits work too
  if (/^\d$/.test(key)) return press.key === key || press.code === `Digit${key}`;
  return press.key.toLowerCase() === key.toLowerCase();
}

export const findAction = (actions: readonly Action[], press: KeyPress, mac: boolean): Action | undefined =>
  actions.find((action) => action.keys?.some((shortcut) => matches(shortcut, press, mac)));

/** As it is shown: `Ctrl K`, `⇧⌘S`. */
export function showShortcut(shortcut: string, mac: boolean): string {
  const parts = shortcut.split('+');
  if (!mac) return parts.join(' ');
  const symbols: Record<string, string> = { Ctrl: '⌘', Shift: '⇧', Alt: '⌥' };
  return parts.map((part) => symbols[part] ?? part).join('');
}
