/** An answer of the session that is asked for anew whenever the machine has moved, a few times a second while it runs. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type WatchSource } from 'vue';
import { SessionLostError, useSession, useViews } from '../../stores/session';

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
  const views = useViews('registers');
  const answer = shallowRef(none) as Ref<T>;
  const failure = ref<string | null>(null);
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
      failure.value = null;
    } catch (error) {
      if (!(error instanceof SessionLostError)) failure.value = error instanceof Error ? error.message : String(error);
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
