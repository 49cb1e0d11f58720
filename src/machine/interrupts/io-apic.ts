/**
 * The IOAPIC: 24 inputs, each with a redirection entry that says which interrupt message it makes. Registers are reached through a
 * select and a window register. Intel 82093AA data sheet (with 24 entries and the version of the ICH's).
 */
import { APIC_BYTES, IO_APIC_BASE, IO_APIC_ID } from '../board/windows';
import type { Device, DeviceRegion, EventTag } from '../devices/device';
import { decodeState, encodeState } from '../devices/device-state';
import type { InterruptMessage } from './interrupt-message';

const IO_APIC_PINS = 24;
/** The 8254 hangs on input 2 (input 0 is the 8259 pair's); every other line on the input of its own number. */
export const pinOfLine = (irq: number): number => (irq === 0 ? 2 : irq);

const SELECT = 0x00;
const WINDOW = 0x10;
const REGISTER = { id: 0x00, version: 0x01, arbitration: 0x02, firstEntry: 0x10 } as const;
const VERSION = 0x20 | ((IO_APIC_PINS - 1) << 16);
/** Bits of a redirection entry's low half. */
const ENTRY = { logical: 0x800, remoteIrr: 0x4000, level: 0x8000, masked: 0x1_0000, writable: 0x1_afff } as const;
const STATE_VERSION = 1;

interface SavedIoApic {
  id: number;
  select: number;
  levels: number;
  entries: [low: number, high: number][];
}

export class IoApic implements Device {
  readonly kind = 'io-apic';
  readonly id = IO_APIC_ID;
  readonly regions: readonly DeviceRegion[] = [{ name: 'registers', kind: 'memory', size: APIC_BYTES, base: IO_APIC_BASE }];
  private apicId = 0;
  private select = 0;
  private levels = 0;
  private entries: [low: number, high: number][] = [];

  /** `deliver` takes a message to the processors; false when it was for none of them. */
  constructor(private readonly deliver: (message: InterruptMessage) => boolean) {
    this.reset();
  }

  reset(): void {
    this.apicId = this.select = 0;
    this.entries = Array.from({ length: IO_APIC_PINS }, () => [ENTRY.masked, 0]);
  }

  /** Level of an input, 0 to 23. */
  setPin(pin: number, asserted: boolean): void {
    if (!Number.isInteger(pin) || pin < 0 || pin >= IO_APIC_PINS) throw new RangeError(`the IOAPIC has no input ${pin}`);
    const bit = 1 << pin;
    const rises = asserted && !(this.levels & bit);
    this.levels = asserted ? this.levels | bit : this.levels & ~bit;
    const low = this.entries[pin]![0];
    // an edge at a masked input is lost
    if (low & ENTRY.level) this.serve(pin);
    else if (rises && !(low & ENTRY.masked)) this.send(pin);
  }

  /** A level-triggered vector has ended at the processor: inputs that are still up ask again. */
  ended(vector: number): void {
    this.entries.forEach((entry, pin) => {
      if (!(entry[0] & ENTRY.level) || !(entry[0] & ENTRY.remoteIrr) || (entry[0] & 0xff) !== vector) return;
      entry[0] &= ~ENTRY.remoteIrr;
      this.serve(pin);
    });
  }

  /** The message that a rising input would make now; null while it would make none. */
  messageOf(pin: number): InterruptMessage | null {
    const [low, high] = this.entries[pin]!;
    if (low & ENTRY.masked || (low & ENTRY.level && low & ENTRY.remoteIrr)) return null;
    return {
      vector: low & 0xff,
      mode: (low >> 8) & 7,
      destination: high >>> 24,
      logical: (low & ENTRY.logical) !== 0,
      level: (low & ENTRY.level) !== 0,
    };
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    const value = offset < 4 ? this.select : offset >= WINDOW && offset < WINDOW + 4 ? this.readRegister() : 0;
    const shifted = value >>> (8 * (offset & 3));
    return size === 4 ? shifted : shifted & (size === 2 ? 0xffff : 0xff);
  }

  /** Only whole registers are written. */
  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset === SELECT) this.select = value & 0xff;
    else if (offset === WINDOW && size === 4) this.writeRegister(value >>> 0);
  }

  event(_tag: EventTag): void {
    // nothing is ever scheduled
  }

  save(): Uint8Array {
    return encodeState(this.kind, STATE_VERSION, { id: this.apicId, select: this.select, levels: this.levels, entries: this.entries });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedIoApic>(this.kind, STATE_VERSION, bytes);
    this.apicId = saved.id;
    this.select = saved.select;
    this.levels = saved.levels;
    this.entries = saved.entries.map(([low, high]) => [low, high]);
  }

  private readRegister(): number {
    switch (this.select) {
      case REGISTER.id:
      case REGISTER.arbitration:
        return (this.apicId << 24) >>> 0;
      case REGISTER.version:
        return VERSION;
      default:
        return this.entries[(this.select - REGISTER.firstEntry) >> 1]?.[this.select & 1 ? 1 : 0] ?? 0;
    }
  }

  private writeRegister(value: number): void {
    if (this.select === REGISTER.id) {
      this.apicId = (value >>> 24) & 0xf;
      return;
    }
    const pin = (this.select - REGISTER.firstEntry) >> 1;
    const entry = this.entries[pin];
    if (!entry || this.select < REGISTER.firstEntry) return;
    if (this.select & 1) entry[1] = (value & 0xff00_0000) >>> 0;
    else {
      // a level that is still on its way stays so; an edge-triggered entry has none
      const remote = value & ENTRY.level ? entry[0] & ENTRY.remoteIrr : 0;
      entry[0] = (value & ENTRY.writable) | remote;
      this.serve(pin);
    }
  }

  /** A level-triggered input that is up asks, unless it has asked and was not ended. */
  private serve(pin: number): void {
    const low = this.entries[pin]![0];
    if (low & ENTRY.level && this.levels & (1 << pin) && !(low & ENTRY.masked) && !(low & ENTRY.remoteIrr)) this.send(pin);
  }

  private send(pin: number): void {
    const message = this.messageOf(pin);
    if (message && this.deliver(message) && message.level) this.entries[pin]![0] |= ENTRY.remoteIrr;
  }
}
