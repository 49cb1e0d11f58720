/**
 * Vue Flow's nodes, in step with the board: its ground, the frames of groups, the parts, and the note of what is wrong. Only nodes that
 * stand elsewhere or show something else are told; parts that have gone are taken out; when there are many, those that change and those
 * that are new follow a few at a time, each few in a task of their own, and the wires come last.
 */
import type { GraphNode, Node, VueFlowStore } from '@vue-flow/core';
import { computed, onBeforeUnmount, ref, shallowRef, toRaw, watch, type Ref } from 'vue';
import { useCanvas } from './canvas';
import type { Load } from './carry';
import { freeNote, outline, type Box, type Drawing, type GroupFrame, type PartBox, type Wire } from './drawing';
import type { PartFacts } from './use-part-words';

/** Room around the parts, in units of the drawing. */
const MARGIN = 22;
/** So many new parts are drawn in one task. */
const FEW = 12;
/** So many parts that were drawn already go to another place, or show something else, in one task. */
const FEW_CHANGED = 40;

/** What the canvas draws, all of one moment: see shown-board. */
export interface CanvasMoment {
  drawing: Drawing | null;
  parts: readonly PartBox[];
  shapes: ReadonlyMap<string, PartBox>;
  frames: readonly GroupFrame[];
  wires: readonly Wire[];
}
/** What a node of the type `part` shows; the same object for as long as that does not change. */
export interface Face {
  part: PartBox;
  facts: PartFacts;
}

/** of the note, which asks by itself what it is to say */
const NO_FACE = {};

const isSamePlace = (own: GraphNode, { x, y }: Node['position']): boolean => own.position.x === x && own.position.y === y;
const isElsewhere = (own: GraphNode, { position, data }: Node): boolean => !isSamePlace(own, position) || toRaw(own).data !== data;

export function useCanvasNodes(flow: VueFlowStore, moment: Readonly<Ref<CanvasMoment>>, factsOf: (part: PartBox) => PartFacts) {
  const canvas = useCanvas();
  const note = computed<Box | null>(() => moment.value.drawing && freeNote(moment.value.drawing.note, moment.value.parts));
  const ground = computed<Box | null>((before) => {
    const { parts, frames } = moment.value;
    const now = note.value && outline([...parts, ...frames, note.value], MARGIN);
    return before && now && (['x', 'y', 'width', 'height'] as const).every((key) => before[key] === now[key]) ? before : now;
  });
  const faces = computed<Map<string, Face>>((before) => {
    const known = (part: PartBox): Face => {
      const was = before?.get(part.node);
      const facts = factsOf(part);
      return was?.part === part && (['slot', 'device', 'bridge'] as const).every((key) => was.facts[key] === facts[key]) ? was : { part, facts };
    };
    return new Map([...moment.value.shapes.values()].map((part) => [part.node, known(part)]));
  }); // prettier-ignore
  const nodes = computed<Node[]>(() => {
    const edge = ground.value;
    const { parts, frames } = moment.value;
    if (!note.value || !edge) return [];
    const at = ({ x, y }: Box): { x: number; y: number } => ({ x, y });
    return [
      { id: 'pcb', type: 'pcb', position: at(edge), data: edge, selectable: false, zIndex: -3, class: 'ground' },
      ...frames.map((frame): Node => ({ id: frame.node, type: 'group', position: at(frame), data: frame, zIndex: -2, class: 'frame nopan' })),
      { id: 'note', type: 'note', position: at(note.value), data: NO_FACE, selectable: false, zIndex: 1 },
      ...parts.map((part): Node => ({ id: part.node, type: 'part', position: at(part), data: faces.value.get(part.node), class: 'nopan' })),
    ];
  }); // prettier-ignore
  /** the wires with the parts between which they run, as they are drawn */
  const wiring = shallowRef<Pick<CanvasMoment, 'wires' | 'parts'>>({ wires: [], parts: [] });
  const isWired = (): boolean => wiring.value.wires === moment.value.wires && wiring.value.parts === moment.value.parts;
  /** steps of the last moment that are still to come */
  const left = ref(0);
  const isShown = (): boolean => moment.value.parts === canvas.parts;
  /** what the canvas shows is the board as it is now, but for new parts that are still to come */
  const upToDate = (): boolean => changed.length === 0 && isWired() && isShown();
  /** all that is on the board is drawn */
  const complete = computed(() => left.value === 0 && isShown());
  let order: string[] = [];
  let changed: (readonly [own: GraphNode, to: Node])[] = [];
  let later: Node[] = [];
  let finished = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** what was carried and is being put down, and what will be with the next moment */
  let load: Load | null = null;
  let nextLoad: Load | null = null;

  function give(now: readonly Node[]): void {
    order = now.map(({ id }) => id);
    const wanted = new Set(order);
    const there = flow.nodes.value;
    const kept = there.filter(({ id }) => wanted.has(id));
    if (kept.length < there.length) flow.nodes.value = kept;
    changed = [];
    later = [];
    finished = false;
    const known = new Map(kept.map((node) => [node.id, node]));
    for (const node of now) {
      const own = known.get(node.id);
      if (!own) later.push(node);
      else if (isElsewhere(own, node)) changed.push([own, node]);
    }
    load?.putBack();
    [load, nextLoad] = [nextLoad, null];
    // taking many out is enough for one task
    const gone = there.length - kept.length;
    if (gone + changed.length + later.length > FEW) follow(Math.max(0, FEW_CHANGED - gone));
    else finish();
    wait();
  }
  function follow(count: number): void {
    for (const [own, { id, position, data }] of changed.splice(0, count)) {
      if (!isSamePlace(own, position)) own.position = position;
      if (toRaw(own).data !== data) own.data = data;
      load?.putDown(id);
    }
  }
  function add(count: number): void {
    const few = later.splice(0, count);
    if (few.length > 0) flow.addNodes(few);
  }
  /** The wires as they are to be; what was carried is down. */
  function wire(): void {
    const { wires, parts } = moment.value;
    if (!isWired()) wiring.value = { wires, parts };
    load?.putBack();
    load = null;
  }
  function finish(): void {
    follow(changed.length);
    add(later.length);
    // where they stand among the others is the order in which they are read out
    const now = order.flatMap((id) => flow.findNode(id) ?? []);
    if (now.some(({ id }, i) => flow.nodes.value[i]?.id !== id)) flow.nodes.value = now;
    wire();
    finished = true;
  }
  function next(): void {
    if (changed.length > 0) follow(FEW_CHANGED);
    else if (later.length > 0) add(FEW);
    else finish();
    wait();
  }
  function wait(): void {
    clearTimeout(timer);
    left.value = changed.length + later.length + (finished ? 0 : 1);
    if (left.value > 0) timer = setTimeout(next, 0);
  }
  watch(nodes, give, { immediate: true });
  onBeforeUnmount(() => clearTimeout(timer));
  /** Puts down what was carried as the canvas comes to show the board as it is now: at once when it does. */
  function takeOver(carried: Load): void {
    if (isShown()) carried.putBack();
    else nextLoad = carried;
  }
  /** Everything that was drawn already is where it is to stand now, with the wires; new parts come as they would. */
  function settle(): void {
    follow(changed.length);
    wire();
    if (later.length === 0) finish();
    wait();
  }
  return { ground, wiring, complete, upToDate, takeOver, settle };
}
