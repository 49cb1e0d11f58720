/**
 * Parts under way on the screen: which elements have to move when some of the parts do, and moving them without a word to anybody else.
 * When more parts go than stay, the whole drawing goes and those that stay are held back: always the fewer are moved one by one.
 */
import type { PartBox, Wire } from './drawing';
import { wirePath } from './wire-path';

export interface Load {
  /** puts what is carried so far from where it was, in units of the drawing, at a zoom */
  move(dx: number, dy: number, zoom: number): void;
  /** One of them has got another place, which is where it is seen already: it is no longer carried. The others are, and all wires. */
  putDown(node: string): void;
  /** everything as it was before, what was put down where that stands */
  putBack(): void;
}

/** So many parts get a layer of their own on the screen: moving it paints nothing anew. */
const MOST_LAYERS = 8;

/** Elements of the canvas in `root`; `nodes` are the parts and frames that go. */
export function carry(root: HTMLElement, wires: readonly Wire[], parts: readonly PartBox[], nodes: ReadonlySet<string>): Load {
  const elements = [...root.querySelectorAll<HTMLElement>('.vue-flow__node')];
  const goes = elements.filter((element) => nodes.has(element.dataset['id'] ?? ''));
  const stays = elements.filter((element) => !nodes.has(element.dataset['id'] ?? ''));
  const all = goes.length > stays.length ? root.querySelector<HTMLElement>('.vue-flow__transformationpane') : null;
  const sign = all ? -1 : 1;
  const singly: (HTMLElement | SVGElement)[] = all ? stays : goes;
  // it follows the places of the parts by itself, and is about all of them only when the last is down
  const rectangle = root.querySelector<HTMLElement>('.vue-flow__nodesselection-rect');
  if (!all && rectangle) singly.push(rectangle);

  const paths = new Map([...root.querySelectorAll<SVGPathElement>('path[data-wire]')].map((path) => [path.dataset['wire'], path]));
  const boxes = new Map(parts.map((part) => [part.node, part]));
  const drawn = wires.flatMap((wire) => {
    const [path, source, target] = [paths.get(wire.id), boxes.get(wire.source), boxes.get(wire.target)];
    const [from, to] = [nodes.has(wire.source), nodes.has(wire.target)];
    if (!path || !source || !target) return [];
    if (from !== to) return [{ wire, path, source, target, before: path.getAttribute('d') ?? '', sourceMoves: from !== (all !== null) }];
    if (from !== (all !== null)) singly.push(path);
    return [];
  });

  const layered = [...(all ? [all] : []), ...(singly.length <= MOST_LAYERS ? singly : [])];
  for (const element of layered) element.style.willChange = 'translate';
  if (!all && layered.length > 0) for (const element of goes) element.style.cursor = 'grabbing';
  const going = new Map(goes.map((element) => [element.dataset['id'] ?? '', element]));
  /** what holds back those that stay while everything else moves */
  let against = '';
  const down: HTMLElement[] = [];
  const moved = ({ x, y, ...box }: PartBox, dx: number, dy: number): PartBox => ({ ...box, x: x + dx, y: y + dy });

  return {
    move(dx, dy, zoom) {
      if (all) all.style.translate = `${dx * zoom}px ${dy * zoom}px`;
      const [x, y] = [dx * sign, dy * sign];
      const translate = `${x}px ${y}px`;
      against = all ? translate : '';
      for (const element of singly) element.style.translate = translate;
      for (const { wire, path, source, target, sourceMoves } of drawn)
        path.setAttribute('d', sourceMoves ? wirePath(wire, moved(source, x, y), target) : wirePath(wire, source, moved(target, x, y)));
    },
    putDown(node) {
      const element = going.get(node);
      if (!element) return;
      if (rectangle) rectangle.style.opacity = '0';
      element.style.translate = against;
      down.push(element);
    },
    putBack() {
      for (const element of [...(all ? [all] : []), ...singly, ...down]) element.style.translate = '';
      if (rectangle) rectangle.style.opacity = '';
      for (const element of layered) element.style.willChange = '';
      for (const element of goes) element.style.cursor = '';
      for (const { path, before } of drawn) path.setAttribute('d', before);
    },
  };
}
