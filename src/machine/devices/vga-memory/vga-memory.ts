/**
 * The memory of a VGA adapter, as the PC has it at 0xA_0000: 128 KiB, of which text modes show the part at 0xB_8000 (two bytes a
 * character: code, attribute) and mode 13h the part at 0xA_0000 (one byte a dot). It is memory and no more: there are no planes and
 * no registers, so what is written is what is read.
 */
import type { Device, DeviceRegion, EventTag } from '../device';
import { decodeState, encodeState, fromHex } from '../device-state';

const VGA_BASE = 0xa_0000;
const VGA_BYTES = 0x2_0000;
const PAGE = 4096;
const STATE_VERSION = 1;

export class VgaMemory implements Device {
  readonly kind = 'vga-memory';
  readonly regions: readonly DeviceRegion[] = [{ name: 'frame', kind: 'memory', size: VGA_BYTES, base: VGA_BASE }];
  readonly storage = new Uint8Array(VGA_BYTES);

  constructor(readonly id: string) {}

  reset(): void {
    this.storage.fill(0);
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    let value = 0;
    for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + (this.storage[offset + byte] ?? 0xff);
    return value;
  }

  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    for (let byte = 0; byte < size; byte++) this.storage[offset + byte] = value >>> (byte * 8);
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  /** Pages that are not all zero, by their number. */
  save(): Uint8Array {
    const pages: [number, Uint8Array][] = [];
    for (let page = 0; page < VGA_BYTES / PAGE; page++) {
      const bytes = this.storage.subarray(page * PAGE, (page + 1) * PAGE);
      if (bytes.some((byte) => byte !== 0)) pages.push([page, bytes]);
    }
    return encodeState(this.kind, STATE_VERSION, { pages });
  }

  load(bytes: Uint8Array): void {
    const { pages } = decodeState<{ pages: [number, string][] }>(this.kind, STATE_VERSION, bytes);
    this.storage.fill(0);
    for (const [page, hex] of pages) this.storage.set(fromHex(hex).subarray(0, PAGE), page * PAGE);
  }
}
