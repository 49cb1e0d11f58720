// @vitest-environment happy-dom
import { createApp, nextTick, ref, type App, type Ref } from 'vue';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTurns, TURNS } from '../docking/turns';
import { FEW_ROWS, useGrowing } from './use-growing';

let app: App;
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  app.unmount();
  vi.useRealTimers();
});

function table(count: Ref<number>, inTurns = true): Readonly<Ref<number>> {
  let drawn!: Readonly<Ref<number>>;
  app = createApp({
    setup() {
      drawn = useGrowing(() => count.value);
      return () => null;
    },
  });
  if (inTurns) app.provide(TURNS, createTurns());
  app.mount(document.createElement('div'));
  return drawn;
}

it('many rows come a few at a time until all are drawn, and so do many more', async () => {
  const count = ref(200);
  const drawn = table(count);
  const steps = [drawn.value];
  const grow = (): void => {
    for (let i = 0; i < 20 && drawn.value < count.value; i++) {
      vi.advanceTimersToNextTimer();
      steps.push(drawn.value);
    }
  };
  grow();
  expect(drawn.value).toBe(200);
  count.value = 333;
  await nextTick();
  steps.push(drawn.value);
  grow();
  expect(drawn.value).toBe(333);
  expect(Math.max(...steps.map((now, i) => now - (steps[i - 1] ?? 0)))).toBeLessThanOrEqual(FEW_ROWS);
});

it('a few more come at once, and rows that are gone are not counted', async () => {
  const count = ref(30);
  const drawn = table(count);
  expect(drawn.value).toBe(30);
  count.value = 50;
  await nextTick();
  expect(drawn.value).toBe(50);
  count.value = 3;
  await nextTick();
  expect(drawn.value).toBe(3);
});

it('outside a workspace all rows are drawn', () => {
  expect(table(ref(500), false).value).toBe(500);
});
