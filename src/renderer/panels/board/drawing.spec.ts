import { describe, expect, it } from 'vitest';
import {
  drawBoard,
  drawnGroups,
  foldGroups,
  freeNote,
  groupFrames,
  MOST_DEVICES,
  MOST_SLOTS,
  neighbour,
  outline,
  type Box,
} from './drawing';

const slots = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `S${i}`, dimm: null }));
const devices = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `d${i}`, kind: 'edu' }));
const apart = (a: Box, b: Box): boolean => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
const controller = (id: string, channels: string[][]) => ({ id, channels, banks: [], order: 'RoBaRaCoCh' as const, hash: 'none' as const });

describe('drawing of the board', () => {
  it.each([
    [0, 0],
    [4, 1],
    [8, 4],
    [20, 9],
    [10_000, 1_000],
  ])('with %i slots and %i devices nothing overlaps', (slotCount, deviceCount) => {
    const drawing = drawBoard({ slots: slots(slotCount), devices: devices(deviceCount) });
    const boxes: Box[] = [...drawing.parts, drawing.note];
    expect(boxes.some((box, i) => boxes.slice(i + 1).some((other) => !apart(box, other)))).toBe(false);
    const drawn = (kind: string) => drawing.parts.filter((part) => part.kind === kind).length;
    expect(drawn('slot')).toBe(Math.min(slotCount, MOST_SLOTS));
    expect(drawn('slot') + drawing.hiddenSlots).toBe(slotCount);
    expect(drawn('device')).toBe(Math.min(deviceCount, MOST_DEVICES));
    expect(drawn('device') + drawing.hiddenDevices).toBe(deviceCount);
  });

  it('the note makes way for parts that were put in its place', () => {
    const note = { x: 364, y: 400, width: 280, height: 112 };
    const slot = (x: number, y: number): Box => ({ x, y, width: 280, height: 80 });
    for (const parts of [[slot(364, 300)], [slot(364, 420)], [slot(380, 470), slot(300, 330), slot(364, 560), slot(900, 400)], [slot(364, 800)]]) {
      const free = freeNote(note, parts);
      expect(parts.every((part) => apart(free, part))).toBe(true);
      expect(free.y).toBeGreaterThanOrEqual(note.y);
    }
    expect(freeNote(note, [slot(364, 300), slot(364, 800), slot(0, 420)])).toEqual(note);
  }); // prettier-ignore

  it('draws a collapsed group as one box at the corner of its parts, with the wires from outside and none within', () => {
    const { parts, wires } = drawBoard({ slots: slots(4), devices: devices(1), controllers: [controller('mc0', [['S0', 'S1'], ['S2', 'S3']])] });
    const own = ['controller:mc0', 'slot:S0', 'slot:S1', 'slot:gone'];
    const groups = drawnGroups([{ id: 'g1', name: 'One', parts: own, collapsed: true }, { id: 'g2', name: '', parts: ['slot:gone'], collapsed: true }], parts);
    expect(groups.map(({ id, parts: left }) => [id, left])).toEqual([['g1', own.slice(0, 3)]]);
    const folded = foldGroups(parts, wires, groups);
    expect(folded.parts).toHaveLength(parts.length - 2);
    const box = folded.parts.find(({ node }) => node === 'folded:g1')!;
    const hub = parts.find(({ node }) => node === 'controller:mc0')!;
    expect([box.kind, box.x, box.y]).toEqual(['group', hub.x, Math.min(hub.y, parts.find(({ node }) => node === 'slot:S0')!.y)]);
    const ends = folded.wires.map(({ source, target }) => `${source} ${target}`);
    expect(ends).toEqual(expect.arrayContaining(['processor:processor folded:g1', 'folded:g1 slot:S2', 'folded:g1 slot:S3', 'folded:g1 root:root']));
    expect(ends.filter((each) => /mc0|S0|S1|g1 folded/.test(each))).toEqual([]);
    expect(new Set(folded.wires.map(({ id }) => id)).size).toBe(folded.wires.length);
    expect(folded.boxOf.get('slot:S1')).toBe('folded:g1');
    expect(groupFrames(groups, parts)).toEqual([]);
    // with nothing collapsed, nothing is made anew
    expect(foldGroups(parts, wires, [{ ...groups[0]!, collapsed: false }]).parts).toBe(parts);
  }); // prettier-ignore

  it('wires every slot to its controller and every device to the root', () => {
    const drawing = drawBoard({
      slots: slots(5),
      devices: devices(2),
      controllers: [controller('mc0', [['S0', 'S1'], ['S2']]), controller('mc1', [['S3']])],
    });
    const ends = drawing.wires.map(({ source, target }) => `${source} ${target}`);
    expect(ends).toContain('controller:mc0 slot:S2');
    expect(ends).toContain('controller:mc1 slot:S3');
    expect(ends).toContain('controller:controller slot:S4');
    expect(ends.filter((end) => end.startsWith('root:root device:'))).toHaveLength(2);
    expect(ends.filter((end) => end.startsWith('processor:processor controller:'))).toHaveLength(3);
  });

  it('keeps the slots of a channel in one column', () => {
    const letters = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
    const channels = letters.map((letter) => [1, 2, 3, 4].map((n) => `${letter}${n}`));
    const { parts } = drawBoard({ slots: channels.flat().map((id) => ({ id, dimm: null })), devices: [], controllers: [controller('mc0', channels)] });
    const columnOf = (id: string) => parts.find(({ node }) => node === `slot:${id}`)!.x;
    for (const slots of channels) expect(new Set(slots.map(columnOf)).size).toBe(1);
    expect(new Set(channels.flat().map(columnOf)).size).toBe(3);
  }); // prettier-ignore

  it('a controller that was put somewhere has its slots beside it, and nothing stands on them', () => {
    const channels = [['A1', 'A2', 'A3', 'A4'], ['B1', 'B2', 'B3', 'B4'], ['C1', 'C2', 'C3', 'C4']];
    const drawing = drawBoard({
      slots: [...channels.flat(), 'X1', 'X2'].map((id) => ({ id, dimm: null })),
      devices: devices(6),
      controllers: [controller('mc0', channels)],
      canvas: { places: { 'controller:mc0': [250, 620] } },
    });
    const at = (node: string) => drawing.parts.find((part) => part.node === node)!;
    expect(at('slot:A1')).toMatchObject({ x: 250 + 158 });
    expect(at('controller:mc0')).toMatchObject({ x: 250, y: 620 });
    const boxes: Box[] = drawing.parts;
    expect(boxes.some((box, i) => boxes.slice(i + 1).some((other) => !apart(box, other)))).toBe(false);
  }); // prettier-ignore

  it('keeps to wires that have two ends when names repeat', () => {
    const drawing = drawBoard({
      slots: [...slots(2), ...slots(2)],
      devices: [],
      controllers: [controller('mc0', [['S0', 'S0']]), controller('mc0', [['S0']])],
    });
    const nodes = drawing.parts.map(({ node }) => node);
    expect(new Set(nodes).size).toBe(nodes.length);
    expect(new Set(drawing.wires.map(({ id }) => id)).size).toBe(drawing.wires.length);
    for (const { source, target } of drawing.wires) expect(nodes).toEqual(expect.arrayContaining([source, target]));
  });

  it('arrow keys go to the nearest part ahead, and back', () => {
    const { parts } = drawBoard({ slots: slots(4), devices: devices(1) });
    const at = (node: string) => parts.find((part) => part.node === node)!;
    expect(neighbour(at('slot:S0'), parts, 'ArrowDown')?.node).toBe('slot:S1');
    expect(neighbour(at('slot:S1'), parts, 'ArrowUp')?.node).toBe('slot:S0');
    expect(neighbour(at('processor:processor'), parts, 'ArrowRight')?.node).toBe('controller:controller');
    expect(neighbour(at('processor:processor'), parts, 'ArrowDown')?.node).toBe('firmware:firmware');
    expect(neighbour(at('processor:processor'), parts, 'ArrowUp')).toBeNull();
    // every part is reached from the processor
    const reached = new Set([at('processor:processor')]);
    for (const part of reached)
      for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown']) {
        const next = neighbour(part, parts, key);
        if (next) reached.add(next);
      }
    expect(reached.size).toBe(parts.length);
  });

  it('outlines what is drawn', () => {
    expect(outline([{ x: 10, y: 20, width: 5, height: 5 }, { x: -10, y: 0, width: 5, height: 5 }], 2)).toEqual({ x: -12, y: -2, width: 29, height: 29 }); // prettier-ignore
  });
});
