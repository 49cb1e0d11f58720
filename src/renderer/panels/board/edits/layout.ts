/** Where parts stand and which belong together: the board's `canvas`, which changes nothing of the machine. Pure. */
import type { Patch } from '../../../../lab/document/patches';
import { FARTHEST, type CanvasLayout, type PartGroup } from '../../../../machine/board/canvas';
import type { Board } from '../../../../machine/board/schema';
import { drawBoard, FOLDED, outline, type Box, type PartBox } from '../drawing';
import { freeName, kindAndId, nodeOf, set, unset, words, type BoardChange } from './change';

export interface Place {
  x: number;
  y: number;
}
export type Places = ReadonlyMap<string, Place>;
type Placed = Box & { node: string };

/** One patch for the whole layout; a layout that says nothing is left out of the file. */
function write(board: Board, next: CanvasLayout): Patch[] {
  const places = next.places && Object.keys(next.places).length > 0 ? next.places : undefined;
  const groups = next.groups && next.groups.length > 0 ? next.groups : undefined;
  if (!places && !groups) return board.canvas ? [unset(['canvas'])] : [];
  const value = {
    ...(places ? { places } : {}),
    ...(groups
      ? { groups: groups.map(({ id, name, parts, collapsed }) => ({ id, name, parts, ...(collapsed ? { collapsed } : {}) })) }
      : {}),
  };
  return [set(['canvas'], value)];
}

/** Every part of the board where it stands, those of collapsed groups too. */
export function placedParts(board: Board): PartBox[] {
  const places = placesOf(board);
  return drawBoard(board).parts.map((part) => ({ ...part, ...places.get(part.node) }));
}

export const placesOf = (board: Board | null): Places =>
  new Map(Object.entries(board?.canvas?.places ?? {}).map(([node, [x, y]]) => [node, { x, y }]));

/** Slots that stand where their controllers have put them: they stay there when those are moved. */
function slotsBeside(board: Board, nodes: ReadonlySet<string>): Places {
  const controllers = (board.controllers ?? []).filter(({ id }) => nodes.has(nodeOf('controller', id)));
  if (controllers.length === 0) return new Map();
  const own = new Set(controllers.flatMap(({ channels, banks }) => [...channels.flat(), ...banks.flat()]));
  const stay = drawBoard(board).parts.filter(({ kind, id, node }) => kind === 'slot' && own.has(id) && !board.canvas?.places?.[node]);
  return new Map(stay.map(({ node, x, y }) => [node, { x, y }]));
}

const within = (coordinate: number): number => Math.min(FARTHEST, Math.max(-FARTHEST, Math.round(coordinate)));

/** The moves of single parts: a collapsed group takes its own along. */
function unfold(board: Board, moves: Iterable<readonly [node: string, place: Place]>): Map<string, Place> {
  const found = new Map<string, Place>();
  let parts: readonly PartBox[] | undefined;
  for (const [node, place] of moves) {
    const [kind, id] = kindAndId(node);
    if (kind !== FOLDED) {
      found.set(node, place);
      continue;
    }
    parts ??= placedParts(board);
    const group = board.canvas?.groups?.find((each) => each.id === id);
    const members = parts.filter((part) => group?.parts.includes(part.node));
    if (members.length === 0) continue;
    const corner = outline(members, 0);
    for (const { node: member, x, y } of members) found.set(member, { x: x + place.x - corner.x, y: y + place.y - corner.y });
  }
  return found;
}

/** Patches that put parts, and collapsed groups with theirs, where they are to stand. */
export function movePatches(board: Board, moves: Iterable<readonly [node: string, place: Place]>): Patch[] {
  const places = { ...board.canvas?.places };
  const given = unfold(board, moves);
  const moved = new Map([...slotsBeside(board, new Set(given.keys())), ...given]);
  for (const [node, { x, y }] of moved) places[node] = [within(x), within(y)];
  return write(board, { ...board.canvas, places });
}

/** Parts that were moved by hand, or by arrow keys. */
export function moveParts(board: Board, moved: Places): BoardChange {
  const count = moved.size;
  const [only] = moved.keys();
  const label = count === 1 ? words(`Move ${only!.slice(only!.indexOf(':') + 1)}`, `移动 ${only!.slice(only!.indexOf(':') + 1)}`) : words(`Move ${count} parts`, `移动 ${count} 个部件`);
  return { patches: movePatches(board, moved), label };
} // prettier-ignore

/** Parts go back to where the drawing puts them: those named, or all. */
export function tidy(board: Board, nodes?: readonly string[]): BoardChange {
  const places = nodes ? { ...board.canvas?.places } : {};
  for (const node of nodes ?? []) delete places[node];
  return { patches: write(board, { ...board.canvas, places }), label: words('Tidy up the board', '整理主板') };
}

export type Edge = 'left' | 'right' | 'top' | 'bottom' | 'middle' | 'centre';

/** Puts parts on one line: at an edge of them all, or with their middles (one below the other) or centres (side by side) on it. */
export function align(board: Board, parts: readonly Placed[], edge: Edge): BoardChange {
  const low = (axis: 'x' | 'y'): number => Math.min(...parts.map((part) => part[axis]));
  const high = (axis: 'x' | 'y'): number => Math.max(...parts.map((part) => part[axis] + (axis === 'x' ? part.width : part.height)));
  const at: Record<Edge, (part: Placed) => Place> = {
    left: ({ y }) => ({ x: low('x'), y }),
    right: ({ y, width }) => ({ x: high('x') - width, y }),
    top: ({ x }) => ({ x, y: low('y') }),
    bottom: ({ x, height }) => ({ x, y: high('y') - height }),
    middle: ({ y, width }) => ({ x: (low('x') + high('x') - width) / 2, y }),
    centre: ({ x, height }) => ({ x, y: (low('y') + high('y') - height) / 2 }),
  };
  const patches = movePatches(board, parts.map((part) => [part.node, at[edge](part)] as const)); // prettier-ignore
  return { patches, label: words(`Align ${parts.length} parts`, `对齐 ${parts.length} 个部件`) };
}

/** Equal gaps between neighbours, from the first part to the last, which stay. */
export function distribute(board: Board, parts: readonly Placed[], axis: 'x' | 'y'): BoardChange {
  const size = (part: Placed): number => (axis === 'x' ? part.width : part.height);
  const sorted = [...parts].sort((a, b) => a[axis] + size(a) / 2 - (b[axis] + size(b) / 2));
  const first = sorted[0];
  const last = sorted.at(-1);
  const label = words(`Distribute ${parts.length} parts`, `分布 ${parts.length} 个部件`);
  if (!first || !last || parts.length < 3) return { patches: [], label };
  const gap = (last[axis] - first[axis] - sorted.slice(0, -1).reduce((sum, part) => sum + size(part), 0)) / (sorted.length - 1);
  let next = first[axis];
  const moved = sorted.map((part) => {
    const place = { x: part.x, y: part.y, [axis]: next };
    next += size(part) + gap;
    return [part.node, place] as const;
  });
  return { patches: movePatches(board, moved), label };
}

/** Makes the parts one group; they leave the groups they were in, and a group of fewer than two is none. */
export function makeGroup(board: Board, nodes: readonly string[], name = ''): BoardChange {
  const groups = without(board.canvas?.groups ?? [], new Set(nodes));
  const id = freeName(new Set(groups.map((group) => group.id)), (number) => `g${number + 1}`);
  const patches = nodes.length < 2 ? [] : write(board, { ...board.canvas, groups: [...groups, { id, name, parts: [...nodes] }] });
  return { patches, label: words(`Group ${nodes.length} parts`, `组合 ${nodes.length} 个部件`), look: nodeOf('group', id) };
}

export function ungroup(board: Board, id: string): BoardChange {
  const groups = (board.canvas?.groups ?? []).filter((group) => group.id !== id);
  return { patches: write(board, { ...board.canvas, groups }), label: words('Ungroup', '取消组合') };
}

/** One box in place of the group's parts, or the parts again. */
export function foldGroup(board: Board, id: string, collapsed: boolean): BoardChange {
  const groups = (board.canvas?.groups ?? []).map((group) => (group.id === id ? { ...group, collapsed } : group));
  const label = collapsed ? words('Collapse the group', '折叠组') : words('Expand the group', '展开组');
  return { patches: write(board, { ...board.canvas, groups }), label, look: nodeOf('group', id) };
}

export function nameGroup(board: Board, id: string, name: string): BoardChange {
  const groups = (board.canvas?.groups ?? []).map((group) => (group.id === id ? { ...group, name: name.slice(0, 64) } : group));
  return { patches: write(board, { ...board.canvas, groups }), label: words('Name the group', '命名组') };
}

const without = (groups: readonly PartGroup[], nodes: ReadonlySet<string>): PartGroup[] =>
  groups.map((group) => ({ ...group, parts: group.parts.filter((node) => !nodes.has(node)) })).filter(({ parts }) => parts.length > 1);

/** The layout with another node in place of one. */
export function renameInLayout(board: Board, from: string, to: string): Patch[] {
  const { places = {}, groups = [] } = board.canvas ?? {};
  if (!(from in places) && !groups.some(({ parts }) => parts.includes(from))) return [];
  const renamed = (node: string): string => (node === from ? to : node);
  return write(board, {
    places: Object.fromEntries(Object.entries(places).map(([node, place]) => [renamed(node), place])),
    groups: groups.map((group) => ({ ...group, parts: group.parts.map(renamed) })),
  });
}

/** The layout without parts that leave the board. */
export function forgetParts(board: Board, nodes: ReadonlySet<string>): Patch[] {
  const { places, groups } = board.canvas ?? {};
  const named = Object.keys(places ?? {}).some((node) => nodes.has(node)) || groups?.some(({ parts }) => parts.some((node) => nodes.has(node)));
  if (!named) return [];
  const left = Object.fromEntries(Object.entries(places ?? {}).filter(([node]) => !nodes.has(node)));
  return write(board, { places: left, groups: without(groups ?? [], nodes) });
} // prettier-ignore
