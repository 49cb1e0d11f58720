/** The verdicts on the open lab's checks: judged whenever a run comes to its end, or when asked. Keeps which shipped labs are done. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import type { CheckResult } from '../../lab/protocol';
import { useDocument } from './document';
import { SessionLostError, useSession } from './session';
import { useSettings } from './settings';

export const useChecks = defineStore('checks', () => {
  const lab = useDocument();
  const session = useSession();
  const settings = useSettings();
  /** one for each check of the document, in its order; null before the first run */
  const results = shallowRef<readonly CheckResult[] | null>(null);
  const passed = computed(() => results.value?.filter((result) => result.passed).length ?? 0);
  const total = computed(() => lab.document?.checks.length ?? 0);
  const busy = ref(false);

  /** grows when what could be judged is there no longer: the power is off, or another lab is open */
  let over = 0;
  watch([() => session.poweredOn, () => lab.opened], () => over++, { flush: 'sync' });
  let again = false;

  /** Rejects when they cannot be judged; a run that is over meanwhile has no verdict, and that is no failure. */
  async function evaluate(): Promise<void> {
    if (busy.value) {
      again = true;
      return;
    }
    busy.value = true;
    again = false;
    const own = over;
    try {
      const found = await session.commands.evaluateChecks();
      if (own !== over) return;
      results.value = found;
      if (lab.shipped && !lab.unsaved && found.length > 0 && found.every((result) => result.passed)) settings.markCompleted(lab.name);
    } catch (error) {
      if (!(error instanceof SessionLostError) && own === over) throw error;
    } finally {
      busy.value = false;
      if (again) judge();
    }
  }
  const judge = (): void => void evaluate().catch((error: unknown) => console.error('checks:', error));

  watch(
    () => session.power,
    (power, before) => {
      if (power === 'stopped' && total.value > 0) judge();
      // another run has begun: the old verdicts no longer speak of it
      if (power === 'off' || (before === 'stopped' && power === 'running')) results.value = null;
    },
  );
  watch(
    () => lab.opened,
    () => (results.value = null),
  );

  return { results, passed, total, busy, evaluate };
});
