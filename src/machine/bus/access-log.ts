/** What the chipset tells the transaction log of an access: a device register, a port, several DIMMs at once, nobody. */
import { formatRange, type AddressRange } from '../board/address-map';
import type { TransactionLog } from './transaction-log';

const host = (address: number) => ({ space: 'host' as const, address });

export class AccessLog {
  private readonly names = new WeakMap<AddressRange, string>();

  constructor(private readonly log: TransactionLog) {}

  /** @param offset in the device's region, bytes */
  registerRead(range: AddressRange, address: number, size: number, offset: number, value: number): void {
    this.register('mmio-read', 'register-read', range, address, size, offset, value);
  }

  registerWrite(range: AddressRange, address: number, size: number, offset: number, value: number): void {
    this.register('mmio-write', 'register-write', range, address, size, offset, value);
  }

  /** A write to a ROM, which changes nothing. */
  readOnlyWrite(range: AddressRange, address: number, size: number, offset: number, value: number): void {
    this.register('mmio-write', 'read-only-write', range, address, size, offset, value);
  }

  /** @param value what was written; undefined: it was a read */
  conflict(range: AddressRange, address: number, size: number, value?: number): void {
    const code = value === undefined ? 'conflict-read' : 'conflict-write';
    const written = value === undefined ? {} : { value };
    const answeredBy = range.slots.join('+');
    this.log.add({ kind: 'note', code, address: host(address), size, ...written, matched: this.nameOf(range), answeredBy, outcome: 'ok' });
  }

  /** @param range the hole or the reserved entry; undefined beyond the address lines */
  nobody(code: 'memory-read' | 'memory-write', range: AddressRange | undefined, address: number, size: number, value: number): void {
    const matched = range ? { matched: this.nameOf(range) } : {};
    this.log.add({ kind: 'unanswered', code, address: host(address), size, value, ...matched, outcome: 'nobody' });
  }

  /** @param device who answered; undefined: nobody did */
  port(write: boolean, port: number, size: number, value: number, device: string | undefined): void {
    this.log.addPort(port, size, value, write, device);
  }

  private register(
    kind: 'mmio-read' | 'mmio-write',
    code: string,
    range: AddressRange,
    address: number,
    size: number,
    offset: number,
    value: number,
  ): void {
    const matched = this.nameOf(range);
    const data = { region: range.region!, offset };
    this.log.add({ kind, code, address: host(address), size, matched, answeredBy: range.device!, outcome: 'ok', data, value });
  }

  /** As the log names it. Made once: the same few ranges are met at every access. */
  private nameOf(range: AddressRange): string {
    let name = this.names.get(range);
    if (name === undefined) this.names.set(range, (name = formatRange(range)));
    return name;
  }
}
