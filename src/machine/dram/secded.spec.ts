import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EccLedger } from './ecc-ledger';
import { decodeErrors } from './secded';

describe('SECDED', () => {
  it('corrects every single bit and detects every pair', () => {
    expect(decodeErrors([])).toEqual({ kind: 'clean' });
    for (let a = 0; a < 64; a++) {
      expect(decodeErrors([a])).toEqual({ kind: 'corrected', bit: a });
      for (let b = a + 1; b < 64; b++) expect(decodeErrors([a, b])).toEqual({ kind: 'uncorrectable' });
    }
  });

  it('takes three wrong bits for one, or reports them; it never finds them clean', () => {
    const bit = fc.integer({ min: 0, max: 63 });
    const kinds = new Set<string>();
    fc.assert(
      fc.property(fc.uniqueArray(bit, { minLength: 3, maxLength: 3 }), (bits) => {
        const { kind } = decodeErrors(bits);
        kinds.add(kind);
        expect(kind).not.toBe('clean');
      }),
      { numRuns: 500 },
    );
    expect([...kinds].sort()).toEqual(['corrected', 'uncorrectable']);
  });
});

describe('words with wrong bits', () => {
  const made = () => {
    const bytes = new Uint8Array(16);
    const ledger = new EccLedger({ read: (at) => bytes[at]!, write: (at, value) => (bytes[at] = value) });
    const flip = (at: number, bit: number): void => ledger.flip(at, bit);
    return { bytes, ledger, flip };
  };

  it('corrects one bit in the cells too', () => {
    const { bytes, ledger, flip } = made();
    bytes[9] = 0x55;
    flip(9, 1);
    expect(bytes[9]).toBe(0x57);
    expect(ledger.decode(8, false)).toBe('corrected');
    expect(bytes[9]).toBe(0x55);
    expect(ledger.empty).toBe(true);
    expect(ledger.decode(8, false)).toBeNull();
  });

  it('reports two bits once, and forgets them when the word is written', () => {
    const { ledger, flip } = made();
    flip(8, 0);
    flip(15, 7);
    expect(ledger.decode(8, false)).toBe('uncorrectable');
    expect(ledger.decode(8, false)).toBeNull();
    expect(ledger.decode(8, true)).toBeNull();
    expect(ledger.empty).toBe(true);
  });

  it('does not touch a word that somebody has written anew past it', () => {
    const { bytes, ledger, flip } = made();
    flip(8, 0);
    bytes[8] = 0xaa;
    expect(ledger.decode(8, false)).toBeNull();
    expect(bytes[8]).toBe(0xaa);
  });

  it('is right again when the same cell flips back', () => {
    const { ledger, flip } = made();
    flip(8, 0);
    flip(8, 0);
    expect(ledger.empty).toBe(true);
  });
});
