/**
 * The PCI tree of a board: root ports, switches, legacy bridges and devices, with the bus numbers that firmware gives them by
 * a depth-first scan (PCI Local Bus Specification 3.0, 3.2.2.3; PCI Express Base 2.1, 7.3) and the requester ID under which each
 * device's DMA reaches the root complex. Pure; a drawing that makes no sense leaves parts out of the tree, it never hangs.
 */
import { parseRequester, type RequesterId } from '../bus/dma-port';
import { devicePart } from './parts';
import type { Board, BoardBridge } from './schema';

/** The SMBus controller's place, 00:1f.3, as on Intel's chipsets. */
export const SMBUS_REQUESTER: RequesterId = (0x1f << 3) | 3;
/** Function 0 of the same device: the LPC bridge. */
export const LPC_REQUESTER: RequesterId = 0x1f << 3;
/** Places that every board's root complex has taken: the host bridge, the LPC bridge and the SMBus controller. */
const BUILT_IN: readonly RequesterId[] = [0, LPC_REQUESTER, SMBUS_REQUESTER];

export const DEFAULT_SWITCH_PORTS = 2;
export const MOST_SWITCH_PORTS = 32;
export const MOST_BUSES = 256;

export type BridgeRole = 'root-port' | 'upstream' | 'downstream' | 'pci-bridge';

/** One bridge function of configuration space. A switch has several: its upstream port, and one for each downstream port. */
export interface BridgeNode {
  /** `rp1`, `sw1` (its upstream port), `sw1.0` (a downstream port), `br1` */
  id: string;
  /** the part of the drawing that it belongs to */
  part: string;
  role: BridgeRole;
  /** the bridge function that it sits behind; absent on the root complex */
  parent?: BridgeNode;
  /** device << 3 | function on its bus */
  devfn: number;
  /** buses, as firmware numbers them */
  primary: number;
  secondary: number;
  subordinate: number;
  hotPlug: boolean;
  /** what is plugged into its secondary bus */
  bridges: BridgeNode[];
  devices: { id: string; devfn: number }[];
}

export interface DeviceNode {
  id: string;
  /** as configuration space knows it */
  requester: RequesterId;
  /** as the root complex and the IOMMU see its DMA: a legacy bridge's own where it sits behind one */
  dmaRequester: RequesterId;
  /** the bridge functions that its requests pass, nearest first */
  path: BridgeNode[];
}

export interface PciTopology {
  /** every bridge function, in the order in which the scan finds them */
  bridges: BridgeNode[];
  devices: Map<string, DeviceNode>;
}

/** Is the secondary side a PCI Express link, which takes one thing, and not a bus? */
export const isLink = (role: BridgeRole): boolean => role === 'root-port' || role === 'downstream';

/** Where root ports go unless told, and then where legacy bridges on the root complex go (30.0, as on Intel's chipsets). */
const ROOT_PORT_PLACES: readonly number[] = [0x1c, 0x1d, 0x1b, 0x1a].flatMap((device) =>
  Array.from({ length: 8 }, (_, index) => (device << 3) | index),
);
const LEGACY_BRIDGE_PLACES: readonly number[] = [0x1e, 0x19, 0x18, 0x17].map((device) => device << 3);

const devfnOf = (at: string | undefined): number | undefined => {
  const requester = at === undefined ? undefined : parseRequester(at);
  return requester === undefined ? undefined : requester & 0xff;
};

/** The devices on the root complex: at the place on the board, or at the first free device number of bus 0 from 4 on. */
function rootDevices(board: Board, taken: Set<RequesterId>): Map<string, RequesterId> {
  const result = new Map<string, RequesterId>();
  const seen = new Set<string>();
  const later: string[] = [];
  for (const device of board.devices) {
    if (!devicePart(device.kind)?.pci || seen.has(device.id) || device.parent !== undefined) continue;
    if (device.at === undefined) {
      later.push(device.id);
      continue;
    }
    const requester = parseRequester(device.at);
    // bus numbers are the firmware's where there are bridges
    const misplaced = requester !== undefined && requester > 0xff && (board.bridges ?? []).length > 0;
    if (requester === undefined || misplaced || taken.has(requester)) continue;
    taken.add(requester);
    seen.add(device.id);
    result.set(device.id, requester);
  }
  let next = 4 << 3;
  for (const id of later) {
    while (taken.has(next)) next += 8;
    if (next > 0xffff || seen.has(id)) continue;
    taken.add(next);
    seen.add(id);
    result.set(id, next);
  }
  return result;
}

const node = (id: string, part: BoardBridge, role: BridgeRole, devfn: number, parent?: BridgeNode): BridgeNode => ({
  id,
  part: part.id,
  role,
  ...(parent ? { parent } : {}),
  devfn,
  primary: 0,
  secondary: 0,
  subordinate: 0,
  hotPlug: part.hotPlug ?? false,
  bridges: [],
  devices: [],
});

/** Every port by its name, made from the root down, so that a cycle is simply never reached. */
class TreeBuilder {
  readonly roots: BridgeNode[] = [];
  readonly ports = new Map<string, BridgeNode>();

  constructor(
    private readonly board: Board,
    private readonly taken: Set<RequesterId>,
  ) {
    const seen = new Set<string>();
    const children = new Map<string, BoardBridge[]>();
    const onRoot: BoardBridge[] = [];
    for (const part of board.bridges ?? []) {
      if (seen.has(part.id)) continue;
      seen.add(part.id);
      if (part.parent !== undefined) children.set(part.parent, [...(children.get(part.parent) ?? []), part]);
      else if (part.kind !== 'switch') onRoot.push(part);
    }
    // places that are told come first, so that a chosen one never takes them
    const told = (part: BoardBridge): boolean => devfnOf(part.at) !== undefined;
    for (const part of [...onRoot.filter(told), ...onRoot.filter((part) => !told(part))]) this.addRoot(part, children);
    this.roots.sort((a, b) => a.devfn - b.devfn);
  }

  private addRoot(part: BoardBridge, children: ReadonlyMap<string, BoardBridge[]>): void {
    const places = part.kind === 'root-port' ? ROOT_PORT_PLACES : LEGACY_BRIDGE_PLACES;
    const asked = devfnOf(part.at);
    const devfn = asked ?? places.find((place) => !this.taken.has(place));
    if (devfn === undefined || this.taken.has(devfn)) return;
    this.taken.add(devfn);
    const root = node(part.id, part, part.kind === 'root-port' ? 'root-port' : 'pci-bridge', devfn);
    this.roots.push(root);
    this.ports.set(root.id, root);
    this.grow(root, children);
  }

  private grow(port: BridgeNode, children: ReadonlyMap<string, BoardBridge[]>): void {
    // a loop, not a recursion: 256 bridges in a row are no reason to run out of stack
    const waiting = [port];
    for (let above = waiting.pop(); above; above = waiting.pop()) {
      for (const part of children.get(above.id) ?? []) waiting.push(...this.addBelow(above, part));
    }
  }

  /** Puts a part on the bus behind a port; the ports that it offers, in turn. None when it does not fit there. */
  private addBelow(above: BridgeNode, part: BoardBridge): BridgeNode[] {
    if (part.kind === 'root-port' || (part.kind === 'switch' && !isLink(above.role))) return [];
    const devfn = this.freePlace(above, devfnOf(part.at));
    if (devfn === undefined) return [];
    if (part.kind === 'pci-bridge') {
      const bridge = node(part.id, part, 'pci-bridge', devfn, above);
      above.bridges.push(bridge);
      this.ports.set(bridge.id, bridge);
      return [bridge];
    }
    const upstream = node(part.id, part, 'upstream', devfn, above);
    upstream.hotPlug = false;
    above.bridges.push(upstream);
    const count = Math.min(Math.max(1, part.ports ?? DEFAULT_SWITCH_PORTS), MOST_SWITCH_PORTS);
    upstream.bridges = Array.from({ length: count }, (_, index) => node(`${part.id}.${index}`, part, 'downstream', index << 3, upstream));
    for (const port of upstream.bridges) this.ports.set(port.id, port);
    return upstream.bridges;
  }

  freePlace(above: BridgeNode, asked: number | undefined): number | undefined {
    const taken = new Set([...above.bridges, ...above.devices].map(({ devfn }) => devfn));
    if (isLink(above.role)) return taken.size === 0 && (asked ?? 0) === 0 ? 0 : undefined;
    if (asked !== undefined) return taken.has(asked) ? undefined : asked;
    for (let device = 0; device < 32; device++) if (!taken.has(device << 3)) return device << 3;
    return undefined;
  }

  plugDevices(): void {
    const seen = new Set<string>();
    const wanted = this.board.devices.filter(({ id, kind, parent }) => {
      if (parent === undefined || !devicePart(kind)?.pci || seen.has(id)) return false;
      seen.add(id);
      return true;
    });
    const told = wanted.filter(({ at }) => devfnOf(at) !== undefined);
    for (const device of [...told, ...wanted.filter((each) => !told.includes(each))]) {
      const above = this.ports.get(device.parent!);
      const devfn = above && this.freePlace(above, devfnOf(device.at));
      if (devfn !== undefined) above!.devices.push({ id: device.id, devfn });
    }
    for (const port of this.ports.values()) port.devices.sort((a, b) => a.devfn - b.devfn);
  }
}

/** Numbers buses as a depth-first scan does: the next free number to each bridge when it is found, then what lies behind it. */
function numberBuses(roots: readonly BridgeNode[]): BridgeNode[] {
  const found: BridgeNode[] = [];
  let next = 0;
  const scan = (bridges: readonly BridgeNode[], primary: number): void => {
    for (const bridge of [...bridges].sort((a, b) => a.devfn - b.devfn)) {
      if (next + 1 >= MOST_BUSES) return;
      bridge.primary = primary;
      bridge.secondary = ++next;
      found.push(bridge);
      scan(bridge.bridges, bridge.secondary);
      bridge.subordinate = next;
    }
  };
  scan(roots, 0);
  return found;
}

/** The last legacy bridge on the way up takes the request as its own: bus of its secondary side, device and function 0. */
function seenAs(requester: RequesterId, path: readonly BridgeNode[]): RequesterId {
  let seen = requester;
  for (const { role, secondary } of path) if (role === 'pci-bridge') seen = secondary << 8;
  return seen;
}

const noBridges = (devices: ReadonlyMap<string, RequesterId>): PciTopology => ({
  bridges: [],
  devices: new Map([...devices].map(([id, requester]) => [id, { id, requester, dmaRequester: requester, path: [] }])),
});

/** The tree. A device whose place is malformed, taken, or not on the board is not in it. */
export function pciTopology(board: Board): PciTopology {
  const taken = new Set<RequesterId>(BUILT_IN);
  if ((board.bridges ?? []).length === 0) return noBridges(rootDevices(board, taken));
  // what is told comes before what is chosen: devices of the root complex, then ports, then the devices without a place
  const told = { ...board, devices: board.devices.filter(({ at }) => at !== undefined) };
  const onRoot = rootDevices(told, taken);
  const tree = new TreeBuilder(board, taken);
  const rest = rootDevices({ ...board, devices: board.devices.filter(({ at }) => at === undefined) }, taken);
  const { devices } = noBridges(new Map([...onRoot, ...rest]));
  tree.plugDevices();
  const bridges = numberBuses(tree.roots);
  for (const bridge of bridges) {
    const path: BridgeNode[] = [];
    for (let above: BridgeNode | undefined = bridge; above; above = above.parent) path.push(above);
    for (const { id, devfn } of bridge.devices) {
      const requester = (bridge.secondary << 8) | devfn;
      if (!devices.has(id)) devices.set(id, { id, requester, dmaRequester: seenAs(requester, path), path });
    }
  }
  return { bridges, devices };
}

/** Devices whose DMA the IOMMU cannot tell apart, each set with two or more: they sit behind one legacy bridge. */
export function sharedRequesters({ devices }: PciTopology): { requester: RequesterId; devices: string[] }[] {
  const sets = new Map<RequesterId, string[]>();
  for (const { id, dmaRequester } of devices.values()) sets.set(dmaRequester, [...(sets.get(dmaRequester) ?? []), id]);
  return [...sets].filter(([, ids]) => ids.length > 1).map(([requester, ids]) => ({ requester, devices: ids }));
}
