/**
 * The lines of a lab's text that hold the board's layout (`board.canvas`). Moving parts is the edit that is made most often and means
 * the least, so it rewrites these lines and nothing else: the rest of the text is neither read again nor written. Pure.
 */
import { isAlias, isCollection, isMap, isPair, isScalar, Scalar } from 'yaml';
import { entryText } from './patches';
import type { PatchValue } from './scalar-text';
import type { YamlSource } from './yaml-source';

/** Whole lines of the text, from `start` up to `end` (offsets); none yet where the two are equal. */
export interface LayoutLines {
  start: number;
  end: number;
  /** spaces before the key */
  indent: number;
}

const KEY = 'canvas';

/** Offset of the first line that begins at or after `offset`; null when the text ends without one. */
function nextLine(text: string, offset: number): number | null {
  if (offset > 0 && text[offset - 1] === '\n') return offset;
  const end = text.indexOf('\n', offset);
  return end < 0 ? null : end + 1;
}

/** Is the last thing written in a value a text of many lines, whose end only YAML can tell? */
function endsInBlockText(node: unknown): boolean {
  if (isScalar(node)) return node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED;
  if (!isCollection(node)) return false;
  const last: unknown = node.items.at(-1);
  return endsInBlockText(isPair(last) ? (last.value ?? last.key) : last);
}

/**
 * Where the layout stands, or would be added: after the last key of the board. Null where lines cannot be exchanged: a board written
 * on one line, one that other parts of the file refer to, or one that the file ends with in the middle of a line.
 */
export function layoutLines({ text, document }: YamlSource): LayoutLines | null {
  const board: unknown = isMap(document.contents) ? document.contents.get('board', true) : undefined;
  const [first] = isMap(board) && !board.flow ? board.items : [];
  if (!isMap(board) || !first) return null;
  const own = board.items.find(({ key }) => isScalar(key) && key.value === KEY);
  const last = own ?? board.items.at(-1)!;
  const { key, value } = last;
  if (!isScalar(key) || !key.range || !(isScalar(value) || isCollection(value)) || !value.range || isAlias(value)) return null;
  const lineOf = (offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;
  const start = lineOf(key.range[0]);
  const before = text.slice(start, key.range[0]);
  const end = endsInBlockText(value) ? null : nextLine(text, value.range[1]);
  if (end === null || !/^ *$/.test(before)) return null;
  if (!own) return { start: end, end, indent: before.length };
  return /[&*]/.test(text.slice(start, end)) ? null : { start, end, indent: before.length };
}

/** A name that YAML takes for one, with a `:` in it and nothing else that it might read as its own. */
const PLAIN_NODE = /^[a-z]+:[A-Za-z][A-Za-z0-9_-]*$/;
/** Fewer places may stand on one line. */
const MANY = 8;

/**
 * A layout with its key, as `entryText` has it. Hundreds of places are written here: the YAML writer takes longer over them than there
 * is between two frames.
 */
export function layoutText(layout: PatchValue): string {
  const { places, ...rest } = layout as { [key: string]: PatchValue };
  const entries = Object.entries((places ?? {}) as Record<string, PatchValue>);
  const plain = entries.every(([node, place]) => PLAIN_NODE.test(node) && Array.isArray(place) && place.every(Number.isSafeInteger));
  if (Object.keys(layout as object)[0] !== 'places' || entries.length < MANY || !plain) return entryText(KEY, layout);
  const lines = entries.map(([node, place]) => `    ${node}: [ ${(place as number[]).join(', ')} ]\n`).join('');
  const others = Object.entries(rest).map(([key, value]) => entryText(key, value).replace(/^(?=.)/gm, '  '));
  return `${KEY}:\n  places:\n${lines}${others.join('')}`;
}

/** The text with another layout in these lines (undefined: with none), and where it stands then. */
export function withLayout(text: string, lines: LayoutLines, layout: PatchValue | undefined): { text: string; lines: LayoutLines } {
  const indent = ' '.repeat(lines.indent);
  const written = layout === undefined ? '' : layoutText(layout).replace(/^(?=.)/gm, indent);
  return {
    text: text.slice(0, lines.start) + written + text.slice(lines.end),
    lines: { ...lines, end: lines.start + written.length },
  };
}

/** Where the layout stands in `after`, when nothing else of the text `before` has changed; null when something has. */
export function layoutLinesIn(after: string, before: string, lines: LayoutLines): LayoutLines | null {
  const tail = before.length - lines.end;
  const end = after.length - tail;
  const same = end >= lines.start && after.startsWith(before.slice(0, lines.start)) && after.endsWith(before.slice(lines.end));
  return same ? { ...lines, end } : null;
}

/** Lines from `from` up to `to`. */
export function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
