/** A sentence of the boot report → plain text and the addresses in it, so that each can be shown as an address. Pure. */

export type BootPart = { text: string } | { address: bigint };

/** Written in full, as `0x0010_0000`: offsets, selectors and sizes are not. */
const ADDRESS = /0x[0-9A-F]{4}(?:_[0-9A-F]{4})+/g;

export function bootParts(sentence: string): BootPart[] {
  const parts: BootPart[] = [];
  let from = 0;
  for (const { 0: found, index } of sentence.matchAll(ADDRESS)) {
    if (index > from) parts.push({ text: sentence.slice(from, index) });
    parts.push({ address: BigInt(found.replaceAll('_', '')) });
    from = index + found.length;
  }
  if (from < sentence.length) parts.push({ text: sentence.slice(from) });
  return parts;
}
