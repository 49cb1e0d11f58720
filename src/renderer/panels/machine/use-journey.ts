/**
 * The Journey on screen: the last access while the machine stands still, or any access that was asked for, walked again whenever
 * the state changes; while the machine runs, a few times a second.
 */
import { useThrottleFn } from '@vueuse/core';
import { computed, ref, shallowRef, watch } from 'vue';
import type { AccessQuery } from '../../../lab/protocol';
import type { Journey } from '../../../machine/journey/journey';
import { useSelection } from '../../stores/selection';
import { useWords } from '../../i18n';
import { SessionLostError, useSession, useViews, wordsOf } from '../../stores/session';
import { buildJourney } from './journey-model';

/** While running it is walked again this often. */
const REFRESH_MS = 200;

export function useJourney() {
  const session = useSession();
  const { say } = useWords();
  const selection = useSelection();
  const views = useViews('journey');
  const asked = shallowRef<Journey | null>(null);
  const thrown = shallowRef<unknown>(null);
  /** in the language of the window */
  const failure = computed(() => (thrown.value === null ? null : say(wordsOf(thrown.value))));
  let request = 0;

  async function explain(query: AccessQuery): Promise<void> {
    const own = ++request;
    try {
      const answer = await session.commands.explain(query);
      if (own !== request) return;
      asked.value = answer;
      thrown.value = null;
    } catch (error) {
      if (own !== request || error instanceof SessionLostError) return;
      thrown.value = error;
    }
  }

  /** Asks anew, unless the access was given up while this waited. */
  const explainSoon = useThrottleFn(
    () => (selection.journey && session.poweredOn ? explain(selection.journey) : undefined),
    REFRESH_MS,
    true,
    true,
  );
  watch(
    [() => selection.journey, () => session.moment, () => session.power],
    ([query, , power], [before]) => {
      if (!query) {
        request += 1;
        asked.value = null;
        thrown.value = null;
      } else if (power === 'running' && query === before) void explainSoon();
      else if (power !== 'off') void explain(query);
    },
    { immediate: true },
  );

  // without a machine there is no access
  const whole = computed<Journey | null>(() => (session.poweredOn ? (selection.journey ? asked.value : views.journey) : null));
  /** an access that crosses into the next page is two walks; which of them is on screen */
  const part = ref<'first' | 'rest'>('first');
  watch(
    () => whole.value?.access.address,
    () => (part.value = 'first'),
  );
  const journey = computed<Journey | null>(() => (part.value === 'rest' && whole.value?.rest) || whole.value);
  const crosses = computed(() => whole.value?.rest !== undefined);
  const model = computed(() => (journey.value ? buildJourney(journey.value) : null));
  return { journey, model, failure, part, crosses };
}
