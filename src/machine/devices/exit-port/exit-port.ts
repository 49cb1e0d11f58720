/**
 * A port that ends the run: the value written is what the program wants to say (0 for success by custom). Test guests use
 * it instead of HLT. Same place as QEMU's isa-debug-exit is usually given: 0xF4.
 */
import type { Device, DeviceRegion, EventTag } from '../device';
import { decodeState, encodeState } from '../device-state';

export const EXIT_PORT = 0xf4;
const STATE_VERSION = 1;

export class ExitPort implements Device {
  readonly kind = 'exit-port';
  readonly regions: readonly DeviceRegion[] = [{ name: 'value', kind: 'port', size: 4, base: EXIT_PORT }];
  private value: number | null = null;

  /** @param asked is called when a program asks for the end: the slice that runs now should end */
  constructor(
    readonly id: string,
    private readonly asked: () => void = () => undefined,
  ) {}

  /** The value written, or null while nobody asked to end. */
  get exitValue(): number | null {
    return this.value;
  }

  reset(): void {
    this.value = null;
  }

  read(_region: string, _offset: number, size: 1 | 2 | 4): number {
    return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
  }

  write(_region: string, _offset: number, _size: 1 | 2 | 4, value: number): void {
    this.value ??= value;
    this.asked();
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, { value: this.value });
  }

  load(bytes: Uint8Array): void {
    this.value = decodeState<{ value: number | null }>(this.kind, STATE_VERSION, bytes).value;
  }
}
