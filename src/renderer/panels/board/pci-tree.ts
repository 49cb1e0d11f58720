/** Where root ports, switches, legacy bridges and the devices behind them stand: a tree that grows downward from the root complex. Pure. */
import type { Board } from '../../../machine/board/schema';

export interface TreeNode {
  kind: 'bridge' | 'device';
  id: string;
  children: TreeNode[];
}
export interface TreePlace {
  kind: TreeNode['kind'];
  id: string;
  /** id of the bridge above; null on the root complex, undefined where nothing the board has leads to it */
  above: string | null | undefined;
  x: number;
  y: number;
}

export const TREE_SIZES = { bridge: { width: 140, height: 74 }, device: { width: 140, height: 110 } } as const;
const GAP = 14;
const LEVEL_GAP = 40;

/** `sw1.0` → `sw1`: the part that a port belongs to. */
const partOfPort = (port: string): string => port.replace(/\.\d+$/, '');

type Drawable = Pick<Board, 'devices' | 'bridges'>;

/** What is plugged behind bridges; parts that lead to no root (a cycle, a port that is not there) come last, on their own. */
export function pciTree(board: Drawable): { roots: TreeNode[]; orphans: TreeNode[] } {
  const nodes = new Map<string, TreeNode>();
  const parents = new Map<string, string>();
  const place = (kind: TreeNode['kind'], id: string, parent: string | undefined): void => {
    const key = `${kind}:${id}`;
    if (nodes.has(key)) return;
    nodes.set(key, { kind, id, children: [] });
    if (parent !== undefined) parents.set(key, `bridge:${partOfPort(parent)}`);
  };
  for (const { id, parent } of board.bridges ?? []) place('bridge', id, parent);
  for (const { id, parent } of board.devices) if (parent !== undefined) place('device', id, parent);
  const roots = [...nodes].filter(([key, { kind }]) => kind === 'bridge' && !parents.has(key)).map(([, node]) => node);
  const reached = new Set<string>();
  const waiting = roots.map(({ id }) => `bridge:${id}`);
  const below = new Map<string, string[]>();
  for (const [key, parent] of parents) below.set(parent, [...(below.get(parent) ?? []), key]);
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (reached.has(key)) continue;
    reached.add(key);
    const children = below.get(key) ?? [];
    nodes.get(key)!.children = children.map((child) => nodes.get(child)!);
    waiting.push(...children);
  }
  return { roots, orphans: [...nodes].filter(([key]) => !reached.has(key)).map(([, node]) => node) };
}

/** Places for the tree, from `x` and `y` on to the right and downward. */
export function placeTree(board: Drawable, x: number, y: number): TreePlace[] {
  const { roots, orphans } = pciTree(board);
  const places: TreePlace[] = [];
  /** Puts a node and what is behind it; the width they take. */
  const put = (node: TreeNode, above: TreePlace['above'], left: number, top: number): number => {
    const { width, height } = TREE_SIZES[node.kind];
    const place: TreePlace = { kind: node.kind, id: node.id, above, x: left, y: top };
    places.push(place);
    let taken = 0;
    for (const child of node.children) taken += put(child, node.id, left + taken, top + height + LEVEL_GAP) + GAP;
    const whole = Math.max(width, taken - GAP);
    place.x = left + (whole - width) / 2;
    return whole;
  };
  let left = x;
  for (const root of roots) left += put(root, null, left, y) + GAP;
  for (const orphan of orphans) left += put({ ...orphan, children: [] }, undefined, left, y) + GAP;
  return places;
}
