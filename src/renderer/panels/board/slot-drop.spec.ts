// @vitest-environment happy-dom
/** What a slot says to a DIMM that is dragged to it. */
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, expect, it } from 'vitest';
import { createApp, nextTick, type App } from 'vue';
import { createMessages } from '../../i18n';
import { BRIDGE } from '../../stores/bridge';
import { TestShell } from '../../stores/test-bridge';
import { useCanvas } from './canvas';
import SlotDrawing from './SlotDrawing.vue';

let app: App;
afterEach(() => app.unmount());

function slot(misfit: string | null): Element {
  const pinia = createPinia();
  setActivePinia(pinia);
  app = createApp(SlotDrawing, { id: 'A1', dimm: undefined, base: null, digits: 8, problem: null, locked: false, misfit });
  const root = document.createElement('div');
  app.use(pinia).use(createMessages('en')).provide(BRIDGE, new TestShell().bridge).mount(root);
  return root.querySelector('.slot')!;
}
const takes = (element: Element, type: string): boolean => {
  const event = new Event(type, { bubbles: true, cancelable: true });
  element.dispatchEvent(event);
  return event.defaultPrevented;
};

it.each(['dragenter', 'dragover'])('a slot accepts a DIMM that fits at %s, so that it may be let go at once', async (type) => {
  const fitting = slot(null);
  expect(takes(fitting, type)).toBe(false);
  useCanvas().dragged = { kind: 'dimm', id: 'ddr3-256m', from: null };
  await nextTick();
  expect(takes(fitting, type)).toBe(true);
  expect(takes(fitting.querySelector('svg')!, type)).toBe(true);
});

it.each(['dragenter', 'dragover'])('a slot refuses one that does not at %s', async (type) => {
  const other = slot('too wide');
  useCanvas().dragged = { kind: 'dimm', id: 'ddr4-8g', from: null };
  await nextTick();
  expect(takes(other, type)).toBe(false);
});
