import { describe, expect, it } from 'vitest';
import { drawBoard, overlap, type Box } from './drawing';
import { wirePath } from './wire-path';

/** The corners of a path of lines and rounded corners, as boxes without breadth between each two of them. */
function stretches(path: string): Box[] {
  const numbers = path.match(/-?\d+(\.\d+)?/g)!.map(Number);
  const points = Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[i * 2]!, numbers[i * 2 + 1]!] as const);
  return points.slice(1).map(([x, y], i) => {
    const [fromX, fromY] = points[i]!;
    return { x: Math.min(x, fromX), y: Math.min(y, fromY), width: Math.abs(x - fromX), height: Math.abs(y - fromY) };
  });
}

describe('the course of a wire', () => {
  it('from the processor to each of three controllers crosses no part', () => {
    const channels = [
      ['A1', 'A2'],
      ['B1', 'B2'],
      ['C1', 'C2', 'C3'],
    ];
    const { parts, wires } = drawBoard({
      slots: channels.flat().map((id) => ({ id, dimm: null })),
      devices: [],
      controllers: channels.map((slots, i) => ({
        id: `mc${i}`,
        channels: [slots],
        banks: [],
        order: 'RoBaRaCoCh' as const,
        hash: 'none' as const,
      })),
    });
    const led = wires.filter(({ source }) => source === 'processor:processor');
    expect(led).toHaveLength(3);
    for (const wire of led) {
      const [source, target] = [wire.source, wire.target].map((node) => parts.find((part) => part.node === node)!);
      const crossed = stretches(wirePath(wire, source!, target!)).flatMap((stretch) =>
        parts.filter((part) => part !== source && part !== target && overlap(stretch, part)),
      );
      expect(crossed.map(({ node }) => node)).toEqual([]);
    }
  });
});
