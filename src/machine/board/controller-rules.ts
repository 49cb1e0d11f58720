/** The rules for memory controllers: slots that exist, each wired once; banks without a gap; one kind of memory; sensible blocks. */
import { formatAddress, PAGE_SIZE } from '../address';
import { text, type BoardIssue } from './issue';
import { INTERLEAVE_RANGE, isInterleaveBlock, stretches } from './memory-layout';
import { dimmPart, sizeName } from './parts';
import { lowMemoryEnd, placements } from './placement';
import type { Board, Controller } from './schema';

/** Bytes side by side that a processor bus can have. */
const BANK_LANES: readonly number[] = [1, 2, 4, 8];

export function controllerIssues(board: Board): BoardIssue[] {
  const issues: BoardIssue[] = [];
  const dimms = new Map(board.slots.map(({ id, dimm }) => [id, dimm]));
  const owner = new Map<string, string>();
  (board.controllers ?? []).forEach((controller, index) => {
    issues.push(
      ...slotIssues(controller, dimms, owner),
      ...kindIssues(controller, dimms),
      ...bankIssues(controller, board, dimms),
      ...blockIssues(controller, index),
    );
  });
  issues.push(...loneSimms(dimms, owner), ...holeIssues(board));
  return issues;
}

type Dimms = ReadonlyMap<string, string | null>;

function slotIssues(controller: Controller, dimms: Dimms, owner: Map<string, string>): BoardIssue[] {
  const issues: BoardIssue[] = [];
  for (const slot of [...controller.channels.flat(), ...controller.banks.flat()]) {
    const holder = owner.get(slot);
    if (!dimms.has(slot)) {
      issues.push({
        severity: 'error',
        code: 'board-unknown-slot',
        message: text(`Controller ${controller.id} has no slot "${slot}" to wire.`, `控制器 ${controller.id} 引用的插槽“${slot}”不存在。`),
        remedy: text('Add the slot, or remove it from the controller.', '请添加该插槽，或将其从控制器中删除。'),
        part: controller.id,
        path: `board.controllers.${controller.id}`,
      });
    } else if (holder !== undefined) {
      issues.push({
        severity: 'error',
        code: 'board-slot-wired-twice',
        message: text(
          `Slot ${slot} is wired twice: to ${holder} and to ${controller.id}.`,
          `插槽 ${slot} 接线两次：${holder} 与 ${controller.id}。`,
        ),
        remedy: text('Name it on one channel of one controller.', '请只在一个控制器的一个通道中引用它。'),
        part: slot,
        path: `board.controllers.${controller.id}`,
      });
    } else owner.set(slot, controller.id);
  }
  return issues;
}

function kindIssues(controller: Controller, dimms: Dimms): BoardIssue[] {
  const kinds = new Map<string, string>();
  for (const slot of [...controller.channels.flat(), ...controller.banks.flat()]) {
    const part = dimmPart(dimms.get(slot) ?? '');
    if (part && !kinds.has(part.technology)) kinds.set(part.technology, slot);
  }
  const [first, other] = [...kinds];
  if (!first || !other) return [];
  return [
    {
      severity: 'error',
      code: 'board-mixed-memory',
      message: text(
        `Controller ${controller.id} has ${first[0]} in slot ${first[1]} and ${other[0]} in slot ${other[1]}: their signals and voltages differ.`,
        `控制器 ${controller.id} 的插槽 ${first[1]} 装有 ${first[0]}，插槽 ${other[1]} 装有 ${other[0]}：信号与电压不同。`,
      ),
      remedy: text(`Plug ${first[0]} into all of its slots.`, `请在其所有插槽中都使用 ${first[0]}。`),
      part: other[1],
      path: `board.slots.${other[1]}.dimm`,
    },
  ];
}

function bankIssues(controller: Controller, board: Board, dimms: Dimms): BoardIssue[] {
  return controller.banks.flatMap((slots, bank): BoardIssue[] => {
    const names = slots.map((slot) => dimms.get(slot) ?? null);
    const path = `board.controllers.${controller.id}.banks`;
    if (!BANK_LANES.includes(slots.length)) {
      return [
        {
          severity: 'error',
          code: 'board-bank-width',
          message: text(
            `Bank ${bank} of ${controller.id} is ${slots.length} bytes wide; a bus has 1, 2, 4 or 8.`,
            `${controller.id} 的 bank ${bank} 宽 ${slots.length} 字节；总线宽度为 1、2、4 或 8 字节。`,
          ),
          remedy: text('Give it 4 slots for a 32-bit bus, or 2 for a 16-bit one.', '32 位总线请用 4 个插槽，16 位总线请用 2 个。'),
          part: controller.id,
          path,
        },
      ];
    }
    if (names.every((name) => name === null)) return [];
    const first = names.find((name) => name !== null)!;
    const wrong = names.findIndex((name) => name !== first);
    if (wrong < 0) return [];
    const slot = slots[wrong]!;
    return [
      {
        severity: 'error',
        code: 'board-bank-incomplete',
        message: text(
          `Bank ${bank} of ${controller.id} takes ${slots.length} equal modules side by side, but ${slot} ${names[wrong] === null ? 'is empty' : `holds ${names[wrong]}`}: the bank answers nothing.`,
          `${controller.id} 的 bank ${bank} 需要 ${slots.length} 根相同的模块并排，但 ${slot} ${names[wrong] === null ? '是空的' : `装的是 ${names[wrong]}`}：整个 bank 不应答。`,
        ),
        remedy: text(`Plug ${first} into ${slot}.`, `请在 ${slot} 插入 ${first}。`),
        part: slot,
        path: `board.slots.${slot}.dimm`,
        fix: {
          text: text(`Plug ${first} into ${slot}`, `在 ${slot} 插入 ${first}`),
          edits: [{ path: ['slots', board.slots.findIndex(({ id }) => id === slot), 'dimm'], value: first }],
        },
      },
    ];
  });
}

function blockIssues(controller: Controller, index: number): BoardIssue[] {
  return (['channelInterleave', 'rankInterleave'] as const).flatMap((key): BoardIssue[] => {
    const bytes = controller[key];
    if (bytes === undefined || isInterleaveBlock(bytes)) return [];
    const [least, most] = [INTERLEAVE_RANGE.least, sizeName(INTERLEAVE_RANGE.most)];
    return [
      {
        severity: 'error',
        code: 'board-interleave-block',
        message: text(
          `${controller.id} has blocks of ${bytes} bytes (${key}); they must be a power of two from ${least} bytes to ${most}.`,
          `${controller.id} 的块为 ${bytes} 字节（${key}）；必须是 ${least} 字节到 ${most} 之间的 2 的幂。`,
        ),
        remedy: text(`Set ${key} to ${least}.`, `请将 ${key} 设为 ${least}。`),
        part: controller.id,
        path: `board.controllers.${controller.id}.${key}`,
        fix: { text: text(`Use ${least} bytes`, `使用 ${least} 字节`), edits: [{ path: ['controllers', index, key], value: least }] },
      },
    ];
  });
}

/** A 30-pin SIMM drives eight data lines: it needs neighbours in a bank. */
function loneSimms(dimms: Dimms, owner: ReadonlyMap<string, string>): BoardIssue[] {
  const simms = [...dimms].filter(([id, dimm]) => !owner.has(id) && dimm !== null && dimmPart(dimm)?.technology === 'SIMM');
  const [first] = simms;
  if (!first) return [];
  return [
    {
      severity: 'warning',
      code: 'board-simm-alone',
      message: text(
        `${first[0]} holds a 30-pin SIMM, which has 8 data lines, and is in no bank: it is taken for an 8-bit bus.`,
        `${first[0]} 中是 30 针 SIMM，只有 8 根数据线，且不属于任何 bank：按 8 位总线处理。`,
      ),
      remedy: text(
        'Put four of them side by side: controllers: [{ banks: [[S0, S1, S2, S3]] }].',
        '请将四根并排组成 bank：controllers: [{ banks: [[S0, S1, S2, S3]] }]。',
      ),
      part: first[0],
      path: `board.slots.${first[0]}`,
    },
  ];
}

function holeIssues(board: Board): BoardIssue[] {
  const hole = board.memoryHole;
  if (!hole) return [];
  const path = 'board.memoryHole';
  if (hole.base >= 2 ** 32 || hole.base % PAGE_SIZE !== 0 || hole.base < 2 ** 20) {
    const wanted = 0xc000_0000;
    return [
      {
        severity: 'error',
        code: 'board-hole-base',
        message: text(
          `The hole for devices begins at ${formatAddress(hole.base)}; it must be a whole page from 1 MiB to 4 GiB.`,
          `设备空洞起始于 ${formatAddress(hole.base)}；必须是 1 MiB 到 4 GiB 之间的整页。`,
        ),
        remedy: text(`Begin it at ${formatAddress(wanted)}.`, `请从 ${formatAddress(wanted)} 开始。`),
        path: `${path}.base`,
        fix: {
          text: text(`Use ${formatAddress(wanted)}`, `使用 ${formatAddress(wanted)}`),
          edits: [{ path: ['memoryHole', 'base'], value: wanted }],
        },
      },
    ];
  }
  if (board.assignment === 'fixed') {
    return [
      {
        severity: 'warning',
        code: 'board-hole-fixed',
        message: text(
          'The board keeps a hole for devices, but its slots have fixed bases: nothing moves out of the way.',
          '主板保留了设备空洞，但插槽使用固定基地址：内存不会避让。',
        ),
        remedy: text('Set assignment to automatic, or remove memoryHole.', '请将 assignment 改为 automatic，或删除 memoryHole。'),
        path,
        fix: { text: text('Assign automatically', '改为自动分配'), edits: [{ path: ['assignment'], value: 'automatic' }] },
      },
    ];
  }
  if (hole.remap) return [];
  const plugged = stretches(board).reduce((sum, { bytes }) => sum + bytes, 0);
  const lost = plugged - placements(board).reduce((sum, { base, end }) => sum + end - base, 0);
  if (lost <= 0) return [];
  return [
    {
      severity: 'warning',
      code: 'board-memory-lost',
      message: text(
        `${sizeName(lost)} of the memory lie under the hole from ${formatAddress(lowMemoryEnd(board))} to 4 GiB and are lost.`,
        `有 ${sizeName(lost)} 内存位于 ${formatAddress(lowMemoryEnd(board))} 到 4 GiB 的空洞之下，无法使用。`,
      ),
      remedy: text('Set remap to true: the memory appears above 4 GiB.', '请将 remap 设为 true：这部分内存会出现在 4 GiB 以上。'),
      path: `${path}.remap`,
      fix: { text: text('Remap it', '重映射'), edits: [{ path: ['memoryHole', 'remap'], value: true }] },
    },
  ];
}
