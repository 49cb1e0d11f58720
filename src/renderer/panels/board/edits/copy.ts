/**
 * Copying parts of the board and pasting them as new ones: new names, wires among them kept, bases at the first free place (a part
 * for which there is none says so), PCI addresses left to the firmware. Pure.
 */
import type { Patch } from '../../../../lab/document/patches';
import type { PatchValue } from '../../../../lab/document/scalar-text';
import { dimmPart } from '../../../../machine/board/parts';
import { PlacementAdvisor } from '../../../../machine/board/placement';
import type { Board, BoardBridge, BoardDevice, Controller, Slot } from '../../../../machine/board/schema';
import { append, freeName, kindAndId, nodeOf, set, slotName, takenNames, words, type BoardChange } from './change';
import { outline, overlap, type Box } from '../drawing';
import { movePatches, placedParts, type Place } from './layout';

export interface Clip {
  slots: Slot[];
  devices: BoardDevice[];
  controllers: Controller[];
  bridges: BoardBridge[];
  /** where each stood, by node */
  places: Map<string, Place>;
  /** groups that lie in the clip as a whole */
  groups: { name: string; parts: string[]; collapsed?: boolean | undefined }[];
}

/** What copying these parts takes along; null when none of them can be copied. A controller comes with its slots. */
export function copyParts(board: Board, nodes: readonly string[], places: ReadonlyMap<string, Place>): Clip | null {
  const wanted = new Set(nodes);
  for (const { id, channels, banks } of board.controllers ?? [])
    if (wanted.has(nodeOf('controller', id))) for (const slot of [...channels.flat(), ...banks.flat()]) wanted.add(nodeOf('slot', slot));
  const chosen = <T extends { id: string }>(kind: string, list: readonly T[]): T[] => list.filter(({ id }) => wanted.has(nodeOf(kind, id)));
  const clip: Clip = {
    slots: chosen('slot', board.slots),
    devices: chosen('device', board.devices),
    controllers: chosen('controller', board.controllers ?? []),
    bridges: chosen('bridge', board.bridges ?? []),
    places: new Map([...places].filter(([node]) => wanted.has(node))),
    groups: (board.canvas?.groups ?? []).filter(({ parts }) => parts.every((node) => wanted.has(node))).map(({ name, parts, collapsed }) => ({ name, parts, collapsed })),
  }; // prettier-ignore
  return clipSize(clip) > 0 ? clip : null;
}
/** How many parts pasting puts on the board. */
export const clipSize = ({ slots, devices, controllers, bridges }: Clip): number =>
  slots.length + devices.length + controllers.length + bridges.length;

/** `dma0` → `dma`, `A1` → `A`: what is left of a name when its number is taken off. */
const stem = (id: string): string => id.replace(/\d+$/, '') || id;

/** Units between tries for a free place, and so many steps away one is looked for: else it stands to the right of everything. */
const STEP = 24;
const FARTHEST_STEPS = 60;
/** Room that is kept around what is pasted. */
const ROOM = 4;

/** How far the clip's boxes go, together, so that none of them stands on a part: to the right and below, as near as can be. */
function freeShift(boxes: readonly Box[], others: readonly Box[]): Place {
  if (boxes.length === 0 || others.length === 0) return { x: STEP, y: STEP };
  const free = (dx: number, dy: number): boolean => !boxes.some((box) => others.some((other) => overlap({ ...box, x: box.x + dx, y: box.y + dy }, other, ROOM)));
  for (let ring = 1; ring <= FARTHEST_STEPS; ring++) {
    // along the diagonal first, then to both sides of it
    for (let aside = 0; aside <= ring; aside++) {
      if (free(ring * STEP, (ring - aside) * STEP)) return { x: ring * STEP, y: (ring - aside) * STEP };
      if (free((ring - aside) * STEP, ring * STEP)) return { x: (ring - aside) * STEP, y: ring * STEP };
    }
  }
  const [all, own] = [outline(others, STEP), outline(boxes, 0)];
  return { x: all.x + all.width - own.x, y: 0 };
} // prettier-ignore

/** The parts of the clip once more, beside where they stood and on no other part; `look` is the first of them. */
export function pasteParts(board: Board, clip: Clip): BoardChange & { nodes: string[] } {
  const taken = takenNames(board);
  const renamed = new Map<string, string>();
  const rename = (kind: string, id: string, name: (number: number) => string): string => {
    const fresh = freeName(taken, name);
    renamed.set(nodeOf(kind, id), nodeOf(kind, fresh));
    return fresh;
  };
  const added: Added = { slots: [], controllers: [], bridges: [], devices: [] };
  const newSlot = new Map<string, string>();
  const slots = clip.slots.map((slot) => {
    const wired = clip.controllers.some(({ channels, banks }) => [...channels.flat(), ...banks.flat()].includes(slot.id));
    const id = rename('slot', slot.id, wired ? (number) => `${stem(slot.id)}${number + 1}` : slotName);
    newSlot.set(slot.id, id);
    return { ...slot, id };
  });
  const rewire = (lists: readonly string[][]): string[][] =>
    lists.map((list) => list.flatMap((slot) => newSlot.get(slot) ?? [])).filter((list) => list.length > 0);
  const controllers = clip.controllers.map((controller) => ({
    ...controller,
    id: rename('controller', controller.id, (number) => `mc${number}`),
    channels: rewire(controller.channels),
    banks: rewire(controller.banks),
  }));
  const advisor = new PlacementAdvisor(board);
  const laneOf = (slot: string): readonly string[] | undefined =>
    controllers.flatMap(({ banks }) => banks).find((lanes) => lanes.includes(slot));
  for (const { id, base: _, dimm, ...rest } of slots) {
    const lanes = laneOf(id);
    const bytes = dimm === null ? undefined : (dimmPart(dimm)?.bytes ?? 0) * (lanes?.length ?? 1);
    const answers = bytes !== undefined && (lanes === undefined || lanes[0] === id);
    const free = board.assignment === 'fixed' && answers ? advisor.take(Math.max(bytes, 1)) : undefined;
    added.slots.push({ id, ...(free === undefined ? {} : { base: free }), ...rest, dimm });
  }
  for (const { channels, banks, ...rest } of controllers) {
    const wires = { ...(channels.length > 0 ? { channels } : {}), ...(banks.length > 0 ? { banks } : {}) };
    added.controllers.push({ ...rest, ...wires });
  }
  for (const { id } of clip.bridges) rename('bridge', id, (number) => `${stem(id)}${number + 1}`);
  /** the same port of the copied bridge; what was plugged into another port goes to the root complex, for the port is taken */
  const portOf = (port: string | undefined): string | undefined => {
    const [part = '', number] = port?.split('.') ?? [];
    const fresh = renamed.get(nodeOf('bridge', part));
    return fresh && [kindAndId(fresh)[1], number].filter((each) => each !== undefined).join('.');
  };
  for (const { at: _, parent, ...rest } of clip.bridges)
    added.bridges.push({ ...rest, id: kindAndId(renamed.get(nodeOf('bridge', rest.id))!)[1], parent: portOf(parent) });
  for (const { at: _, parent, ...rest } of clip.devices) {
    const id = rename('device', rest.id, (number) => `${stem(rest.id)}${number}`);
    added.devices.push({ ...rest, id, parent: portOf(parent) });
  }
  const nodes = [...renamed.values()];
  const kept = [...clip.places].flatMap(([node, at]) => {
    const fresh = renamed.get(node);
    return fresh ? [[fresh, at] as const] : [];
  });
  // parts that nobody has placed make room for what comes: where they will stand is what counts
  const pasted = new Set(nodes);
  const then = placedParts(withParts(board, added, kept));
  const shift = freeShift(then.filter(({ node }) => pasted.has(node)), then.filter(({ node }) => !pasted.has(node))); // prettier-ignore
  const moved = kept.map(([node, { x, y }]) => [node, { x: x + shift.x, y: y + shift.y }] as const);
  const patches: Patch[] = (['slots', 'controllers', 'bridges', 'devices'] as const).flatMap((list) =>
    added[list].map((part) => append([list], plain(part))),
  );
  patches.push(...movePatches(board, moved), ...groupPatches(board, clip, renamed));
  const count = nodes.length;
  const only = count === 1 ? kindAndId(nodes[0]!)[1] : null;
  return {
    patches,
    nodes,
    label: only === null ? words(`Paste ${count} parts`, `粘贴 ${count} 个部件`) : words(`Paste ${only}`, `粘贴 ${only}`),
    ...(nodes[0] ? { look: nodes[0] } : {}),
  };
}

/** Parts as they come on the board: a controller names only the wires it has. */
interface Added {
  slots: Slot[];
  controllers: (Omit<Controller, 'channels' | 'banks'> & Partial<Pick<Controller, 'channels' | 'banks'>>)[];
  bridges: BoardBridge[];
  devices: BoardDevice[];
}

/** The board with more parts on it, standing at these places. */
function withParts(
  board: Board,
  { slots, controllers, bridges, devices }: Added,
  places: readonly (readonly [node: string, place: Place])[],
): Board {
  const all = { ...board.canvas?.places };
  for (const [node, { x, y }] of places) all[node] = [x, y];
  return {
    ...board,
    slots: [...board.slots, ...slots],
    controllers: [...(board.controllers ?? []), ...controllers.map((each) => ({ channels: [], banks: [], ...each }))],
    bridges: [...(board.bridges ?? []), ...bridges],
    devices: [...board.devices, ...devices],
    canvas: { ...board.canvas, places: all },
  };
}

function groupPatches(board: Board, clip: Clip, renamed: ReadonlyMap<string, string>): Patch[] {
  const taken = new Set((board.canvas?.groups ?? []).map(({ id }) => id));
  const groups = clip.groups.map(({ name, parts, collapsed }) => ({
    id: freeName(taken, (number) => `g${number + 1}`),
    name,
    parts: parts.flatMap((node) => renamed.get(node) ?? []),
    ...(collapsed ? { collapsed } : {}),
  }));
  const whole = groups.filter(({ parts }) => parts.length > 1);
  return whole.length === 0 ? [] : [set(['canvas', 'groups'], [...(board.canvas?.groups ?? []), ...whole])];
}

/** Without keys that are not set, as a patch takes it. */
const plain = (value: object): PatchValue =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as PatchValue;
