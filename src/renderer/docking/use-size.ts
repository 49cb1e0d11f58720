/**
 * The size of a panel's element as the browser tells it once it has laid it out. It is not asked for: asking in the task that makes the
 * element has the browser lay out everything there and then, and again when the other panels of the workspace have been made.
 */
import { inject, onScopeDispose, ref, watch, type Ref } from 'vue';
import { TURNS } from './turns';

/** Pixels within border and padding; 0 until it is known, which is told in a task of its own. Later changes are told as they come. */
export function useSize(element: Readonly<Ref<HTMLElement | null>>): { width: Ref<number>; height: Ref<number> } {
  const turns = inject(TURNS, null);
  const width = ref(0);
  const height = ref(0);
  let latest = { width: 0, height: 0 };
  let known = false;
  let takeBack: (() => void) | null = null;
  function tell(): void {
    takeBack = null;
    known = true;
    ({ width: width.value, height: height.value } = latest);
  }
  const observer = new ResizeObserver((entries) => {
    latest = entries.at(-1)!.contentRect;
    if (known || !turns) tell();
    else takeBack ??= turns.later(tell);
  });
  watch(
    element,
    (now, before) => {
      if (before) observer.unobserve(before);
      if (now) observer.observe(now);
    },
    { flush: 'post', immediate: true },
  );
  onScopeDispose(() => {
    takeBack?.();
    observer.disconnect();
  });
  return { width, height };
}
