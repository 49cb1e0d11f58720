/** A change of the board as patches of the document with a name for undo, and what such changes are put together from. Pure. */
import type { Patch } from '../../../../lab/document/patches';
import type { PatchValue } from '../../../../lab/document/scalar-text';
import type { LabDocument } from '../../../../lab/document/schema';
import type { Board } from '../../../../machine/board/schema';

export interface BoardChange {
  patches: Patch[];
  label: Words;
  /** the part to look at afterwards, by node: `slot:A1` */
  look?: string;
  /** what else changes with it, for a notice */
  also?: Words[];
}

export interface Words {
  en: string;
  'zh-CN': string;
}

/** What a change of the board may reach: the board, and what elsewhere in the lab names its parts. */
export type LabParts = Pick<LabDocument, 'board' | 'vms' | 'machine' | 'checks'>;

export const words = (en: string, zh: string): Words => ({ en, 'zh-CN': zh });
export const set = (path: (string | number)[], value: PatchValue): Patch => ({ op: 'set', path: ['board', ...path], value });
export const unset = (path: (string | number)[]): Patch => ({ op: 'remove', path: ['board', ...path] });
export const append = (path: (string | number)[], value: PatchValue): Patch => ({ op: 'insert', path: ['board', ...path], value });

export const nodeOf = (kind: string, id: string): string => `${kind}:${id}`;
/** `slot:A1` → kind and id; a node without a colon is all kind. */
export function kindAndId(node: string): [kind: string, id: string] {
  const at = node.indexOf(':');
  return at < 0 ? [node, node] : [node.slice(0, at), node.slice(at + 1)];
}

/** Names that no new part may have. */
export const takenNames = (board: Board): Set<string> =>
  new Set([...board.slots, ...board.devices, ...(board.controllers ?? []), ...(board.bridges ?? [])].map(({ id }) => id));

/** The first of `name(0)`, `name(1)`, … that is not taken; it is taken afterwards. */
export function freeName(taken: Set<string>, name: (number: number) => string): string {
  let number = 0;
  while (taken.has(name(number))) number++;
  const found = name(number);
  taken.add(found);
  return found;
}

/** A1, A2, B1, B2, …, Z2, then S52, S53, … */
export const slotName = (number: number): string =>
  number < 52 ? `${String.fromCharCode(65 + Math.floor(number / 2))}${(number % 2) + 1}` : `S${number}`;
