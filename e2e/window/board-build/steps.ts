/** What has to be done to build a board from the empty one, read off the board itself: one table for mouse and keyboard. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repository } from '../../shells';

export type Step =
  | { do: 'processor'; id: string }
  | { do: 'automatic' }
  | { do: 'controller'; kind: 'channels' | 'banks'; counts: number[]; order?: string; channelInterleave?: number; rankInterleave?: number; hash: boolean }
  | { do: 'slot' }
  | { do: 'dimm'; dimm: string }
  /** of the slot that was touched last */
  | { do: 'base'; base: string }
  | { do: 'hole'; base: string }
  | { do: 'iommu' }
  /** `onto` is the id of a bridge of the sample; its ports are taken in order */
  | { do: 'bridge'; kind: string; onto: string | null; ports?: number; hotPlug: boolean }
  | { do: 'device'; kind: string; onto: string | null; at?: string; mask?: number }; // prettier-ignore

interface Sample {
  processor?: string;
  assignment?: string;
  controllers?: { id: string; channels?: string[][]; banks?: string[][]; order?: string; channelInterleave?: number; rankInterleave?: number; hash?: string }[];
  slots: { id: string; base?: string | number; dimm?: string | null }[];
  memoryHole?: { base: string };
  iommu?: { present: boolean };
  bridges?: { id: string; kind: string; parent?: string; ports?: number; hotPlug?: boolean }[];
  devices?: { id: string; kind: string; parent?: string; at?: string; dmaMask?: number }[];
} // prettier-ignore

export const readSample = (name: string): Sample =>
  (parse(readFileSync(join(repository, 'resources/boards', `${name}.board.yaml`), 'utf8')) as { board: Sample }).board;

const hex = (base: string | number): string => `0x${Number(String(base).replaceAll('_', '')).toString(16).toUpperCase()}`;

export function stepsOf(board: Sample): Step[] {
  const steps: Step[] = [];
  if (board.processor !== undefined && board.processor !== 'p6-virtualization')
    steps.push({ do: 'processor', id: String(board.processor) });
  if (board.assignment === 'automatic') steps.push({ do: 'automatic' });
  const fill = (slots: readonly string[]): void => {
    for (const id of slots) {
      const slot = board.slots.find((each) => each.id === id)!;
      if (slot.dimm) steps.push({ do: 'dimm', dimm: slot.dimm });
      if (slot.base !== undefined) steps.push({ do: 'base', base: hex(slot.base) });
    }
  };
  const wired = new Set<string>();
  for (const { channels, banks, order, channelInterleave, rankInterleave, hash } of board.controllers ?? []) {
    const lists = channels ?? banks ?? [];
    steps.push({
      do: 'controller',
      kind: channels ? 'channels' : 'banks',
      counts: lists.map((list) => list.length),
      ...(order ? { order } : {}),
      ...(channelInterleave ? { channelInterleave } : {}),
      ...(rankInterleave ? { rankInterleave } : {}),
      hash: hash === 'xor',
    });
    fill(lists.flat());
    for (const slot of lists.flat()) wired.add(slot);
  }
  for (const { id } of board.slots.filter((slot) => !wired.has(slot.id))) {
    steps.push({ do: 'slot' });
    fill([id]);
  }
  if (board.memoryHole) steps.push({ do: 'hole', base: hex(board.memoryHole.base) });
  if (board.iommu?.present) steps.push({ do: 'iommu' });
  const partOf = (port: string | undefined): string | null => port?.replace(/\.\d+$/, '') ?? null;
  for (const { kind, parent, ports, hotPlug } of board.bridges ?? [])
    steps.push({ do: 'bridge', kind, onto: partOf(parent), ...(ports ? { ports } : {}), hotPlug: hotPlug ?? false });
  for (const { kind, parent, at, dmaMask } of board.devices ?? [])
    steps.push({ do: 'device', kind, onto: partOf(parent), ...(at ? { at } : {}), ...(dmaMask ? { mask: dmaMask } : {}) });
  return steps;
}

/** The same board whatever its parts are called, and however its numbers are written; without the drawing. */
export function withoutNames(board: Sample): unknown {
  const names = new Map<string, string>();
  const name = (kind: string, list: readonly { id: string }[] | undefined): void =>
    list?.forEach(({ id }, i) => names.set(id, `${kind}${i}`));
  name('slot', board.slots);
  name('controller', board.controllers);
  name('bridge', board.bridges);
  name('device', board.devices);
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, plain(each)])); // prettier-ignore
    if (typeof value !== 'string') return value;
    const [part = '', port] = value.split('.');
    if (names.has(part)) return [names.get(part), port].filter((each) => each !== undefined).join('.');
    return /^(0x[0-9a-f_]+|[0-9][0-9_]*)$/i.test(value) ? Number(value.replaceAll('_', '')) : value;
  };
  const { canvas: _, ...hardware } = board as Sample & { canvas?: unknown };
  // what the file leaves out and what it says in so many words mean the same
  const usual = {
    processor: 'p6-virtualization', assignment: 'fixed', devices: [], bridges: [],
    ...hardware,
    slots: board.slots.map((slot) => ({ dimm: null, ...slot })),
    controllers: (board.controllers ?? []).map((each) => ({ order: 'RoBaRaCoCh', hash: 'none', ...each })),
  }; // prettier-ignore
  return plain(usual);
}
