/** Items of a list that have a line of the text to themselves: they come and go with their line, and every other byte stays. Pure. */
import type { Node } from 'yaml';

export interface ItemLine {
  /** of the line; `end` is where the next one begins */
  start: number;
  end: number;
  /** what stands before the item: the list's indentation and its dash */
  head: string;
}

/** Null for an item that was not read from the text, shares its line or goes over several, as what is said of it may. */
export function itemLine(text: string, { range, comment }: Pick<Node, 'range' | 'comment'>): ItemLine | null {
  const [from, to] = range ?? [0, 0];
  if (to <= from || comment?.includes('\n')) return null;
  const start = text.lastIndexOf('\n', from - 1) + 1;
  const head = text.slice(start, from);
  const newline = text.indexOf('\n', from);
  // the end of a line that is marked in another way is left to whoever writes the whole text
  if (!/^ *- +$/.test(head) || newline < to || !/^ *(#[^\r]*)?$/.test(text.slice(to, newline))) return null;
  return { start, end: newline + 1, head };
}
