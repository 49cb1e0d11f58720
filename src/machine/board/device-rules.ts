/** The rules for devices and the IOMMU: known kinds, PCI addresses of their own, room for their registers. */
import { formatRequester, parseRequester } from '../bus/dma-port';
import { text, type BoardIssue } from './issue';
import { legacyIssues } from './legacy-rules';
import { DEVICES, devicePart } from './parts';
import { addressBits } from './placement';
import type { Board, BoardDevice } from './schema';
import { pciTopology } from './topology';
import { topologyIssues } from './topology-rules';
import {
  IO_APIC_ID,
  IOMMU_BASE,
  IOMMU_BYTES,
  IOMMU_ID,
  LEGACY_END,
  LOCAL_APIC_ID,
  LPC_REQUESTER,
  SMBUS_REQUESTER,
  deviceWindows,
} from './windows';

/** Ids of what every board has built in. */
export const BUILT_IN_DEVICES: readonly string[] = [
  IOMMU_ID,
  IO_APIC_ID,
  LOCAL_APIC_ID,
  'com1',
  'port-e9',
  'exit-port',
  'pic',
  'pit',
  'a20-gate',
  'pci',
  'rom',
  'post',
  'host-bridge',
  'lpc-bridge',
  'smbus',
];

export function deviceIssues(board: Board): BoardIssue[] {
  const issues: BoardIssue[] = [];
  const owner = new Map<number, string>([
    [0, 'host-bridge'],
    [LPC_REQUESTER, 'lpc-bridge'],
    [SMBUS_REQUESTER, 'smbus'],
  ]);
  for (const { part, parent, devfn } of pciTopology(board).bridges) if (!parent) owner.set(devfn, part);
  const places = freePlaces(board);
  board.devices.forEach((device, index) => {
    issues.push(...kindIssues(device, index), ...addressIssues(device, index, owner, places));
  });
  issues.push(...legacyIssues(board));
  const { homeless, windows } = deviceWindows(board);
  const unreachable = windows
    .filter(({ device, base, end }) => device !== IOMMU_ID && base >= LEGACY_END && end > 2 ** addressBits(board))
    .map(({ device }) => device);
  for (const id of new Set([...homeless, ...unreachable])) {
    issues.push({
      severity: 'error',
      code: 'board-no-room-for-device',
      message: text(
        `There is no room for the registers of ${id} between the DRAM and 4 GiB.`,
        `在内存与 4 GiB 之间没有空间放置 ${id} 的寄存器。`,
      ),
      remedy: text('Use fewer devices, and at least 32 address lines.', '请减少设备，并至少使用 32 根地址线。'),
      part: id,
      path: `board.devices.${id}`,
    });
  }
  issues.push(...topologyIssues(board), ...iommuIssues(board));
  return issues;
}

function kindIssues(device: BoardDevice, index: number): BoardIssue[] {
  const issues: BoardIssue[] = [];
  const path = `board.devices.${device.id}`;
  if (devicePart(device.kind) === undefined) {
    const kinds = DEVICES.map(({ kind }) => kind);
    issues.push({
      severity: 'error',
      code: 'board-unknown-device',
      message: text(
        `${device.id} is of kind "${device.kind}", which is not in the catalogue.`,
        `${device.id} 的种类“${device.kind}”不在目录中。`,
      ),
      remedy: text(`Use ${kinds.join(' or ')}.`, `请使用 ${kinds.join(' 或 ')}。`),
      part: device.id,
      path: `${path}.kind`,
      fix: { text: text(`Use ${kinds[0]!}`, `使用 ${kinds[0]!}`), edits: [{ path: ['devices', index, 'kind'], value: kinds[0]! }] },
    });
  }
  if (BUILT_IN_DEVICES.includes(device.id)) {
    issues.push({
      severity: 'error',
      code: 'board-reserved-id',
      message: text(`"${device.id}" is the name of a part that every board has.`, `“${device.id}”是每块主板自带部件的名称。`),
      remedy: text('Choose another name.', '请另取名称。'),
      part: device.id,
      path: `${path}.id`,
    });
  }
  if (device.entries !== undefined && (device.entries < 1 || device.entries > 256)) {
    issues.push({
      severity: 'error',
      code: 'board-list-entries',
      message: text(
        `${device.id} has a list of ${device.entries} entries; one page holds 1 to 256.`,
        `${device.id} 的列表有 ${device.entries} 项；一页可容纳 1 到 256 项。`,
      ),
      remedy: text('Set entries to 256.', '请将 entries 设为 256。'),
      part: device.id,
      path: `${path}.entries`,
      fix: { text: text('Use 256 entries', '使用 256 项'), edits: [{ path: ['devices', index, 'entries'], value: 256 }] },
    });
  }
  if (device.dmaMask !== undefined && (device.dmaMask < 1 || device.dmaMask > 64)) {
    const wanted = devicePart(device.kind)?.dmaMask ?? 32;
    issues.push({
      severity: 'error',
      code: 'board-dma-mask',
      message: text(
        `${device.id} drives ${device.dmaMask} address bits; a device has 1 to 64.`,
        `${device.id} 的 DMA 地址为 ${device.dmaMask} 位；应为 1 到 64 位。`,
      ),
      remedy: text(`Set dmaMask to ${wanted}.`, `请将 dmaMask 设为 ${wanted}。`),
      part: device.id,
      path: `${path}.dmaMask`,
      fix: { text: text(`Use ${wanted} bits`, `使用 ${wanted} 位`), edits: [{ path: ['devices', index, 'dmaMask'], value: wanted }] },
    });
  }
  return issues;
}

/** PCI addresses that no device of the board names or has, ascending, each offered once. */
function freePlaces(board: Board): () => string | undefined {
  const { bridges, devices } = pciTopology(board);
  const taken = new Set<number>([...devices.values()].map(({ requester }) => requester));
  for (const { parent, devfn } of bridges) if (!parent) taken.add(devfn);
  for (const { at } of board.devices) taken.add((at === undefined ? undefined : parseRequester(at)) ?? 0);
  let next = 4 << 3;
  return () => {
    while (taken.has(next)) next += 8;
    if (next > 0xffff) return undefined;
    taken.add(next);
    return formatRequester(next);
  };
}

function addressIssues(device: BoardDevice, index: number, owner: Map<number, string>, freePlace: () => string | undefined): BoardIssue[] {
  if (device.at === undefined || device.parent !== undefined || devicePart(device.kind)?.pci !== true) return [];
  const path = `board.devices.${device.id}.at`;
  const requester = parseRequester(device.at);
  const holder = requester === undefined ? undefined : owner.get(requester);
  if (requester !== undefined && holder === undefined) {
    owner.set(requester, device.id);
    return [];
  }
  const place = freePlace();
  const fix =
    place === undefined
      ? undefined
      : { text: text(`Move to ${place}`, `移到 ${place}`), edits: [{ path: ['devices', index, 'at'], value: place }] };
  const remedy = place === undefined ? text('Remove a device.', '请移除一个设备。') : text(`Move it to ${place}.`, `请移到 ${place}。`);
  const message =
    requester === undefined
      ? text(
          `"${device.at}" is not a PCI address (device 0 to 1f, function 0 to 7).`,
          `“${device.at}”不是 PCI 地址（设备 0 到 1f，功能 0 到 7）。`,
        )
      : text(
          `${device.id} and ${holder} are both at ${formatRequester(requester)}.`,
          `${device.id} 与 ${holder} 都在 ${formatRequester(requester)}。`,
        );
  return [
    {
      severity: 'error',
      code: requester === undefined ? 'board-device-address' : 'board-device-address-clash',
      message,
      remedy,
      part: device.id,
      path,
      fix,
    },
  ];
}

function iommuIssues(board: Board): BoardIssue[] {
  const { iommu } = board;
  if (!iommu) return [];
  if (iommu.enabled && !iommu.present) {
    return [
      {
        severity: 'warning',
        code: 'board-iommu-absent',
        message: text('The IOMMU is switched on, but the board has none.', 'IOMMU 已开启，但主板上没有 IOMMU。'),
        remedy: text('Put one on the board, or switch it off.', '请在主板上放置 IOMMU，或将其关闭。'),
        part: IOMMU_ID,
        path: 'board.iommu.present',
        fix: { text: text('Add an IOMMU', '添加 IOMMU'), edits: [{ path: ['iommu', 'present'], value: true }] },
      },
    ];
  }
  if (iommu.present && IOMMU_BASE + IOMMU_BYTES > 2 ** addressBits(board)) {
    return [
      {
        severity: 'error',
        code: 'board-iommu-beyond-address-lines',
        message: text(
          `The IOMMU's registers are at 0xFED9_0000, beyond ${addressBits(board)} address lines.`,
          `IOMMU 的寄存器位于 0xFED9_0000，超出 ${addressBits(board)} 根地址线。`,
        ),
        remedy: text('Use at least 32 address lines.', '请至少使用 32 根地址线。'),
        part: IOMMU_ID,
        path: 'board.physicalAddressBits',
        fix: { text: text('Use 32 lines', '使用 32 根'), edits: [{ path: ['physicalAddressBits'], value: 32 }] },
      },
    ];
  }
  return [];
}
