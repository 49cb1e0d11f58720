/** The guest map against a plain Map with one entry for each frame. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GuestMap } from './guest-map';

describe('guest map', () => {
  it('joins what continues on both sides', () => {
    const map = new GuestMap();
    map.add({ guest: 0, host: 100, count: 2 });
    map.add({ guest: 4, host: 104, count: 2 });
    map.add({ guest: 2, host: 102, count: 2 });
    map.add({ guest: 6, host: 200, count: 1 });
    expect(map.pieces()).toEqual([
      { guest: 0, host: 100, count: 6 },
      { guest: 6, host: 200, count: 1 },
    ]);
    expect(map.mappedFrames).toBe(7);
    expect(() => map.add({ guest: 5, host: 300, count: 1 })).toThrow(RangeError);
  });

  it('agrees with a plain map in any order of additions, and survives save and load', () => {
    const run = fc.record({ guest: fc.nat(60), host: fc.nat(200), count: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 40 }), (runs) => {
        const map = new GuestMap();
        const model = new Map<number, number>();
        for (const { guest, host, count } of runs) {
          const frames = Array.from({ length: count }, (_, i) => guest + i);
          if (frames.some((frame) => model.has(frame))) expect(() => map.add({ guest, host, count })).toThrow(RangeError);
          else {
            map.add({ guest, host, count });
            frames.forEach((frame, i) => model.set(frame, host + i));
          }
        }
        const copy = new GuestMap();
        copy.load(map.save());
        for (let frame = 0; frame < 70; frame++) {
          expect(map.hostFrame(frame)).toBe(model.get(frame) ?? -1);
          expect(copy.hostFrame(frame)).toBe(map.hostFrame(frame));
        }
        expect(map.mappedFrames).toBe(model.size);
        map.pieces().forEach((piece, index, all) => {
          const next = all[index + 1];
          if (next) expect(piece.guest + piece.count < next.guest || piece.host + piece.count !== next.host).toBe(true);
          expect(model.get(map.guestFrame(piece.host))).toBe(piece.host);
        });
      }),
    );
  });
});
