/** Memory controllers: their channels or banks with the slots on them, and how they spread addresses. Pure. */
import type { Patch } from '../../../../lab/document/patches';
import type { MappingOrder } from '../../../../machine/board/mapping-orders';
import type { Board, Controller } from '../../../../machine/board/schema';
import { append, freeName, nodeOf, set, takenNames, unset, words, type BoardChange, type LabParts } from './change';
import { removeParts } from './remove';

export type ControllerKind = 'channels' | 'banks';
export const MOST_CHANNELS = 8;
export const MOST_SLOTS_A_CHANNEL = 4;
export const MOST_BANKS = 16;
/** modules side by side that make one bus */
export const BANK_LANES = [1, 2, 4, 8] as const;

/** A controller drives channels of DIMMs, or banks of SIMMs side by side; which one, its wires tell. */
export const controllerKind = ({ banks }: Pick<Controller, 'banks'>): ControllerKind => (banks.length > 0 ? 'banks' : 'channels');

/** Slot names of a channel: A1, A2 on the first, B1, B2 on the second; S0, S1, … in banks. */
const channelSlot = (taken: Set<string>, channel: number): string => {
  const letter = String.fromCharCode(65 + (channel % 26));
  return freeName(taken, (number) => `${letter}${number + 1}`);
};
const bankSlot = (taken: Set<string>): string => freeName(taken, (number) => `S${number}`);

/** A controller with one channel of two slots, or one bank of four, to be changed afterwards. */
export function addController(board: Board, kind: ControllerKind): BoardChange {
  const taken = takenNames(board);
  const id = freeName(taken, (number) => `mc${number}`);
  const channel = (board.controllers ?? []).reduce((sum, { channels }) => sum + channels.length, 0);
  const slots = kind === 'channels' ? [channelSlot(taken, channel), channelSlot(taken, channel)] : [0, 1, 2, 3].map(() => bankSlot(taken));
  return {
    patches: [...slots.map((slot) => append(['slots'], { id: slot })), append(['controllers'], { id, [kind]: [slots] })],
    label: words(`Add memory controller ${id}`, `添加内存控制器 ${id}`),
    look: nodeOf('controller', id),
  };
}

/** Gives a controller as many channels (or banks) as `counts` is long, with so many slots each. New slots are empty; the last ones leave. */
export function wireController(lab: LabParts, id: string, counts: readonly number[]): BoardChange {
  const { board } = lab;
  const controllers = board.controllers ?? [];
  const controller = controllers.find((each) => each.id === id);
  if (!controller) return { patches: [], label: words(`Wire ${id}`, `为 ${id} 接线`) };
  const kind = controllerKind(controller);
  const before = controllers.slice(0, controllers.indexOf(controller)).reduce((sum, { channels }) => sum + channels.length, 0);
  const taken = takenNames(board);
  const added = new Set<string>();
  const lists = counts.map((count, index) =>
    Array.from({ length: count }, (_, position) => {
      const kept = controller[kind][index]?.[position];
      if (kept !== undefined) return kept;
      const slot = kind === 'channels' ? channelSlot(taken, before + index) : bankSlot(taken);
      added.add(slot);
      return slot;
    }),
  );
  const left = new Set(lists.flat());
  const dropped = controller[kind].flat().filter((slot) => !left.has(slot));
  const removal = removeParts(lab, dropped.map((slot) => nodeOf('slot', slot))); // prettier-ignore
  return {
    patches: [...removal.patches, ...insertSlots(board, dropped, lists.flat(), added), set(['controllers', id, kind], lists)],
    label: kind === 'channels' ? words(`Wire the channels of ${id}`, `为 ${id} 的通道接线`) : words(`Wire the banks of ${id}`, `为 ${id} 的 bank 接线`),
    also: removal.also,
  }; // prettier-ignore
}

/** New slots, each behind the one that comes before it in wiring order, so that the file lists channel by channel. */
function insertSlots(board: Board, dropped: readonly string[], wired: readonly string[], added: ReadonlySet<string>): Patch[] {
  const order = board.slots.map(({ id }) => id).filter((id) => !dropped.includes(id));
  return wired.flatMap((slot, i): Patch[] => {
    if (!added.has(slot)) return [];
    const before = i > 0 ? order.indexOf(wired[i - 1]!) : -1;
    const index = before < 0 ? order.length : before + 1;
    order.splice(index, 0, slot);
    return [{ op: 'insert', path: ['board', 'slots'], value: { id: slot }, index }];
  });
}

/** Puts a slot on a channel of a controller, behind those that are there; null takes it off all of them. */
export function wireSlot(board: Board, slot: string, to: { controller: string; channel: number } | null): BoardChange {
  const patches = (board.controllers ?? []).flatMap((controller) => {
    const kind = controllerKind(controller);
    const lists = controller[kind].map((list) => list.filter((each) => each !== slot));
    if (to?.controller === controller.id) {
      while (lists.length <= to.channel) lists.push([]);
      lists[to.channel]!.push(slot);
    }
    const next = lists.filter((list) => list.length > 0);
    const same = JSON.stringify(next) === JSON.stringify(controller[kind]);
    return same ? [] : [set(['controllers', controller.id, kind], next)];
  });
  return {
    patches,
    label: to === null ? words(`Unwire slot ${slot}`, `断开 ${slot} 插槽`) : words(`Wire slot ${slot} to ${to.controller}`, `将 ${slot} 插槽接到 ${to.controller}`),
  }; // prettier-ignore
}

export const setOrder = (id: string, order: MappingOrder): BoardChange => ({
  patches: [set(['controllers', id, 'order'], order)],
  label: words(`Mapping order of ${id}`, `${id} 的映射次序`),
});

/** Blocks in bytes; null leaves it to the controller. */
export const setInterleave = (id: string, key: 'channelInterleave' | 'rankInterleave', bytes: number | null): BoardChange => ({
  patches: [bytes === null ? unset(['controllers', id, key]) : set(['controllers', id, key], bytes)],
  label: key === 'channelInterleave' ? words(`Channel interleave of ${id}`, `${id} 的通道交错`) : words(`Rank interleave of ${id}`, `${id} 的 rank 交错`),
}); // prettier-ignore

export const setHash = (id: string, hash: Controller['hash']): BoardChange => ({
  patches: [set(['controllers', id, 'hash'], hash)],
  label: words(`Hashing of ${id}`, `${id} 的散列`),
});
