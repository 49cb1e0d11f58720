/**
 * Choosing parts with a box: Shift and a drag over the free ground. While the box is drawn only its frame and the marks of the parts in
 * it are touched; they are chosen when it is let go. Escape, or the pointer taken away, leaves the choice as it was.
 */
import type { VueFlowStore } from '@vue-flow/core';
import { inject, onBeforeUnmount, type Ref } from 'vue';
import { TURNS } from '../../docking/turns';
import { useCanvas } from './canvas';
import type { Box, PartBox } from './drawing';
import { RANKS } from './shown-board';

/** A press becomes a box when the pointer has moved further than this, in pixels. */
const THRESHOLD = 4;
const MARK = 'boxed';

/** The parts that lie in the box as a whole. */
const partsWithin = (parts: readonly PartBox[], { x, y, width, height }: Box): PartBox[] =>
  parts.filter((part) => part.x >= x && part.y >= y && part.x + part.width <= x + width && part.y + part.height <= y + height);

const pointIn = ({ left, top }: DOMRect, { clientX, clientY }: PointerEvent): { x: number; y: number } => ({
  x: clientX - left,
  y: clientY - top,
});

interface Press {
  pointer: number;
  bounds: DOMRect;
  /** pixels from the corner of the canvas: where it began, and where it is */
  from: { x: number; y: number };
  to: { x: number; y: number };
  frame: HTMLElement | null;
  elements: Map<string, HTMLElement>;
  inside: PartBox[];
  asked: number;
}

export function useBoxSelect(root: Ref<HTMLElement | null>, flow: VueFlowStore) {
  const canvas = useCanvas();
  const turns = inject(TURNS, null);
  let press: Press | null = null;

  function start(at: Press): void {
    at.frame = document.createElement('div');
    at.frame.className = 'choosing';
    root.value?.append(at.frame);
    for (const element of root.value?.querySelectorAll<HTMLElement>('[data-part]') ?? []) at.elements.set(element.dataset['part'] ?? '', element);
    root.value?.setPointerCapture(at.pointer);
  } // prettier-ignore
  function draw(): void {
    if (!press?.frame) return;
    press.asked = 0;
    const { from, to, frame, elements } = press;
    const [left, top] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    const [width, height] = [Math.abs(from.x - to.x), Math.abs(from.y - to.y)];
    Object.assign(frame.style, { translate: `${left}px ${top}px`, width: `${width}px`, height: `${height}px` });
    const { x, y, zoom } = flow.viewport.value;
    const now = partsWithin(canvas.parts, { x: (left - x) / zoom, y: (top - y) / zoom, width: width / zoom, height: height / zoom });
    const inside = new Set(now);
    for (const part of press.inside) if (!inside.has(part)) elements.get(part.node)?.classList.remove(MARK);
    const before = new Set(press.inside);
    for (const part of now) if (!before.has(part)) elements.get(part.node)?.classList.add(MARK);
    press.inside = now;
  }
  function onMove(event: PointerEvent): void {
    if (!press || event.pointerId !== press.pointer) return;
    if (event.buttons === 0) return end();
    press.to = pointIn(press.bounds, event);
    if (!press.frame && Math.hypot(press.to.x - press.from.x, press.to.y - press.from.y) > THRESHOLD) start(press);
    if (press.frame && press.asked === 0) press.asked = requestAnimationFrame(draw);
  }
  function onUp(event: PointerEvent): void {
    if (!press || event.pointerId !== press.pointer) return;
    press.to = pointIn(press.bounds, event);
    draw();
    const { inside, frame, elements } = press;
    if (frame) press.inside = [];
    end();
    if (!frame) return;
    canvas.chosen = inside.map(({ node }) => node);
    if (inside[0]) canvas.look(inside[0].node);
    // the marks of the box stay until the canvas has set its own (use-chosen), and the frame to drag them all by comes last
    const close = (): void => {
      unmark(inside, elements);
      flow.nodesSelectionActive.value = canvas.chosen.length > 0;
    };
    if (turns) turns.later(close, RANKS.canvas + 1);
    else close();
  }
  function unmark(parts: readonly PartBox[], elements: Press['elements']): void {
    for (const part of parts) elements.get(part.node)?.classList.remove(MARK);
  }
  function onKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    end();
  }
  const onCancel = (): void => end();
  function end(): void {
    if (press) {
      cancelAnimationFrame(press.asked);
      press.frame?.remove();
      unmark(press.inside, press.elements);
      if (root.value?.hasPointerCapture(press.pointer)) root.value.releasePointerCapture(press.pointer);
    }
    press = null;
    listen('removeEventListener');
  }
  function listen(how: 'addEventListener' | 'removeEventListener'): void {
    window[how]('pointermove', onMove as EventListener);
    window[how]('pointerup', onUp as EventListener);
    window[how]('pointercancel', onCancel);
    window[how]('keydown', onKey as EventListener, { capture: true });
  }

  const begins = (event: MouseEvent): boolean =>
    event.button === 0 && event.shiftKey && (event.target as Element).classList.contains('vue-flow__pane');
  /** A press on the canvas. True when a box may come of it. */
  function onBoxDown(event: PointerEvent): boolean {
    const element = root.value;
    if (press || !element || !event.isPrimary || !begins(event)) return false;
    const bounds = element.getBoundingClientRect();
    const at = pointIn(bounds, event);
    press = { pointer: event.pointerId, bounds, from: at, to: at, frame: null, elements: new Map(), inside: [], asked: 0 };
    listen('addEventListener');
    return true;
  }
  /** The mouse press that goes with it moves no view. */
  const onMouseDown = (event: MouseEvent): void => {
    if (!begins(event)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  onBeforeUnmount(end);
  return { onBoxDown, onMouseDown };
}
