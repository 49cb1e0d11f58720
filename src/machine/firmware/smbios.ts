/**
 * The board's memory as SMBIOS tables (DMTF DSP0134 3.3, the first that knows DDR5): the array (type 16), each slot (17), the address ranges (19) and which
 * slot is behind which of them (20). Built from the drawing; firmware writes them to memory, `board dmi` to a file.
 */
import { addressBits } from '../board/placement';
import type { AddressMap, DramRange } from '../board/address-map';
import { ALL_DIMMS, dimmPart, type DimmPart, type DimmTechnology } from '../board/parts';
import type { Interleave } from '../board/interleave';
import type { Board } from '../board/schema';

/** Bytes of the 64-bit entry point (5.2.2). */
const ENTRY_BYTES = 24;
/** A dump begins with the entry point, padded; dmidecode reads the tables from here. */
const DUMP_TABLES = 32;
const NO_HANDLE = 0xfffe;
const ARRAY_HANDLE = 0x1000;
const FIRST_SLOT = 0x1100;
/** Handles are 16 bits; slots and ranges beyond these are left out. */
const MOST_SLOTS = 0x4000;
const MOST_RANGES = 0x1000;
const FIRST_RANGE = 0x6000;
const FIRST_PIECE = 0x8000;

/** 7.18.2, Memory Device – Type; megatransfers a second of the grade that dram-timings.ts has (0: not clocked), and millivolts. */
const KINDS: Readonly<Record<DimmTechnology, readonly [type: number, speed: number, millivolts: number]>> = {
  SIMM: [0x03, 0, 5000],
  SDR: [0x0f, 133, 3300],
  DDR: [0x12, 400, 2600],
  DDR2: [0x13, 800, 1800],
  DDR3: [0x18, 1600, 1500],
  DDR4: [0x1a, 2400, 1200],
  DDR5: [0x22, 4800, 1100],
};

/** One structure: its fields little-endian behind the header, then its texts. */
class Structure {
  private readonly fields: number[] = [];
  private readonly texts: string[] = [];

  constructor(
    private readonly type: number,
    private readonly handle: number,
  ) {}

  put(bytes: 1 | 2 | 4 | 8, value: number): this {
    let rest = value;
    for (let index = 0; index < bytes; index++) {
      this.fields.push(rest % 256);
      rest = Math.floor(rest / 256);
    }
    return this;
  }

  text(value: string): this {
    this.texts.push(value);
    return this.put(1, this.texts.length);
  }

  bytes(): number[] {
    const header = [this.type, this.fields.length + 4, this.handle & 0xff, this.handle >> 8];
    const texts = this.texts.flatMap((text) => [...new TextEncoder().encode(text), 0]);
    return [...header, ...this.fields, ...(texts.length > 0 ? texts : [0]), 0];
  }
}

/** 7.17. @param capacity bytes that the slots could hold */
function array(slots: number, capacity: number, ecc: boolean): Structure {
  const kib = capacity / 1024;
  return new Structure(16, ARRAY_HANDLE)
    .put(1, 0x03) // on the system board
    .put(1, 0x03) // system memory
    .put(1, ecc ? 0x05 : 0x03) // single-bit error correction, or none
    .put(4, kib < 0x8000_0000 ? kib : 0x8000_0000)
    .put(2, NO_HANDLE)
    .put(2, slots)
    .put(8, kib < 0x8000_0000 ? 0 : capacity);
}

/** What the slots could hold with the largest modules of their kind, as far as addresses reach; never less than they do hold. */
function capacityOf(board: Board, parts: readonly (DimmPart | undefined)[]): number {
  const kinds = new Set(parts.flatMap((part) => part?.technology ?? []));
  const known = ALL_DIMMS.filter(({ technology }) => kinds.size === 0 || kinds.has(technology));
  const largest = Math.max(...known.map(({ bytes }) => bytes));
  const held = parts.reduce((sum, part) => sum + (part?.bytes ?? 0), 0);
  return Math.max(held, Math.min(parts.length * largest, 2 ** addressBits(board)));
}

/** 7.18.5: megabytes, or kilobytes with bit 15 set; 7FFF: see the extended size; 0: empty. */
function sizeField(part: DimmPart | undefined): number {
  if (!part) return 0;
  const mib = part.bytes / 1024 ** 2;
  if (mib < 1) return 0x8000 | (part.bytes / 1024);
  return mib < 0x7fff ? mib : 0x7fff;
}

/** Bits beside the data with which SECDED checks them: 8 for each (sub)channel of 64 or 32 bits. */
const CHECK_BITS = 8;

/** 7.18. @param bank what its slot is wired to */
function device(index: number, slot: string, bank: string, part: DimmPart | undefined, ecc: boolean): Structure {
  const { subchannels = 0, busBytes = 0, ranks = 0 } = part?.geometry ?? {};
  const width = busBytes * subchannels * 8;
  const mib = part ? part.bytes / 1024 ** 2 : 0;
  const [type, speed, millivolts] = part ? KINDS[part.technology] : [0x02, 0, 0];
  const structure = new Structure(17, FIRST_SLOT + index)
    .put(2, ARRAY_HANDLE)
    .put(2, NO_HANDLE)
    .put(2, width + (ecc ? CHECK_BITS * subchannels : 0))
    .put(2, width)
    .put(2, sizeField(part))
    .put(1, part?.technology === 'SIMM' ? 0x03 : 0x09) // SIMM or DIMM
    .put(1, 0)
    .text(slot)
    .text(bank)
    .put(1, type)
    .put(2, part ? (part.technology === 'SIMM' ? 0x0008 : 0x4080) : 0x0004) // fast paged; synchronous, unbuffered; unknown
    .put(2, speed)
    .text('Pagewalk')
    .text('None')
    .text('None')
    .text(part?.id ?? 'None')
    .put(1, ranks)
    .put(4, mib >= 0x7fff ? mib : 0)
    .put(2, speed);
  for (let field = 0; field < 3; field++) structure.put(2, millivolts); // least, most, configured
  structure
    .put(1, part ? 0x03 : 0x02) // DRAM, or unknown
    .put(2, part ? 0x0008 : 0x0004) // volatile, or unknown
    .put(1, 0); // no firmware
  for (let field = 0; field < 4; field++) structure.put(2, 0); // unknown makers and products
  structure.put(8, 0).put(8, part?.bytes ?? 0); // not kept without power, lost without
  return structure.put(8, 0).put(8, 0).put(4, 0).put(4, 0); // no cache, no logical size; the speeds are above
}

const FAR = 0xffff_ffff;

/** Start and end in KiB (the end is the last one's number), and in bytes where those do not reach (7.20, 7.21). */
function bounds(structure: Structure, base: number, end: number): { far: boolean } {
  const far = end / 1024 > FAR;
  structure.put(4, far ? FAR : Math.floor(base / 1024)).put(4, far ? FAR : Math.ceil(end / 1024) - 1);
  return { far };
}

/** What each slot is wired to, by its id. */
function bankNames({ controllers = [] }: Board): Map<string, string> {
  const names = new Map<string, string>();
  for (const { id, channels, banks } of controllers) {
    channels.forEach((slots, index) => slots.forEach((slot) => names.set(slot, `${id} channel ${index}`)));
    banks.forEach((slots, index) => slots.forEach((slot) => names.set(slot, `${id} bank ${index}`)));
  }
  return names;
}

/** Modules side by side in a row (SIMMs), or 1. */
const lanesOf = ({ claims }: DramRange): number =>
  Math.max(1, ...claims.map(({ interleave }) => (interleave?.granularity === 1 ? interleave.ways.length : 1)));

/** 7.21.3 and 7.21.4 for modules that take turns: which one, and how many rows of its width it has in a block (255: cannot say). */
function turn({ granularity }: Interleave, position: number, part: DimmPart): [position: number, depth: number] {
  const rows = granularity / (part.geometry.busBytes * part.geometry.subchannels);
  return [position + 1, rows < 0xff ? rows : 0xff];
}

function structures(board: Board, map: AddressMap): Structure[] {
  const slots = board.slots.slice(0, MOST_SLOTS);
  const parts = slots.map(({ dimm }) => (dimm === null ? undefined : dimmPart(dimm)));
  const checked = slots.map(({ ecc = false }, index) => ecc && parts[index] !== undefined);
  const list = [array(slots.length, capacityOf(board, parts), checked.includes(true))];
  const banks = bankNames(board);
  slots.forEach(({ id }, index) => list.push(device(index, id, banks.get(id) ?? 'BANK 0', parts[index], checked[index]!)));
  const ranges: { base: number; end: number; pieces: DramRange[] }[] = [];
  for (const piece of map.dram.slice(0, MOST_RANGES)) {
    const last = ranges.at(-1);
    if (last?.end === piece.base) {
      last.end = piece.end;
      last.pieces.push(piece);
    } else ranges.push({ base: piece.base, end: piece.end, pieces: [piece] });
  }
  let nextPiece = FIRST_PIECE;
  ranges.forEach(({ base, end, pieces }, index) => {
    const handle = FIRST_RANGE + index;
    const mapped = new Structure(19, handle);
    const { far } = bounds(mapped, base, end);
    list.push(
      mapped
        .put(2, ARRAY_HANDLE)
        .put(1, Math.max(...pieces.map(lanesOf)))
        .put(8, far ? base : 0)
        .put(8, far ? end - 1 : 0),
    );
    for (const piece of pieces) {
      for (const { slotIndex, interleave } of piece.claims) {
        const ways = interleave?.ways ?? [{ slotIndex }];
        ways.forEach((way, position) => {
          if (way.slotIndex >= MOST_SLOTS || nextPiece > 0xfdff) return;
          const entry = new Structure(20, nextPiece++);
          const reach = bounds(entry, piece.base, piece.end);
          const lane = interleave?.granularity === 1 ? position + 1 : 1;
          const [turns, depth] = interleave && interleave.granularity > 1 ? turn(interleave, position, parts[way.slotIndex]!) : [0, 0];
          list.push(
            entry
              .put(2, FIRST_SLOT + way.slotIndex)
              .put(2, handle)
              .put(1, lane)
              .put(1, turns) // 0: not interleaved
              .put(1, depth)
              .put(8, reach.far ? piece.base : 0)
              .put(8, reach.far ? piece.end - 1 : 0),
          );
        });
      }
    }
  });
  list.push(new Structure(127, 0xfeff));
  return list;
}

/** The structures one behind the other, without an entry point. */
export function smbiosTables(board: Board, map: AddressMap): Uint8Array {
  const bytes: number[] = [];
  for (const structure of structures(board, map)) for (const byte of structure.bytes()) bytes.push(byte);
  return Uint8Array.from(bytes);
}

/** The 64-bit entry point for tables at `address`. */
export function smbiosEntry(address: number, tableBytes: number): Uint8Array {
  const entry = new Uint8Array(ENTRY_BYTES);
  const view = new DataView(entry.buffer);
  entry.set(new TextEncoder().encode('_SM3_'));
  entry.set([0, ENTRY_BYTES, 3, 3, 0, 1, 0], 5);
  view.setUint32(12, tableBytes, true);
  view.setBigUint64(16, BigInt(address), true);
  entry[5] = -entry.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return entry;
}

/** Entry point and tables as they lie in memory from `base` on, a multiple of 16. */
export function smbiosImage(board: Board, map: AddressMap, base: number): Uint8Array {
  const tables = smbiosTables(board, map);
  const image = new Uint8Array(DUMP_TABLES + tables.length);
  image.set(smbiosEntry(base + DUMP_TABLES, tables.length));
  image.set(tables, DUMP_TABLES);
  return image;
}

/** A dump as `dmidecode --dump-bin` writes and `--from-dump` reads it: addresses count from the file's start. */
export const smbiosDump = (board: Board, map: AddressMap): Uint8Array => smbiosImage(board, map, 0);
