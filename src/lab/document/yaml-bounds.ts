/**
 * How large a YAML text is, found from its words alone and before anything is built from them, so that a file from a stranger
 * costs no more than reading it: the length of its longest list, and its words altogether. It stops at the first that is too many.
 */
import { Lexer } from 'yaml';

/** Items of one list or group of keys: more than the slots of any board that can be wired (2048). */
export const MOST_ITEMS = 4_096;
/** Words, brackets, line ends and spaces. A lab of 200 parts has some 10,000, the largest board 90,000; a program written inside a lab is one. */
const MOST_TOKENS = 150_000;

export type TooLarge =
  /** `key`: what the list is called; absent where it has no name */
  { kind: 'list'; key?: string; start: number } | { kind: 'file' };

interface OpenList {
  start: number;
  key: string | undefined;
  items: number;
}

/** Of a short text with few commas and dashes nothing can be too long, and its words need not be looked at. */
function isSmall(source: string): boolean {
  // the lexer says at most two words of its own for each character
  if (source.length * 2 > MOST_TOKENS) return false;
  let [commas, dashes] = [0, 0];
  for (let at = 0; at < source.length; at++) {
    const code = source.charCodeAt(at);
    if (code === 0x2c) commas++;
    else if (code === 0x2d) dashes++;
  }
  return commas < MOST_ITEMS && dashes <= MOST_ITEMS;
}

/** What is too large in a text, or undefined. Never throws; whether it is YAML at all is not its business. */
export function tooLarge(source: string): TooLarge | undefined {
  if (isSmall(source)) return undefined;
  /** flow lists that are open, inside out */
  const flow: OpenList[] = [];
  /** block lists that are open, by the column of their dashes */
  const block: (OpenList & { column: number })[] = [];
  let offset = 0;
  let lineStart = 0;
  let tokens = 0;
  let scalar: string | undefined;
  let key: string | undefined;
  for (const token of new Lexer().lex(source)) {
    if (++tokens > MOST_TOKENS) return { kind: 'file' };
    const start = offset;
    // signs of the lexer's own that stand for nothing in the text: document, flow error, and "a scalar follows"
    if (token === '\u0002' || token === '\u0018' || token === '\u001f') continue;
    offset += token.length;
    const first = token[0]!;
    if (first === '\n' || first === '\r') {
      lineStart = offset;
      continue;
    }
    if (first === ' ' || first === '\t' || first === '#') continue;
    if (token === '[' || token === '{') flow.push({ start, key, items: 1 });
    else if (token === ']' || token === '}') flow.pop();
    else if (token === ',') {
      const list = flow.at(-1);
      if (list && ++list.items > MOST_ITEMS) return found(list);
    } else if (token === ':') key = scalar;
    else if (flow.length === 0) {
      const column = start - lineStart;
      const dash = token === '-';
      // what stands further left ends a list, and a key in its column does
      while (block.length > 0 && (dash ? block.at(-1)!.column > column : block.at(-1)!.column >= column)) block.pop();
      if (dash) {
        if (block.at(-1)?.column !== column) block.push({ column, start, key, items: 0 });
        const list = block.at(-1)!;
        if (++list.items > MOST_ITEMS) return found(list);
      }
    }
    scalar = token;
  }
  return undefined;
}

const found = ({ key, start }: OpenList): TooLarge => ({ kind: 'list', ...(key === undefined ? {} : { key }), start });
