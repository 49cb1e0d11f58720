/** Devices on the board, and what can be set on each. Pure. */
import { DEFAULT_ROM } from '../../../../machine/board/parts';
import type { Board, BoardDevice } from '../../../../machine/board/schema';
import { LEGACY_END, legacyWindow } from '../../../../machine/board/windows';
import { append, freeName, nodeOf, set, takenNames, unset, words, type BoardChange } from './change';

/** dma0, dma1, … for the DMA devices; other kinds give their own name. */
const prefix = (kind: string): string =>
  kind === 'edu' || kind.startsWith('dma') ? 'dma' : kind.replace(/[^A-Za-z]/g, '').slice(0, 20) || 'device';

/** The first place from the usual one on where nothing else below 1 MiB answers; undefined for that itself, and when there is none. */
function romBase({ devices }: Pick<Board, 'devices'>): number | undefined {
  const taken = devices.flatMap((device) => legacyWindow(device) ?? []);
  const { base: usual, size: bytes } = DEFAULT_ROM;
  for (let base: number = usual; base + bytes <= LEGACY_END; base += bytes)
    if (taken.every((each) => base + bytes <= each.base || base >= each.base + each.size)) return base === usual ? undefined : base;
  return undefined;
}
/** A device of that kind as it comes on the board: with the next free name, and a ROM with a free place. */
export function newDevice(board: Board, kind: string): BoardDevice {
  const id = freeName(takenNames(board), (number) => `${prefix(kind)}${number}`);
  const base = kind === 'rom' ? romBase(board) : undefined;
  return { id, kind, ...(base === undefined ? {} : { base }) };
}

/**
 * A device of that kind with the next free name, in a port or on the root complex; its place on the bus is the first free one until
 * it is given another.
 */
export function addDevice(board: Board, kind: string, port?: string): BoardChange {
  const device = newDevice(board, kind);
  const { id } = device;
  const value = { ...device, ...(port === undefined ? {} : { parent: port }) };
  const label = port === undefined ? words(`Add ${id} (${kind})`, `添加 ${id}（${kind}）`) : words(`Plug ${id} (${kind}) into ${port}`, `将 ${id}（${kind}）插入 ${port}`);
  return { patches: [append(['devices'], value)], label, look: nodeOf('device', id) };
} // prettier-ignore

export const setDmaMask = (device: string, bits: number): BoardChange => ({
  patches: [set(['devices', device, 'dmaMask'], bits)],
  label: words(`DMA mask of ${device}`, `${device} 的 DMA 掩码`),
});

/** `00:04.0`; an empty text leaves the place to the firmware. */
export const setPlace = (device: string, at: string): BoardChange => ({
  patches: [at === '' ? unset(['devices', device, 'at']) : set(['devices', device, 'at'], at)],
  label: words(`PCI address of ${device}`, `${device} 的 PCI 地址`),
});

/** Where a ROM answers, in bytes, and what it holds, in hexadecimal digits; null is the usual. */
export const setRom = (device: string, key: 'base' | 'size' | 'contents', value: number | string | null): BoardChange => ({
  patches: [value === null ? unset(['devices', device, key]) : set(['devices', device, key], value)],
  label: key === 'contents' ? words(`Contents of ${device}`, `${device} 的内容`) : words(`Window of ${device}`, `${device} 的窗口`),
});

export const setEntries = (device: string, entries: number): BoardChange => ({
  patches: [set(['devices', device, 'entries'], entries)],
  label: words(`List entries of ${device}`, `${device} 的列表项数`),
});
