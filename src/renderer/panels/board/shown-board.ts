/**
 * The board as a panel draws it: all of one moment, and a task behind the board itself when that has just changed, so that panels with
 * much to draw do so one after another. What changes the board reads useBoardView, which is never late.
 */
import { inject, provide, type InjectionKey, type Ref } from 'vue';
import type { BoardIssue } from '../../../machine/board/issue';
import { inTurn, useInTurn } from '../../docking/turns';
import { useBoardView } from './board-view';

/** Panels in the order in which they follow a change. */
export const RANKS = { canvas: 0, inspector: 1, map: 2, problems: 3, parts: 4, list: 5 } as const;

function momentOf({ board, hardware, map, issues, digits, usableBytes, installedBytes }: ReturnType<typeof useBoardView>) {
  return { board, hardware, map, issues, digits, usableBytes, installedBytes };
}
type Moment = ReturnType<typeof momentOf>;

const reading = (now: Readonly<Ref<Moment>>) => ({
  get board() {
    return now.value.board;
  },
  get hardware() {
    return now.value.hardware;
  },
  get map() {
    return now.value.map;
  },
  get issues() {
    return now.value.issues;
  },
  get digits() {
    return now.value.digits;
  },
  get usableBytes() {
    return now.value.usableBytes;
  },
  get installedBytes() {
    return now.value.installedBytes;
  },
  placementOf: (slot: string) =>
    now.value.map?.placements.find(({ slot: first, interleave }) => first === slot || interleave?.ways.some((way) => way.slot === slot)),
  issuesOf: (part: string): readonly BoardIssue[] => now.value.issues.filter((issue) => issue.part === part),
});
export type ShownBoard = ReturnType<typeof reading>;
const SHOWN: InjectionKey<ShownBoard> = Symbol('shown board');

/**
 * The board for this panel and all that is in it, with what else the panel shows of the same moment; `catchUp` draws now what waits.
 * @param also read together with the board
 */
export function provideShownBoard<T extends object>(
  rank: number,
  also: () => T,
): { shown: ShownBoard; also: Readonly<Ref<T>>; catchUp(): void } {
  const view = useBoardView();
  const { drawn: now, catchUp } = inTurn(() => ({ ...momentOf(view), ...also() }), rank);
  const shown = reading(now);
  provide(SHOWN, shown);
  return { shown, also: now, catchUp };
}

/** That of the panel around it; else one of its own. */
export function useShownBoard(rank: number = RANKS.list): ShownBoard {
  const around = inject(SHOWN, null);
  if (around) return around;
  const view = useBoardView();
  return reading(useInTurn(() => momentOf(view), rank));
}
