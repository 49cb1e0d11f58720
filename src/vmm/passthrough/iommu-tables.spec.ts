/** The tables the VMM writes for the IOMMU, driven through its registers and walked by the unit itself. */
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../../machine/address';
import { Iommu } from '../../machine/iommu/iommu';
import { plainMemory } from '../../machine/iommu/bench.spec-support';
import { IOMMU_BASE } from '../../machine/iommu/registers';
import { IommuDriver, IommuDriverError } from './iommu-driver';
import { IommuTables } from './iommu-tables';

const MIB = 1024 * 1024;

function setUp() {
  const memory = plainMemory(MIB);
  const iommu = new Iommu({ memory, hostAddressBits: 36, now: () => 0 });
  iommu.reset();
  const registers = {
    read: (address: number, size: 1 | 2 | 4) => iommu.read('registers', address - IOMMU_BASE, size),
    write: (address: number, size: 1 | 2 | 4, value: number) => iommu.write('registers', address - IOMMU_BASE, size, value),
  };
  let next = 1;
  const tables = new IommuTables(memory, () => next++);
  const driver = new IommuDriver(registers);
  const reach = (requester: number, frame: number, kind: 'read' | 'write' = 'write'): number => {
    const result = iommu.handle({ kind, address: frame * PAGE_SIZE, addressType: 'untranslated', requester, length: 4 });
    return result.outcome === 'accept' ? result.request.address / PAGE_SIZE : -1;
  };
  return { memory, iommu, tables, driver, reach };
}

describe('IOMMU tables of the VMM', () => {
  it('let a device reach what its VM has, at the same addresses, and nothing else', () => {
    const { tables, driver, reach } = setUp();
    tables.assign(0x20, 'a');
    tables.assign(0x28, 'b');
    tables.assign(0x120, 'b');
    tables.map('a', 0, 100, 50);
    tables.map('b', 0, 200, 50);
    driver.enable(tables.rootAddress);
    expect([reach(0x20, 3), reach(0x28, 3), reach(0x120, 3), reach(0x20, 3, 'read')]).toEqual([103, 203, 203, 103]);
    expect([reach(0x20, 50), reach(0x30, 3), reach(0x20, 203)]).toEqual([-1, -1, -1]);
    expect(tables.domainOf('a')).not.toBe(tables.domainOf('b'));
    expect(driver.takeFaults()).toEqual({
      faults: [
        { requester: 0x20, address: 50 * PAGE_SIZE, access: 'write', reason: 5 },
        { requester: 0x30, address: 3 * PAGE_SIZE, access: 'write', reason: 2 },
        { requester: 0x20, address: 203 * PAGE_SIZE, access: 'write', reason: 5 },
      ],
      overflow: false,
    });
    expect(driver.takeFaults().faults).toEqual([]);
    driver.disable();
    expect(driver.enabled).toBe(false);
    expect(reach(0x20, 50)).toBe(50);
  });

  it('are read in order of the faults, also after the registers have wrapped, and an overflow is told', () => {
    const { tables, driver, reach } = setUp();
    tables.assign(0x20, 'a');
    driver.enable(tables.rootAddress);
    for (let frame = 0; frame < 5; frame++) reach(0x20, frame);
    driver.takeFaults();
    for (let frame = 10; frame < 17; frame++) reach(0x20, frame);
    expect(driver.takeFaults().faults.map(({ address }) => address / PAGE_SIZE)).toEqual([10, 11, 12, 13, 14, 15, 16]);
    for (let frame = 20; frame < 40; frame++) reach(0x20, frame);
    const { faults, overflow } = driver.takeFaults();
    expect(faults).toHaveLength(8);
    expect(overflow).toBe(true);
    reach(0x20, 50);
    expect(driver.takeFaults().faults).toHaveLength(1);
  });

  it('say what is not as it was written, part by part, and come back from their saved form', () => {
    const { memory, tables } = setUp();
    tables.assign(0x20, 'a');
    tables.map('a', 0, 100, 50);
    expect(tables.damage()).toEqual([]);
    const again = new IommuTables(memory, () => expect.unreachable('no table is missing'), tables.save());
    again.expect('a', 0, 100, 50);
    expect(again.damage()).toEqual([]);
    memory.bytes.fill(0x77, tables.rootAddress + 8, tables.rootAddress + 16);
    memory.bytes[tables.contextTableAddress()! + 0x200] = 0;
    memory.bytes[tables.secondLevelAddress('a')!] = 0;
    for (const each of [tables, again]) expect(each.damage().map(({ part }) => part)).toEqual(['iommu-root', 'iommu-context', 'iommu-sl']);
  });

  it('the driver says when a unit does not do as told', () => {
    const deaf = new IommuDriver({ read: () => 0, write: () => undefined });
    expect(() => deaf.enable(0x1000)).toThrow(IommuDriverError);
    const stuck = new IommuDriver({ read: () => 0xffff_ffff, write: () => undefined });
    expect(() => stuck.disable()).toThrow(IommuDriverError);
    expect(() => stuck.invalidateAll()).toThrow(/context cache/);
  });
});
