/** Many rows that are new are drawn a few at a time, each few in a task of their own, so that a long table is no long task. */
import { inject, onScopeDispose, ref, watch, type Ref } from 'vue';
import { TURNS } from '../docking/turns';

/** So many rows are drawn in one task. */
export const FEW_ROWS = 40;
/** After the turns of the panels themselves. */
const RANK = 9;

/** @param count rows there are; the result is how many of them, from the first on, are to be drawn now */
export function useGrowing(count: () => number): Readonly<Ref<number>> {
  const turns = inject(TURNS, null);
  const drawn = ref(0);
  let takeBack: (() => void) | null = null;
  function grow(): void {
    takeBack = null;
    const left = count() - drawn.value;
    drawn.value += turns ? Math.min(left, FEW_ROWS) : left;
    if (drawn.value < count()) takeBack = turns?.later(grow, RANK) ?? null;
  }
  watch(
    count,
    () => {
      takeBack?.();
      grow();
    },
    { immediate: true },
  );
  onScopeDispose(() => takeBack?.());
  return drawn;
}
