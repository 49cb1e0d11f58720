/** The course of a wire between two parts: with right angles, bending just before a slot, so that wires to slots share one trunk. Pure. */
import { getSmoothStepPath, Position } from '@vue-flow/core';
import type { PartBox, Side, Wire } from './drawing';

const POSITION: Record<Side, Position> = { left: Position.Left, right: Position.Right, top: Position.Top, bottom: Position.Bottom };

/** The middle of a part's side. The part's size is known, so nothing has to be measured on the screen. */
const terminal = ({ x, y, width, height }: PartBox, side: Side): { x: number; y: number } => ({
  x: x + (side === 'left' ? 0 : side === 'right' ? width : width / 2),
  y: y + (side === 'top' ? 0 : side === 'bottom' ? height : height / 2),
});

/** how far over its ends a wire runs that goes from top to top: over the slots between them */
const OVER = 31;

/** As the `d` of an SVG path, in units of the drawing. */
export function wirePath(wire: Pick<Wire, 'from' | 'to'>, source: PartBox, target: PartBox): string {
  const from = terminal(source, wire.from);
  const to = terminal(target, wire.to);
  const across = wire.from === 'right' && wire.to === 'left' && to.x > from.x;
  const down = wire.from === 'bottom' && wire.to === 'top' && to.y - from.y > 30;
  const over = wire.from === 'top' && wire.to === 'top';
  const [d] = getSmoothStepPath({
    sourceX: from.x,
    sourceY: from.y,
    sourcePosition: POSITION[wire.from],
    targetX: to.x,
    targetY: to.y,
    targetPosition: POSITION[wire.to],
    borderRadius: 3,
    offset: over ? OVER : 14,
    ...(across ? { centerX: to.x - Math.min(26, (to.x - from.x) / 2) } : {}),
    ...(down ? { centerY: to.y - 14 } : {}),
  });
  // into the socket, which begins a little inside the slot's frame
  return across && target.kind === 'slot' ? `${d} h5` : d;
}
