/**
 * What of the catalogue can be plugged in while the power is on: a DIMM into a slot for hot-plug, a device into a free port of a root
 * port or switch for hot-plug. Anything else waits for the power to go off, and says so. Pure.
 */
import { isHotPluggable } from '../../../machine/board/hot-plug';
import { devicePart } from '../../../machine/board/parts';

import type { Board } from '../../../machine/board/schema';
import { misfitWords, type Item } from './catalogue';
import { misfit } from './fit';
import { addDevice, plug, portFor, type BoardChange } from './edits';
import { words, type Words } from './edits/change';

export type HotOffer = { target: string; change: BoardChange } | { why: Words };

/** @param chosen the slot or bridge that is selected, which is asked first */
export function offerWhileOn(board: Board, { kind, id }: Pick<Item, 'kind' | 'id'>, chosen: string | null): HotOffer {
  if (kind === 'dimm') return offerDimm(board, id, chosen);
  if (kind === 'device' && devicePart(id)?.pci) return offerDevice(board, id, chosen);
  return { why: words('The power is on: this part is fitted with the power off.', '电源已打开：该部件只能在断电时安装。') };
}

function offerDimm(board: Board, dimm: string, chosen: string | null): HotOffer {
  const hot = board.slots.filter(({ hotPlug }) => hotPlug === true);
  const fits = hot.filter(({ id }) => misfit(board, id, dimm) === null);
  const slot = fits.find(({ id }) => id === chosen) ?? fits.find((each) => each.dimm === null);
  if (slot) return { target: slot.id, change: { ...plug(board, slot.id, dimm), look: `slot:${slot.id}` } };
  const refused = hot[0] && misfit(board, hot[0].id, dimm);
  if (refused) return { why: misfitWords(refused) };
  return {
    why:
      hot.length > 0
        ? words('The power is on, and every slot for hot-plug is taken: choose one to change its DIMM.', '电源已打开，且所有热插拔插槽都已占用：请先选中要更换内存条的插槽。')
        : words('The power is on, and no slot is for hot-plug.', '电源已打开，且没有支持热插拔的插槽。'),
  };
} // prettier-ignore

function offerDevice(board: Board, kind: string, chosen: string | null): HotOffer {
  const hot = (board.bridges ?? []).filter(({ id }) => isHotPluggable(board, { parent: id }));
  const first = [...hot.filter(({ id }) => id === chosen), ...hot.filter(({ id }) => id !== chosen)];
  for (const { id } of first) {
    const port = portFor(board, 'device', id);
    if (port === undefined) continue;
    const wanted = addDevice(board, kind, port);
    return { target: port, change: wanted };
  }
  return {
    why:
      hot.length > 0
        ? words('The power is on, and no port for hot-plug is free.', '电源已打开，且没有空闲的热插拔端口。')
        : words('The power is on, and no root port or switch is for hot-plug.', '电源已打开，且没有支持热插拔的根端口或交换机。'),
  };
}
