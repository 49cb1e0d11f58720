// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import { effectScope, nextTick, shallowRef } from 'vue';
import { mount } from '@vue/test-utils';
import { createTurns, TURNS } from './turns';
import { useSize } from './use-size';

/** The browser, as far as it tells of sizes. */
class Watched {
  static all: Watched[] = [];
  readonly elements = new Set<Element>();
  constructor(private readonly tell: (entries: { contentRect: { width: number; height: number } }[]) => void) {
    Watched.all.push(this);
  }
  observe(element: Element): void {
    this.elements.add(element);
  }
  unobserve(element: Element): void {
    this.elements.delete(element);
  }
  disconnect(): void {
    this.elements.clear();
  }
  grow(width: number, height: number): void {
    this.tell([{ contentRect: { width, height } }]);
  }
}

describe('size of an element', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
    Watched.all = [];
  });

  it('is told first in a task of its own, then as it changes; never asked for', async () => {
    vi.useFakeTimers();
    vi.stubGlobal('ResizeObserver', Watched);
    const asked = vi.spyOn(HTMLElement.prototype, 'offsetWidth', 'get');
    let size: ReturnType<typeof useSize> | undefined;
    const panel = mount(
      { setup: () => { const root = shallowRef<HTMLElement | null>(null); size = useSize(root); return { root }; }, template: '<div ref="root" />' },
      { global: { provide: { [TURNS as symbol]: createTurns() } } },
    ); // prettier-ignore
    await nextTick();
    const [browser] = Watched.all;
    expect([...browser!.elements]).toEqual([panel.element]);
    browser!.grow(300, 200);
    browser!.grow(310, 200);
    expect(size!.width.value).toBe(0);
    vi.runAllTimers();
    expect([size!.width.value, size!.height.value]).toEqual([310, 200]);
    browser!.grow(400, 200);
    expect(size!.width.value).toBe(400);
    expect(asked).not.toHaveBeenCalled();
    panel.unmount();
    expect(browser!.elements.size).toBe(0);
  });

  it('is told at once where nobody waits for a turn', () => {
    vi.stubGlobal('ResizeObserver', Watched);
    const scope = effectScope();
    const size = scope.run(() => useSize(shallowRef(document.createElement('div'))))!;
    Watched.all[0]!.grow(20, 10);
    expect(size.height.value).toBe(10);
    scope.stop();
  });
});
