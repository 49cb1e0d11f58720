/** The SPD memories of a board's modules, as they hang on its SMBus. */
import type { HotPlugChange } from './board/hot-plug';
import { dimmPart } from './board/parts';
import type { Board } from './board/schema';
import { spdBytes } from './board/spd';
import { SPD_SLOTS } from './devices/smbus/smbus';
import { SpdEeprom } from './devices/smbus/spd-eeprom';

function eepromOf(dimm: string | null): SpdEeprom | undefined {
  const part = dimm === null ? undefined : dimmPart(dimm);
  const bytes = part && spdBytes(part);
  return part && bytes && new SpdEeprom(part.technology, bytes);
}

/** By slot, for the eight that one bus can address. Undefined on a board of the days before SPD: no module has one. */
export function spdModules(board: Board): (SpdEeprom | undefined)[] | undefined {
  const modules = board.slots.slice(0, SPD_SLOTS).map(({ dimm }) => eepromOf(dimm));
  return modules.some((module) => module !== undefined) ? modules : undefined;
}

/** Hot-plug: what hangs on the bus now. */
export function fitSpd(modules: (SpdEeprom | undefined)[], changes: readonly HotPlugChange[], board: Board): void {
  for (const change of changes) {
    const index = change.kind === 'dimm' ? board.slots.findIndex(({ id }) => id === change.slot) : -1;
    if (index >= 0 && index < modules.length) modules[index] = eepromOf(board.slots[index]!.dimm);
  }
}

/** A byte of a slot's SPD, as firmware finds it; boards with more than eight slots have further buses behind a multiplexer. */
export function spdByte(board: Board, slotIndex: number, offset: number): number | undefined {
  const dimm = board.slots[slotIndex]?.dimm ?? null;
  const part = dimm === null ? undefined : dimmPart(dimm);
  return part && spdBytes(part)?.[offset];
}
