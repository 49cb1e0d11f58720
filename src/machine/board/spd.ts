/**
 * Serial presence detect: the bytes in a module's EEPROM from which firmware learns what it is. The fields that describe the
 * arrangement, by each generation's standard (JEDEC 4.1.2.4/5 for SDR and DDR, .10 for DDR2, .11 for DDR3, .12 for DDR4,
 * JESD400-5 for DDR5); timings are in spd-timings.ts; what this lab does not model (voltages, makers) is zero. SIMMs have none.
 */
import type { DimmGeometry, DimmPart, DimmTechnology } from './dimms';
import { writeSpdTimings } from './spd-timings';

/** Byte 2: the key byte for the memory's generation. */
const KEY: Readonly<Partial<Record<DimmTechnology, number>>> = { SDR: 4, DDR: 7, DDR2: 8, DDR3: 0x0b, DDR4: 0x0c, DDR5: 0x12 };
const SPD_KEY_BYTE = 2;

/** What the bytes say. */
export interface SpdModule {
  technology: DimmTechnology;
  bytes: number;
  geometry: DimmGeometry;
  /** data bits of a chip */
  width: number;
}

const log2 = (value: number): number => Math.log2(value);
/** CRC-16 of the standards: polynomial 1021h, from 0. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

const WIDTH_CODES: readonly number[] = [4, 8, 16, 32];
/** DDR4 and DDR3: megabits of a chip, from 256 on, by doubling. DDR5's own order. */
const DDR5_DENSITIES: readonly number[] = [0, 4096, 8192, 12288, 16384, 24576, 32768, 49152, 65536];

/** SDR, DDR and DDR2, byte 31: the bytes of a rank as one bit. The lowest bits of DDR and DDR2 mean the large sizes. */
function rankDensity(technology: DimmTechnology, bytes: number): number {
  const mib = bytes / 1024 ** 2;
  const bit =
    technology === 'DDR2' ? (mib >= 1024 ? log2(mib / 1024) : log2(mib / 128) + 5) : mib >= 1024 ? log2(mib / 1024) : log2(mib / 4);
  return (1 << bit) & 0xff;
}

/** The EEPROM: 256 bytes (512 DDR4, 1024 DDR5). Undefined for a SIMM. */
export function spdBytes(part: DimmPart): Uint8Array | undefined {
  const { technology, bytes: size, geometry, chips } = part;
  const key = KEY[technology];
  if (key === undefined) return undefined;
  const { ranks, bankGroups, banks, rows, columns, busBytes } = geometry;
  const spd = new Uint8Array(technology === 'DDR5' ? 1024 : technology === 'DDR4' ? 512 : 256);
  spd[SPD_KEY_BYTE] = key;
  writeSpdTimings(spd, part);
  const widthCode = WIDTH_CODES.indexOf(chips.width);
  const view = new DataView(spd.buffer);
  switch (technology) {
    case 'DDR3':
      spd.set([0x92, 0x10], 0);
      spd[3] = busBytes === 4 ? 3 : 2; // SO-DIMM or UDIMM
      spd[4] = ((log2(banks) - 3) << 4) | log2(chips.megabits / 256);
      spd[5] = ((log2(rows) - 12) << 3) | (log2(columns) - 9);
      spd[7] = ((ranks - 1) << 3) | widthCode;
      spd[8] = log2(busBytes);
      view.setUint16(126, crc16(spd.subarray(0, 117)), true);
      break;
    case 'DDR4':
      spd.set([0x23, 0x11], 0);
      spd[3] = 2;
      spd[4] = (log2(bankGroups) << 6) | ((log2(banks) - 2) << 4) | log2(chips.megabits / 256);
      spd[5] = ((log2(rows) - 12) << 3) | (log2(columns) - 9);
      spd[12] = ((ranks - 1) << 3) | widthCode;
      spd[13] = log2(busBytes);
      view.setUint16(126, crc16(spd.subarray(0, 126)), true);
      break;
    case 'DDR5':
      spd.set([0x30, 0x10], 0);
      spd[3] = 2;
      spd[4] = DDR5_DENSITIES.indexOf(chips.megabits);
      spd[5] = ((log2(columns) - 10) << 5) | (log2(rows) - 16);
      spd[6] = widthCode << 5;
      spd[7] = (log2(bankGroups) << 5) | log2(banks);
      spd[234] = (ranks - 1) << 3;
      spd[235] = ((geometry.subchannels - 1) << 5) | log2(busBytes);
      view.setUint16(510, crc16(spd.subarray(0, 510)), true);
      break;
    default:
      spd.set([128, 8], 0);
      spd[3] = log2(rows);
      spd[4] = log2(columns);
      spd[5] = technology === 'DDR2' ? ranks - 1 : ranks;
      spd[6] = busBytes * 8;
      spd[13] = chips.width;
      spd[17] = banks;
      spd[31] = rankDensity(technology, size / ranks);
      spd[63] = spd.subarray(0, 63).reduce((sum, byte) => sum + byte, 0) & 0xff;
  }
  return spd;
}

/** Reads a module's EEPROM as firmware does, byte by byte. Undefined when nothing sensible is there. */
export function readSpd(read: (offset: number) => number | undefined): SpdModule | undefined {
  const key = read(SPD_KEY_BYTE);
  const technology = (Object.keys(KEY) as DimmTechnology[]).find((each) => KEY[each] === key);
  if (technology === undefined) return undefined;
  const at = (offset: number): number => read(offset) ?? 0;
  const made = (geometry: DimmGeometry, width: number): SpdModule => {
    const bytes = Object.values(geometry).reduce((product: number, count: number) => product * count, 1);
    return { technology, bytes, geometry, width };
  };
  switch (technology) {
    case 'DDR3':
    case 'DDR4': {
      const four = technology === 'DDR4';
      const organisation = at(four ? 12 : 7);
      return made(
        {
          subchannels: 1,
          ranks: ((organisation >> 3) & 7) + 1,
          bankGroups: four ? 2 ** (at(4) >> 6) : 1,
          banks: 2 ** (((at(4) >> 4) & (four ? 3 : 7)) + (four ? 2 : 3)),
          rows: 2 ** (((at(5) >> 3) & 7) + 12),
          columns: 2 ** ((at(5) & 7) + 9),
          busBytes: 2 ** (at(four ? 13 : 8) & 7),
        },
        WIDTH_CODES[organisation & 7] ?? 0,
      );
    }
    case 'DDR5':
      return made(
        {
          subchannels: ((at(235) >> 5) & 3) + 1,
          ranks: ((at(234) >> 3) & 7) + 1,
          bankGroups: 2 ** (at(7) >> 5),
          banks: 2 ** (at(7) & 7),
          rows: 2 ** ((at(5) & 31) + 16),
          columns: 2 ** ((at(5) >> 5) + 10),
          busBytes: 2 ** (at(235) & 7),
        },
        WIDTH_CODES[at(6) >> 5] ?? 0,
      );
    default:
      return made(
        {
          subchannels: 1,
          bankGroups: 1,
          ranks: technology === 'DDR2' ? (at(5) & 7) + 1 : at(5),
          banks: at(17),
          rows: 2 ** at(3),
          columns: 2 ** at(4),
          busBytes: at(6) / 8,
        },
        at(13),
      );
  }
}
