/** A plot's records as points, its axes with their ticks, and lines for the screen. Pure. */

export interface Point {
  x: number;
  /** one value for each series */
  y: number[];
}

/** Records of 32-bit little-endian numbers, x first; those whose x is 0 have not been measured. Bytes cut short give fewer points. */
export function pointsOf(bytes: Uint8Array, series: number): Point[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = 4 * (series + 1);
  const points: Point[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) {
    const x = view.getUint32(at, true);
    if (x !== 0) points.push({ x, y: Array.from({ length: series }, (_, index) => view.getUint32(at + 4 * (index + 1), true)) });
  }
  return points;
}

export interface Axis {
  /** place on the axis, 0 to 1 */
  place(value: number): number;
  ticks: { at: number; label: string }[];
}

/** `64`, `4 Ki`, `12.5 k`: binary units for what doubles, decimal ones else. */
export function tickLabel(value: number, binary: boolean): string {
  const step = binary ? 1024 : 1000;
  const units = binary ? ['', ' Ki', ' Mi', ' Gi'] : ['', ' k', ' M', ' G'];
  let unit = 0;
  let shown = value;
  for (; shown >= step && unit < units.length - 1; unit++) shown /= step;
  return `${Number(shown.toFixed(1))}${units[unit]}`;
}

const isBinary = (values: readonly number[]): boolean => values.length > 1 && values.every((value) => Number.isInteger(Math.log2(value)));

/** From 0 (linear) or from the least value (log) to the largest, with at most `most` ticks. */
export function axisOf(values: readonly number[], scale: 'linear' | 'log', most: number): Axis {
  const top = Math.max(1, ...values);
  if (scale === 'log') {
    const positive = values.filter((value) => value > 0);
    const binary = isBinary(positive);
    const base = binary ? 2 : 10;
    const log = (value: number): number => Math.log(value) / Math.log(base);
    const low = binary ? log(Math.min(...positive)) : Math.floor(log(Math.min(top, ...positive)));
    const high = Math.max(low + 1, binary ? log(top) : Math.ceil(log(top)));
    const place = (value: number): number => (value <= 0 ? 0 : (log(value) - low) / (high - low));
    const step = Math.max(1, Math.ceil((high - low) / most));
    const ticks = [];
    for (let power = Math.ceil(low); power <= high; power += step)
      ticks.push({ at: place(base ** power), label: tickLabel(base ** power, binary) });
    return { place, ticks };
  }
  const rough = top / most;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((each) => each >= rough)!;
  const end = Math.ceil(top / step) * step;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => ({
    at: (index * step) / end,
    label: tickLabel(index * step, false),
  }));
  return { place: (value) => value / end, ticks };
}
