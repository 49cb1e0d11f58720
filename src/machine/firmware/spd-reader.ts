/**
 * How firmware reads the modules' SPD memories: byte by byte through the registers of the SMBus controller, with the page turns
 * that DDR4 (addresses 36h and 37h) and DDR5 (the hub's MR11) need.
 */
import { SMBUS_COMMAND, SMBUS_CONTROL, SMBUS_PORTS, SMBUS_REGISTERS, SMBUS_STATUS, SPD_ADDRESS } from '../devices/smbus/smbus';

export interface SmbusAccess {
  readPort(port: number): number;
  writePort(port: number, value: number): void;
  /** lets the controller finish the transaction that was started */
  wait(): void;
}

const ALL_STATUS = 0xff;
const DDR4_PAGES = [0x36, 0x37] as const;
const DDR4_TYPE = 0x0c;
const HUB_TYPE = 0x51;
const HUB_PAGE_REGISTER = 11;

type Paging = 'none' | 'ddr4' | 'hub';

export class SpdReader {
  /** by slot; null where nothing acknowledges */
  private readonly found = new Map<number, { paging: Paging; page: number } | null>();

  constructor(private readonly access: SmbusAccess) {}

  /** A byte of a slot's SPD; undefined when nothing answers. */
  byte(slot: number, offset: number): number | undefined {
    const module = this.probe(slot);
    if (!module) return undefined;
    const size = module.paging === 'ddr4' ? 256 : module.paging === 'hub' ? 128 : Infinity;
    const page = size === Infinity ? 0 : Math.floor(offset / size);
    if (page !== module.page) this.turn(slot, module, page);
    return this.read(SPD_ADDRESS + slot, module.paging === 'hub' ? 0x80 + (offset % size) : page > 0 ? offset % size : offset);
  }

  private probe(slot: number): { paging: Paging; page: number } | null {
    let module = this.found.get(slot);
    if (module !== undefined) return module;
    const first = this.read(SPD_ADDRESS + slot, 0);
    if (first === undefined) module = null;
    // -1: whatever page was left open
    else if (first === HUB_TYPE) module = { paging: 'hub', page: -1 };
    else module = { paging: this.read(SPD_ADDRESS + slot, 2) === DDR4_TYPE ? 'ddr4' : 'none', page: 0 };
    this.found.set(slot, module);
    return module;
  }

  /** DDR4's page address turns every module on the bus. */
  private turn(slot: number, module: { paging: Paging; page: number }, page: number): void {
    if (module.paging === 'hub') this.transact(SPD_ADDRESS + slot, false, SMBUS_COMMAND.byteData, HUB_PAGE_REGISTER, page);
    else this.transact(DDR4_PAGES[page === 0 ? 0 : 1], false, SMBUS_COMMAND.quick, 0);
    for (const other of this.found.values())
      if (other === module || (module.paging === 'ddr4' && other?.paging === 'ddr4')) other.page = page;
  }

  private read(address: number, offset: number): number | undefined {
    return this.transact(address, true, SMBUS_COMMAND.byteData, offset)
      ? this.access.readPort(SMBUS_PORTS + SMBUS_REGISTERS.data0)
      : undefined;
  }

  /** False when the status says that nobody acknowledged. */
  private transact(address: number, reads: boolean, command: number, offset: number, value = 0): boolean {
    const write = (register: number, byte: number): void => this.access.writePort(SMBUS_PORTS + register, byte);
    write(SMBUS_REGISTERS.status, ALL_STATUS);
    write(SMBUS_REGISTERS.address, (address << 1) | (reads ? 1 : 0));
    write(SMBUS_REGISTERS.command, offset);
    if (!reads) write(SMBUS_REGISTERS.data0, value);
    write(SMBUS_REGISTERS.control, SMBUS_CONTROL.start | (command << 2));
    this.access.wait();
    const status = this.access.readPort(SMBUS_PORTS + SMBUS_REGISTERS.status);
    write(SMBUS_REGISTERS.status, ALL_STATUS);
    return (status & SMBUS_STATUS.done) !== 0;
  }
}
