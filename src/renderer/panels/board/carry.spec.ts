// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { carry } from './carry';
import { drawBoard } from './drawing';
import { edgePan } from './use-part-drag';
import { wirePath } from './wire-path';

const slots = ['A1', 'A2', 'B1', 'B2'].map((id) => ({ id, dimm: null }));
const { parts, wires } = drawBoard({ slots, devices: [{ id: 'd0', kind: 'edu' }] });
const boxOf = (node: string) => parts.find((part) => part.node === node)!;

function canvas(): HTMLElement {
  const root = document.createElement('div');
  const nodes = ['pcb', ...parts.map(({ node }) => node)].map((id) => `<div class="vue-flow__node" data-id="${id}"></div>`);
  const paths = wires.map((wire) => `<path data-wire="${wire.id}" d="${wirePath(wire, boxOf(wire.source), boxOf(wire.target))}"></path>`);
  root.innerHTML = `<div class="vue-flow__transformationpane"><svg>${paths.join('')}</svg>${nodes.join('')}</div>`;
  return root;
}
/** Where a part is on the screen, at a zoom of 1. */
function seen(root: HTMLElement, node: string): { x: number; y: number } {
  const offset = (selector: string): number[] =>
    (root.querySelector<HTMLElement>(selector)!.style.translate || '0px 0px').split(' ').map((length) => parseFloat(length));
  const [own, all] = [offset(`[data-id="${node}"]`), offset('.vue-flow__transformationpane')];
  const { x, y } = node === 'pcb' ? { x: 0, y: 0 } : boxOf(node);
  return { x: x + own[0]! + all[0]!, y: y + own[1]! + all[1]! };
}

describe('parts under way', () => {
  const most = parts.map(({ node }) => node).filter((node) => node !== 'slot:A1' && node !== 'legacy:legacy');
  it.each([
    ['one', ['slot:A2']],
    ['a controller and one of its slots', ['controller:controller', 'slot:B1']],
    ['most of them', most],
    ['all', parts.map(({ node }) => node)],
  ])('%s: they are where the pointer has them, the others where they were, and wires end at their parts', (_name, some) => {
    const root = canvas();
    const before = root.innerHTML;
    const going = new Set(some);
    const load = carry(root, wires, parts, going);
    load.move(30, -7, 1);
    for (const { node, x, y } of parts) expect(seen(root, node), node).toEqual(going.has(node) ? { x: x + 30, y: y - 7 } : { x, y });
    expect(seen(root, 'pcb')).toEqual({ x: 0, y: 0 });
    const [left, top] = (root.querySelector<HTMLElement>('.vue-flow__transformationpane')!.style.translate || '0px 0px').split(' ').map(parseFloat);
    for (const wire of wires) {
      const path = root.querySelector<SVGPathElement>(`[data-wire="${wire.id}"]`)!;
      const [dx, dy] = (path.style.translate || '0px 0px').split(' ').map(parseFloat);
      const first = /^M\s*([-\d.]+)[ ,]+([-\d.]+)/.exec(path.getAttribute('d')!)!;
      const source = boxOf(wire.source);
      const moved = { ...source, ...seen(root, wire.source) };
      const expected = /^M\s*([-\d.]+)[ ,]+([-\d.]+)/.exec(wirePath(wire, moved, boxOf(wire.target)))!;
      expect(Number(first[1]) + dx! + left!, wire.id).toBeCloseTo(Number(expected[1]), 6);
      expect(Number(first[2]) + dy! + top!, wire.id).toBeCloseTo(Number(expected[2]), 6);
    }
    const [down] = some as [string];
    load.putDown(down);
    const { x, y } = boxOf(down);
    // it has another place now, which is where it is seen
    expect(seen(root, down)).toEqual({ x, y });
    load.putBack();
    expect(root.innerHTML.replaceAll(' style=""', '')).toBe(before);
  }); // prettier-ignore

  it('are as many elements as it takes: never more than half', () => {
    const root = canvas();
    carry(root, wires, parts, new Set(most)).move(1, 1, 0.5);
    expect(root.querySelector<HTMLElement>('.vue-flow__transformationpane')!.style.translate).toBe('0.5px 0.5px');
    const moved = [...root.querySelectorAll<HTMLElement>('.vue-flow__node')].filter(({ style }) => style.translate !== '');
    expect(moved.map(({ dataset }) => dataset['id']).sort()).toEqual(['legacy:legacy', 'pcb', 'slot:A1']);
  });
});

describe('at the edge', () => {
  it('the view moves along, the faster the nearer, and never in the middle', () => {
    expect([edgePan(400, 800), edgePan(40, 800), edgePan(760, 800)]).toEqual([0, 0, 0]);
    expect(edgePan(20, 800)).toBe(8);
    expect(edgePan(0, 800)).toBe(15);
    expect([edgePan(-60, 800), edgePan(860, 800)]).toEqual([15, -15]);
    expect(edgePan(780, 800)).toBe(-8);
    expect([edgePan(-500, 800), edgePan(5_000, 800)]).toEqual([0, 0]);
  });
});
