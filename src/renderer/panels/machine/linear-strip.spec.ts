import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LinearRunView, LinearSpaceView } from '../../../lab/protocol';
import { addressAtX, differences, layoutAxis, runAt, runBoxes, ticksOf, xOf } from './linear-strip';

const MIB = 2 ** 20;
const run = (linear: number, bytes: number, guest: number, writable = true): LinearRunView => ({
  linear: BigInt(linear), bytes, guest: BigInt(guest), pageBytes: 4096, writable, user: false, executable: true,
}); // prettier-ignore
const space = (...runs: LinearRunView[]): LinearSpaceView => ({ cr3: 0n, current: true, format: '32-bit', runs, more: 0 });
const one = space(run(0, 4 * MIB, 0), run(4 * MIB, 4096, 0x50_0000));
const two = space(run(0, 4 * MIB, 0), run(4 * MIB, 4096, 0x60_0000), run(12 * MIB, 8192, 0));

describe('strips of linear spaces', () => {
  it('give a page room beside four megabytes, and fold what nobody maps', () => {
    const axis = layoutAxis([one, two], 1000, 'sizes');
    expect(axis.pieces.map(({ mapped, folded }) => [mapped, folded])).toEqual([
      [true, false],
      [true, false],
      [false, true],
      [true, false],
      [false, true],
    ]);
    expect(axis.pieces[1]!.width).toBeGreaterThan(100);
    expect(axis.pieces[2]!.width).toBe(44);
    const boxes = runBoxes(axis, one);
    expect(boxes.map(({ x, width }) => [x, width])).toEqual(
      axis.pieces.slice(0, 2).map(({ x, width }) => [x, expect.closeTo(width) as number]),
    );
  });

  it('in proportion, and by the logarithm of the address', () => {
    const axis = layoutAxis([one, two], 1000, 'scale');
    expect(xOf(axis, 2 ** 31)).toBeCloseTo(500);
    expect(runBoxes(axis, one)).toMatchObject([{ merged: 1 }, { width: 0.75 }]);
    const logarithmic = layoutAxis([one, two], 1000, 'log');
    expect(xOf(logarithmic, 4 * MIB)).toBeCloseTo(500, -1);
  });

  it('say where two spaces go to the same frames, to others, and where only one maps anything', () => {
    const axis = layoutAxis([one, two], 1000, 'sizes');
    expect(differences(axis, two, one).map(({ kind }) => kind)).toEqual(['same', 'other', 'here']);
    expect(differences(axis, one, two).map(({ kind }) => kind)).toEqual(['same', 'other', 'there']);
    expect(differences(axis, one, one).map(({ kind }) => kind)).toEqual(['same']);
  });

  it('find the run of an address, and write addresses that do not touch', () => {
    expect(runAt(one, 4 * MIB + 4095)).toBe(one.runs[1]);
    expect(runAt(one, 4 * MIB + 4096)).toBeUndefined();
    const ticks = ticksOf(layoutAxis([one, two], 1000, 'sizes'), 90);
    for (const [index, tick] of ticks.entries()) if (index > 0) expect(tick.x - ticks[index - 1]!.x).toBeGreaterThanOrEqual(90);
    expect(ticksOf(layoutAxis([one, two], 1000, 'scale'), 90).map(({ base }) => base)).toEqual([0, 2 ** 30, 2 ** 31, 3 * 2 ** 30]);
    expect(ticks.some(({ base }) => base === 4 * MIB)).toBe(true);
  });

  it('are monotonic, fill their width, and find addresses again, whatever is mapped', () => {
    const pages = fc.uniqueArray(fc.nat(2 ** 20 - 1), { maxLength: 150 });
    fc.assert(
      fc.property(
        pages,
        fc.constantFrom('sizes' as const, 'scale' as const, 'log' as const),
        fc.nat(2 ** 32 - 1),
        (numbers, mode, address) => {
          const shown = space(...numbers.sort((a, b) => a - b).map((page) => run(page * 4096, 4096, 0)));
          const axis = layoutAxis([shown], 800, mode);
          const end = axis.pieces.at(-1)!;
          expect(end.x + end.width).toBeCloseTo(800);
          expect(axis.pieces.length).toBeLessThanOrEqual(64);
          const x = xOf(axis, address);
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x).toBeLessThanOrEqual(800);
          expect(xOf(axis, addressAtX(axis, x))).toBeCloseTo(x, 1);
          for (const box of runBoxes(axis, shown)) expect(box.x).toBeLessThanOrEqual(800);
        },
      ),
      { numRuns: 60, seed: 4 },
    );
  });
});
