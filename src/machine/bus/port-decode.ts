/**
 * Who answers a port. An access that no one device answers as a whole is made byte by byte when a device answers one of them;
 * else nobody does: all ones, counted and logged.
 */
import { allOnes } from '../memory/dram-bytes';
import type { PortSpace } from '../memory/physical-memory';
import type { AccessLog } from './access-log';
import type { Bus } from './bus';
import type { ChipsetTotals } from './chipset-counters';

type PortSize = 1 | 2 | 4;

export class PortDecode implements PortSpace {
  constructor(
    private readonly bus: Bus,
    private readonly log: AccessLog,
    private readonly counters: ChipsetTotals,
  ) {}

  readPort(port: number, size: PortSize): number {
    const window = this.bus.resolvePort(port);
    if (window && port + size <= window.base + window.size) {
      this.counters.ports++;
      const value = window.device.read(window.region, port - window.base, size) >>> 0;
      this.log.port(false, port, size, value, window.device.id);
      return value;
    }
    if (size > 1 && this.anyPort(port, size)) {
      let value = 0;
      for (let byte = size - 1; byte >= 0; byte--) value = value * 256 + this.readPort((port + byte) & 0xffff, 1);
      return value;
    }
    this.counters.unansweredPorts++;
    this.log.port(false, port, size, allOnes(size), undefined);
    return allOnes(size);
  }

  writePort(port: number, size: PortSize, value: number): void {
    const window = this.bus.resolvePort(port);
    if (window && port + size <= window.base + window.size) {
      this.counters.ports++;
      // logged first: what the device does in answer comes after its cause
      this.log.port(true, port, size, value, window.device.id);
      window.device.write(window.region, port - window.base, size, value);
      return;
    }
    if (size > 1 && this.anyPort(port, size)) {
      for (let byte = 0; byte < size; byte++) this.writePort((port + byte) & 0xffff, 1, (value >>> (byte * 8)) & 0xff);
      return;
    }
    this.counters.unansweredPorts++;
    this.log.port(true, port, size, value, undefined);
  }

  private anyPort(port: number, size: number): boolean {
    for (let byte = 0; byte < size; byte++) if (this.bus.resolvePort((port + byte) & 0xffff)) return true;
    return false;
  }
}
