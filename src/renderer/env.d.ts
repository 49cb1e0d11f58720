/** What the renderer finds around itself. */
/// <reference types="vite/client" />
import type { ShellBridge } from '../lab/shell-bridge';

declare global {
  interface Window {
    /** put there by Electron's preload; absent in a browser */
    readonly pagewalk?: ShellBridge;
  }
}
