/** DAA, DAS, AAA, AAS, AAM and AAD against the operation in the manual. */
import { describe, expect, it } from 'vitest';
import { FLAG } from './flags';
import { go, halted, realBench } from './small-programs.spec-support';
import { assembleInto, flatProtected, makeBench } from './test-bench.spec-support';

describe('decimal adjustment', () => {
  /** As the manual's operation says it: AL, AH, CF, AF behind it. */
  type Adjusted = [al: number, ah: number, carry: boolean, adjust: boolean];
  type Model = (al: number, ah: number, carry: boolean, adjust: boolean) => Adjusted;
  const digits =
    (sign: 1 | -1): Model =>
    (old, ah, carried, adjusted) => {
      const adjust = (old & 15) > 9 || adjusted;
      const low = adjust ? old + sign * 6 : old;
      const high = old > 0x99 || carried;
      return [(high ? low + sign * 0x60 : low) & 0xff, ah, high || (adjust && (low < 0 || low > 0xff)), adjust];
    };
  const ascii =
    (sign: 1 | -1): Model =>
    (old, ah, _, adjusted) => {
      const adjust = (old & 15) > 9 || adjusted;
      const ax = ah * 256 + old + (adjust ? sign * 0x106 : 0);
      return [ax & 15, (ax >> 8) & 0xff, adjust, adjust];
    };
  const MODELS: Record<string, Model> = {
    daa: digits(1),
    das: digits(-1),
    aaa: ascii(1),
    aas: ascii(-1),
    ...Object.fromEntries(
      [1, 2, 7, 10, 16, 254, 255].flatMap((base): [string, Model][] => [
        [`aam ${base}`, (al) => [al % base, Math.floor(al / base), false, false]],
        [`aad ${base}`, (al, ah) => [(al + ah * base) & 0xff, 0, false, false]],
      ]),
    ),
  };

  it.each(Object.keys(MODELS))('%s is as the manual has it, for every AL', (code) => {
    const bench = makeBench();
    assembleInto(bench, `bits 32\norg 0x1000\n${code}\nhlt`);
    flatProtected(bench, 0x1000);
    const { processor } = bench;
    const { state } = processor;
    for (let n = 0; n < 0x400; n++) {
      const [al, ah, carry, adjust] = [n & 0xff, (n * 37) & 0xff, (n & 0x100) !== 0, (n & 0x200) !== 0];
      state.setReg32(0, 0x8765_0000 | (ah << 8) | al);
      state.eflags = 2 | (carry ? FLAG.CF : 0) | (adjust ? FLAG.AF : 0) | (n & 1 ? FLAG.OF | FLAG.ZF : FLAG.SF | FLAG.PF);
      state.eip = 0x1000;
      processor.stateReplaced();
      processor.run(1);
      const seen = [state.reg8(0), state.reg8(4), state.flag(FLAG.CF), state.flag(FLAG.AF)];
      const expected = MODELS[code]!(al, ah, carry, adjust);
      const parity = [...expected[0].toString(2)].filter((bit) => bit === '1').length % 2 === 0;
      const of = (flag: number): boolean => state.flag(flag);
      expect([...seen, of(FLAG.ZF), of(FLAG.SF), of(FLAG.PF), of(FLAG.OF), state.reg32(0) >>> 16]).toEqual([
        ...expected,
        expected[0] === 0,
        expected[0] > 0x7f,
        parity,
        false,
        0x8765,
      ]);
    }
  });

  it('AAM 0 is #DE', () => {
    const bench = realBench('mov ax, 0x1234\naam 0\nhlt');
    go(bench);
    expect([halted(bench), bench.processor.state.reg16(0)]).toEqual([0, 0x1234]);
  });
});
