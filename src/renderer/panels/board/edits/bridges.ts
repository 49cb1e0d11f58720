/** Root ports, switches and legacy bridges: what is plugged into what. Pure. */
import { isLink, pciTopology, type BridgeNode } from '../../../../machine/board/topology';
import type { Board, BoardBridge } from '../../../../machine/board/schema';
import { append, freeName, nodeOf, set, takenNames, unset, words, type BoardChange } from './change';

export type BridgeKind = BoardBridge['kind'];
const PREFIX: Readonly<Record<BridgeKind, string>> = { 'root-port': 'rp', switch: 'sw', 'pci-bridge': 'br' };

/** Ports that take one thing more: empty links, and legacy buses, which take several. */
export function openPorts(board: Board, except?: string): BridgeNode[] {
  return pciTopology(board).bridges.filter(({ role, bridges, devices, part }) => {
    if (role === 'upstream' || part === except) return false;
    const others = [...bridges.map((each) => each.part), ...devices.map((each) => each.id)].filter((id) => id !== except);
    return !isLink(role) || others.length === 0;
  });
}

/** The port that a part would be plugged into: one of `onto` where that is given, else the first open one that it fits; undefined: none. */
export function portFor(board: Board, kind: BridgeKind | 'device', onto: string | null): string | undefined {
  const fits = openPorts(board).filter(({ role }) => kind !== 'switch' || isLink(role));
  return (onto === null ? fits[0] : fits.find(({ part }) => part === onto))?.id;
}

/** A bridge more, on the root complex or at a port; a switch needs a port. */
export function addBridge(board: Board, kind: BridgeKind, port: string | null): BoardChange {
  const id = freeName(takenNames(board), (number) => `${PREFIX[kind]}${number + 1}`);
  const value = { id, kind, ...(port === null || kind === 'root-port' ? {} : { parent: port }) };
  return { patches: [append(['bridges'], value)], label: words(`Add ${id} (${kind})`, `添加 ${id}（${kind}）`), look: nodeOf('bridge', id) };
} // prettier-ignore

/** Plugs a bridge or a device into a port; null: the root complex. */
export const plugInto = (list: 'bridges' | 'devices', id: string, port: string | null): BoardChange => ({
  patches: [port === null ? unset([list, id, 'parent']) : set([list, id, 'parent'], port)],
  label: port === null ? words(`Plug ${id} into the root complex`, `将 ${id} 插到根复合体`) : words(`Plug ${id} into ${port}`, `将 ${id} 插到 ${port}`),
}); // prettier-ignore

export const setPorts = (id: string, ports: number): BoardChange => ({
  patches: [set(['bridges', id, 'ports'], ports)],
  label: words(`Ports of ${id}`, `${id} 的端口数`),
});

export const setHotPlug = (list: 'bridges' | 'slots', id: string, on: boolean): BoardChange => ({
  patches: [on ? set([list, id, 'hotPlug'], true) : unset([list, id, 'hotPlug'])],
  label: words(`Hot-plug of ${id}`, `${id} 的热插拔`),
});

/** Everything that is plugged behind these bridges, however deep: their bridges and devices. */
export function behind(board: Board, bridges: ReadonlySet<string>): { bridges: Set<string>; devices: Set<string> } {
  const found = new Set(bridges);
  const partOf = (port: string | undefined): string | undefined => port?.replace(/\.\d+$/, '');
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const { id, parent } of board.bridges ?? []) if (found.has(partOf(parent) ?? '')) found.add(id);
  }
  const devices = new Set(board.devices.filter(({ parent }) => found.has(partOf(parent) ?? '')).map(({ id }) => id));
  return { bridges: found, devices };
}
