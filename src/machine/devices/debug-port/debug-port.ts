/**
 * The debug console at port 0xE9 that Bochs made common: every byte written is printed, and a read gives 0xE9 so that a
 * program can tell that it is there.
 */
import type { Device, DeviceRegion, EventTag } from '../device';
import { decodeState, encodeState, fromHex } from '../device-state';

export const DEBUG_PORT = 0xe9;
/** The console keeps the newest bytes up to this many. */
export const DEBUG_OUTPUT_LIMIT = 1024 * 1024;
const STATE_VERSION = 1;

export class DebugPort implements Device {
  readonly kind = 'debug-port';
  readonly regions: readonly DeviceRegion[] = [{ name: 'data', kind: 'port', size: 1, base: DEBUG_PORT }];
  private bytes: Uint8Array = new Uint8Array(256);
  private length = 0;

  constructor(readonly id: string) {}

  /** Everything written so far (the newest DEBUG_OUTPUT_LIMIT bytes of it). */
  get output(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  reset(): void {
    this.length = 0;
  }

  read(_region: string, _offset: number, _size: 1 | 2 | 4): number {
    return DEBUG_PORT;
  }

  write(_region: string, _offset: number, _size: 1 | 2 | 4, value: number): void {
    if (this.length === DEBUG_OUTPUT_LIMIT) {
      const drop = 64 * 1024;
      this.bytes.copyWithin(0, drop);
      this.length -= drop;
    }
    if (this.length >= this.bytes.length) {
      const larger = new Uint8Array(Math.min(DEBUG_OUTPUT_LIMIT, Math.max(256, this.bytes.length * 2)));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = value & 0xff;
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, { output: this.output });
  }

  load(saved: Uint8Array): void {
    this.bytes = fromHex(decodeState<{ output: string }>(this.kind, STATE_VERSION, saved).output);
    this.length = this.bytes.length;
  }
}
