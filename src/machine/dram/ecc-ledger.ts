/**
 * Wrong bits in modules with ECC: the word's bytes lie in the frame store as the cells hold them, and here stands which of
 * their bits are wrong. An access to the word decodes it: one wrong bit is corrected, in the cells too (demand scrubbing);
 * more are reported or, when the code mistakes them for something else, silently made worse.
 */
import { decodeErrors } from './secded';

export const WORD_BYTES = 8;

/** The bytes of DRAM by host address, past every counter. */
export interface Cells {
  read(address: number): number;
  write(address: number, value: number): void;
}

export type EccOutcome = 'corrected' | 'uncorrectable' | 'miscorrected';

interface Word {
  /** wrong bits, 0 to 63 */
  bits: number[];
  /** the bytes with those bits wrong: when they have changed, somebody has written the word anew */
  held: number[];
  reported: boolean;
}

export type SavedLedger = [address: number, bits: number[], held: number[], reported: boolean][];

export class EccLedger {
  private words = new Map<number, Word>();

  constructor(private readonly cells: Cells) {}

  get empty(): boolean {
    return this.words.size === 0;
  }

  /** A bit flips in the cells: byte address, bit 0 to 7. */
  flip(address: number, bit: number): void {
    const base = address - (address % WORD_BYTES);
    const index = (address - base) * 8 + bit;
    const word = this.current(base) ?? { bits: [], held: [], reported: false };
    word.bits = word.bits.includes(index) ? word.bits.filter((other) => other !== index) : [...word.bits, index];
    this.cells.write(address, this.cells.read(address) ^ (1 << bit));
    word.held = this.bytes(base);
    word.reported = false;
    if (word.bits.length > 0) this.words.set(base, word);
    else this.words.delete(base);
  }

  /**
   * A word (address divisible by 8) is about to be read or, in part or whole, written. What its decoder does, or null when
   * nothing is wrong with it or it has been reported before.
   */
  decode(base: number, write: boolean): EccOutcome | null {
    const word = this.current(base);
    if (!word) return null;
    const verdict = decodeErrors(word.bits);
    // what is written gets check bits of its own
    if (write || verdict.kind !== 'uncorrectable') this.words.delete(base);
    if (verdict.kind === 'clean') return 'miscorrected';
    if (verdict.kind === 'uncorrectable') {
      const first = !word.reported;
      word.reported = true;
      return first ? 'uncorrectable' : null;
    }
    const { bit } = verdict;
    if (bit !== null) this.cells.write(base + (bit >> 3), this.cells.read(base + (bit >> 3)) ^ (1 << (bit & 7)));
    return word.bits.length === 1 && word.bits[0] === bit ? 'corrected' : 'miscorrected';
  }

  private current(base: number): Word | undefined {
    const word = this.words.get(base);
    if (word === undefined || this.bytes(base).every((byte, index) => byte === word.held[index])) return word;
    this.words.delete(base);
    return undefined;
  }

  private bytes(base: number): number[] {
    return Array.from({ length: WORD_BYTES }, (_, index) => this.cells.read(base + index));
  }

  save(): SavedLedger {
    return [...this.words]
      .map(([base, { bits, held, reported }]): SavedLedger[number] => [base, bits, held, reported])
      .sort(([a], [b]) => a - b);
  }

  load(saved: SavedLedger): void {
    this.words = new Map(saved.map(([base, bits, held, reported]) => [base, { bits: [...bits], held: [...held], reported }]));
  }
}
