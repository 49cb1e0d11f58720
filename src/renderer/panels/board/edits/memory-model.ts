/** What a module has beyond its chips (check bits, target row refresh, how much it stands), and how far the board models its memory. Pure. */
import type { PatchValue } from '../../../../lab/document/scalar-text';
import type { Board } from '../../../../machine/board/schema';
import { set, unset, words, type BoardChange } from './change';

/** A module's keys; null: as a module has it unless told. */
export interface ModuleKeys {
  ecc: boolean | null;
  trr: number | null;
  rowThreshold: number | null;
}

const MODULE_WORDS = {
  ecc: (slot: string) => words(`ECC of ${slot}`, `${slot} 的 ECC`),
  trr: (slot: string) => words(`Target row refresh of ${slot}`, `${slot} 的目标行刷新`),
  rowThreshold: (slot: string) => words(`Row threshold of ${slot}`, `${slot} 的行阈值`),
};

export const setModule = <K extends keyof ModuleKeys>(slot: string, key: K, value: ModuleKeys[K]): BoardChange => ({
  patches: [value === null ? unset(['slots', slot, key]) : set(['slots', slot, key], value)],
  label: MODULE_WORDS[key](slot),
});

export type MemoryKeys = NonNullable<Board['memory']>;
const MEMORY_WORDS: Record<keyof MemoryKeys, BoardChange['label']> = {
  timing: words('Memory timing', '内存时序'),
  inFlight: words('Accesses in flight', '在途访问数'),
  disturbance: words('Row disturbance', '行干扰'),
  reach: words('Reach of disturbance', '干扰范围'),
  seed: words('Seed of the weak cells', '弱单元的种子'),
};

/** One setting of the memory model; what is as usual is left out of the file, and so is a model of which nothing is left. */
export function setMemory<K extends keyof MemoryKeys>(board: Board, key: K, value: MemoryKeys[K] | null): BoardChange {
  const { timing, disturbance, ...rest } = { ...board.memory, [key]: value ?? undefined };
  const numbers = Object.entries(rest).filter((entry): entry is [string, number] => entry[1] !== undefined);
  const next: Record<string, PatchValue> = {
    ...(timing ? { timing } : {}),
    ...(disturbance ? { disturbance } : {}),
    ...Object.fromEntries(numbers),
  };
  const empty = Object.keys(next).length === 0;
  const patches = !empty ? [set(['memory'], next)] : board.memory ? [unset(['memory'])] : [];
  return { patches, label: MEMORY_WORDS[key] };
}
