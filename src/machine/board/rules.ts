/**
 * The placement rules: everything that is electrically or logically wrong with a well-formed drawing, in an order that
 * follows the drawing. Never throws, and stays fast on a hostile board of 10,000 slots.
 */
import { formatAddress, PAGE_SIZE } from '../address';
import { formatRange } from './address-map';
import { controllerIssues } from './controller-rules';
import { deviceIssues } from './device-rules';
import { hotPlugIssues } from './hot-plug';
import { text, type BoardFix, type BoardIssue } from './issue';
import { banksBySlot } from './memory-layout';
import { memoryIssues } from './memory-rules';
import { DIMMS, PROCESSORS, dimmPart, processorPart, refusedDimm, type Text } from './parts';
import { ADDRESS_BITS_RANGE, PlacementAdvisor, addressBits, placementName, placements, staying, type Placement } from './placement';
import type { Board, Slot } from './schema';
import { tlbIssues } from './tlb-rules';
import { LEGACY_END, deviceWindows } from './windows';

/** More issues than this help nobody; the last one then says how many there are. */
export const MOST_ISSUES = 500;

export const hasBoardErrors = (issues: readonly BoardIssue[]): boolean => issues.some(({ severity }) => severity === 'error');

/** Counts every issue, but only spells out the first MOST_ISSUES. */
class IssueList {
  readonly issues: BoardIssue[] = [];
  private count = 0;

  add(describe: () => BoardIssue): void {
    if (this.count++ < MOST_ISSUES) this.issues.push(describe());
  }

  addAll(issues: readonly BoardIssue[]): void {
    for (const issue of issues) this.add(() => issue);
  }

  finish(): BoardIssue[] {
    const rest = this.count - this.issues.length;
    if (rest === 0) return this.issues;
    return [
      ...this.issues,
      {
        severity: 'error',
        code: 'board-more-issues',
        message: text(`The board has ${rest} more problems.`, `主板还有 ${rest} 个问题。`),
        remedy: text('Mend those listed first.', '请先解决已列出的问题。'),
      },
    ];
  }
}

/** All issues of a board; empty when nothing is wrong. */
export function checkBoard(board: Board): BoardIssue[] {
  const placed = placements(board);
  // what must move leaves its own place free
  const advisor = new PlacementAdvisor(board, staying(placed));
  const list = new IssueList();
  list.addAll(processorIssues(board));
  findDuplicates(board, list);
  checkSlots(board, advisor, list);
  list.addAll(controllerIssues(board));
  list.addAll(memoryIssues(board));
  checkReach(board, placed, advisor, list);
  if (board.assignment === 'fixed') findOverlaps(board, placed, advisor, list);
  list.addAll(deviceIssues(board));
  list.addAll(hotPlugIssues(board));
  findShadows(board, placed, list);
  return list.finish();
}

function processorIssues(board: Board): BoardIssue[] {
  const issues: BoardIssue[] = [];
  const part = processorPart(board.processor);
  if (part === undefined) {
    const names = PROCESSORS.map(({ id }) => id);
    const first = names[0]!;
    issues.push({
      severity: 'error',
      code: 'board-unknown-processor',
      message: text(`There is no processor "${board.processor}" in the catalogue.`, `目录中没有处理器“${board.processor}”。`),
      remedy: text(`Use ${names.join(' or ')}.`, `请使用 ${names.join(' 或 ')}。`),
      path: 'board.processor',
      fix: { text: text(`Use ${first}`, `使用 ${first}`), edits: [{ path: ['processor'], value: first }] },
    });
  }
  issues.push(...tlbIssues(board));
  const bits = board.physicalAddressBits;
  const most = part?.physicalAddressBits ?? ADDRESS_BITS_RANGE.most;
  if (bits !== undefined && (bits < ADDRESS_BITS_RANGE.least || bits > most)) {
    const wanted = bits > most ? most : ADDRESS_BITS_RANGE.least;
    issues.push({
      severity: 'error',
      code: 'board-address-bits',
      message: text(
        `The board has ${bits} address lines, but ${board.processor} drives ${ADDRESS_BITS_RANGE.least} to ${most}.`,
        `主板有 ${bits} 根地址线，而 ${board.processor} 支持 ${ADDRESS_BITS_RANGE.least} 到 ${most} 根。`,
      ),
      remedy: text(`Set physicalAddressBits to ${wanted}.`, `请将 physicalAddressBits 设为 ${wanted}。`),
      path: 'board.physicalAddressBits',
      fix: { text: text(`Use ${wanted} lines`, `使用 ${wanted} 根`), edits: [{ path: ['physicalAddressBits'], value: wanted }] },
    });
  }
  return issues;
}

/** Slots, devices and bridges share one set of names: a name must mean one thing on a board. */
function findDuplicates(board: Board, list: IssueList): void {
  const seen = new Set<string>();
  const bridges = board.bridges ?? [];
  const all = new Set([...board.slots, ...board.devices, ...bridges].map(({ id }) => id));
  let counter = 2;
  const freeName = (id: string): string => {
    while (all.has(`${id.slice(0, 26)}_${counter}`)) counter++;
    const free = `${id.slice(0, 26)}_${counter}`;
    all.add(free);
    return free;
  };
  const check = (id: string, kind: 'slots' | 'devices' | 'bridges', index: number) => {
    if (!seen.has(id)) {
      seen.add(id);
      return;
    }
    list.add(() => {
      const free = freeName(id);
      return {
        severity: 'error',
        code: 'board-duplicate-id',
        message: text(`Two parts of the board are called "${id}".`, `主板上有两个部件都叫“${id}”。`),
        remedy: text(`Give each a name of its own, for instance ${free}.`, `请为每个部件取不同的名称，例如 ${free}。`),
        part: id,
        path: `board.${kind}.${id}.id`,
        fix: { text: text(`Rename to ${free}`, `改名为 ${free}`), edits: [{ path: [kind, index, 'id'], value: free }] },
      };
    });
  };
  board.slots.forEach(({ id }, index) => check(id, 'slots', index));
  board.devices.forEach(({ id }, index) => check(id, 'devices', index));
  bridges.forEach(({ id }, index) => check(id, 'bridges', index));
}

function checkSlots(board: Board, advisor: PlacementAdvisor, list: IssueList): void {
  const banks = banksBySlot(board);
  board.slots.forEach((slot, index) => {
    if (slot.dimm === null) return;
    const part = dimmPart(slot.dimm);
    if (part === undefined) list.add(() => unknownDimm(slot, index));
    // the other lanes of a bank answer where its first slot does
    const bank = banks.get(slot.id);
    if (board.assignment === 'automatic' || bank === null) return;
    const { base } = slot;
    const bytes = bank?.bytes ?? part?.bytes;
    if (base === undefined) {
      list.add(() => ({
        severity: 'error',
        code: 'board-no-base',
        message: text(`Slot ${slot.id} has a DIMM but no base address.`, `插槽 ${slot.id} 有内存条，但没有基地址。`),
        remedy: text('Give the slot a base, or set assignment to automatic.', '请给插槽设置基地址，或将 assignment 改为 automatic。'),
        part: slot.id,
        path: `board.slots.${slot.id}.base`,
        fix: bytes === undefined ? undefined : moveTo(index, advisor.take(bytes)),
      }));
      return;
    }
    if (base % PAGE_SIZE !== 0) list.add(() => unalignedBase(slot, index, base));
    if (bytes !== undefined && slot.window !== undefined) list.addAll(windowIssues(slot, index, slot.window, bytes));
  });
  if (!board.slots.some(({ dimm }) => dimm !== null)) list.add(() => emptyBoard(board, advisor));
}

function unalignedBase(slot: Slot, index: number, base: number): BoardIssue {
  const down = base - (base % PAGE_SIZE);
  return {
    severity: 'error',
    code: 'board-unaligned-base',
    message: text(
      `Slot ${slot.id} starts at ${formatAddress(base)}, which is not a multiple of 4 KiB.`,
      `插槽 ${slot.id} 的基地址 ${formatAddress(base)} 不是 4 KiB 的整数倍。`,
    ),
    remedy: text(`Move it to ${formatAddress(down)}.`, `请移到 ${formatAddress(down)}。`),
    part: slot.id,
    path: `board.slots.${slot.id}.base`,
    fix: moveTo(index, down),
  };
}

function unknownDimm(slot: Slot, index: number): BoardIssue {
  const name = String(slot.dimm);
  const sameKind = DIMMS.filter(({ id }) => id.slice(0, 4) === name.slice(0, 4)).map(({ id }) => id);
  const offered = sameKind.length > 0 ? sameKind : DIMMS.map(({ id }) => id);
  const rule = refusedDimm(name);
  return {
    severity: 'error',
    code: 'board-unknown-dimm',
    message: rule
      ? text(`Slot ${slot.id}: there is no "${name}". ${rule.message.en}`, `插槽 ${slot.id}：没有“${name}”。${rule.message['zh-CN']}`)
      : text(`Slot ${slot.id} holds "${name}", which is not in the catalogue.`, `插槽 ${slot.id} 中的“${name}”不在目录中。`),
    remedy: text(`Choose one of ${offered.join(', ')}.`, `请选择 ${offered.join('、')} 之一。`),
    part: slot.id,
    path: `board.slots.${slot.id}.dimm`,
    fix: { text: text(`Plug ${offered[0]!}`, `改插 ${offered[0]!}`), edits: [{ path: ['slots', index, 'dimm'], value: offered[0]! }] },
  };
}

function windowIssues(slot: Slot, index: number, window: number, bytes: number): BoardIssue[] {
  const path = `board.slots.${slot.id}.window`;
  if (window === 0 || window % PAGE_SIZE !== 0) {
    return [
      {
        severity: 'error',
        code: 'board-unaligned-window',
        message: text(
          `The window of slot ${slot.id} is not a whole number of 4 KiB frames.`,
          `插槽 ${slot.id} 的窗口不是 4 KiB 页帧的整数倍。`,
        ),
        remedy: text('Make it as large as the DIMM.', '请让窗口与内存条一样大。'),
        part: slot.id,
        path,
        fix: { text: text('Fit the window to the DIMM', '窗口与内存条等大'), edits: [{ path: ['slots', index, 'window'], value: bytes }] },
      },
    ];
  }
  if (window >= bytes) return [];
  const smaller = DIMMS.filter((part) => part.bytes <= window).at(-1);
  const wide = text('Fit the window to the DIMM', '窗口与内存条等大');
  return [
    {
      severity: 'warning',
      code: 'board-window-too-small',
      message: text(
        `The DIMM in slot ${slot.id} is too large for its window and is cut: of its ${formatSize(bytes)} only the first ${formatSize(window)} answer.`,
        `插槽 ${slot.id} 的内存条超出窗口而被截断：${formatSize(bytes)} 中只有前 ${formatSize(window)} 应答。`,
      ),
      remedy: smaller
        ? text(`Widen the window, or plug a smaller DIMM such as ${smaller.id}.`, `请加大窗口，或换用较小的内存条，例如 ${smaller.id}。`)
        : text('Widen the window.', '请加大窗口。'),
      part: slot.id,
      path,
      fix: { text: wide, edits: [{ path: ['slots', index, 'window'], value: bytes }] },
    },
  ];
}

function emptyBoard(board: Board, advisor: PlacementAdvisor): BoardIssue {
  const first = board.slots[0];
  const plug = 'ddr3-256m';
  const slot = { id: 'A1', base: advisor.take(dimmPart(plug)!.bytes) ?? 0, dimm: plug };
  return {
    severity: 'error',
    code: 'board-no-memory',
    message: text('No slot holds a DIMM: nobody would answer any address.', '没有任何插槽装有内存条：任何地址都无人应答。'),
    remedy: text('Plug at least one DIMM.', '请至少插入一根内存条。'),
    path: 'board.slots',
    fix: {
      text: text(`Plug ${plug} into ${first?.id ?? slot.id}`, `在 ${first?.id ?? slot.id} 插入 ${plug}`),
      edits: first
        ? [
            { path: ['slots', 0, 'dimm'], value: plug },
            ...(first.base === undefined ? [{ path: ['slots', 0, 'base'], value: slot.base }] : []),
          ]
        : [{ path: ['slots'], value: [slot] }],
    },
  };
}

function checkReach(board: Board, placed: readonly Placement[], advisor: PlacementAdvisor, list: IssueList): void {
  const bits = addressBits(board);
  const limit = 2 ** bits;
  for (const placement of placed) {
    if (placement.end <= limit) continue;
    const beyond = { base: Math.max(placement.base, limit), end: placement.end };
    list.add(() => {
      const fix = board.assignment === 'fixed' ? moveTo(placement.slotIndex, advisor.take(placement.end - placement.base)) : undefined;
      return {
        severity: 'warning',
        code: 'board-beyond-address-lines',
        message: text(
          `The memory of slot ${placementName(placement)} at ${formatRange(beyond)} is there, but cannot be reached: ${bits} address lines end at ${formatAddress(limit - 1)}.`,
          `插槽 ${placementName(placement)} 位于 ${formatRange(beyond)} 的内存存在，但无法访问：${bits} 根地址线只到 ${formatAddress(limit - 1)}。`,
        ),
        remedy: fix ? moveRemedy(placement.slot, fix) : text('Use less or smaller DIMMs.', '请减少内存条，或换用较小的内存条。'),
        part: placement.slot,
        path: `board.slots.${placement.slot}.base`,
        fix,
      };
    });
  }
}

/** Each placement that starts inside an earlier one, against the one of those that reaches farthest. */
function findOverlaps(board: Board, placed: readonly Placement[], advisor: PlacementAdvisor, list: IssueList): void {
  const sorted = [...placed].sort((a, b) => a.base - b.base || a.slotIndex - b.slotIndex);
  let farthest: Placement | undefined;
  for (const placement of sorted) {
    const other = farthest;
    if (other !== undefined && placement.base < other.end) list.add(() => overlap(other, placement, advisor, board.overlaps === 'allow'));
    if (other === undefined || placement.end > other.end) farthest = placement;
  }
}

function overlap(first: Placement, second: Placement, advisor: PlacementAdvisor, allowed: boolean): BoardIssue {
  const shared = { base: second.base, end: Math.min(second.end, first.end) };
  const fix = moveTo(second.slotIndex, advisor.take(second.end - second.base));
  const [one, other] = [placementName(first), placementName(second)];
  const message = text(
    `Slots ${one} and ${other} both answer ${formatRange(shared)}.`,
    `插槽 ${one} 与 ${other} 同时应答 ${formatRange(shared)}。`,
  );
  const more = allowed
    ? text(
        " In this lab's model a read gives the AND of both and a write reaches both; real chips would fight over the lines.",
        '在本实验的模型中，读取得到两者的按位与，写入同时到达两者；真实芯片会争抢信号线。',
      )
    : text(
        " To start all the same and watch it, select Firmware and choose 'both answer' (overlaps: allow).",
        '若仍要启动并观察，请选中“固件”，选择“同时应答”（overlaps: allow）。',
      );
  return {
    severity: allowed ? 'warning' : 'error',
    code: 'board-overlap',
    message: text(message.en + more.en, message['zh-CN'] + more['zh-CN']),
    remedy: fix
      ? moveRemedy(second.slot, fix)
      : text(`Unplug ${second.slot}, or use smaller DIMMs.`, `请拔下 ${second.slot}，或换用较小的内存条。`),
    part: second.slot,
    path: `board.slots.${second.slot}.base`,
    fix: fix ?? unplug(second),
  };
}

/** DRAM that lies under device registers is out of reach; below 1 MiB that is how a PC is made. */
function findShadows(board: Board, placed: readonly Placement[], list: IssueList): void {
  const { windows } = deviceWindows(board);
  for (const placement of placed) {
    const hidden = windows.filter(({ base, end }) => base >= LEGACY_END && base < placement.end && end > placement.base);
    const first = hidden[0];
    if (first === undefined) continue;
    list.add(() => {
      const bytes = hidden.reduce((sum, { base, end }) => sum + Math.min(end, placement.end) - Math.max(base, placement.base), 0);
      return {
        severity: 'warning',
        code: 'board-shadowed',
        message: text(
          `${formatSize(bytes)} of the DIMM in slot ${placementName(placement)} lie under the registers of ${first.device} (${formatRange(first)}) and cannot be reached.`,
          `插槽 ${placementName(placement)} 的内存条有 ${formatSize(bytes)} 被 ${first.device} 的寄存器（${formatRange(first)}）遮住，无法访问。`,
        ),
        remedy: text(
          'Use automatic assignment, which puts the memory around device windows.',
          '请使用 automatic 分配方式，它会让内存避开设备窗口。',
        ),
        part: placement.slot,
        path: `board.slots.${placement.slot}.base`,
        fix: { text: text('Assign automatically', '改为自动分配'), edits: [{ path: ['assignment'], value: 'automatic' }] },
      };
    });
  }
}

function moveTo(slotIndex: number, base: number | undefined): BoardFix | undefined {
  if (base === undefined) return undefined;
  const address = formatAddress(base);
  return { text: text(`Move to ${address}`, `移到 ${address}`), edits: [{ path: ['slots', slotIndex, 'base'], value: base }] };
}

const unplug = ({ slot, slotIndex }: Placement): BoardFix => ({
  text: text(`Unplug ${slot}`, `拔下 ${slot}`),
  edits: [{ path: ['slots', slotIndex, 'dimm'], value: null }],
});

/** Away from the slot, the remedy says what is to be moved. */
function moveRemedy(slot: string, { edits }: BoardFix): Text {
  const address = formatAddress(edits[0]!.value as number);
  return text(`Move ${slot} to ${address}.`, `请将 ${slot} 移到 ${address}。`);
}

/** `256 MiB`, `1.5 GiB`, `512 bytes`: for people. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of [
    ['TiB', 1024 ** 4],
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes >= size && Number.isInteger((bytes / size) * 4)) return `${bytes / size} ${unit}`;
  }
  return `${bytes} B`;
}
