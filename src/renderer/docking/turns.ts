/**
 * Contents of panels made one after another, each in a task of its own: a workspace with much to draw fills panel by panel, and the
 * window answers in between. What is asked for when nothing waits is made at once.
 */
import type { InjectionKey } from 'vue';

export interface Turns {
  /** Makes it when its turn comes. What it returns takes the wish back. */
  ask(make: () => void): () => void;
  /** Nothing more is made. */
  stop(): void;
}

export const TURNS: InjectionKey<Turns> = Symbol('turns');

export function createTurns(): Turns {
  let waiting: (() => void)[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  function next(): void {
    timer = null;
    const make = waiting.shift();
    if (!make) return;
    timer = setTimeout(next, 0);
    make();
  }
  return {
    ask(make) {
      waiting.push(make);
      if (timer === null) next();
      return () => (waiting = waiting.filter((each) => each !== make));
    },
    stop() {
      if (timer !== null) clearTimeout(timer);
      waiting = [];
    },
  };
}
