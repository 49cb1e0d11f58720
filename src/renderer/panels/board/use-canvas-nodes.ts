/**
 * Vue Flow's nodes, in step with the board: its ground, the frames of groups, the parts, and the note of what is wrong. When parts were
 * only moved, only these are told.
 */
import type { Node, VueFlowStore } from '@vue-flow/core';
import { computed, watch } from 'vue';
import { useCanvas } from './canvas';
import { outline, type Box } from './drawing';

/** Room around the parts, in units of the drawing. */
const MARGIN = 22;

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
      ...canvas.parts.map((part): Node => ({ id: part.node, type: 'part', position: at(part), data: canvas.shapes.get(part.node), class: 'nopan' })),
      { id: 'note', type: 'note', position: at(note), selectable: false },
    ];
  }); // prettier-ignore
  watch(
    nodes,
    (now, before) => {
      if (now.length !== before?.length || now.some(({ id }, i) => before[i]?.id !== id)) {
        flow.setNodes(now);
        return;
      }
      for (const { id, position, data } of now) {
        const own = flow.findNode(id);
        if (!own) continue;
        if (own.position.x !== position.x || own.position.y !== position.y) own.position = position;
        own.data = data;
      }
    },
    { immediate: true },
  );
  return { ground };
}
