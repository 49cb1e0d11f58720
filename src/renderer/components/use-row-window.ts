/**
 * Which rows of a long table are drawn: those in the window's sight and some on either side. The others are two empty rows of
 * their height, so that the scroll bar tells the truth. Rows must be equally high.
 */
import { computed, onBeforeUnmount, onMounted, onUpdated, ref, type Ref } from 'vue';

/** Tables of up to so many rows are drawn whole. */
export const WHOLE_TABLE = 120;
const MARGIN = 20;

/** @param bounds of the table's body and of what is seen of it, in the same pixels; rows are numbered from 0, `last` is behind the last */
export function rowsInSight(count: number, rowHeight: number, bodyTop: number, sightHeight: number): { first: number; last: number } {
  if (count <= WHOLE_TABLE) return { first: 0, last: count };
  // not measured yet
  if (rowHeight <= 0) return { first: 0, last: 2 * MARGIN };
  const most = count - WHOLE_TABLE / 2;
  const first = Math.max(0, Math.min(most, Math.floor(-bodyTop / rowHeight) - MARGIN));
  return { first, last: Math.min(count, first + Math.ceil(sightHeight / rowHeight) + 2 * MARGIN) };
}

export function useRowWindow(body: Ref<HTMLElement | null>, count: () => number) {
  const top = ref(0);
  const sight = ref(0);
  const rowHeight = ref(0);
  const measure = (): void => {
    if (!body.value || count() <= WHOLE_TABLE) return;
    const drawn = body.value.querySelector<HTMLElement>(':scope > tr:not([aria-hidden])');
    rowHeight.value = drawn?.getBoundingClientRect().height ?? 0;
    top.value = Math.round(body.value.getBoundingClientRect().top);
    sight.value = window.innerHeight;
  };
  let asked = 0;
  /** Before the next frame: asking in the task that has changed the rows would lay them out there and then, as often as they change. */
  const measureSoon = (): void => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      measure();
    });
  };
  onMounted(() => {
    // scrolling does not bubble, whichever element around the table it is that scrolls
    document.addEventListener('scroll', measure, { capture: true, passive: true });
    window.addEventListener('resize', measure);
    measureSoon();
  });
  onUpdated(measureSoon);
  onBeforeUnmount(() => {
    cancelAnimationFrame(asked);
    document.removeEventListener('scroll', measure, { capture: true });
    window.removeEventListener('resize', measure);
  });
  const range = computed(() => rowsInSight(count(), rowHeight.value, top.value, sight.value));
  return {
    range,
    /** heights of the rows that are not drawn, in pixels */
    above: computed(() => range.value.first * rowHeight.value),
    below: computed(() => (count() - range.value.last) * rowHeight.value),
  };
}
