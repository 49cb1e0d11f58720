/**
 * Outlines of what the memory map draws by the thousand, as few paths: one for all that has one colour, so that a picture of a scattered
 * host is a dozen elements. Pure; in pixels of the drawing.
 */
import type { Band, HostBox } from './layout';

export interface Painted {
  fill: string;
  d: string;
}

/** tenths of a pixel are as fine as it is drawn */
const tenth = (value: number): number => Math.round(value * 10) / 10;
const rectangle = (x: number, y: number, width: number, height: number): string =>
  `M${tenth(x)} ${tenth(y)}h${tenth(width)}v${tenth(height)}h${-tenth(width)}z`;

/** One path a colour, in the order in which the colours first come. */
function byFill(parts: Iterable<Painted>): Painted[] {
  const outlines = new Map<string, string[]>();
  for (const { fill, d } of parts) {
    const own = outlines.get(fill);
    if (own) own.push(d);
    else outlines.set(fill, [d]);
  }
  return [...outlines].map(([fill, each]) => ({ fill, d: each.join('') }));
}

/** The outline of a band from (guest) `top` to (host) `bottom`: vertical where it leaves and arrives. */
function bandPath(band: Pick<Band, 'guestX' | 'guestWidth' | 'hostX' | 'hostWidth'>, top: number, bottom: number): string {
  const one = tenth(top + (bottom - top) * 0.54);
  const two = tenth(top + (bottom - top) * 0.48);
  const [x, hostX] = [tenth(band.guestX), tenth(band.hostX)];
  const right = tenth(band.guestX + Math.max(band.guestWidth, 1));
  const hostRight = tenth(band.hostX + Math.max(band.hostWidth, 1));
  return `M${x} ${top}C${x} ${one} ${hostX} ${two} ${hostX} ${bottom}H${hostRight}C${hostRight} ${two} ${right} ${one} ${right} ${top}Z`;
}

/** Bands of one VM lie in so many layers: where several cross it is darker. */
const LAYERS = 4;

/** The bands of one VM as a few paths; few bands have a path each. */
export function bandPaths(bands: readonly Band[], top: number, bottom: number): string[] {
  const layers: string[][] = [];
  bands.forEach((band, i) => (layers[i % LAYERS] ??= []).push(bandPath(band, top, bottom)));
  return layers.map((layer) => layer.join(''));
}

/** Stretches of a bar that begins at `top`, as one path; a hairline stays visible. */
export const stretchPath = (parts: readonly { x: number; width: number }[], top: number, height: number): string =>
  parts.map(({ x, width }) => rectangle(x, top, Math.max(0.75, width), height)).join('');

/** Boxes of the host bar. */
export const hostPaths = (boxes: readonly HostBox[], top: number, height: number): Painted[] =>
  byFill(boxes.map(({ fill, x, width }) => ({ fill, d: rectangle(x, top, width, height) })));

/** Squares of a grid with so many columns, one a frame, by what fills them; `edge` is what each leaves free of its cell. */
export function gridPaths(fills: readonly string[], columns: number, left: number, top: number, cell: number, edge: number): Painted[] {
  const size = cell - 2 * edge;
  return byFill(
    fills.map((fill, i) => ({
      fill,
      d: rectangle(left + (i % columns) * cell + edge, top + Math.floor(i / columns) * cell + edge, size, size),
    })),
  );
}
