/** What the timing fields say is what the DRAM model does. All modules were also read with decode-dimms of i2c-tools 4.3. */
import { describe, expect, it } from 'vitest';
import { dramTimings } from './dram-timings';
import { ALL_DIMMS } from './parts';
import { spdBytes } from './spd';

const NS = 1000;
const modules = (technology: string) => ALL_DIMMS.filter((part) => part.technology === technology);

describe('timings in SPD', () => {
  it.each(['DDR3', 'DDR4'])('%s: multiples of 125 ps, corrected by single ones', (technology) => {
    const four = technology === 'DDR4';
    for (const part of modules(technology)) {
      const spd = spdBytes(part)!;
      const t = dramTimings(part);
      const time = (value: number, correction?: number): number =>
        value * 125 + (four && correction !== undefined ? (spd[correction]! << 24) >> 24 : 0);
      const upper = spd[four ? 27 : 21]!;
      const read = four
        ? {
            tCL: time(spd[24]!, 123),
            tRCD: time(spd[25]!, 122),
            tRP: time(spd[26]!, 121),
            tRRD: time(spd[38]!, 119),
            tCCD: time(spd[40]!, 117),
          }
        : { tCL: time(spd[16]!), tRCD: time(spd[18]!), tRP: time(spd[20]!), tRRD: time(spd[19]!), tWR: time(spd[17]!) };
      expect(t).toMatchObject(read);
      expect(time(((upper & 15) << 8) | spd[four ? 28 : 22]!)).toBe(t.tRAS);
      expect(time(((upper >> 4) << 8) | spd[four ? 29 : 23]!, 120)).toBe(t.tRAS + t.tRP);
      expect(time(spd[four ? 30 : 24]! | (spd[four ? 31 : 25]! << 8))).toBe(t.tRFC);
    }
  });

  it('DDR2: quarters of a nanosecond, and what does not fit into a byte', () => {
    for (const part of modules('DDR2')) {
      const spd = spdBytes(part)!;
      const t = dramTimings(part);
      expect([spd[27]! * 250, spd[28]! * 250, spd[29]! * 250, spd[30]! * NS]).toEqual([t.tRP, t.tRRD, t.tRCD, t.tRAS]);
      const half = (bits: number): number => ((bits & 7) === 3 ? 500 : 0);
      expect(((spd[40]! & 1) * 256 + spd[42]!) * NS + half(spd[40]! >> 1)).toBe(t.tRFC);
      expect(spd[41]! * NS + half(spd[40]! >> 4)).toBe(t.tRAS + t.tRP);
    }
  });

  it('DDR5: picoseconds', () => {
    for (const part of modules('DDR5')) {
      const spd = spdBytes(part)!;
      const { tCL, tRCD, tRP, tRAS, tWR, tRFC } = dramTimings(part);
      const view = new DataView(spd.buffer);
      expect([30, 32, 34, 36, 40].map((at) => view.getUint16(at, true))).toEqual([tCL, tRCD, tRP, tRAS, tWR]);
      expect(view.getUint16(42, true) * NS).toBe(tRFC);
    }
  });
});
