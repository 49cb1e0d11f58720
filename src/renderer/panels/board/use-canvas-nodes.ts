/**
 * Vue Flow's nodes, in step with the board: its ground, the frames of groups, the parts, and the note of what is wrong. When parts were
 * only moved, only these are told; when there are many new ones they come a few at a time, each few in a task of their own.
 */
import type { Node, VueFlowStore } from '@vue-flow/core';
import { computed, onBeforeUnmount, ref, watch } from 'vue';
import { useCanvas } from './canvas';
import { outline, type Box } from './drawing';

/** Room around the parts, in units of the drawing. */
const MARGIN = 22;
/** So many new parts are drawn in one task. */
const FEW = 12;

export function useCanvasNodes(flow: VueFlowStore) {
  const canvas = useCanvas();
  const ground = computed<Box | null>((before) => {
    const now = canvas.drawing && outline([...canvas.parts, ...canvas.frames, canvas.drawing.note], MARGIN);
    return before && now && (['x', 'y', 'width', 'height'] as const).every((key) => before[key] === now[key]) ? before : now;
  });
  const nodes = computed<Node[]>(() => {
    const edge = ground.value;
    if (!canvas.drawing || !edge) return [];
    const { note } = canvas.drawing;
    const at = ({ x, y }: Box): { x: number; y: number } => ({ x, y });
    return [
      { id: 'pcb', type: 'pcb', position: at(edge), data: edge, selectable: false, zIndex: -3, class: 'ground' },
      ...canvas.frames.map((frame): Node => ({ id: frame.node, type: 'group', position: at(frame), data: frame, zIndex: -2, class: 'frame nopan' })),
      { id: 'note', type: 'note', position: at(note), selectable: false, zIndex: 1 },
      ...canvas.parts.map((part): Node => ({ id: part.node, type: 'part', position: at(part), data: canvas.shapes.get(part.node), class: 'nopan' })),
    ];
  }); // prettier-ignore
  /** all that is on the board is drawn */
  const complete = ref(true);
  let later: Node[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  function give(now: readonly Node[]): void {
    const fresh = now.filter(({ id }) => !flow.findNode(id));
    later = fresh.slice(FEW);
    const waiting = new Set(later);
    const given = waiting.size > 0 ? now.filter((node) => !waiting.has(node)) : [...now];
    const there = flow.getNodes.value;
    if (fresh.length > 0 || there.length !== given.length || given.some(({ id }, i) => there[i]?.id !== id)) flow.setNodes(given);
    else given.forEach(follow);
    goOn();
  }
  function follow({ id, position, data }: Node): void {
    const own = flow.findNode(id);
    if (!own) return;
    if (own.position.x !== position.x || own.position.y !== position.y) own.position = position;
    own.data = data;
  }
  function goOn(): void {
    clearTimeout(timer);
    complete.value = later.length === 0;
    if (!complete.value) timer = setTimeout(more, 0);
  }
  function more(): void {
    flow.addNodes(later.splice(0, FEW));
    goOn();
  }
  watch(nodes, give, { immediate: true });
  onBeforeUnmount(() => clearTimeout(timer));
  return { ground, complete };
}
