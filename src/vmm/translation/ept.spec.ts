/** The tables the VMM writes, walked by the processor's own walker: every mapped frame is found, nothing else is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../../machine/address';
import { EPT_ACCESS, EptWalk, walkEpt } from '../../machine/cpu/ept';
import { PeekTables } from '../../machine/cpu/table-memory';
import { plainMemory } from '../../machine/iommu/bench.spec-support';
import { EptTranslation } from './ept';
import { scanTables } from './table-scan';

const BITS = 36;
const RAM = { readable: true, writable: true, executable: true };

function setUp() {
  const memory = plainMemory(1024 * 1024);
  let next = 1;
  const ept = new EptTranslation(memory, BITS, () => next++);
  const walk = new EptWalk();
  const reach = (guest: number, access: number = EPT_ACCESS.read): number =>
    walkEpt(new PeekTables(memory), ept.pointer, guest * PAGE_SIZE, access, BITS, false, walk) ? walk.hostPhysical / PAGE_SIZE : -1;
  return { memory, ept, reach };
}

describe('EPT as the VMM writes it', () => {
  it('is what the processor walks, at any distance between guest frames', () => {
    const run = fc.record({
      guest: fc.oneof(fc.nat(2000), fc.nat(2 ** 27), fc.nat(2 ** 30)),
      host: fc.nat(2 ** 23),
      count: fc.integer({ min: 1, max: 700 }),
    });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 6 }), (runs) => {
        const { ept, reach } = setUp();
        const model = new Map<number, number>();
        for (const { guest, host, count } of runs) {
          ept.map(guest, host, count, RAM);
          for (let i = 0; i < count; i++) model.set(guest + i, host + i);
        }
        for (const { guest, count } of runs)
          for (const frame of [guest - 1, guest, guest + (count >> 1), guest + count - 1, guest + count])
            if (frame >= 0) expect(reach(frame)).toBe(model.get(frame) ?? -1);
        const reachable = ept.reachableFrames().reduce((sum, { count }) => sum + count, 0);
        expect(reachable).toBe(model.size);
        expect(ept.differences()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('maps registers without execution, and takes them out again', () => {
    const { ept, reach } = setUp();
    ept.map(0xfe000, 0xfe100, 256, { readable: true, writable: true, executable: false, device: true });
    expect(reach(0xfe010, EPT_ACCESS.write)).toBe(0xfe110);
    expect(reach(0xfe010, EPT_ACCESS.execute)).toBe(-1);
    ept.unmap(0xfe000, 256);
    expect(reach(0xfe010)).toBe(-1);
    expect(ept.differences()).toEqual([]);
  });

  it('says which entry is not as it was written', () => {
    const { ept, memory } = setUp();
    ept.map(0, 100, 1024, RAM);
    const at = ept.entryAddress(700);
    memory.writeBytes(at as never, Uint8Array.of(0xff, 0xff));
    expect(ept.differences()).toMatchObject([{ index: 700 - 512, address: at, page: { level: 1, firstFrame: 512 } }]);
    expect(ept.differences(Math.floor(at / PAGE_SIZE))).toHaveLength(1);
    expect(ept.differences(0)).toEqual([]);
    expect(ept.ownsTable(Math.floor(at / PAGE_SIZE))).toBe(true);
  });

  it('of more tables than a wild pointer is followed through is read to its end', () => {
    const [directories, pageTables] = [0x100_0000, 0x1000_0000];
    /** a table of entries that lead to neighbouring frames */
    const leadingTo = (frame: number, count: number): Uint8Array => {
      const words = new Uint32Array(1024);
      for (let index = 0; index < count; index++) words[index * 2] = (frame + index) << 12;
      return new Uint8Array(words.buffer);
    };
    const onePage = leadingTo(1, 1);
    const peek = (address: number): Uint8Array =>
      address >= pageTables
        ? onePage
        : address >= directories
          ? leadingTo(pageTables / PAGE_SIZE + ((address - directories) / PAGE_SIZE) * 512, 512)
          : leadingTo(directories / PAGE_SIZE, 34);
    const meaningOf = (low: number, _frame: number, level: number) => (low === 0 ? 'nothing' : level > 1 ? 'table' : 'page');
    expect(scanTables({ peek } as never, 0, 3, meaningOf, 34 * 513 + 1)).toHaveLength(34 * 512);
  });

  it('keeps what a stretch filled when a part of it is mapped elsewhere or taken out', () => {
    const { ept, memory, reach } = setUp();
    ept.map(0, 1000, 512, RAM);
    ept.map(7, 5, 1, RAM);
    ept.unmap(9, 2);
    expect([6, 7, 8, 9, 10, 11].map((guest) => reach(guest))).toEqual([1006, 5, 1008, -1, -1, 1011]);
    expect(ept.differences()).toEqual([]);
    memory.writeBytes(ept.entryAddress(300) as never, new Uint8Array(8));
    expect(ept.differences()).toMatchObject([{ index: 300, found: 0n }]);
    ept.map(0, 1000, 512, RAM);
    ept.unmap(0, 512);
    expect(ept.differences()).toEqual([]);
    expect(reach(300)).toBe(-1);
  });

  it('comes back from its saved form over the same memory', () => {
    const { ept, memory, reach } = setUp();
    ept.map(0, 100, 20, RAM);
    ept.map(2 ** 20, 200, 20, RAM);
    const again = new EptTranslation(memory, BITS, () => expect.unreachable('no table is missing'), ept.save());
    again.expect(0, 100, 20, RAM);
    again.expect(2 ** 20, 200, 20, RAM);
    expect(again.pointer).toBe(ept.pointer);
    expect(again.differences()).toEqual([]);
    expect(reach(2 ** 20 + 19)).toBe(219);
  });
});
