/** A device that is nothing but registers which remember, and a list of what was asked of it: for the specs of bus and chipset. */
import type { Device, DeviceRegion, PciIdentity } from '../devices/device';

export class RegisterFile implements Device {
  readonly kind = 'register-file';
  readonly bytes = new Uint8Array(4096);
  readonly accesses: [kind: 'read' | 'write', region: string, offset: number, size: number, value?: number][] = [];

  constructor(
    readonly id: string,
    readonly regions: readonly DeviceRegion[],
    readonly pci?: PciIdentity,
  ) {}

  read(region: string, offset: number, size: 1 | 2 | 4): number {
    this.accesses.push(['read', region, offset, size]);
    let value = 0;
    for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + this.bytes[(offset + byte) % 4096]!;
    return value;
  }

  write(region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    this.accesses.push(['write', region, offset, size, value]);
    for (let byte = 0; byte < size; byte++) this.bytes[(offset + byte) % 4096] = value >>> (byte * 8);
  }

  reset(): void {
    this.bytes.fill(0);
  }

  event(): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return this.bytes.slice();
  }

  load(bytes: Uint8Array): void {
    this.bytes.set(bytes);
  }
}
