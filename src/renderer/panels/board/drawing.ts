/**
 * Where the parts of the board stand until the student moves them, and which are wired, in units of the drawing: processor,
 * controller, IOMMU, firmware, APIC and legacy I/O at the left, slots in columns at the right (a controller more begins columns of
 * its own), devices along the bottom, those behind root ports and bridges as a tree. It grows downward and to the right with slots and devices. Pure.
 */
import type { PartGroup } from '../../../machine/board/canvas';
import type { Board } from '../../../machine/board/schema';
import { placeTree, TREE_SIZES } from './pci-tree';

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type PartKind =
  'processor' | 'controller' | 'iommu' | 'apic' | 'firmware' | 'root' | 'legacy' | 'slot' | 'bridge' | 'device' | 'group';
export type Side = 'left' | 'right' | 'top' | 'bottom';

export interface PartBox extends Box {
  /** unique on the canvas: slots, devices and controllers may share names while the board is being mended */
  node: string;
  kind: PartKind;
  /** as the board file names it */
  id: string;
}

export interface Wire {
  id: string;
  source: string;
  target: string;
  from: Side;
  to: Side;
  /** in units of the drawing */
  thickness: number;
}

export interface Drawing {
  parts: PartBox[];
  wires: Wire[];
  /** free room under the slots, for what is wrong with one of them */
  note: Box;
  /** slots and devices that the drawing leaves to the list */
  hiddenSlots: number;
  hiddenDevices: number;
}

/** more than this are in the list only */
export const MOST_SLOTS = 256;
export const MOST_DEVICES = 64;
/** the controller of slots that no controller wires */
export const PLAIN_CONTROLLER = 'controller';
const TOP = 36;
const PITCH = 86;
const SLOT_WIDTH = 280;
const SLOT_HEIGHT = 80;
/** height of the wire from the processor to the first controller: between the first two rows of slots */
const BUS = TOP + (SLOT_HEIGHT + PITCH) / 2;
const HUB_Y = BUS - 58;
/** from a controller's left edge to its slots' */
const HUB_TO_SLOT = 158;
const COLUMN_PITCH = 330;
/** of the note with the first problem, under the slots */
const NOTE_HEIGHT = 148;
const DEVICES_PER_ROW = 4;
const { width: DEVICE_WIDTH, height: DEVICE_HEIGHT } = TREE_SIZES.device;

type Drawable = Pick<Board, 'slots' | 'devices' | 'controllers' | 'bridges' | 'iommu' | 'apic' | 'canvas'>;

interface SlotGroup {
  controller: string;
  slots: string[];
  /** slots of each channel, which stay together in a column; 1 where channels differ */
  together: number;
}

/** The slots of each controller, in wiring order; first of all those that none wires, unless every slot is wired. */
function groups(board: Drawable): SlotGroup[] {
  const shown = new Set(board.slots.slice(0, MOST_SLOTS).map(({ id }) => id));
  const taken = new Set<string>();
  const wired = (board.controllers ?? []).map(({ id, channels, banks }) => {
    const slots = [...channels.flat(), ...banks.flat()].filter((slot) => shown.has(slot) && !taken.has(slot));
    for (const slot of slots) taken.add(slot);
    const lengths = new Set([...channels, ...banks].map(({ length }) => length));
    return { controller: id, slots: [...new Set(slots)], together: lengths.size === 1 ? Math.max(1, ...lengths) : 1 };
  });
  const loose = [...shown].filter((id) => !taken.has(id));
  return loose.length > 0 || wired.length === 0 ? [{ controller: PLAIN_CONTROLLER, slots: loose, together: 1 }, ...wired] : wired;
}

/** Slots in a column: eight, or more where the columns would make the board wider than high. Those of a channel stay together. */
function rowsFor(slots: number, together: number): number {
  const whole = (rows: number): number => Math.max(together, rows - (rows % together));
  let rows = whole(8);
  while (rows < slots && Math.ceil(slots / rows) * COLUMN_PITCH > rows * PITCH) rows = whole(rows + together);
  return rows;
}

const split = <T>(all: readonly T[], which: (each: T) => boolean): [T[], T[]] => [all.filter(which), all.filter((each) => !which(each))];

export function drawBoard(board: Drawable): Drawing {
  const parts: PartBox[] = [];
  const wires: Wire[] = [];
  const add = (kind: PartKind, id: string, x: number, y: number, width: number, height: number): string => {
    const node = `${kind}:${id}`;
    parts.push({ node, kind, id, x, y, width, height });
    return node;
  };
  const wire = (source: string, from: Side, target: string, to: Side, thickness: number) =>
    wires.push({ id: `${source}>${target}`, source, from, target, to, thickness });

  const processor = add('processor', 'processor', 44, BUS - 62, 132, 124);
  let left = 206;
  let bottom = 0;
  let noteAt: Box = { x: 364, y: TOP + 8, width: SLOT_WIDTH, height: NOTE_HEIGHT };
  const placed = board.canvas?.places ?? {};
  let first: string | null = null;
  for (const { controller, slots, together } of groups(board)) {
    // a controller that was put somewhere has its slots beside it there
    const own = controller === PLAIN_CONTROLLER ? undefined : placed[`controller:${controller}`];
    const [hubX, hubY] = own ?? [left, HUB_Y];
    const [slotX, slotY] = [hubX + HUB_TO_SLOT, hubY + TOP - HUB_Y];
    const hub = add('controller', controller, hubX, hubY, 106, 116);
    // a further column is reached over the slots of those before it
    if (first === null || own) wire(processor, 'right', hub, 'left', 5);
    else wire(processor, 'top', hub, 'top', 5);
    const perColumn = rowsFor(slots.length, together);
    slots.forEach((id, i) => {
      const x = slotX + Math.floor(i / perColumn) * COLUMN_PITCH;
      const slot = add('slot', id, x, slotY + (i % perColumn) * PITCH, SLOT_WIDTH, SLOT_HEIGHT);
      wire(hub, 'right', slot, 'left', 3);
    });
    const rows = Math.min(perColumn, slots.length);
    if (first === null) noteAt = { ...noteAt, x: slotX, y: slotY + rows * PITCH + 8 };
    first ??= hub;
    bottom = Math.max(bottom, slotY + rows * PITCH);
    if (!own) left += HUB_TO_SLOT + Math.max(1, Math.ceil(slots.length / perColumn)) * COLUMN_PITCH;
  }

  const firmware = add('firmware', 'firmware', 44, 246, 132, 72);
  const iommu = add('iommu', 'iommu', 206, 244, 106, 82);
  const legacy = add('legacy', 'legacy', 44, 394, 132, 68);
  const root = add('root', 'root', 186, 394, 146, 68);
  wire(firmware, 'top', processor, 'bottom', 2);
  wire(legacy, 'right', root, 'left', 2);
  if (board.apic?.present) wire(add('apic', 'apic', 44, 330, 132, 52), 'right', root, 'left', 2);
  if (first !== null && board.iommu?.present) {
    wire(first, 'bottom', iommu, 'top', 3);
    wire(iommu, 'bottom', root, 'top', 3);
  } else if (first !== null) wire(first, 'bottom', root, 'top', 3);

  const drawn = board.devices.slice(0, MOST_DEVICES);
  // those that stand elsewhere leave no gap in the row
  const [elsewhere, loose] = split(
    drawn.filter(({ parent }) => parent === undefined),
    ({ id }) => placed[`device:${id}`] !== undefined,
  );
  // two devices and no bridge stand left of the slots, however many those are
  const beside = loose.length + elsewhere.length === drawn.length && loose.length <= 2 && (board.bridges ?? []).length === 0;
  const deviceTop = beside ? 496 : Math.max(496, bottom + NOTE_HEIGHT + 20);
  const perRow = Math.max(DEVICES_PER_ROW, Math.ceil(Math.sqrt(loose.length * 2)));
  for (const { id } of elsewhere) {
    const [x, y] = placed[`device:${id}`]!;
    wire(root, 'bottom', add('device', id, x, y, DEVICE_WIDTH, DEVICE_HEIGHT), 'top', 2.5);
  }
  loose.forEach(({ id }, i) => {
    const x = 44 + (i % perRow) * (DEVICE_WIDTH + 14);
    const device = add('device', id, x, deviceTop + Math.floor(i / perRow) * (DEVICE_HEIGHT + 24), DEVICE_WIDTH, DEVICE_HEIGHT);
    wire(root, 'bottom', device, 'top', 2.5);
  });
  const treeLeft = 44 + Math.min(perRow, loose.length) * (DEVICE_WIDTH + 14);
  for (const { kind, id, above, x, y } of placeTree({ bridges: board.bridges, devices: drawn }, treeLeft, deviceTop)) {
    const part = add(kind, id, x, y, TREE_SIZES[kind].width, TREE_SIZES[kind].height);
    if (above !== undefined) wire(above === null ? root : `bridge:${above}`, 'bottom', part, 'top', 2.5);
  }

  const seen = new Set<string>();
  return {
    parts: parts.filter(({ node }) => !seen.has(node) && seen.add(node)),
    wires: [...new Map(wires.reverse().map((each) => [each.id, each])).values()].reverse(),
    note: noteAt,
    hiddenSlots: Math.max(0, board.slots.length - MOST_SLOTS),
    hiddenDevices: board.devices.length - drawn.length,
  };
}

/** The note, further down where parts that were moved stand in its place. */
export function freeNote(note: Box, parts: readonly Box[]): Box {
  let free = note;
  for (let inWay; (inWay = parts.find((part) => overlap(free, part, NOTE_ROOM)));)
    free = { ...free, y: inWay.y + inWay.height + NOTE_ROOM };
  return free;
}
const NOTE_ROOM = 8;

/** A group as it is drawn: `parts` are those of its nodes that there are. */
export interface DrawnGroup {
  node: string;
  id: string;
  name: string;
  parts: string[];
  collapsed: boolean;
}

/** The groups of which something is drawn. */
export function drawnGroups(groups: readonly PartGroup[], parts: readonly PartBox[]): DrawnGroup[] {
  const there = new Set(parts.map(({ node }) => node));
  return groups.flatMap(({ id, name, parts: nodes, collapsed = false }) => {
    const drawn = nodes.filter((node) => there.has(node));
    return drawn.length > 0 ? [{ node: `group:${id}`, id, name, parts: drawn, collapsed }] : [];
  });
}

/** The box that stands for a collapsed group is the node `folded:g1`. */
export const FOLDED = 'folded';
const FOLDED_SIZE = { width: 176, height: 72 };

/** What is left to draw when collapsed groups are one box each, at the corner of their parts; wires from outside lead to the box. */
export function foldGroups(
  parts: readonly PartBox[],
  wires: readonly Wire[],
  groups: readonly DrawnGroup[],
): { parts: readonly PartBox[]; wires: readonly Wire[]; boxOf: ReadonlyMap<string, string> } {
  const boxOf = new Map<string, string>();
  const boxes = new Map<string, PartBox>();
  const byNode = new Map(parts.map((part) => [part.node, part]));
  for (const { id, parts: nodes } of groups.filter(({ collapsed }) => collapsed)) {
    const node = `${FOLDED}:${id}`;
    const { x, y } = outline(nodes.map((each) => byNode.get(each)!), 0); // prettier-ignore
    boxes.set(node, { node, kind: 'group', id, x, y, ...FOLDED_SIZE });
    for (const each of nodes) boxOf.set(each, node);
  }
  if (boxes.size === 0) return { parts, wires, boxOf };
  const led = new Map<string, Wire>();
  for (const wire of wires) {
    const [source, target] = [boxOf.get(wire.source) ?? wire.source, boxOf.get(wire.target) ?? wire.target];
    const id = `${source}>${target}`;
    if (source !== target && !led.has(id)) led.set(id, source === wire.source && target === wire.target ? wire : { ...wire, id, source, target });
  }
  // each box stands where the first of its parts stood in the order of the drawing
  const first = new Set<string>();
  const left = parts.flatMap((part) => {
    const node = boxOf.get(part.node);
    if (node === undefined) return [part];
    return first.has(node) ? [] : (first.add(node), [boxes.get(node)!]);
  });
  return { parts: left, wires: [...led.values()], boxOf };
} // prettier-ignore

export interface GroupFrame extends DrawnGroup, Box {}

/** A frame around the parts of each group that is not collapsed, with room for its name at the top. */
export function groupFrames(groups: readonly DrawnGroup[], parts: readonly PartBox[]): GroupFrame[] {
  const boxes = new Map(parts.map((part) => [part.node, part]));
  return groups
    .filter(({ collapsed }) => !collapsed)
    .map((group) => {
      const members = group.parts.map((node) => boxes.get(node)!);
      const { x, y, width, height } = outline(members, GROUP_ROOM);
      return { ...group, x, y: y - GROUP_HEAD, width, height: height + GROUP_HEAD };
    });
}
const GROUP_ROOM = 12;
const GROUP_HEAD = 20;

/** Do two boxes cover something in common, or come nearer to each other than `room`? */
export const overlap = (a: Box, b: Box, room = 0): boolean =>
  a.x < b.x + b.width + room && b.x < a.x + a.width + room && a.y < b.y + b.height + room && b.y < a.y + a.height + room;

/** The smallest box around all of them, with room on every side. */
export function outline(boxes: readonly Box[], room: number): Box {
  const x = Math.min(...boxes.map((box) => box.x)) - room;
  const y = Math.min(...boxes.map((box) => box.y)) - room;
  return {
    x,
    y,
    width: Math.max(...boxes.map((box) => box.x + box.width)) + room - x,
    height: Math.max(...boxes.map((box) => box.y + box.height)) + room - y,
  };
}

const STEP: Readonly<Record<string, readonly [dx: number, dy: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The part that an arrow key goes to: the nearest in that direction, one that lies straight ahead before one at an angle. */
export function neighbour<P extends Box>(from: Box, others: readonly P[], key: string): P | null {
  const step = STEP[key];
  if (!step) return null;
  const [dx, dy] = step;
  let best: P | null = null;
  let least = Infinity;
  for (const other of others) {
    const ax = other.x + other.width / 2 - (from.x + from.width / 2);
    const ay = other.y + other.height / 2 - (from.y + from.height / 2);
    const ahead = ax * dx + ay * dy;
    const aside = Math.abs(ax * dy) + Math.abs(ay * dx);
    if (ahead <= 1 || aside > ahead * 4) continue;
    const distance = ahead + aside * 2;
    if (distance < least) {
      least = distance;
      best = other;
    }
  }
  return best;
}
