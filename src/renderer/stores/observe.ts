/** Tells the session which accesses to DRAM the user wants counted, and every new session again. */
import { watch } from 'vue';
import { useSession } from './session';
import { useSettings } from './settings';

export function useObserve(): void {
  const session = useSession();
  const settings = useSettings();
  watch(
    [() => settings.observe, () => session.generation],
    ([observe]) => void session.commands.setObserve(observe).catch(() => undefined),
  );
}
