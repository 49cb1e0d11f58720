/** Devices on the board, and what can be set on each. Pure. */
import type { Board } from '../../../../machine/board/schema';
import { append, freeName, nodeOf, set, takenNames, unset, words, type BoardChange } from './change';

/** dma0, dma1, … for the DMA devices; other kinds give their own name. */
const prefix = (kind: string): string =>
  kind === 'edu' || kind.startsWith('dma') ? 'dma' : kind.replace(/[^A-Za-z]/g, '').slice(0, 20) || 'device';

/**
 * A device of that kind with the next free name, in a port or on the root complex; its place on the bus is the first free one until
 * it is given another.
 */
export function addDevice(board: Board, kind: string, port?: string): BoardChange {
  const id = freeName(takenNames(board), (number) => `${prefix(kind)}${number}`);
  const value = { id, kind, ...(port === undefined ? {} : { parent: port }) };
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

export const setEntries = (device: string, entries: number): BoardChange => ({
  patches: [set(['devices', device, 'entries'], entries)],
  label: words(`List entries of ${device}`, `${device} 的列表项数`),
});
