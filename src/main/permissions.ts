/** Whatever a page might ask for, the answer is no: no navigation, no new windows, no embedded views, no permissions. */
import type { WebContents } from 'electron';

export function denyEverything(contents: WebContents): void {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  // the clipboard is written to when the user copies an address; nothing else is ever granted
  const granted = (permission: string): boolean => permission === 'clipboard-sanitized-write';
  contents.session.setPermissionRequestHandler((_contents, permission, answer) => answer(granted(permission)));
  contents.session.setPermissionCheckHandler((_contents, permission) => granted(permission));
}
