/**
 * The (72,64) code of ECC memory: corrects one wrong bit of a 64-bit word and detects two (SECDED). Every data bit has a
 * column of eight check bits, all different and of odd weight (Hsiao, "A Class of Optimal Minimum Odd-weight-column SEC-DED
 * Codes", 1970). The code is linear, so what a decoder sees depends on the wrong bits alone, not on the word.
 */

const weight = (value: number): number => {
  let bits = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) bits++;
  return bits;
};

/** Columns of the data bits: weights 3, then 5, ascending; check bits have the columns of weight 1. */
const COLUMNS: readonly number[] = [3, 5]
  .flatMap((wanted) => Array.from({ length: 256 }, (_, value) => value).filter((value) => weight(value) === wanted))
  .slice(0, 64);
const CHECK_BITS: ReadonlySet<number> = new Set([1, 2, 4, 8, 16, 32, 64, 128]);

export type EccVerdict =
  /** no wrong bit is seen */
  | { kind: 'clean' }
  /** taken for one wrong bit; null: one of the check bits */
  | { kind: 'corrected'; bit: number | null }
  /** more than can be corrected */
  | { kind: 'uncorrectable' };

/** What the decoder makes of a word in which these data bits (0 to 63, each once) are wrong. */
export function decodeErrors(wrongBits: Iterable<number>): EccVerdict {
  let syndrome = 0;
  for (const bit of wrongBits) syndrome ^= COLUMNS[bit]!;
  if (syndrome === 0) return { kind: 'clean' };
  const bit = COLUMNS.indexOf(syndrome);
  if (bit >= 0) return { kind: 'corrected', bit };
  return CHECK_BITS.has(syndrome) ? { kind: 'corrected', bit: null } : { kind: 'uncorrectable' };
}
