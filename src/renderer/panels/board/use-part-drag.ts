/**
 * Dragging parts about the canvas. While they are under way nothing but what moves is touched: the parts get a translation, wires
 * between a part that moves and one that stays a new path; no state of the window changes until they are let go. Near the edge of the
 * canvas the view moves along; Escape puts them back.
 */
import type { VueFlowStore } from '@vue-flow/core';
import { onBeforeUnmount, shallowRef, type Ref } from 'vue';
import { useCanvas } from './canvas';
import { carry, type Load } from './carry';

/** Parts that are being dragged and how far they are from where they were, in units of the drawing. */
export interface Carried {
  nodes: ReadonlySet<string>;
  dx: number;
  dy: number;
}

/** A press becomes a drag when the pointer has moved further than this, in pixels. */
const THRESHOLD = 4;
/** Nearer to the edge of the canvas than this, in pixels, the view moves along; at the edge by so many pixels a frame. */
const EDGE = 40;
const PAN = 15;
const BUTTON_LEFT = 1;
const TELL_MS = 50;

/** Pixels by which the view moves in this frame, for a pointer at `at` of a canvas that is `size` wide or high. Far outside it stands still: who is there has left. */
export function edgePan(at: number, size: number): number {
  if (at < -2 * EDGE || at > size + 2 * EDGE) return 0;
  if (at < EDGE) return Math.ceil((Math.min(EDGE, EDGE - at) / EDGE) * PAN);
  if (at > size - EDGE) return -Math.ceil((Math.min(EDGE, at - size + EDGE) / EDGE) * PAN);
  return 0;
}

interface Press {
  pointer: number;
  x: number;
  y: number;
  /** the part that was taken hold of; null for the frame around a selection */
  node: string | null;
  adding: boolean;
}

interface Drag {
  load: Load;
  nodes: ReadonlySet<string>;
  bounds: DOMRect;
  /** where the pointer took hold, in units of the drawing */
  from: { x: number; y: number };
  /** where it is, in pixels of the window */
  x: number;
  y: number;
  frame: number;
}

/** How the canvas keeps step with the board, which is ahead of it for a moment after a change. */
export interface Ahead {
  /** False when the canvas has only now drawn what was changed: its elements follow within this task. */
  settled(): boolean;
  /** Puts down what was carried as the canvas comes to draw it there; at once when nothing is to be drawn. */
  takeOver(load: Load): void;
}

/** `onDrop` is told which parts were let go, and how far from where they were, in units of the drawing. */
export function usePartDrag(
  root: Ref<HTMLElement | null>,
  flow: VueFlowStore,
  ahead: Ahead,
  onDrop: (nodes: ReadonlySet<string>, dx: number, dy: number) => void,
) {
  const canvas = useCanvas();
  /** not in every frame: it is for who shows the board in small */
  const carried = shallowRef<Carried | null>(null);
  let latest: Carried | null = null;
  let telling: ReturnType<typeof setTimeout> | null = null;
  function tell(): void {
    telling = null;
    carried.value = latest;
  }
  let press: Press | null = null;
  let drag: Drag | null = null;

  const isHeld = (): Record<string, boolean> => Object.fromEntries(flow.getSelectedNodes.value.map(({ id }) => [id, true]));

  /** The parts and frames that go along: what is selected, or the part that was taken hold of; and the frames all of whose parts do. */
  function select({ node, adding }: Press): Set<string> {
    let held = isHeld();
    if (node !== null && !held[node]) {
      const own = [node, ...(canvas.frames.find((frame) => frame.node === node)?.parts ?? [])];
      if (!adding) flow.removeSelectedElements();
      flow.addSelectedNodes(own.flatMap((id) => flow.findNode(id) ?? []));
      held = { ...(adding ? held : {}), ...Object.fromEntries(own.map((id) => [id, true])) };
    }
    flow.nodesSelectionActive.value &&= node === null;
    const nodes = new Set(canvas.parts.filter((part) => held[part.node]).map((part) => part.node));
    for (const frame of canvas.frames) if (held[frame.node] || frame.parts.every((part) => nodes.has(part))) nodes.add(frame.node);
    return nodes;
  }

  /** Outside of the canvas its nearest point: what is let go there stays in sight. */
  const pointAt = ({ left, right, top, bottom }: DOMRect, x: number, y: number): { x: number; y: number } => {
    const { x: shiftX, y: shiftY, zoom } = flow.viewport.value;
    const held = (at: number, from: number, to: number): number => Math.min(Math.max(at, from), to) - from;
    return { x: (held(x, left, right) - shiftX) / zoom, y: (held(y, top, bottom) - shiftY) / zoom };
  };

  function start(event: PointerEvent): void {
    const element = root.value;
    if (!element || !press || !canvas.drawing) return;
    const nodes = select(press);
    if (nodes.size === 0) return end();
    element.setPointerCapture(press.pointer);
    const bounds = element.getBoundingClientRect();
    const load = carry(element, canvas.wires, canvas.parts, nodes);
    drag = { load, nodes, bounds, from: pointAt(bounds, press.x, press.y), x: event.clientX, y: event.clientY, frame: 0 };
  }

  function move(): void {
    if (!drag) return;
    drag.frame = 0;
    const { bounds, from, load, nodes } = drag;
    const pan = { x: edgePan(drag.x - bounds.left, bounds.width), y: edgePan(drag.y - bounds.top, bounds.height) };
    if ((pan.x !== 0 || pan.y !== 0) && flow.panBy(pan)) ask();
    const to = pointAt(bounds, drag.x, drag.y);
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    load.move(dx, dy, flow.viewport.value.zoom);
    latest = { nodes, dx, dy };
    telling ??= setTimeout(tell, TELL_MS);
  }
  const ask = (): void => {
    if (drag && drag.frame === 0) drag.frame = requestAnimationFrame(move);
  };

  function onMove(event: PointerEvent): void {
    if (event.pointerId !== press?.pointer) return;
    if ((event.buttons & BUTTON_LEFT) === 0) return end();
    if (!drag && Math.hypot(event.clientX - press.x, event.clientY - press.y) > THRESHOLD && ahead.settled()) start(event);
    if (!drag) return;
    drag.x = event.clientX;
    drag.y = event.clientY;
    ask();
  }
  function onUp(event: PointerEvent): void {
    if (event.pointerId !== press?.pointer) return;
    if (!drag) return end();
    const to = pointAt(drag.bounds, event.clientX, event.clientY);
    const { load, nodes, from } = drag;
    end(false);
    if (to.x !== from.x || to.y !== from.y) onDrop(nodes, to.x - from.x, to.y - from.y);
    // they stay where they were let go until they are drawn there
    ahead.takeOver({
      ...load,
      putDown: (part) => (tell(), load.putDown(part)),
      putBack: () => (tell(), load.putBack()),
    });
  }
  function onKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || !drag) return;
    event.stopPropagation();
    end();
  }
  const onCancel = (): void => end();
  /** A press beside a DIMM may be taken for one on it, which the browser would carry off. */
  function onNative(event: Event): void {
    event.preventDefault();
    event.stopPropagation();
  }

  /** Nothing is under way any more; everything is where it was, unless told to leave it. */
  function end(putBack = true): void {
    if (drag) {
      cancelAnimationFrame(drag.frame);
      if (putBack) drag.load.putBack();
      if (press && root.value?.hasPointerCapture(press.pointer)) root.value.releasePointerCapture(press.pointer);
    }
    drag = null;
    press = null;
    latest = null;
    if (telling !== null) clearTimeout(telling);
    // who shows the board in small goes on showing them where they were let go, until they are drawn there
    if (putBack) tell();
    listen('removeEventListener');
  }
  function listen(how: 'addEventListener' | 'removeEventListener'): void {
    window[how]('pointermove', onMove as EventListener);
    window[how]('pointerup', onUp as EventListener);
    window[how]('pointercancel', onCancel);
    window[how]('dragstart', onNative, { capture: true });
    window[how]('keydown', onKey as EventListener, { capture: true });
  }

  /** A press on the canvas: on a part, the name of a group, or the frame around what is selected. */
  function onDown(event: PointerEvent): void {
    const target = event.target as Element;
    if (event.button !== 0 || !event.isPrimary || press || target.closest('.nodrag')) return;
    const selection = target.closest('.vue-flow__nodesselection-rect');
    const node = target.closest('.vue-flow__node')?.getAttribute('data-id') ?? null;
    if (!selection && (node === null || !(canvas.partAt(node) || (node.startsWith('group:') && target.closest('.head'))))) return;
    press = {
      pointer: event.pointerId,
      x: event.clientX,
      y: event.clientY,
      node,
      adding: event.ctrlKey || event.metaKey || event.shiftKey,
    };
    listen('addEventListener');
  }
  onBeforeUnmount(() => end());

  return { carried, onDown };
}
