/** Where the parts of the memory map stand in the panel, in pixels of the drawing. Pure. */

export interface MapRoom {
  left: number;
  /** between the left and the right edge of every part */
  wide: number;
  tall: number;
  guestTop: number;
  guestHeight: number;
  guestBottom: number;
  hostTop: number;
  hostHeight: number;
  hostBottom: number;
  gridTop: number;
  /** frames side by side in the grid, and rows of them */
  columns: number;
  rows: number;
}

const LEFT = 16;
const GUEST_TOP = 40;
const GUEST_HEIGHT = 30;
const HOST_HEIGHT = 36;
/** addresses and slot names under the host bar, and the lines to the grid */
const UNDER_HOST = 46;
/** from one frame of the grid to the next */
export const CELL = 13;

/** The grid takes a third of the height at most; the bands take what bars and grid leave. */
export function mapRoom(width: number, height: number): MapRoom {
  const wide = Math.max(320, width - 2 * LEFT);
  const tall = Math.max(380, height);
  const rows = Math.max(4, Math.min(16, Math.floor((tall * 0.36) / CELL)));
  const gridTop = tall - rows * CELL - 8;
  const hostTop = gridTop - UNDER_HOST - HOST_HEIGHT;
  return {
    left: LEFT,
    wide,
    tall,
    guestTop: GUEST_TOP,
    guestHeight: GUEST_HEIGHT,
    guestBottom: GUEST_TOP + GUEST_HEIGHT,
    hostTop,
    hostHeight: HOST_HEIGHT,
    hostBottom: hostTop + HOST_HEIGHT,
    gridTop,
    columns: Math.max(16, Math.floor(wide / CELL)),
    rows,
  };
}
