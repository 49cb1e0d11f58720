/**
 * A diagnostic port: every byte a program writes is recorded, in order. Test ROMs and BIOSes show how far they came on it (POST
 * codes). A read gives the byte written last, as on the cards that latch it.
 */
import type { Device, DeviceRegion, EventTag } from '../device';
import { decodeState, encodeState, fromHex } from '../device-state';

/** The newest bytes up to this many are kept. */
const POST_LIMIT = 65_536;
const STATE_VERSION = 1;

export class PostPort implements Device {
  readonly kind = 'post-port';
  readonly regions: readonly DeviceRegion[];
  private codes: number[] = [];

  /** @param port 0 to 0xFFFF */
  constructor(
    readonly id: string,
    port: number,
  ) {
    this.regions = [{ name: 'code', kind: 'port', size: 1, base: port }];
  }

  /** Bytes written so far, oldest first (the newest POST_LIMIT of them). */
  get written(): readonly number[] {
    return this.codes.slice(-POST_LIMIT);
  }

  reset(): void {
    this.codes = [];
  }

  read(_region: string, _offset: number, _size: 1 | 2 | 4): number {
    return this.codes.at(-1) ?? 0xff;
  }

  write(_region: string, _offset: number, _size: 1 | 2 | 4, value: number): void {
    if (this.codes.length >= 2 * POST_LIMIT) this.codes = this.codes.slice(-POST_LIMIT);
    this.codes.push(value & 0xff);
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, { codes: Uint8Array.from(this.codes) });
  }

  load(bytes: Uint8Array): void {
    this.codes = [...fromHex(decodeState<{ codes: string }>(this.kind, STATE_VERSION, bytes).codes)];
  }
}
