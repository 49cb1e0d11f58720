/** Which changes the board takes with the power on: those of slots and ports that are for hot-plug. Pure. */
import type { Patch } from '../../../../lab/document/patches';
import { isHotPluggable } from '../../../../machine/board/hot-plug';
import type { Board } from '../../../../machine/board/schema';

/** Another DIMM, or none, in a slot for hot-plug; a device taken out of a port for hot-plug. Everything else waits for the power to go off. */
export function isHotChange(board: Board, patches: readonly Patch[]): boolean {
  return (
    patches.length > 0 &&
    patches.every(({ op, path }) => {
      const [root, list, id, key] = path;
      if (root !== 'board') return false;
      if (list === 'slots' && op === 'set' && key === 'dimm' && path.length === 4)
        return board.slots.some((slot) => slot.id === id && slot.hotPlug === true);
      const device = list === 'devices' && op === 'remove' && path.length === 3 && board.devices.find((each) => each.id === id);
      return device ? isHotPluggable(board, device) : false;
    })
  );
}
