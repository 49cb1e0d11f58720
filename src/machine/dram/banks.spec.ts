import { describe, expect, it } from 'vitest';
import { addressMap } from '../board/address-map';
import { dramTimings } from '../board/dram-timings';
import { ALL_DIMMS, dimmPart } from '../board/parts';
import { boardSchema } from '../board/schema';
import { Banks, OUTCOME, wireBanks } from './banks';
import { DramLocator } from './locator';
import { ModelArrays } from './model-layout';

const NS = 1000;
const t = dramTimings(dimmPart('ddr3-256m')!);

function banksOf(inFlight = 8, slots = 1, dimm = 'ddr3-256m'): Banks {
  const ids = Array.from({ length: slots }, (_, index) => `A${index}`);
  const board = boardSchema.parse({
    slots: ids.map((id, index) => ({ id, base: index * 0x1000_0000, dimm })),
    controllers: [{ id: 'mc', channels: ids.map((id) => [id]), order: 'ChRaBaRoCo' }],
  });
  const { modules } = new DramLocator(board, addressMap(board).dram);
  const wires = wireBanks(modules, inFlight);
  return new Banks(modules, ({ part }) => dramTimings(part), wires, new ModelArrays(wires.size));
}
/** the first refresh is over */
const start = 10_000 * NS;

describe('open pages', () => {
  it('takes tRCD + tCL + burst for a closed bank, tCL + burst for the open row, and a precharge more for another row', () => {
    const banks = banksOf();
    expect(banks.access(0, 5, false, start, false)).toBe(OUTCOME.miss);
    expect(banks.end - start).toBe(t.tRCD + t.tCL + t.tBurst);
    const later = start + 100 * NS;
    expect(banks.access(0, 5, false, later, false)).toBe(OUTCOME.hit);
    expect(banks.end - later).toBe(t.tCL + t.tBurst);
    const last = start + 200 * NS;
    expect(banks.access(0, 6, false, last, false)).toBe(OUTCOME.conflict);
    expect(banks.end - last).toBe(t.tRP + t.tRCD + t.tCL + t.tBurst);
    expect(banks.openRow[0]).toBe(6);
  });

  it('keeps a row open for tRAS, and after a write for tWR', () => {
    const banks = banksOf();
    banks.access(0, 5, true, start, false);
    const written = banks.end;
    banks.access(0, 6, false, start + 1, false);
    expect(banks.end).toBe(written + t.tWR + t.tRP + t.tRCD + t.tCL + t.tBurst);
    const other = banksOf();
    other.access(0, 5, false, start, false);
    other.access(0, 6, false, start + 1, false);
    expect(other.end).toBe(start + t.tRAS + t.tRP + t.tRCD + t.tCL + t.tBurst);
  });

  it('moves one burst after another on a bus, and on two buses at once', () => {
    const one = banksOf();
    one.access(0, 5, false, start, false);
    const first = one.end;
    for (let count = 1; count <= 4; count++) {
      one.access(0, 5, false, start, false);
      expect(one.end).toBe(first + count * t.tBurst);
    }
    const two = banksOf(8, 2);
    two.access(0, 5, false, start, false);
    two.access(8, 5, false, start, false);
    expect(two.end).toBe(first);
  });

  it.each(['ddr4-4g', 'ddr5-16g'])(
    'takes the next column command of a bank group after tCCD_L, of another group after a burst (%s)',
    (dimm) => {
      const part = dimmPart(dimm)!;
      const { tCCD, tBurst, tCL } = dramTimings(part);
      const perGroup = part.geometry.banks;
      expect(tCCD).toBeGreaterThan(tBurst);
      /** end of the last of eight accesses to open rows of these banks in turn, after the first one's */
      const eight = (other: number): number => {
        const banks = banksOf(8, 1, dimm);
        for (const bank of [0, other]) banks.access(bank, 5, false, start, false);
        const later = start + 1000 * NS;
        for (let index = 0; index < 8; index++) banks.access(index % 2 ? other : 0, 5, false, later, false);
        return banks.end - later - tCL - tBurst;
      };
      expect(eight(perGroup)).toBe(7 * tBurst);
      expect(eight(1)).toBe(7 * tCCD);
      expect(eight(0)).toBe(7 * tCCD);
    },
  );

  it.each([
    ['ddr4-4g', 'tCCD_L', 5],
    ['ddr5-16g', 'tCCD_L_WR2', 10],
    ['ddr5-64g-2rx4', 'tCCD_L_WR, for it must read what it writes but half of', 20],
  ])('writes to one bank group of %s after %s', (dimm, _name, nanoseconds) => {
    const { banks: perGroup } = dimmPart(dimm)!.geometry;
    const { tCL, tBurst } = dramTimings(dimmPart(dimm)!);
    const eight = (other: number): number => {
      const banks = banksOf(8, 1, dimm);
      for (const bank of [0, other]) banks.access(bank, 5, false, start, false);
      const later = start + 1000 * NS;
      for (let index = 0; index < 8; index++) banks.access(index % 2 ? other : 0, 5, true, later, false);
      return banks.end - later - tCL - tBurst;
    };
    expect(eight(1)).toBe(7 * nanoseconds * NS);
    // the groups take turns, each as late as itself asks, and never sooner than the bus
    expect(eight(perGroup)).toBe(Math.max(7 * tBurst, 3 * nanoseconds * NS + tBurst));
  });

  it('overlaps what banks need beforehand', () => {
    const banks = banksOf();
    for (let bank = 0; bank < 4; bank++) banks.access(bank, 1, false, start, false);
    // the activations are tRRD apart, the rows of four banks open side by side
    expect(banks.end).toBe(start + 3 * t.tRRD + t.tRCD + t.tCL + t.tBurst);
  });

  it.each(['ddr4-4g', 'ddr5-16g'])('opens rows of one bank group tRRD_L apart, of several tRRD_S (%s)', (dimm) => {
    const part = dimmPart(dimm)!;
    const { tRRD, tRRDL, tRCD, tCL, tBurst } = dramTimings(part);
    expect(tRRDL).toBeGreaterThan(tRRD);
    const two = (other: number): number => {
      const banks = banksOf(8, 1, dimm);
      for (const bank of [0, other]) banks.access(bank, 5, false, start, false);
      return banks.end - start - tRCD - tCL - tBurst;
    };
    expect(two(part.geometry.banks)).toBe(tRRD);
    // the column commands are tCCD_L apart
    expect(two(1)).toBe(Math.max(tRRDL, dramTimings(part).tCCD));
    const [through, saved] = [banksOf(8, 1, dimm), banksOf(8, 1, dimm)];
    through.access(0, 5, false, start, false);
    saved.load(through.save());
    for (const banks of [through, saved]) banks.access(1, 5, false, start, false);
    expect(saved.end).toBe(through.end);
  });

  it('closes every row with each refresh, which takes tRFC', () => {
    const banks = banksOf();
    banks.access(0, 5, false, start, false);
    const refreshed = Math.floor(start / t.tREFI + 1) * t.tREFI;
    expect(banks.access(0, 5, false, refreshed, false)).toBe(OUTCOME.miss);
    expect(banks.end).toBe(refreshed + t.tRFC + t.tRCD + t.tCL + t.tBurst);
  });

  it('lets the processor have so many accesses outstanding and then waits for the oldest', () => {
    const banks = banksOf(2);
    banks.access(0, 5, false, start, true);
    const first = banks.end;
    expect(banks.wait(0, start)).toBe(0);
    banks.access(0, 5, false, start, true);
    expect(banks.wait(0, start)).toBe(first - start);
    expect(banks.wait(0, first)).toBe(0);
  });

  it.each(['ddr3-256m', 'ddr4-4g'])('goes on from what was saved as if nothing had happened (%s)', (dimm) => {
    const banks = banksOf(2, 1, dimm);
    for (let index = 0; index < 5; index++) banks.access(1 + (index % 3), index, index % 2 === 0, start + index, true);
    const restored = banksOf(2, 1, dimm);
    restored.load(structuredClone(banks.save()));
    expect(restored.save()).toEqual(banks.save());
    for (const each of [banks, restored]) each.access(1, 9, false, start + 10, true);
    expect(restored.end).toBe(banks.end);
    expect(restored.wait(1, start + 10)).toBe(banks.wait(1, start + 10));
  });
});

describe('timings', () => {
  it('are whole picoseconds, and a window is 32 or 64 ms from SDR on, for every module there is', () => {
    for (const dimm of ALL_DIMMS) {
      const { grade, refreshWindow, ...times } = dramTimings(dimm);
      for (const value of Object.values(times)) expect(Number.isInteger(value)).toBe(true);
      expect(times.tRFC).toBeLessThan(times.tREFI);
      expect(times.tRAS).toBeGreaterThanOrEqual(times.tRCD);
      if (dimm.technology !== 'SIMM') expect([32e9, 64e9]).toContain(refreshWindow);
      expect(grade).not.toBe('');
    }
  });
});
