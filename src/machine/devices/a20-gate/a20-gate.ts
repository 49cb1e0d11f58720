/**
 * The A20 gate of AT-class boards, as system control port A at 0x92 has it: bit 1 lets address line 20 through. It is open at
 * power-on, as firmware leaves it. Closed, the processor's addresses wrap at 1 MiB as the 8086's do. Bit 0 (a reset of the
 * processor) is not connected.
 */
import type { Device, DeviceRegion, EventTag } from '../device';
import { decodeState, encodeState } from '../device-state';

export const A20_PORT = 0x92;
const OPEN = 2;
const STATE_VERSION = 1;

export class A20Gate implements Device {
  readonly kind = 'a20-gate';
  readonly regions: readonly DeviceRegion[] = [{ name: 'control', kind: 'port', size: 1, base: A20_PORT }];
  private open = true;

  /** @param onChange the pin A20M# of the processor */
  constructor(
    readonly id: string,
    private readonly onChange: (open: boolean) => void,
  ) {}

  reset(): void {
    this.open = true;
  }

  read(): number {
    return this.open ? OPEN : 0;
  }

  write(_region: string, _offset: number, _size: 1 | 2 | 4, value: number): void {
    const open = (value & OPEN) !== 0;
    if (open === this.open) return;
    this.open = open;
    this.onChange(open);
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, { open: this.open });
  }

  /** The pin is part of the processor's state and comes back with it. */
  load(bytes: Uint8Array): void {
    this.open = decodeState<{ open: boolean }>(this.kind, STATE_VERSION, bytes).open;
  }
}
