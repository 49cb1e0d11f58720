/**
 * A ROM chip: what it holds is what is read, and writes change nothing. The boot ROM answers twice, so that its last byte is at
 * the end of the first megabyte and again at the end of the address space (4 GiB, or where the address lines end before), and the
 * reset vector lies in it. A ROM on the board answers in one window below 1 MiB, where option ROMs and the BIOS are.
 */
import type { Device, DeviceRegion, EventTag } from '../device';
import { encodeState } from '../device-state';

const MEGABYTE = 0x10_0000;
const FOUR_GIB = 2 ** 32;
const STATE_VERSION = 1;
/** Sizes of chips that PC boards had for booting, in bytes. */
export const ROM_SIZES: readonly number[] = [64 * 1024, 128 * 1024];

export class Rom implements Device {
  readonly kind = 'rom';

  constructor(
    readonly id: string,
    readonly contents: Uint8Array,
    readonly regions: readonly DeviceRegion[],
  ) {}

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

/** The ROM that the processor starts in. Throws RangeError for contents that are not 64 or 128 KiB. */
export function bootRom(id: string, contents: Uint8Array, physicalAddressBits: number): Rom {
  const size = contents.length;
  if (!ROM_SIZES.includes(size)) throw new RangeError(`a ROM has 64 or 128 KiB, not ${size} bytes`);
  const top = Math.min(FOUR_GIB, 2 ** physicalAddressBits);
  return new Rom(id, contents, [
    { name: 'low', kind: 'memory', size, base: MEGABYTE - size },
    ...(top > MEGABYTE ? [{ name: 'top', kind: 'memory' as const, size, base: top - size }] : []),
  ]);
}

/**
 * A ROM of the board, `size` bytes from `base`. `hex` are the digits of what it holds from its first byte on; the rest is all
 * ones, as an erased chip reads.
 */
export function boardRom(id: string, base: number, size: number, hex = ''): Rom {
  const contents = new Uint8Array(size).fill(0xff);
  const digits = hex.replace(/\s+/g, '');
  for (let byte = 0; byte < Math.min(size, digits.length / 2); byte++) contents[byte] = parseInt(digits.slice(byte * 2, byte * 2 + 2), 16);
  return new Rom(id, contents, [{ name: 'rom', kind: 'memory', size, base }]);
}
