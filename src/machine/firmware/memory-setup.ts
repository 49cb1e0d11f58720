/**
 * What a board's firmware does about memory before it loads anything, when the bases are not wired: it reads each module's SPD,
 * looks at which modules take turns, keeps a hole for devices, moves the memory under it above 4 GiB, and leaves SMBIOS tables and
 * an E820 map for whoever comes next. Each is a step that can be read.
 */
import { formatAddress } from '../address';
import type { AddressMap } from '../board/address-map';
import { stretches } from '../board/memory-layout';
import { sizeName } from '../board/parts';
import { lowMemoryEnd } from '../board/placement';
import type { Board } from '../board/schema';
import { readSpd } from '../board/spd';
import { bootText, type BootStep } from './boot-report';
import { e820, e820TableBase, FIRMWARE_TABLES } from './memory-map';
import { smbiosImage } from './smbios';

const SMBIOS_BASE = FIRMWARE_TABLES.base;
const FOUR_GIB = 2 ** 32;
/** More steps than these help nobody. */
const MOST_SLOTS = 64;

export interface MemorySetup {
  board: Board;
  map: AddressMap;
  /** a byte of a slot's SPD; undefined when nothing answers */
  spd(slotIndex: number, offset: number): number | undefined;
  /** is there DRAM at all of these addresses? */
  isMemory(base: number, bytes: number): boolean;
  writeBytes(address: number, bytes: Uint8Array): void;
}

const rangeText = (base: number, end: number): string => `${formatAddress(base)}–${formatAddress(end - 1)}`;

function slotStep({ board, spd }: MemorySetup, slotIndex: number): BootStep {
  const { id, dimm } = board.slots[slotIndex]!;
  const found = readSpd((offset) => spd(slotIndex, offset));
  if (found) {
    const { technology, bytes, width, geometry } = found;
    const { subchannels, ranks, bankGroups, banks, rows, columns } = geometry;
    const halves = subchannels > 1 ? { en: `${subchannels} subchannels, `, zh: `${subchannels} 个子通道，` } : { en: '', zh: '' };
    return {
      kind: 'firmware',
      text: bootText(
        `SPD of ${id}: ${technology}, ${sizeName(bytes)}, ${halves.en}ranks ${ranks}, x${width} chips with ${bankGroups * banks} banks of ${rows} rows and ${columns} columns`,
        `${id} 的 SPD：${technology}，${sizeName(bytes)}，${halves.zh}rank ${ranks}，x${width} 芯片，${bankGroups * banks} 个存储体，每个 ${rows} 行 ${columns} 列`,
      ),
      fields: { slot: id, technology, bytes, ranks, width, banks: bankGroups * banks, rows, columns },
      ok: true,
    };
  }
  return {
    kind: 'firmware',
    text:
      dimm === null
        ? bootText(`SPD of ${id}: no answer, the slot is empty`, `${id} 的 SPD：无应答，插槽为空`)
        : bootText(`${id} has no SPD: its size is read from its presence pins`, `${id} 没有 SPD：由存在检测引脚读取容量`),
    fields: { slot: id },
    ok: true,
  };
}

function turnSteps(board: Board): BootStep[] {
  return stretches(board).flatMap(({ bytes, interleave }): BootStep[] => {
    if (!interleave) return [];
    const names = interleave.ways.map(({ slot }) => slot).join(' + ');
    const hashed = interleave.hash ? { en: ', chosen by XOR of the block number', zh: '，按块号的 XOR 选择' } : { en: '', zh: '' };
    return [
      {
        kind: 'firmware',
        text: bootText(
          `${names} take turns every ${interleave.granularity} bytes${hashed.en}: together ${sizeName(bytes)}`,
          `${names} 每 ${interleave.granularity} 字节轮流${hashed.zh}：合计 ${sizeName(bytes)}`,
        ),
        fields: { slots: names, granularity: interleave.granularity, bytes },
        ok: true,
      },
    ];
  });
}

function holeSteps(board: Board, map: AddressMap): BootStep[] {
  const low = lowMemoryEnd(board);
  if (low >= FOUR_GIB) return [];
  const above = map.placements.filter(({ base }) => base >= FOUR_GIB);
  const moved = above.reduce((sum, { base, end }) => sum + end - base, 0);
  const plugged = stretches(board).reduce((sum, { bytes }) => sum + bytes, 0);
  const lost = plugged - map.placements.reduce((sum, { base, end }) => sum + end - base, 0);
  const steps: BootStep[] = [
    {
      kind: 'firmware',
      text: bootText(`${rangeText(low, FOUR_GIB)} is kept for devices`, `${rangeText(low, FOUR_GIB)} 留给设备`),
      fields: { base: low, end: FOUR_GIB },
      ok: true,
    },
  ];
  if (moved > 0) {
    const at = rangeText(FOUR_GIB, Math.max(...above.map(({ end }) => end)));
    steps.push({
      kind: 'firmware',
      text: bootText(
        `${sizeName(moved)} that do not fit below appear above 4 GiB: ${at}`,
        `${sizeName(moved)} 无法放在下方，出现在 4 GiB 以上：${at}`,
      ),
      fields: { bytes: moved, base: FOUR_GIB },
      ok: true,
    });
  }
  if (lost > 0) {
    steps.push({
      kind: 'firmware',
      text: bootText(`${sizeName(lost)} under the hole are lost: remap is off`, `空洞之下的 ${sizeName(lost)} 无法使用：remap 已关闭`),
      fields: { bytes: lost },
      ok: false,
    });
  }
  return steps;
}

function tableSteps({ board, map, isMemory, writeBytes }: MemorySetup): BootStep[] {
  const entries = e820(map.ranges);
  const steps: BootStep[] = [
    {
      kind: 'table',
      text: bootText(
        `E820: ${entries.map(({ base, end, type }) => `${rangeText(base, end)} ${type}`).join(', ')}`,
        `E820：${entries.map(({ base, end, type }) => `${rangeText(base, end)} ${type === 'usable' ? '可用' : '保留'}`).join('，')}`,
      ),
      fields: { table: 'e820', entries: entries.length },
      ok: true,
    },
  ];
  const image = smbiosImage(board, map, SMBIOS_BASE);
  if (SMBIOS_BASE + image.length > e820TableBase(entries) || !isMemory(SMBIOS_BASE, image.length)) return steps;
  writeBytes(SMBIOS_BASE, image);
  steps.push({
    kind: 'table',
    text: bootText(
      `SMBIOS tables (types 16, 17, 19, 20) written at ${formatAddress(SMBIOS_BASE)}, ${image.length} bytes`,
      `在 ${formatAddress(SMBIOS_BASE)} 写入 SMBIOS 表（类型 16、17、19、20），${image.length} 字节`,
    ),
    fields: { table: 'smbios', address: SMBIOS_BASE, bytes: image.length },
    ok: true,
  });
  return steps;
}

/** Takes the steps. With fixed bases there is nothing to do. */
export function setUpMemory(setup: MemorySetup): BootStep[] {
  const { board, map } = setup;
  if (board.assignment === 'fixed') return [];
  const slots = board.slots.slice(0, MOST_SLOTS).map((_slot, index) => slotStep(setup, index));
  return [...slots, ...turnSteps(board), ...holeSteps(board, map), ...tableSteps(setup)];
}
