/** How the stores reach the shell around them: Electron's preload or the web host's socket, provided once by main.ts. */
import { inject, type InjectionKey } from 'vue';
import type { ShellBridge } from '../../lab/shell-bridge';

export const BRIDGE: InjectionKey<ShellBridge> = Symbol('shell bridge');

/** For use in a store's or component's setup. Throws when main.ts has not provided the bridge. */
export function useBridge(): ShellBridge {
  const bridge = inject(BRIDGE);
  if (!bridge) throw new Error('the shell bridge is not provided');
  return bridge;
}
