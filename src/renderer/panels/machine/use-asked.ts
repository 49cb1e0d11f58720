/** An answer of the session that is asked for anew whenever the machine has moved, a few times a second while it runs. */
import { computed, onScopeDispose, shallowRef, watch, type Ref, type WatchSource } from 'vue';
import { useWords } from '../../i18n';
import { SessionLostError, useSession, useViews, wordsOf } from '../../stores/session';

/** While running it is asked this often. */
const PAUSE_MS = 200;

/**
 * @param ask the question, for the VM whose registers are on screen (null: the bare machine)
 * @param also what the question depends on besides the machine
 */
export function useAsked<T>(
  ask: (vm: string | null) => Promise<T>,
  none: T,
  also: WatchSource[] = [],
): { answer: Readonly<Ref<T>>; failure: Readonly<Ref<string | null>> } {
  const session = useSession();
  const { say } = useWords();
  const views = useViews('registers');
  const answer = shallowRef(none) as Ref<T>;
  const thrown = shallowRef<unknown>(null);
  /** in the language of the window */
  const failure = computed(() => (thrown.value === null ? null : say(wordsOf(thrown.value))));
  let busy = false;
  let again = false;
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  onScopeDispose(() => {
    ended = true;
    clearTimeout(timer);
  });

  async function fetch(): Promise<void> {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      const found = await ask(views.registers?.vm ?? null);
      if (ended) return;
      answer.value = found;
      thrown.value = null;
    } catch (error) {
      if (!(error instanceof SessionLostError)) thrown.value = error;
    } finally {
      // while running the next question waits, whether or not the machine has moved meanwhile
      const pause = session.running ? PAUSE_MS : 0;
      clearTimeout(timer);
      if (!ended)
        timer = setTimeout(() => {
          busy = false;
          if (again) void fetch();
        }, pause);
    }
  }
  watch(
    [() => views.registers, () => session.poweredOn, ...also],
    () => {
      if (session.poweredOn && views.registers) void fetch();
    },
    { immediate: true },
  );
  return { answer, failure };
}
