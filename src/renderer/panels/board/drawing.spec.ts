import { describe, expect, it } from 'vitest';
import { drawBoard, type Box } from './drawing';

const names = (count: number, prefix: string): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const apart = (a: Box, b: Box): boolean => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

describe('drawing of the board', () => {
  it.each([
    [0, 0],
    [4, 1],
    [8, 4],
    [20, 9],
    [10_000, 1_000],
  ])('with %i slots and %i devices nothing overlaps and all fits', (slots, devices) => {
    const drawing = drawBoard(names(slots, 'S'), names(devices, 'd'));
    const boxes: Box[] = [...drawing.slots, ...drawing.devices, drawing.note];
    boxes.forEach((box, i) => {
      expect(box.x + box.width).toBeLessThanOrEqual(drawing.width);
      expect(box.y + box.height).toBeLessThanOrEqual(drawing.height);
      for (const other of boxes.slice(i + 1)) expect(apart(box, other)).toBe(true);
    });
    expect(drawing.slots.length + drawing.hiddenSlots).toBe(slots);
    expect(drawing.devices.length + drawing.hiddenDevices).toBe(devices);
  });

  it('wires every slot and every device', () => {
    const drawing = drawBoard(names(4, 'S'), names(2, 'd'));
    expect(drawing.bus.split('H366').length - 1).toBe(4);
    expect(drawing.pci.split('M271').length - 1).toBe(2);
  });
});
