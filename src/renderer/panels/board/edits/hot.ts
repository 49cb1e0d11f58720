/** Which changes the board takes with the power on: those of slots and ports that are for hot-plug. Pure. */
import type { Patch } from '../../../../lab/document/patches';
import { isHotPluggable } from '../../../../machine/board/hot-plug';
import type { Board } from '../../../../machine/board/schema';

/** Another DIMM, or none, in a slot for hot-plug; a device put into a port for hot-plug, or taken out. Everything else waits for the power to go off. */
export function isHotChange(board: Board, patches: readonly Patch[]): boolean {
  return (
    patches.length > 0 &&
    patches.every((patch) => {
      const { op, path } = patch;
      const [root, list, id, key] = path;
      if (root !== 'board') return false;
      if (list === 'slots' && op === 'set' && key === 'dimm' && path.length === 4)
        return board.slots.some((slot) => slot.id === id && slot.hotPlug === true);
      if (list === 'devices' && patch.op === 'insert' && path.length === 2) return isHotPluggable(board, { parent: parentOf(patch.value) });
      const device = list === 'devices' && op === 'remove' && path.length === 3 && board.devices.find((each) => each.id === id);
      return device ? isHotPluggable(board, device) : false;
    })
  );
}

const parentOf = (value: unknown): string | undefined => {
  const { parent } = (value ?? {}) as { parent?: unknown };
  return typeof parent === 'string' ? parent : undefined;
};
