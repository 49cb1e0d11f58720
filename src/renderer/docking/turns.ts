/**
 * Work of the window done in turns, each in a task of its own, so that the window answers in between: the contents of panels, made one
 * after another when a workspace opens, and what each of them draws anew after a change.
 */
import { effect, inject, onScopeDispose, shallowRef, stop, type InjectionKey, type ShallowRef } from 'vue';

export interface Turns {
  /** Makes it when its turn comes; at once when nothing waits. What it returns takes the wish back. */
  ask(make: () => void): () => void;
  /** Does it in a task of its own, those of a lower rank first. What it returns takes the wish back. */
  later(work: () => void, rank?: number): () => void;
  /** Nothing more is done. */
  stop(): void;
}

export const TURNS: InjectionKey<Turns> = Symbol('turns');

interface Turn {
  rank: number;
  work: () => void;
}

export function createTurns(): Turns {
  let waiting: Turn[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  function next(): void {
    timer = null;
    const turn = waiting.shift();
    if (!turn) return;
    timer = setTimeout(next, 0);
    turn.work();
  }
  function add(turn: Turn): () => void {
    const behind = waiting.findIndex(({ rank }) => rank > turn.rank);
    waiting.splice(behind < 0 ? waiting.length : behind, 0, turn);
    return () => (waiting = waiting.filter((each) => each !== turn));
  }
  return {
    ask(make) {
      const takeBack = add({ rank: 0, work: make });
      if (timer === null) next();
      return takeBack;
    },
    later(work, rank = 0) {
      timer ??= setTimeout(next, 0);
      return add({ rank, work });
    },
    stop() {
      if (timer !== null) clearTimeout(timer);
      waiting = [];
    },
  };
}

/**
 * A state as one panel draws it: it follows the state in a task of its own, so that a change that many panels show is not drawn by all of
 * them in one. What acts on the state reads the state itself, which is never late. `catchUp` follows now.
 * @param source is told what it gave before
 * @param rank panels of a lower one follow first
 */
export function inTurn<T>(source: (before: T | undefined) => T, rank = 0): { drawn: Readonly<ShallowRef<T>>; catchUp(): void } {
  const turns = inject(TURNS, null);
  let latest: T | undefined;
  const drawn = shallowRef() as ShallowRef<T>;
  let takeBack: (() => void) | null = null;
  const follow = effect(
    () => {
      latest = source(latest);
      drawn.value = latest;
    },
    { scheduler: () => (turns ? (takeBack ??= turns.later(catchUp, rank)) : catchUp()) },
  );
  function catchUp(): void {
    takeBack?.();
    takeBack = null;
    if (follow.effect.dirty) follow();
  }
  onScopeDispose(() => {
    takeBack?.();
    stop(follow);
  });
  return { drawn, catchUp };
}

/** Only the state that `inTurn` gives. */
export const useInTurn = <T>(source: (before: T | undefined) => T, rank = 0): Readonly<ShallowRef<T>> => inTurn(source, rank).drawn;
