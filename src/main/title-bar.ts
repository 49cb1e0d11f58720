/** Colours of the window's own buttons, which lie over our title bar (not on macOS). */
import type { TitleBarOverlay } from 'electron';

export function overlayColours(dark: boolean): TitleBarOverlay {
  return { color: dark ? '#121418' : '#eceef1', symbolColor: dark ? '#b4bbc6' : '#454c58', height: 35 };
}
