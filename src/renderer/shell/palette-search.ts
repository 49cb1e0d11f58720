/** What was typed into "go to": an address, or words to find. Pure. */
import { parseAddress } from '../../machine/board/schema';

/** `0x10_0000`, `1000h` or a number of at least five digits is an address; anything else is words. */
export function parseTarget(text: string): bigint | null {
  const query = text.trim();
  const hex = /^([0-9][0-9a-f_]*)h$/i.exec(query)?.[1];
  if (hex !== undefined) return BigInt(`0x${hex.replaceAll('_', '')}`);
  if (/^0x[0-9a-f_]+$/i.test(query)) {
    const digits = query.slice(2).replaceAll('_', '');
    return digits.length > 0 && digits.length <= 16 ? BigInt(`0x${digits}`) : null;
  }
  if (!/^\d{5,}$/.test(query)) return null;
  const address = parseAddress(query);
  return address === undefined ? null : BigInt(address);
}

/** How well `text` answers `query`: null when a word is missing, else lower is better. */
function score(text: string, query: string): number | null {
  const haystack = text.toLowerCase();
  let total = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = haystack.indexOf(word);
    if (at < 0) return null;
    total += at === 0 ? 0 : /[\s·:.-]/.test(haystack[at - 1] ?? '') ? 1 : 2 + at / 100;
  }
  return total;
}

/** Entries that contain every word, best first; equal ones keep their order. */
export function rank<Entry>(entries: readonly Entry[], query: string, text: (entry: Entry) => string): Entry[] {
  return entries
    .map((entry, index) => ({ entry, index, score: score(text(entry), query) }))
    .filter((found): found is { entry: Entry; index: number; score: number } => found.score !== null)
    .sort((a, b) => a.score - b.score || a.index - b.index)
    .map(({ entry }) => entry);
}
