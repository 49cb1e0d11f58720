/**
 * The rules for PCI topology: everything is plugged into a port that exists, a link takes one thing, every chain of bridges ends at
 * the root complex, and the bus numbers suffice.
 */
import { formatRequester, parseRequester } from '../bus/dma-port';
import { text, type BoardFix, type BoardIssue } from './issue';
import { devicePart } from './parts';
import type { Board, BoardBridge, BoardDevice } from './schema';
import { DEFAULT_SWITCH_PORTS, MOST_BUSES, MOST_SWITCH_PORTS, isLink, pciTopology, type BridgeNode, type PciTopology } from './topology';

/** Ports named in a remedy. */
const MOST_NAMED = 12;

interface Plugged {
  id: string;
  kind: string;
  parent?: string | undefined;
  at?: string | undefined;
  list: 'bridges' | 'devices';
  index: number;
}

/** What the checks of every part look things up in. */
interface Facts {
  topology: PciTopology;
  ports: ReadonlyMap<string, BridgeNode>;
  /** by id, as drawn */
  drawn: ReadonlyMap<string, BoardBridge>;
  free: string | undefined;
}

export function topologyIssues(board: Board): BoardIssue[] {
  const bridges = board.bridges ?? [];
  const behind = board.devices.filter(({ parent }) => parent !== undefined);
  if (bridges.length === 0 && behind.length === 0) return [];
  const topology = pciTopology(board);
  const ports = new Map(topology.bridges.map((bridge) => [bridge.id, bridge]));
  // a switch's upstream port bears the switch's name, and nothing is plugged into it
  const known = new Set(ports.keys());
  for (const [id, { role }] of ports) if (role === 'upstream') ports.delete(id);
  const drawn = new Map<string, BoardBridge>();
  for (const part of bridges) if (!drawn.has(part.id)) drawn.set(part.id, part);
  const facts: Facts = { topology, ports, drawn, free: freePort(topology) };
  const issues = [...bridges.flatMap((part, index) => countIssues(part, index)), ...functionZeroIssues(topology)];
  if (needsMoreBuses(board)) issues.push(tooManyBuses());
  bridges.forEach((part, index) => {
    if (drawn.get(part.id) === part && !known.has(part.id)) issues.push(homeless({ ...part, list: 'bridges', index }, facts));
  });
  board.devices.forEach((device, index) => {
    const plugged: Plugged = { ...device, list: 'devices', index };
    if (devicePart(device.kind)?.pci !== true) issues.push(...notPci(device, index));
    else if (device.parent !== undefined && !topology.devices.has(device.id)) issues.push(homeless(plugged, facts));
    else if (device.parent === undefined) issues.push(...drawnBus(device, index));
  });
  return issues;
}

/** A link with nothing on it yet, or a legacy bus with room. */
function freePort({ bridges }: PciTopology): string | undefined {
  const empty = (port: BridgeNode): boolean => port.bridges.length + port.devices.length === 0;
  return (bridges.find((port) => isLink(port.role) && empty(port)) ?? bridges.find(({ role }) => role === 'pci-bridge'))?.id;
}

function countIssues({ id, kind, ports }: BoardBridge, index: number): BoardIssue[] {
  if (ports === undefined || (kind === 'switch' && ports >= 1 && ports <= MOST_SWITCH_PORTS)) return [];
  const fix = (value: number | undefined): BoardFix => ({
    text: value === undefined ? text('Remove it', '删除它') : text(`Use ${value} ports`, `使用 ${value} 个端口`),
    edits: [{ path: ['bridges', index, 'ports'], value }],
  });
  const path = `board.bridges.${id}.ports`;
  return [
    kind === 'switch'
      ? {
          severity: 'error',
          code: 'board-switch-ports',
          message: text(
            `Switch ${id} has ${ports} downstream ports; a switch has 1 to ${MOST_SWITCH_PORTS}.`,
            `交换机 ${id} 有 ${ports} 个下游端口；应为 1 到 ${MOST_SWITCH_PORTS} 个。`,
          ),
          remedy: text(`Set ports to ${DEFAULT_SWITCH_PORTS}.`, `请将 ports 设为 ${DEFAULT_SWITCH_PORTS}。`),
          part: id,
          path,
          fix: fix(DEFAULT_SWITCH_PORTS),
        }
      : {
          severity: 'error',
          code: 'board-switch-ports',
          message: text(`${id} is no switch: it has one port and takes no "ports".`, `${id} 不是交换机：只有一个端口，不能写 “ports”。`),
          remedy: text('Remove ports.', '请删除 ports。'),
          part: id,
          path,
          fix: fix(undefined),
        },
  ];
}

/** A scan looks at functions 1 to 7 of a device only where it finds a function 0. */
function functionZeroIssues({ bridges, devices }: PciTopology): BoardIssue[] {
  const taken = new Set(bridges.map(({ primary, devfn }) => (primary << 8) | devfn));
  for (const { requester } of devices.values()) taken.add(requester);
  return bridges
    .filter(({ primary, devfn }) => (devfn & 7) !== 0 && !taken.has((primary << 8) | (devfn & 0xf8)))
    .map(({ part, primary, devfn }) => {
      const zero = formatRequester((primary << 8) | (devfn & 0xf8));
      return {
        severity: 'error',
        code: 'board-function-zero',
        message: text(
          `${part} is at ${formatRequester((primary << 8) | devfn)}, but there is no ${zero}: a scan never looks at it.`,
          `${part} 位于 ${formatRequester((primary << 8) | devfn)}，但没有 ${zero}：扫描不会发现它。`,
        ),
        remedy: text(`Put it, or another part, at ${zero}.`, `请把它或其他部件放在 ${zero}。`),
        part,
        path: `board.bridges.${part}.at`,
      };
    });
}

/** Buses of the drawing: one for each port that could be numbered. */
function needsMoreBuses(board: Board): boolean {
  const ports = (board.bridges ?? []).reduce(
    (sum, { kind, ports: count }) => sum + (kind === 'switch' ? 1 + Math.min(count ?? DEFAULT_SWITCH_PORTS, MOST_SWITCH_PORTS) : 1),
    1,
  );
  return ports > MOST_BUSES;
}

const tooManyBuses = (): BoardIssue => ({
  severity: 'error',
  code: 'board-too-many-buses',
  message: text(
    `The root ports, switches and bridges need more than the ${MOST_BUSES} bus numbers there are.`,
    `根端口、交换机与桥所需的总线号超过了 ${MOST_BUSES} 个。`,
  ),
  remedy: text('Use fewer bridges, or switches with fewer ports.', '请减少桥的数量，或使用端口较少的交换机。'),
  path: 'board.bridges',
});

/** Only PCI devices are plugged into ports. */
function notPci({ id, kind, parent }: BoardDevice, index: number): BoardIssue[] {
  if (parent === undefined || devicePart(kind) === undefined) return [];
  return [
    {
      severity: 'error',
      code: 'board-not-pci',
      message: text(
        `${id} (${kind}) is no PCI device: it cannot be plugged into ${parent}.`,
        `${id}（${kind}）不是 PCI 设备，不能插入 ${parent}。`,
      ),
      remedy: text('Remove parent.', '请删除 parent。'),
      part: id,
      path: `board.devices.${id}.parent`,
      fix: { text: text('Take it out of the port', '从端口拔出'), edits: [{ path: ['devices', index, 'parent'], value: undefined }] },
    },
  ];
}

/** With bridges on the board, a place on another bus than 0 is the firmware's affair. */
function drawnBus({ id, at }: BoardDevice, index: number): BoardIssue[] {
  const requester = at === undefined ? undefined : parseRequester(at);
  if (requester === undefined || requester <= 0xff) return [];
  const wanted = formatRequester(requester & 0xff).slice(3);
  return [
    {
      severity: 'error',
      code: 'board-device-bus',
      message: text(
        `${id} asks for ${formatRequester(requester)}, but on a board with bridges the firmware numbers the buses.`,
        `${id} 要求 ${formatRequester(requester)}，但在有桥的主板上总线号由固件分配。`,
      ),
      remedy: text(`Write ${wanted}, and parent for the port it is plugged into.`, `请写 ${wanted}，并用 parent 指明所插的端口。`),
      part: id,
      path: `board.devices.${id}.at`,
      fix: { text: text(`Use ${wanted}`, `使用 ${wanted}`), edits: [{ path: ['devices', index, 'at'], value: wanted }] },
    },
  ];
}

/** Why a part is not in the tree. */
function homeless(part: Plugged, facts: Facts): BoardIssue {
  const { id, parent, list, index } = part;
  const { free } = facts;
  const fix: BoardFix | undefined =
    free === undefined || free === id || free.startsWith(`${id}.`)
      ? undefined
      : { text: text(`Plug it into ${free}`, `插入 ${free}`), edits: [{ path: [list, index, 'parent'], value: free }] };
  const base = { severity: 'error' as const, part: id, path: `board.${list}.${id}.parent` };
  const remedy = fix ? text(`${fix.text.en}.`, `请${fix.text['zh-CN']}。`) : text('Add a root port for it.', '请为它添加一个根端口。');
  if (part.kind === 'root-port' && parent !== undefined)
    return {
      ...base,
      code: 'board-root-port-parent',
      message: text(
        `Root port ${id} belongs to the root complex; it cannot be plugged into ${parent}.`,
        `根端口 ${id} 属于根复合体，不能插入 ${parent}。`,
      ),
      remedy: text('Remove parent, or use a switch.', '请删除 parent，或改用交换机。'),
      fix: { text: text('Remove parent', '删除 parent'), edits: [{ path: [list, index, 'parent'], value: undefined }] },
    };
  if (parent === undefined)
    return part.kind === 'switch'
      ? {
          ...base,
          code: 'board-unplugged',
          message: text(`Switch ${id} is plugged into nothing.`, `交换机 ${id} 没有插入任何端口。`),
          remedy,
          fix,
        }
      : placeTaken(part);
  const above = facts.ports.get(parent);
  if (!above) return noSuchPort(part, facts, base, remedy, fix);
  if (part.kind === 'switch' && !isLink(above.role))
    return {
      ...base,
      code: 'board-switch-on-bus',
      message: text(
        `Switch ${id} needs a PCI Express link, but ${parent} leads to a legacy PCI bus.`,
        `交换机 ${id} 需要 PCI Express 链路，而 ${parent} 通向传统 PCI 总线。`,
      ),
      remedy,
      fix,
    };
  const others = [...above.bridges.map((each) => each.part), ...above.devices.map((each) => each.id)];
  if (isLink(above.role) && others.length > 0)
    return {
      ...base,
      code: 'board-link-taken',
      message: text(
        `${id} and ${others[0]} are both plugged into ${parent}; a PCI Express link takes one.`,
        `${id} 与 ${others[0]} 都插在 ${parent} 上；一条 PCI Express 链路只能接一个。`,
      ),
      remedy,
      fix,
    };
  return others.length >= 32 && part.at === undefined
    ? {
        ...base,
        code: 'board-bus-full',
        message: text(`The bus behind ${parent} has 32 devices already.`, `${parent} 之后的总线上已有 32 个设备。`),
        remedy,
        fix,
      }
    : placeTaken(part);
}

function placeTaken({ id, parent, at, list, index }: Plugged): BoardIssue {
  const link = parent !== undefined;
  return {
    severity: 'error',
    code: 'board-bridge-address',
    message: text(
      `${id} cannot be at ${at ?? 'any place of the root complex'}${link ? ` behind ${parent}` : ''}: the place is taken, or a link has device 0 only.`,
      `${id} 不能位于${parent === undefined ? '' : ` ${parent} 之后的`} ${at ?? '根复合体'}：位置已被占用，或链路上只有设备 0。`,
    ),
    remedy: text('Remove at: a free place is chosen.', '请删除 at，将自动选择空闲位置。'),
    part: id,
    path: `board.${list}.${id}.at`,
    fix: { text: text('Choose a free place', '选择空闲位置'), edits: [{ path: [list, index, 'at'], value: undefined }] },
  };
}

/** The parent is no port of the tree: a wrong name, a switch without a port number, a loop, or a part that is itself not plugged in. */
function noSuchPort(
  part: Plugged,
  { ports, drawn }: Facts,
  base: { severity: 'error'; part: string; path: string },
  remedy: BoardIssue['remedy'],
  fix: BoardFix | undefined,
): BoardIssue {
  const { id } = part;
  const parent = part.parent!;
  const [name] = parent.split('.') as [string];
  const above = drawn.get(name);
  const exists = above !== undefined && (above.kind === 'switch') === parent.includes('.') && portNumberExists(above, parent);
  if (!exists) {
    const names = [...ports.values()].map((port) => port.id);
    const listed = names.length > MOST_NAMED ? [...names.slice(0, MOST_NAMED), '…'] : names;
    return {
      ...base,
      code: 'board-unknown-port',
      message:
        above?.kind === 'switch'
          ? text(
              `${id} is plugged into ${parent}, but switch ${name} has no such port.`,
              `${id} 插入 ${parent}，但交换机 ${name} 没有该端口。`,
            )
          : text(`${id} is plugged into "${parent}", which is no port of the board.`, `${id} 插入“${parent}”，主板上没有这个端口。`),
      remedy:
        names.length > 0
          ? text(`Ports: ${listed.join(', ')}.`, `可用端口：${listed.join('、')}。`)
          : text('Add a root port: bridges: [{ id: rp1, kind: root-port }].', '请添加根端口：bridges: [{ id: rp1, kind: root-port }]。'),
      fix,
    };
  }
  const cycle = loopFrom(name, drawn);
  if (cycle)
    return {
      ...base,
      code: 'board-bridge-cycle',
      message: text(
        `${id} is plugged into a circle that never reaches the root complex: ${cycle.join(' → ')}.`,
        `${id} 插在一个永远到不了根复合体的环上：${cycle.join(' → ')}。`,
      ),
      remedy,
      fix,
    };
  return {
    ...base,
    code: 'board-parent-unplugged',
    message: text(`${id} is plugged into ${parent}, which itself is not connected.`, `${id} 插入 ${parent}，而它本身没有接上。`),
    remedy: text(`Mend ${name} first.`, `请先修正 ${name}。`),
  };
}

function portNumberExists({ kind, ports }: BoardBridge, port: string): boolean {
  if (kind !== 'switch') return true;
  const count = Math.min(ports ?? DEFAULT_SWITCH_PORTS, MOST_SWITCH_PORTS);
  return Number(port.split('.')[1]) < count;
}

/** The parts of the circle that following parents ends in, shortened for people; undefined when the way ends. */
function loopFrom(start: string, drawn: ReadonlyMap<string, BoardBridge>): string[] | undefined {
  const way = new Set<string>();
  for (let name: string | undefined = start; name !== undefined; name = drawn.get(name)?.parent?.split('.')[0]) {
    if (way.has(name)) {
      const all = [...way];
      const circle = [...all.slice(all.indexOf(name)), name];
      return circle.length > 6 ? [...circle.slice(0, 4), '…', name] : circle;
    }
    way.add(name);
  }
  return undefined;
}
