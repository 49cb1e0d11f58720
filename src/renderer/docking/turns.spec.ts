// @vitest-environment happy-dom
import { computed, createApp, h, nextTick, ref, type Component } from 'vue';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTurns, inTurn, TURNS } from './turns';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('the first is made at once, the others each in a task of its own, in order', () => {
  const made: string[] = [];
  const turns = createTurns();
  for (const name of ['a', 'b', 'c']) turns.ask(() => void made.push(name));
  expect(made).toEqual(['a']);
  vi.advanceTimersToNextTimer();
  expect(made).toEqual(['a', 'b']);
  vi.runAllTimers();
  expect(made).toEqual(['a', 'b', 'c']);
  turns.ask(() => void made.push('d'));
  expect(made).toEqual(['a', 'b', 'c', 'd']);
});

it('what is taken back is not made, and nothing is once it has stopped', () => {
  const made: string[] = [];
  const turns = createTurns();
  turns.ask(() => void made.push('a'));
  const back = turns.ask(() => void made.push('b'));
  turns.ask(() => void made.push('c'));
  back();
  vi.advanceTimersToNextTimer();
  expect(made).toEqual(['a', 'c']);
  turns.ask(() => void made.push('d'));
  turns.stop();
  vi.runAllTimers();
  expect(made).toEqual(['a', 'c']);
});

it('what comes later has a task of its own, by rank, even when nothing waits', () => {
  const done: string[] = [];
  const turns = createTurns();
  turns.later(() => void done.push('list'), 2);
  turns.later(() => void done.push('canvas'), 0);
  const back = turns.later(() => void done.push('map'), 1);
  turns.later(() => void done.push('map too'), 1);
  back();
  expect(done).toEqual([]);
  vi.advanceTimersToNextTimer();
  expect(done).toEqual(['canvas']);
  vi.runAllTimers();
  expect(done).toEqual(['canvas', 'map too', 'list']);
});

/** A window of two panels that show one state, and how often each has been drawn. */
function twoPanels() {
  const state = ref(1);
  const doubled = computed(() => state.value * 2);
  const drawn = { canvas: 0, map: 0 };
  let catchUp = (): void => undefined;
  const panel = (name: 'canvas' | 'map', rank: number): Component => ({
    setup() {
      const turn = inTurn(() => doubled.value, rank);
      if (name === 'map') catchUp = turn.catchUp;
      return () => (drawn[name]++, `${name} ${turn.drawn.value};`);
    },
  });
  const [Canvas, MapPanel] = [panel('canvas', 0), panel('map', 1)];
  const hidden = ref(false);
  const root = document.createElement('div');
  const app = createApp({ render: () => [h(MapPanel), hidden.value ? null : h(Canvas)] });
  app.provide(TURNS, createTurns());
  app.mount(root);
  return { state, drawn, hidden, root, catchUp: () => catchUp() };
}

it('a change is drawn by one panel after another, once for several changes, and by nobody in the task that made it', async () => {
  const { state, drawn, root } = twoPanels();
  expect([root.textContent, drawn]).toEqual(['map 2;canvas 2;', { canvas: 1, map: 1 }]);
  state.value = 2;
  state.value = 3;
  await nextTick();
  expect(root.textContent).toBe('map 2;canvas 2;');
  vi.advanceTimersToNextTimer();
  await nextTick();
  expect(root.textContent).toBe('map 2;canvas 6;');
  vi.runAllTimers();
  await nextTick();
  expect([root.textContent, drawn]).toEqual(['map 6;canvas 6;', { canvas: 2, map: 2 }]);
  state.value = 4;
  state.value = 3;
  vi.runAllTimers();
  await nextTick();
  expect(drawn).toEqual({ canvas: 2, map: 2 });
});

it('catches up when it must, and a panel that has gone is not drawn', async () => {
  const { state, drawn, hidden, root, catchUp } = twoPanels();
  state.value = 5;
  catchUp();
  await nextTick();
  expect(root.textContent).toBe('map 10;canvas 2;');
  hidden.value = true;
  await nextTick();
  vi.runAllTimers();
  await nextTick();
  expect([root.textContent, drawn]).toEqual(['map 10;', { canvas: 1, map: 2 }]);
});
