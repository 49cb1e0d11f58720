/**
 * The memory map that firmware hands to an operating system, in the form of the BIOS call E820 (ACPI 6.4, section 15.1): what is
 * memory, and what is kept for devices. Addresses without an entry are nobody's.
 */
import type { AddressMap } from '../board/address-map';

/** ACPI's address range types 1 and 2. */
export type E820Type = 'usable' | 'reserved';
export const E820_NUMBERS: Readonly<Record<E820Type, number>> = { usable: 1, reserved: 2 };

export interface E820Entry {
  base: number;
  /** first address behind */
  end: number;
  type: E820Type;
}

/** Where the firmware of an automatically assigned board leaves its tables: the segment searched for them since the first PC. */
export const FIRMWARE_TABLES = { base: 0xf_0000, end: 0x10_0000 } as const;

/** Ascending, neighbours of one type joined. Addresses that several DIMMs answer are no memory to build on: they are reserved, as is `kept`. */
export function e820(map: Pick<AddressMap, 'ranges'>, kept?: { base: number; end: number }): E820Entry[] {
  const entries: E820Entry[] = [];
  for (const { base, end, kind } of map.ranges) {
    if (kind === 'hole') continue;
    const cuts = kept ? [kept.base, kept.end].filter((cut) => cut > base && cut < end) : [];
    const bounds = [base, ...cuts, end];
    for (let index = 0; index + 1 < bounds.length; index++) {
      const [from, to] = [bounds[index]!, bounds[index + 1]!];
      const inside = kept !== undefined && from >= kept.base && from < kept.end;
      const type: E820Type = kind === 'dram' && !inside ? 'usable' : 'reserved';
      const last = entries.at(-1);
      if (last && last.end === from && last.type === type) last.end = to;
      else entries.push({ base: from, end: to, type });
    }
  }
  return entries;
}
