/**
 * The board as it is drawn, for every panel that works on it: parts with their places, groups, what is chosen; and what the canvas
 * remembers while other workspaces are shown: the view, what is being carried, what is on the clipboard.
 */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import { useDocument } from '../../stores/document';
import { useSelection } from '../../stores/selection';
import { useBoardView } from './board-view';
import type { ItemKind } from './catalogue';
import {
  drawBoard,
  drawnGroups,
  FOLDED,
  foldGroups,
  groupFrames,
  PLAIN_CONTROLLER,
  type Box,
  type Drawing,
  type DrawnGroup,
  type GroupFrame,
  type PartBox,
} from './drawing';
import { placesOf, type Clip } from './edits';

/** A part under way to the board: from the catalogue, or a DIMM from another slot. */
export interface Held {
  kind: ItemKind;
  id: string;
  from: string | null;
}

/** The new boxes, but for those that are as they were: these stay the objects they are. */
function keep<B extends Box & { node: string }>(before: readonly B[] | undefined, now: readonly B[]): B[] {
  const old = new Map(before?.map((box) => [box.node, box]));
  return now.map((box) => {
    const was = old.get(box.node);
    return was && (Object.keys(box) as (keyof B)[]).every((key) => isAlike(was[key], box[key])) ? was : box;
  });
}
const isAlike = (a: unknown, b: unknown): boolean =>
  a === b || (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((each, i) => each === b[i]));

/** Parts that say something of themselves in the inspector. */
export const isInspectable = ({ kind, id }: Pick<PartBox, 'kind' | 'id'>): boolean =>
  kind === 'controller' ? id !== PLAIN_CONTROLLER : kind !== 'root' && kind !== 'legacy';

export const useCanvas = defineStore('board-canvas', () => {
  const lab = useDocument();
  const board = useBoardView();
  const selection = useSelection();

  const drawing = computed<Drawing | null>(() => board.board && drawBoard(board.board));
  /** every part, those of collapsed groups too; one that stands where it stood is the same object: nothing that shows it has to look again */
  const placed = computed<PartBox[]>((before) => {
    const places = placesOf(board.board);
    return keep(before, (drawing.value?.parts ?? []).map((part) => ({ ...part, ...places.get(part.node) }))); // prettier-ignore
  });
  const groups = computed<DrawnGroup[]>(() => drawnGroups(board.board?.canvas?.groups ?? [], placed.value));
  const folded = computed(() => foldGroups(placed.value, drawing.value?.wires ?? [], groups.value));
  /** what is drawn: the parts, with a box in place of those of each collapsed group */
  const parts = computed<readonly PartBox[]>((before) => keep(before, folded.value.parts));
  const wires = computed(() => folded.value.wires);
  /** what the parts are, wherever they stand: the same objects for as long as these are on the board */
  const shapes = computed<Map<string, PartBox>>((before) => {
    const known = (part: PartBox): PartBox => {
      const was = before?.get(part.node);
      return was && was.width === part.width && was.height === part.height ? was : part;
    };
    return new Map(parts.value.map((part) => [part.node, known(part)]));
  });
  const frames = computed<GroupFrame[]>((before) => keep(before, groupFrames(groups.value, placed.value)));
  /** by a part of it, and by the box of a collapsed one */
  const groupOf = computed(() => {
    const found = new Map<string, DrawnGroup>();
    for (const group of groups.value) for (const node of [...group.parts, `${FOLDED}:${group.id}`]) found.set(node, group);
    return found;
  });
  const byNode = computed(() => new Map([...placed.value, ...parts.value].map((part) => [part.node, part])));
  /** the box on the canvas that shows a part: its own, or that of the collapsed group it is in */
  const shownAs = (node: string): string => folded.value.boxOf.get(node) ?? node;
  /** a part, or the box of a collapsed group, by node */
  const partAt = (node: string): PartBox | undefined => byNode.value.get(node);

  /** nodes that are chosen; commands for several parts act on them */
  const chosen = shallowRef<readonly string[]>([]);
  /** the node the keyboard is at */
  const last = ref<string | null>(null);
  const focused = computed<PartBox | undefined>(() => {
    const own = last.value === null ? undefined : partAt(shownAs(last.value));
    if (own && (shows(own) || !isInspectable(own))) return own;
    return parts.value.find((part) => isInspectable(part) && shows(part)) ?? parts.value.find((part) => part.kind === 'slot') ?? parts.value[0];
  }); // prettier-ignore
  /** Is this the box of the part that is selected? */
  function shows({ kind, id, node }: PartBox): boolean {
    if (kind !== 'group') return id === selection.part;
    return (
      selection.part === `group:${id}` || (groupOf.value.get(node)?.parts.some((each) => partAt(each)?.id === selection.part) ?? false)
    );
  }
  /** the boxes that commands for places act on: all that is chosen when the focused part is among it, else that part */
  const held = computed<string[]>(() => {
    const node = focused.value?.node;
    const frame = frames.value.find((each) => each.node === selection.part);
    if (frame) return frame.parts;
    if (node === undefined || chosen.value.includes(node)) return [...chosen.value];
    return [node];
  });
  /** the parts that commands act on: a collapsed group stands for its own */
  const targets = computed<string[]>(() =>
    held.value.flatMap((node) => (node.startsWith(`${FOLDED}:`) ? (groupOf.value.get(node)?.parts ?? []) : [node])),
  );
  function look(node: string): void {
    const part = partAt(node);
    last.value = part ? shownAs(node) : node;
    if (part?.kind === 'group') selection.part = `group:${part.id}`;
    else if (part && isInspectable(part)) selection.part = part.id;
    else if (node.startsWith('group:')) {
      selection.part = node;
      last.value = `${FOLDED}:${node.slice('group:'.length)}`;
    }
  }

  /** the inspector is to ask for another name of the selected part */
  const renaming = ref(false);

  /** a part that the keyboard is to go to, for the canvas to do */
  const wanted = ref<string | null>(null);

  const view = shallowRef<{ x: number; y: number; zoom: number } | null>(null);
  /** grows when the whole board is to be shown */
  const fitAsked = ref(0);
  const fit = (): void => {
    view.value = null;
    fitAsked.value++;
  };
  /** under the pointer, or at the keyboard in the catalogue */
  const dragged = shallowRef<Held | null>(null);
  /** a DIMM that was cut or copied, to be plugged elsewhere */
  const dimm = shallowRef<{ id: string; from: string | null } | null>(null);
  /** parts that were copied, to be pasted as new ones; survives opening another lab */
  const clip = shallowRef<Clip | null>(null);
  const miniMap = ref<boolean | null>(null);
  /** the last result, for those who do not see it */
  const said = ref('');

  watch(
    () => lab.opened,
    () => {
      view.value = null;
      dimm.value = null;
      chosen.value = [];
      last.value = null;
    },
  );
  watch(parts, (now) => {
    const left = new Set(now.map(({ node }) => node));
    if (chosen.value.some((node) => !left.has(node))) chosen.value = chosen.value.filter((node) => left.has(node));
  });
  return {
    drawing, placed, parts, wires, shapes, groups, frames, groupOf, shownAs, partAt, chosen, last, focused, held, targets, look, wanted, renaming,
    view, fitAsked, fit, dragged, dimm, clip, miniMap, said,
  }; // prettier-ignore
});
