/** Slots, the DIMMs in them and their bases. Pure. */
import { placements, suggestBase } from '../../../../machine/board/placement';
import type { Board } from '../../../../machine/board/schema';
import { append, freeName, nodeOf, set, slotName, takenNames, unset, words, type BoardChange } from './change';

/** Puts a DIMM into a slot, in place of what is there. A slot that has no base yet gets the first free one. */
export function plug(board: Board, slot: string, dimm: string): BoardChange {
  const target = board.slots.find((candidate) => candidate.id === slot);
  const patches = [set(['slots', slot, 'dimm'], dimm)];
  if (board.assignment === 'fixed' && target && target.base === undefined && !isFurtherLane(board, slot)) {
    const base = suggestBase(withDimm(board, slot, dimm), slot);
    if (base !== undefined) patches.push(set(['slots', slot, 'base'], base));
  }
  return { patches, label: words(`Plug ${dimm} into ${slot}`, `将 ${dimm} 插入 ${slot}`) };
}

/** The same DIMM into several slots, as one change; each gets the first base that the ones before it leave free. */
export function plugAll(board: Board, slots: readonly string[], dimm: string): BoardChange {
  let now = board;
  const patches = slots.flatMap((slot) => {
    const change = plug(now, slot, dimm).patches;
    const base = change.find((patch) => patch.op === 'set' && patch.path.at(-1) === 'base');
    now = withDimm(now, slot, dimm, base?.op === 'set' ? (base.value as number) : undefined);
    return change;
  });
  return { patches, label: words(`Plug ${dimm} into ${slots.length} slots`, `将 ${dimm} 插入 ${slots.length} 个插槽`) };
}

/** The modules of a bank answer where its first slot does; the others have no base. */
const isFurtherLane = (board: Board, slot: string): boolean =>
  (board.controllers ?? []).some(({ banks }) => banks.some((lanes) => lanes.indexOf(slot) > 0));

/** Moves a DIMM to another slot; what is there comes back in exchange. */
export function moveDimm(board: Board, from: string, to: string): BoardChange {
  const dimm = board.slots.find((slot) => slot.id === from)?.dimm ?? null;
  const other = board.slots.find((slot) => slot.id === to)?.dimm ?? null;
  if (dimm === null || from === to) return { patches: [], label: words(`Move ${from}`, `移动 ${from}`) };
  return {
    patches: [set(['slots', from, 'dimm'], other), ...plug(withDimm(board, from, other), to, dimm).patches],
    label:
      other === null
        ? words(`Move the DIMM of ${from} to ${to}`, `将 ${from} 的内存条移到 ${to}`)
        : words(`Swap the DIMMs of ${from} and ${to}`, `交换 ${from} 与 ${to} 的内存条`),
  };
}

const withDimm = (board: Board, slot: string, dimm: string | null, base?: number): Board => ({
  ...board,
  slots: board.slots.map((candidate) =>
    candidate.id === slot ? { ...candidate, dimm, ...(base === undefined ? {} : { base }) } : candidate,
  ),
});

export const unplug = (slot: string): BoardChange => ({
  patches: [set(['slots', slot, 'dimm'], null)],
  label: words(`Unplug ${slot}`, `拔下 ${slot}`),
});

/** A slot more, empty and unwired, with the next free name: A1, A2, B1, B2, … A fixed base comes with its first DIMM. */
export function addSlot(board: Board): BoardChange & { id: string } {
  const id = freeName(takenNames(board), slotName);
  return { id, patches: [append(['slots'], { id })], label: words(`Add slot ${id}`, `添加 ${id} 插槽`), look: nodeOf('slot', id) };
}

export const moveBase = (slot: string, base: number): BoardChange => ({
  patches: [set(['slots', slot, 'base'], base)],
  label: words(`Move ${slot}`, `移动 ${slot}`),
});

/** How much of the space is wired to the slot; null: as much as its DIMM has. */
export const setWindow = (slot: string, bytes: number | null): BoardChange => ({
  patches: [bytes === null ? unset(['slots', slot, 'window']) : set(['slots', slot, 'window'], bytes)],
  label: words(`Window of ${slot}`, `${slot} 的窗口`),
});

/** Fixed bases start where the firmware would have put the DIMMs, so that switching alone changes nothing. */
export function assign(board: Board, assignment: Board['assignment']): BoardChange {
  const patches = [set(['assignment'], assignment)];
  if (assignment === 'fixed') {
    const placed = placements(board);
    for (const slot of board.slots) {
      const at = placed.find((placement) => placement.slot === slot.id);
      if (at && slot.base === undefined) patches.push(set(['slots', slot.id, 'base'], at.base));
    }
  }
  return {
    patches,
    label: assignment === 'fixed' ? words('Fix the bases', '固定基址') : words('Assign bases automatically', '自动分配基址'),
  };
}
