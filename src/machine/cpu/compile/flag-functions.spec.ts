import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LAZY, STATUS_FLAGS, carryFlag, conditionHolds, statusFlags } from '../flags';
import { makeFlagFunctions } from './flag-functions';

/** A result that the operation can have had; any, where it does not follow from the operands. */
function resultOf(kind: number, left: number, right: number, any: number): number {
  const carry = any & 1;
  if (kind === LAZY.add || kind === LAZY.inc) return (left + right) | 0;
  if (kind === LAZY.sub || kind === LAZY.dec) return (left - right) | 0;
  if (kind === LAZY.adc) return (left + right + carry) | 0;
  return kind === LAZY.sbb ? (left - right - carry) | 0 : any;
}

it('flags asked for in WebAssembly are those of flags.ts', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { carry, condition, eflags } = makeFlagFunctions(memory, new WebAssembly.Table({ element: 'anyfunc', initial: 1 }));
  const value = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)), fc.integer());
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(LAZY)), value, value, value, fc.nat(0xffff), (kind, left, right, any, flags) => {
      const result = resultOf(kind, left, right, any);
      expect(carry(kind, left, right, result, flags)).toBe(carryFlag(kind, left, right, result, flags));
      expect(eflags(kind, left, right, result, flags)).toBe((flags & ~STATUS_FLAGS) | statusFlags(kind, left, right, result, flags));
      for (let code = 0; code < 16; code++) {
        expect(condition(code, kind, left, right, result, flags)).toBe(conditionHolds(code, kind, left, right, result, flags) ? 1 : 0);
      }
    }),
    { numRuns: 600, seed: 9 },
  );
});
