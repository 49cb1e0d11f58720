/**
 * The memory map that firmware hands to an operating system, in the form of the BIOS call E820 (ACPI 6.4, section 15.1): what is
 * memory, and what is kept for devices. Addresses without an entry are nobody's.
 */
import type { RangeKind } from '../board/address-map';
import { ADAPTER_AREA, FIRMWARE_TABLES } from '../board/windows';

/** ACPI's address range types 1 and 2. */
export type E820Type = 'usable' | 'reserved';
export const E820_NUMBERS: Readonly<Record<E820Type, number>> = { usable: 1, reserved: 2 };

export { FIRMWARE_TABLES };

export interface E820Entry {
  base: number;
  /** first address behind */
  end: number;
  type: E820Type;
}

/**
 * Ascending, neighbours of one type joined. Addresses that several DIMMs answer are no memory to build on: they are reserved. So is
 * everything from 0xA_0000 to 1 MiB, also where DRAM answers there: the firmware keeps the last segment for itself, and what is
 * before it belongs to adapters and their ROMs on every PC, so that no firmware calls it usable (SeaBIOS takes it out of its map) and
 * systems that find it so take it out themselves (Linux: trim_bios_range). `ranges` ascend and are disjoint.
 */
export function e820(ranges: readonly { base: number; end: number; kind: RangeKind }[]): E820Entry[] {
  const kept = { base: ADAPTER_AREA.base, end: FIRMWARE_TABLES.end };
  const entries: E820Entry[] = [];
  for (const { base, end, kind } of ranges) {
    if (kind === 'hole') continue;
    const bounds = [base, ...[kept.base, kept.end].filter((cut) => cut > base && cut < end), end];
    for (let index = 0; index + 1 < bounds.length; index++) {
      const [from, to] = [bounds[index]!, bounds[index + 1]!];
      const inside = from >= kept.base && from < kept.end;
      const type: E820Type = kind === 'dram' && !inside ? 'usable' : 'reserved';
      const last = entries.at(-1);
      if (last && last.end === from && last.type === type) last.end = to;
      else entries.push({ base: from, end: to, type });
    }
  }
  return entries;
}

/** Bytes of usable memory in one piece from `base` on, not beyond `end`. */
export function usableFrom(map: readonly E820Entry[], base: number, end = Infinity): number {
  const entry = map.find((each) => each.type === 'usable' && each.base <= base && base < each.end);
  return entry ? Math.min(entry.end, end) - base : 0;
}

/** Bytes of an entry in memory: base, length, type, and the extended attributes of ACPI 3 (bit 0: the entry counts). */
export const E820_ENTRY_BYTES = 24;

/** The entries one behind the other, little-endian, as INT 15h AX=E820h hands them out. */
export function e820Bytes(entries: readonly E820Entry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * E820_ENTRY_BYTES);
  const data = new DataView(bytes.buffer);
  entries.forEach(({ base, end, type }, index) => {
    const at = index * E820_ENTRY_BYTES;
    data.setBigUint64(at, BigInt(base), true);
    data.setBigUint64(at + 8, BigInt(end - base), true);
    data.setUint32(at + 16, E820_NUMBERS[type], true);
    data.setUint32(at + 20, 1, true);
  });
  return bytes;
}

/** The table in memory ends where the firmware's services begin. */
export const SERVICES_BASE = 0xf_f000;
export const e820TableBase = (entries: readonly E820Entry[]): number => SERVICES_BASE - entries.length * E820_ENTRY_BYTES;
