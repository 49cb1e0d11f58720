/**
 * A ROM chip with the program a processor starts with: its last byte answers at the end of the first megabyte and again at the
 * end of the address space (4 GiB, or where the address lines end before), so that the reset vector lies in it. Writes change
 * nothing.
 */
import type { Device, DeviceRegion, EventTag } from '../device';
import { encodeState } from '../device-state';

const MEGABYTE = 0x10_0000;
const FOUR_GIB = 2 ** 32;
const STATE_VERSION = 1;
/** Sizes of chips that PC boards had for this, in bytes. */
export const ROM_SIZES: readonly number[] = [64 * 1024, 128 * 1024];

export class Rom implements Device {
  readonly kind = 'rom';
  readonly regions: readonly DeviceRegion[];

  /** Throws RangeError for contents that are not 64 or 128 KiB. */
  constructor(
    readonly id: string,
    readonly contents: Uint8Array,
    physicalAddressBits: number,
  ) {
    const size = contents.length;
    if (!ROM_SIZES.includes(size)) throw new RangeError(`a ROM has 64 or 128 KiB, not ${size} bytes`);
    const top = Math.min(FOUR_GIB, 2 ** physicalAddressBits);
    this.regions = [
      { name: 'low', kind: 'memory', size, base: MEGABYTE - size },
      ...(top > MEGABYTE ? [{ name: 'top', kind: 'memory' as const, size, base: top - size }] : []),
    ];
  }

  reset(): void {
    // nothing changes it
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    let value = 0;
    for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + (this.contents[offset + byte] ?? 0xff);
    return value;
  }

  write(_region: string, _offset: number, _size: 1 | 2 | 4, _value: number): void {
    // read only
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, {});
  }

  load(_bytes: Uint8Array): void {
    // no state but the contents, which belong to the board
  }
}
