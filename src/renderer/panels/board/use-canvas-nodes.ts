/**
 * Vue Flow's nodes, in step with the board: its ground, the frames of groups, the parts, and the note of what is wrong. When parts were
 * only moved, only these are told; parts that have gone are taken out; when many have moved or are new they follow a few at a time, each
 * few in a task of their own.
 */
import type { GraphNode, Node, VueFlowStore } from '@vue-flow/core';
import { computed, onBeforeUnmount, ref, toRaw, watch, type Ref } from 'vue';
import { useCanvas } from './canvas';
import { outline, type Box, type Drawing, type GroupFrame, type PartBox, type Wire } from './drawing';

/** Room around the parts, in units of the drawing. */
const MARGIN = 22;
/** So many new parts are drawn in one task. */
const FEW = 12;
/** So many parts that were drawn already go to another place in one task. */
const FEW_MOVED = 40;

/** What the canvas draws, all of one moment: see shown-board. */
export interface CanvasMoment {
  drawing: Drawing | null;
  parts: readonly PartBox[];
  shapes: ReadonlyMap<string, PartBox>;
  frames: readonly GroupFrame[];
  wires: readonly Wire[];
}

const isSamePlace = (own: GraphNode, { x, y }: Node['position']): boolean => own.position.x === x && own.position.y === y;
const isElsewhere = (own: GraphNode, { position, data }: Node): boolean => !isSamePlace(own, position) || toRaw(own).data !== data;

export function useCanvasNodes(flow: VueFlowStore, moment: Readonly<Ref<CanvasMoment>>) {
  const canvas = useCanvas();
  const ground = computed<Box | null>((before) => {
    const { drawing, parts, frames } = moment.value;
    const now = drawing && outline([...parts, ...frames, drawing.note], MARGIN);
    return before && now && (['x', 'y', 'width', 'height'] as const).every((key) => before[key] === now[key]) ? before : now;
  });
  const nodes = computed<Node[]>(() => {
    const edge = ground.value;
    const { drawing, parts, shapes, frames } = moment.value;
    if (!drawing || !edge) return [];
    const at = ({ x, y }: Box): { x: number; y: number } => ({ x, y });
    return [
      { id: 'pcb', type: 'pcb', position: at(edge), data: edge, selectable: false, zIndex: -3, class: 'ground' },
      ...frames.map((frame): Node => ({ id: frame.node, type: 'group', position: at(frame), data: frame, zIndex: -2, class: 'frame nopan' })),
      { id: 'note', type: 'note', position: at(drawing.note), selectable: false, zIndex: 1 },
      ...parts.map((part): Node => ({ id: part.node, type: 'part', position: at(part), data: shapes.get(part.node), class: 'nopan' })),
    ];
  }); // prettier-ignore
  /** of the last moment, not drawn yet */
  const left = ref(0);
  const isShown = (): boolean => moment.value.parts === canvas.parts;
  /** what the canvas shows is the board as it is now, but for new parts that are still to come */
  const upToDate = (): boolean => moved.length === 0 && isShown();
  /** all that is on the board is drawn */
  const complete = computed(() => left.value === 0 && isShown());
  let order: string[] = [];
  let moved: (readonly [own: GraphNode, to: Node])[] = [];
  let later: Node[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let after: (() => void)[] = [];

  function give(now: readonly Node[]): void {
    order = now.map(({ id }) => id);
    const wanted = new Set(order);
    const there = flow.nodes.value;
    const kept = there.filter(({ id }) => wanted.has(id));
    if (kept.length < there.length) flow.nodes.value = kept;
    moved = [];
    later = [];
    const known = new Map(kept.map((node) => [node.id, node]));
    for (const node of now) {
      const own = known.get(node.id);
      if (!own) later.push(node);
      else if (isElsewhere(own, node)) moved.push([own, node]);
    }
    const done = after;
    after = [];
    // what was carried is put down together
    follow(done.length > 0 ? moved.length : FEW_MOVED);
    // many new ones wait for a task of their own, after what is there
    if (moved.length > 0 || later.length > FEW) wait();
    else more();
    for (const work of done) work();
  }
  function follow(count: number): void {
    for (const [own, { position, data }] of moved.splice(0, count)) {
      if (!isSamePlace(own, position)) own.position = position;
      if (toRaw(own).data !== data) own.data = data;
    }
  }
  function next(): void {
    if (moved.length === 0) return more();
    follow(FEW_MOVED);
    wait();
  }
  function more(): void {
    const few = later.splice(0, FEW);
    if (few.length > 0) flow.addNodes(few);
    // where they stand among the others is the order in which they are read out
    const now = order.flatMap((id) => flow.findNode(id) ?? []);
    if (now.some(({ id }, i) => flow.nodes.value[i]?.id !== id)) flow.nodes.value = now;
    wait();
  }
  function wait(): void {
    clearTimeout(timer);
    left.value = moved.length + later.length;
    if (left.value > 0) timer = setTimeout(next, 0);
  }
  watch(nodes, give, { immediate: true });
  onBeforeUnmount(() => clearTimeout(timer));
  /** Does it when the canvas shows the board as it is now: at once, or together with what is drawn next. */
  function whenDrawn(work: () => void): void {
    if (isShown()) work();
    else after.push(work);
  }
  /** Parts that have moved are where they are to stand now, those that are still to follow too. */
  function settle(): void {
    follow(moved.length);
    left.value = later.length;
  }
  return { ground, complete, upToDate, whenDrawn, settle };
}
