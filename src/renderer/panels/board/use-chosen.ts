/**
 * What is chosen: the canvas and the store follow each other. Many parts that a key or a box chooses are marked a few at a time, each
 * few in a task of their own; what is chosen on the canvas itself is marked already.
 */
import type { GraphNode, VueFlowStore } from '@vue-flow/core';
import { computed, inject, watch, type Ref } from 'vue';
import { TURNS } from '../../docking/turns';
import { useCanvas } from './canvas';
import { RANKS } from './shown-board';

/** So many parts are marked in one task. */
const FEW = 30;

const isSameList = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((each, i) => each === b[i]);

/** @param complete all that is on the board is drawn */
export function useChosen(flow: VueFlowStore, complete: Readonly<Ref<boolean>>) {
  const canvas = useCanvas();
  const turns = inject(TURNS, null);
  const marked = computed(() => flow.getSelectedNodes.value.map(({ id }) => id).filter((id) => !id.startsWith('group:')));
  /** whose mark is still to be set or taken away */
  let waiting: GraphNode[] = [];
  function mark(count: number): void {
    const wanted = new Set(canvas.chosen);
    for (const node of waiting.splice(0, count)) node.selected = wanted.has(node.id);
    markLater();
  }
  const markLater = (): void => void (waiting.length > 0 && turns?.later(() => mark(FEW), RANKS.canvas));
  watch(marked, (now) => waiting.length > 0 || isSameList(now, canvas.chosen) || (canvas.chosen = now));
  watch(
    () => [canvas.chosen, complete.value] as const,
    ([now, there]) => {
      if (!there || isSameList(now, marked.value)) return;
      const wanted = new Set(now);
      const underWay = waiting.length > 0;
      waiting = flow.nodes.value.filter(({ id, selected }) => Boolean(selected) !== wanted.has(id));
      if (!turns || waiting.length <= FEW) mark(waiting.length);
      else if (!underWay) markLater();
    },
    { flush: 'post' },
  );
  /** The rest of the marks now: the pointer is about to choose. */
  const markAll = (): void => mark(waiting.length);
  return { markAll };
}
