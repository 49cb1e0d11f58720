import { describe, expect, it } from 'vitest';
import { boardSchema } from '../board/schema';
import { scanBuses } from '../firmware/pci-setup';
import { Machine } from '../machine';
import { formatRequester } from './dma-port';

const scanned = (dimm: string) => {
  const slots = [{ id: 'A1', base: 0, dimm }];
  const machine = new Machine(boardSchema.parse({ slots, devices: [{ id: 'dma0', kind: 'edu' }] }), { poolLimit: 64 * 1024 ** 2 });
  return scanBuses(machine.pci).map(
    ({ requester, identity }) =>
      `${formatRequester(requester)} ${(identity >>> 16).toString(16)} ${machine.pci.readRegister(requester, 0x0c).toString(16)}`,
  );
};

describe('a scan of PCI by the book', () => {
  it('finds the SMBus controller behind function 0, the LPC bridge, whose header says that there are more', () => {
    expect(scanned('ddr3-256m')).toEqual(['00:00.0 29c0 0', '00:04.0 11e8 0', '00:1f.0 2918 800000', '00:1f.3 2930 0']);
  });

  it('finds neither on a board whose modules have no SPD', () => {
    expect(scanned('simm30-1m')).toEqual(['00:00.0 29c0 0', '00:04.0 11e8 0']);
  });
});
