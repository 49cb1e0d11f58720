/**
 * Where the ports between the devices and the root complex stand in the topology: one column for each level of bridges, the root's
 * next to it, each port beside the middle of what is behind it; and the wires. Nothing is between them on a board without bridges. Pure.
 */
import { pciTopology, type BridgeNode } from '../../../machine/board/topology';
import type { Board } from '../../../machine/board/schema';

export interface PortBox {
  id: string;
  role: 'root-port' | 'switch' | 'pci-bridge';
  /** where it is, as `01:00.0`; of a switch the downstream ports that are used here */
  places: string[];
  /** the requester ID under which everything behind a legacy bridge is seen */
  seenAs: string | null;
  x: number;
  /** its middle */
  y: number;
}

export interface PortWire {
  d: string;
  /** devices whose requests take it */
  devices: string[];
}

export interface Ports {
  ports: PortBox[];
  wires: PortWire[];
  /** how far all that comes behind moves to the right */
  width: number;
}

export const PORT = { width: 122, height: 58 } as const;
const GAP = 24;
/** right edge of the devices, left edge and middle of the root complex */
const DEVICE_EDGE = 138;
const ROOT = { x: 196, y: 188 };
const ELBOW = 14;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const formatPlace = (bus: number, devfn: number): string => `${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`;

/** The requester ID that the IOMMU sees for each device on PCI. */
export const seenRequesters = (board: Board): Map<string, string> =>
  new Map(
    [...pciTopology(board).devices.values()].map(({ id, dmaRequester }) => [id, formatPlace(dmaRequester >> 8, dmaRequester & 0xff)]),
  );

/** In the order of the buses, so that what sits behind one port is side by side. Devices without a place come last. */
export function inBusOrder<T extends { id: string }>(board: Board | null, devices: readonly T[]): T[] {
  if (!board) return [...devices];
  const places = pciTopology(board).devices;
  const at = ({ id }: T): number => places.get(id)?.requester ?? 0x1_0000;
  return [...devices].sort((a, b) => at(a) - at(b));
}

interface Part {
  id: string;
  role: PortBox['role'];
  place: string;
  seenAs: string | null;
}

/** Bridge functions as parts: the two ports of a switch on one way are one part. */
function partsOf(path: readonly BridgeNode[]): Part[] {
  return path.flatMap(({ part, role, primary, secondary, devfn }): Part[] => {
    if (role === 'upstream') return [];
    const kind = role === 'downstream' ? 'switch' : role;
    return [{ id: part, role: kind, place: formatPlace(primary, devfn), seenAs: role === 'pci-bridge' ? formatPlace(secondary, 0) : null }];
  });
}

/** @param middles the middle of each device that is drawn, by id, in the order of the buses */
export function placePorts(board: Board, middles: ReadonlyMap<string, number>): Ports {
  const topology = pciTopology(board);
  const boxes = new Map<string, PortBox>();
  const behind = new Map<string, string[]>();
  const paths = [...middles.keys()].map((id) => ({ id, path: partsOf(topology.devices.get(id)?.path ?? []) }));
  const columns = Math.max(0, ...paths.map(({ path }) => path.length));
  const width = columns * (PORT.width + GAP);
  for (const { id, path } of paths) {
    path.forEach(({ place, ...port }, index) => {
      const column = columns - (path.length - index);
      behind.set(port.id, [...(behind.get(port.id) ?? []), id]);
      const ys = behind.get(port.id)!.map((device) => middles.get(device)!);
      boxes.set(port.id, {
        ...port,
        places: [...new Set([...(boxes.get(port.id)?.places ?? []), place])],
        x: DEVICE_EDGE + GAP + column * (PORT.width + GAP),
        y: (Math.min(...ys) + Math.max(...ys)) / 2,
      });
    });
  }
  const wires = new Map<string, PortWire>();
  const connect = (device: string, x: number, y: number, toX: number, toY: number): void => {
    const d = y === toY ? `M${x} ${y}H${toX}` : `M${x} ${y}H${toX - ELBOW}V${toY}H${toX}`;
    const wire = wires.get(d) ?? { d, devices: [] };
    wire.devices.push(device);
    wires.set(d, wire);
  };
  for (const { id, path } of paths) {
    let [x, y] = [DEVICE_EDGE, middles.get(id)!];
    for (const { id: port } of path) {
      const box = boxes.get(port)!;
      connect(id, x, y, box.x, box.y);
      [x, y] = [box.x + PORT.width, box.y];
    }
    connect(id, x, y, ROOT.x + width, ROOT.y);
  }
  return { ports: [...boxes.values()], wires: [...wires.values()], width };
}
