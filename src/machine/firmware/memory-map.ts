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

/** Ascending, neighbours of one type joined. Addresses that several DIMMs answer are no memory to build on: they are reserved. */
export function e820(map: Pick<AddressMap, 'ranges'>): E820Entry[] {
  const entries: E820Entry[] = [];
  for (const { base, end, kind } of map.ranges) {
    if (kind === 'hole') continue;
    const type: E820Type = kind === 'dram' ? 'usable' : 'reserved';
    const last = entries.at(-1);
    if (last && last.end === base && last.type === type) last.end = end;
    else entries.push({ base, end, type });
  }
  return entries;
}
