/** The rules for what answers in the first megabyte: whole pages between 0xA_0000 and 1 MiB, one device each, and what a ROM holds fits into it. */
import { formatAddress } from '../address';
import { text, type BoardIssue } from './issue';
import { DEFAULT_ROM, devicePart, sizeName } from './parts';
import type { Board, BoardDevice } from './schema';
import { isLegacyWindow, legacyWindow } from './windows';

interface Window {
  id: string;
  base: number;
  end: number;
}

export function legacyIssues(board: Board): BoardIssue[] {
  const taken: Window[] = [];
  return board.devices.flatMap((device, index) => {
    const window = legacyWindow(device);
    if (!window) return notARom(device, index);
    if (!isLegacyWindow(window)) return [misplaced(device, index, window)];
    const here = { id: device.id, base: window.base, end: window.base + window.size };
    const other = taken.find((each) => here.base < each.end && here.end > each.base);
    taken.push(here);
    return [...(other ? [overlap(here, other)] : []), ...contentsIssues(device, window.size)];
  });
}

function notARom(device: BoardDevice, index: number): BoardIssue[] {
  const { id, kind } = device;
  const key = (['base', 'size', 'contents'] as const).find((name) => device[name] !== undefined);
  if (key === undefined || !devicePart(kind)) return [];
  return [
    {
      severity: 'error',
      code: 'board-not-a-rom',
      message: text(`${id} is no ROM: it takes no "${key}".`, `${id} 不是 ROM，不能写 “${key}”。`),
      remedy: text(`Remove ${key}.`, `请删除 ${key}。`),
      part: id,
      path: `board.devices.${id}.${key}`,
      fix: { text: text(`Remove ${key}`, `删除 ${key}`), edits: [{ path: ['devices', index, key], value: undefined }] },
    },
  ];
}

const bytesName = (size: number): string => (size >= 1024 && size % 1024 === 0 ? sizeName(size) : `${size} B`);

function misplaced({ id }: BoardDevice, index: number, { base, size }: { base: number; size: number }): BoardIssue {
  return {
    severity: 'error',
    code: 'board-rom-window',
    message: text(
      `${id} would answer ${bytesName(size)} from ${formatAddress(base)} on; a ROM is whole 4 KiB pages from 0x000A_0000 to 1 MiB.`,
      `${id} 应答从 ${formatAddress(base)} 起的 ${bytesName(size)}；ROM 必须是 0x000A_0000 到 1 MiB 之间的整 4 KiB 页。`,
    ),
    remedy: text('Put it at 0x000C_0000, 32 KiB.', '请放在 0x000C_0000，32 KiB。'),
    part: id,
    path: `board.devices.${id}.base`,
    fix: {
      text: text('Put it at 0x000C_0000', '放在 0x000C_0000'),
      edits: [
        { path: ['devices', index, 'base'], value: DEFAULT_ROM.base },
        { path: ['devices', index, 'size'], value: DEFAULT_ROM.size },
      ],
    },
  };
}

function overlap(here: Window, other: Window): BoardIssue {
  const at = formatAddress(Math.max(here.base, other.base));
  return {
    severity: 'error',
    code: 'board-window-overlap',
    message: text(`${here.id} and ${other.id} both answer at ${at}.`, `${here.id} 与 ${other.id} 都应答 ${at}。`),
    remedy: text('Move one of them, or take it off the board.', '请移动其中之一，或将其移除。'),
    part: here.id,
    path: `board.devices.${here.id}.base`,
  };
}

function contentsIssues({ id, contents }: BoardDevice, size: number): BoardIssue[] {
  const digits = (contents ?? '').replace(/\s+/g, '').length;
  if (digits % 2 === 0 && digits / 2 <= size) return [];
  return [
    {
      severity: 'error',
      code: 'board-rom-contents',
      message: text(
        `${id} holds ${digits} hexadecimal digits; two make a byte, and it has ${size} bytes.`,
        `${id} 写有 ${digits} 个十六进制数字；两个为一字节，而它有 ${size} 字节。`,
      ),
      remedy: text('Give an even number of digits that fit, or a larger size.', '请给出能放下的偶数个数字，或加大 size。'),
      part: id,
      path: `board.devices.${id}.contents`,
    },
  ];
}
