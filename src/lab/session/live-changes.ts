/** What of a document may change while the power is on: words, limits, checks and how the board is drawn. What the machine was built from may not. */
import { hardwareOf } from '../../machine/board/canvas';
import { hotChanges, type HotPlugChange } from '../../machine/board/hot-plug';
import type { LabFiles } from '../protocol';
import type { LabDocument } from '../document/schema';

const BUILT_FROM = ['machine', 'vmm', 'vms', 'files'] as const satisfies readonly (keyof LabDocument)[];

const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same(left[key], right[key]));
};

/** What of an edit is something plugged or unplugged where the board offers it; null when anything else was changed. */
export function pluggedWhileRunning(
  before: LabDocument,
  filesBefore: LabFiles,
  after: LabDocument,
  filesAfter: LabFiles,
): HotPlugChange[] | null {
  if (!BUILT_FROM.every((key) => same(before[key], after[key])) || !same(filesBefore, filesAfter)) return null;
  return hotChanges(before.board, after.board);
}

/** Program files count too: what runs must be what the editor shows. */
export function mayChangeWhileRunning(before: LabDocument, filesBefore: LabFiles, after: LabDocument, filesAfter: LabFiles): boolean {
  const asBuilt = same(hardwareOf(before.board), hardwareOf(after.board)) && BUILT_FROM.every((key) => same(before[key], after[key]));
  return asBuilt && same(filesBefore, filesAfter);
}
