/**
 * The SMBus host controller of an Intel ICH9 (datasheet 316972, chapter 20; the `i801` of the usual drivers), with the
 * modules' SPD memories on its bus at 50h to 57h, one for each of the first eight slots. Quick, byte, byte-data and word-data
 * transactions; a transaction takes time and ends with INTR or DEV_ERR in the status register, which the driver polls.
 */
import type { Device, DeviceContext, DeviceRegion, EventTag, PciIdentity } from '../device';
import { decodeState, encodeState } from '../device-state';
import type { SpdEeprom } from './spd-eeprom';

/** Where firmware puts the registers: 32 ports. */
export const SMBUS_PORTS = 0x0700;
export const SMBUS_REGISTERS = { status: 0x00, control: 0x02, command: 0x03, address: 0x04, data0: 0x05, data1: 0x06 } as const;
export const SMBUS_STATUS = { busy: 0x01, done: 0x02, deviceError: 0x04, inUse: 0x40 } as const;
export const SMBUS_CONTROL = { start: 0x40 } as const;
/** SMB_CMD, bits 4:2 of the control register. */
export const SMBUS_COMMAND = { quick: 0, byte: 1, byteData: 2, wordData: 3 } as const;
/** Address of the first slot's SPD; the other seven follow. */
export const SPD_ADDRESS = 0x50;
export const SPD_SLOTS = 8;
/** Kind of the event that ends a transaction. */
export const SMBUS_DONE = 'smbus-done';
const PAGE_SELECT: readonly number[] = [0x36, 0x37];

/** Ticks of a transaction: some 30 bits at 100 kHz take far longer on a real bus. */
export const SMBUS_LATENCY = 200;
const STATE_VERSION = 1;

interface SavedSmbus {
  status: number;
  registers: number[];
  pages: number[];
}

export class SmbusController implements Device {
  readonly kind = 'smbus';
  readonly regions: readonly DeviceRegion[] = [{ name: 'registers', kind: 'port', size: 32, base: SMBUS_PORTS }];
  readonly pci: PciIdentity = { vendor: 0x8086, device: 0x2930, classCode: 0x0c0500, revision: 2, interruptPin: 0 };
  private status = 0;
  /** control, command, address, data0, data1, by offset */
  private readonly registers = new Uint8Array(8);

  /** `modules`: SPD by slot; a hole in the list is an empty slot. */
  constructor(
    readonly id: string,
    private readonly context: Pick<DeviceContext, 'clock'>,
    private readonly modules: readonly (SpdEeprom | undefined)[],
  ) {}

  reset(): void {
    this.context.clock.cancel(SMBUS_DONE);
    this.status = 0;
    this.registers.fill(0);
    for (const module of this.modules) if (module) module.page = 0;
  }

  read(_region: string, offset: number, size: 1 | 2 | 4): number {
    if (size !== 1) return size === 2 ? 0xffff : 0xffff_ffff;
    if (offset === SMBUS_REGISTERS.status) {
      const { status } = this;
      // reading it takes the semaphore
      this.status |= SMBUS_STATUS.inUse;
      return status;
    }
    return this.registers[offset] ?? 0;
  }

  write(_region: string, offset: number, size: 1 | 2 | 4, value: number): void {
    if (size !== 1) return;
    if (offset === SMBUS_REGISTERS.status) {
      // ones clear, but for "busy"
      this.status &= ~(value & ~SMBUS_STATUS.busy);
      return;
    }
    if (offset >= this.registers.length || this.status & SMBUS_STATUS.busy) return;
    this.registers[offset] = value;
    if (offset !== SMBUS_REGISTERS.control || !(value & SMBUS_CONTROL.start)) return;
    this.registers[SMBUS_REGISTERS.control] = value & ~SMBUS_CONTROL.start;
    this.status |= SMBUS_STATUS.busy;
    this.context.clock.schedule(SMBUS_LATENCY, { kind: SMBUS_DONE });
  }

  event(tag: EventTag): void {
    if (tag.kind !== SMBUS_DONE) return;
    this.status &= ~SMBUS_STATUS.busy;
    this.status |= this.transact() ? SMBUS_STATUS.done : SMBUS_STATUS.deviceError;
  }

  save(): Uint8Array {
    const pages = this.modules.map((module) => module?.page ?? 0);
    return encodeState(this.kind, STATE_VERSION, { status: this.status, registers: [...this.registers], pages });
  }

  load(bytes: Uint8Array): void {
    const saved = decodeState<SavedSmbus>(this.kind, STATE_VERSION, bytes);
    this.status = saved.status;
    this.registers.set(saved.registers);
    this.modules.forEach((module, slot) => {
      if (module) module.page = saved.pages[slot] ?? 0;
    });
  }

  /** The transaction that the registers describe; false when nobody acknowledges. */
  private transact(): boolean {
    const { address, command, control, data0, data1 } = SMBUS_REGISTERS;
    const target = this.registers[address]! >> 1;
    const reads = (this.registers[address]! & 1) !== 0;
    const page = PAGE_SELECT.indexOf(target);
    if (page >= 0 && !reads) return this.modules.filter((module) => module?.selectPage(page as 0 | 1)).length > 0;
    const module = this.modules[target - SPD_ADDRESS];
    if (!module) return false;
    const offset = this.registers[command]!;
    switch ((this.registers[control]! >> 2) & 7) {
      case SMBUS_COMMAND.quick:
        return true;
      case SMBUS_COMMAND.byte:
        if (reads) this.registers[data0] = module.read(offset);
        return true;
      case SMBUS_COMMAND.byteData:
        if (reads) this.registers[data0] = module.read(offset);
        else module.write(offset, this.registers[data0]!);
        return true;
      case SMBUS_COMMAND.wordData:
        if (!reads) return false;
        this.registers[data0] = module.read(offset);
        this.registers[data1] = module.read((offset + 1) & 0xff);
        return true;
      default:
        return false;
    }
  }
}
