/**
 * The timing fields of a module's EEPROM, from the grade that the DRAM model has for its generation (dram-timings.ts): what other
 * readers of SPD need before they say anything. Fields of times that are not modelled (tWTR, tRTP, tFAW) have the grade's usual ones.
 */
import type { DimmPart } from './dimms';
import { dramTimings } from './dram-timings';

const NS = 1000;
/** DDR3 and DDR4: an eighth of a nanosecond, rounded up; DDR4 corrects that by picoseconds elsewhere. */
const MEDIUM = 125;
const medium = (ps: number): number => Math.ceil(ps / MEDIUM);
const fine = (ps: number): number => (ps - medium(ps) * MEDIUM) & 0xff;
/** SDR, DDR and DDR2: whole nanoseconds in the high digit, tenths in the low one. */
const tenths = (ps: number): number => (Math.floor(ps / NS) << 4) | Math.round((ps % NS) / 100);
const quarters = (ps: number): number => Math.ceil((ps * 4) / NS);
const whole = (ps: number): number => Math.ceil(ps / NS);
/** refreshed by itself, once every 15.6 (0) or 7.8 µs (2) */
const refreshRate = (tREFI: number): number => 0x80 | (tREFI > 8000 * NS ? 0 : 2);

/** Clock periods in picoseconds of the grades. */
const CLOCK = { SDR: 7500, DDR: 5000, DDR2: 2500, DDR3: 1250, DDR4: 833, DDR5: 416 } as const;

/** Signal levels: LVTTL, SSTL 2.5 V, SSTL 1.8 V. */
const SIGNALS = { SDR: 1, DDR: 4, DDR2: 5 } as const;

/** Fills in the timing fields; checksums come afterwards. */
export function writeSpdTimings(spd: Uint8Array, part: DimmPart): void {
  const t = dramTimings(part);
  const tRC = t.tRAS + t.tRP;
  const view = new DataView(spd.buffer, spd.byteOffset, spd.byteLength);
  const put = (fields: Readonly<Record<number, number>>): void => {
    for (const [at, value] of Object.entries(fields)) spd[Number(at)] = value;
  };
  switch (part.technology) {
    case 'SIMM':
      return;
    case 'SDR':
      // CL 3, 5.4 ns from the clock to the data
      put({ 8: SIGNALS.SDR, 9: tenths(CLOCK.SDR), 10: 0x54, 12: refreshRate(t.tREFI), 18: 1 << 2 });
      put({ 27: whole(t.tRP), 28: whole(t.tRRD), 29: whole(t.tRCD), 30: whole(t.tRAS) });
      return;
    case 'DDR':
      put({ 8: SIGNALS.DDR, 9: tenths(CLOCK.DDR), 10: 0x65, 12: refreshRate(t.tREFI), 18: 1 << 4 });
      put({ 27: quarters(t.tRP), 28: quarters(t.tRRD), 29: quarters(t.tRCD), 30: whole(t.tRAS), 41: whole(tRC), 42: whole(t.tRFC) });
      return;
    case 'DDR2': {
      // CL 5; an unbuffered module
      put({ 8: SIGNALS.DDR2, 20: 2, 9: tenths(CLOCK.DDR2), 10: 0x40, 12: refreshRate(t.tREFI), 18: 1 << 5 });
      put({ 27: quarters(t.tRP), 28: quarters(t.tRRD), 29: quarters(t.tRCD), 30: whole(t.tRAS), 36: quarters(t.tWR), 37: 30, 38: 30 });
      // tRC and tRFC in nanoseconds; their halves, and 256 of tRFC, are in byte 40
      const half = (ps: number): number => (ps % NS === 500 ? 3 : 0);
      const [rc, rfc] = [Math.floor(tRC / NS), Math.floor(t.tRFC / NS)];
      put({ 40: (half(tRC) << 4) | (half(t.tRFC) << 1) | (rfc > 255 ? 1 : 0), 41: rc, 42: rfc & 0xff });
      return;
    }
    case 'DDR3': {
      // time bases 1 ps and 1/8 ns; CL 6 to 11
      put({ 9: 0x11, 10: 1, 11: 8, 12: medium(CLOCK.DDR3), 14: 0xfc, 16: medium(t.tCL), 17: medium(t.tWR), 18: medium(t.tRCD) });
      const [ras, rc] = [medium(t.tRAS), medium(tRC)];
      put({ 19: medium(t.tRRD), 20: medium(t.tRP), 21: ((rc >> 8) << 4) | (ras >> 8), 22: ras & 0xff, 23: rc & 0xff });
      view.setUint16(24, medium(t.tRFC), true);
      // tWTR, tRTP 7.5 ns; tFAW 30 ns
      put({ 26: 60, 27: 60, 28: 0, 29: 240 });
      return;
    }
    case 'DDR4': {
      const slowest = 1600;
      // CL 10 to 16
      // 1.2 V
      put({
        11: 3,
        18: medium(CLOCK.DDR4),
        19: medium(slowest),
        20: 0xf8,
        21: 0x03,
        24: medium(t.tCL),
        25: medium(t.tRCD),
        26: medium(t.tRP),
      });
      const [ras, rc] = [medium(t.tRAS), medium(tRC)];
      put({ 27: ((rc >> 8) << 4) | (ras >> 8), 28: ras & 0xff, 29: rc & 0xff });
      view.setUint16(30, medium(t.tRFC), true);
      // tRFC2 and tRFC4 of chips refreshed by halves and quarters: not used here, no longer than tRFC
      view.setUint16(32, medium(t.tRFC), true);
      view.setUint16(34, medium(t.tRFC), true);
      // tFAW 21 ns; tRRD_S, tRRD_L, tCCD_L
      put({ 36: 0, 37: 168, 38: medium(t.tRRD), 39: medium(t.tRRDL), 40: medium(t.tCCD) });
      put({ 117: fine(t.tCCD), 118: fine(t.tRRDL), 119: fine(t.tRRD), 120: fine(tRC), 121: fine(t.tRP), 122: fine(t.tRCD) });
      put({ 123: fine(t.tCL), 124: fine(slowest), 125: fine(CLOCK.DDR4) });
      return;
    }
    case 'DDR5':
      // picoseconds, 16 bits each; tRFC1 in nanoseconds
      for (const [at, ps] of [
        [20, CLOCK.DDR5],
        [22, 1010],
        [30, t.tCL],
        [32, t.tRCD],
        [34, t.tRP],
        [36, t.tRAS],
        [38, tRC],
        [40, t.tWR],
        [42, t.tRFC / NS],
      ] as const)
        view.setUint16(at, ps, true);
  }
}
