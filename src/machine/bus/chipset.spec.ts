import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPhysical, PAGE_SIZE } from '../address';
import { addressMap } from '../board/address-map';
import { boardSchema } from '../board/schema';
import type { JourneyStep } from '../journey/journey';
import { FrameStore } from '../memory/frame-store';
import { Bus } from './bus';
import { Chipset } from './chipset';
import { RegisterFile } from './register-file.spec-support';
import { TransactionLog } from './transaction-log';

const host = hostPhysical;
const MIB = 1024 ** 2;

function bench(drawing: object = {}, limitBytes = 64 * MIB) {
  const board = boardSchema.parse({
    slots: ['A1', 'A2', 'B1', 'B2'].map((id, index) => ({ id, base: index * 0x1000_0000, dimm: 'ddr3-256m' })),
    ...drawing,
  });
  const frames = new FrameStore({ reservedBytes: 4096, limitBytes });
  const log = new TransactionLog((entry) => void Object.assign(entry, { at: 7, tick: 8, who: entry.who ?? 'cpu' }));
  const bus = new Bus();
  return { chipset: new Chipset(addressMap(board), frames, bus, log), frames, bus, log };
}
const overlap = {
  slots: [
    { id: 'A1', base: 0, dimm: 'ddr3-256m' },
    { id: 'A2', base: 0x0800_0000, dimm: 'ddr3-256m' },
  ],
};

describe('chipset: DRAM', () => {
  it('takes bytes past the bus, in every DIMM that answers, and nobody counts or hears of it; nothing changes where not all is DRAM', () => {
    const { chipset, frames, log } = bench(overlap);
    const bytes = Uint8Array.of(1, 2, 3);
    expect(chipset.poke([{ host: 0x0900_0ffe, bytes }])).toBe(true);
    expect([...chipset.peek(host(0x0900_0ffe), 3)]).toEqual([1, 2, 3]);
    expect(frames.touchedFrames).toBe(4);
    expect(chipset.poke([{ host: 0x17ff_fffe, bytes }])).toBe(false);
    expect([...chipset.peek(host(0x17ff_fffe), 2)]).toEqual([0, 0]);
    expect([chipset.counters, log.total]).toEqual([bench().chipset.counters, 0]);
  });

  it('takes no bytes when the pool has no room for them', () => {
    const { chipset, frames } = bench({}, 65536);
    for (let frame = 0; frames.touch(frame) >= 0; frame++);
    const [there, nowhere] = [0x0fff, 0x0500_0000].map((address) => ({ host: address, bytes: Uint8Array.of(7) }));
    expect(chipset.poke([there!])).toBe(true);
    expect(chipset.poke([nowhere!])).toBe(false);
    // nor those for which it has room, when they belong together
    expect(chipset.poke([{ host: 0x0fff, bytes: Uint8Array.of(8) }, nowhere!])).toBe(false);
    expect([...chipset.peek(host(0x0fff), 1)]).toEqual([7]);
  });

  it('reads back what was written, little-endian, across frames and DIMMs', () => {
    const { chipset } = bench();
    for (const address of [0, 0xffe, 0xfff, 0x1000_0000 - 2, 0x3fff_fff8]) {
      chipset.write(host(address), 4, 0x8765_4321);
      expect(chipset.read(host(address), 4)).toBe(0x8765_4321);
      expect(chipset.read(host(address + 1), 2)).toBe(0x6543);
      expect([...chipset.peek(host(address), 4)]).toEqual([0x21, 0x43, 0x65, 0x87]);
    }
    chipset.write64(host(0x3fff_fff8), 0x0123_4567_89ab_cdefn);
    expect(chipset.read64(host(0x3fff_fff8))).toBe(0x0123_4567_89ab_cdefn);
    expect(chipset.counters.unansweredMemory).toBe(0);
  });

  it('agrees with a plain array on random accesses, bytes in bulk and one by one', () => {
    const operation = fc.record({
      at: fc.integer({ min: 0, max: 3 * PAGE_SIZE - 8 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 2 * PAGE_SIZE }),
      size: fc.constantFrom(1 as const, 2 as const, 4 as const),
      bulk: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const base = 0x0fff_e000; // the last frames of A1 and the first of A2
        const { chipset } = bench();
        const model = new Uint8Array(8 * PAGE_SIZE);
        for (const { at, bytes, size, bulk } of operations) {
          if (bulk) {
            chipset.writeBytes(host(base + at), bytes);
            model.set(bytes, at);
          } else {
            const value = new DataView(Uint8Array.from({ length: 4 }, (_, index) => bytes[index] ?? 0).buffer).getUint32(0, true);
            chipset.write(host(base + at), size, value);
            for (let index = 0; index < size; index++) model[at + index] = value >>> (index * 8);
          }
        }
        expect(Buffer.compare(chipset.readBytes(host(base), model.length), model)).toBe(0);
        expect(Buffer.compare(chipset.peek(host(base), model.length), model)).toBe(0);
        for (let at = 0; at < model.length - 4; at += 1021)
          expect(chipset.read(host(base + at), 4)).toBe(new DataView(model.buffer).getUint32(at, true));
      }),
      { numRuns: 40 },
    );
  });

  it('hands out plain frames, on demand, and no others', () => {
    const { chipset, frames } = bench({ iommu: { present: true } });
    const offset = chipset.readableFrame(0x1_0000);
    expect(offset).toBe(frames.offsetOf(0x1_0000));
    expect(chipset.writableFrame(0x1_0000)).toBe(offset);
    expect(chipset.readableFrame(0x3_ffff)).toBeGreaterThan(0);
    expect(chipset.readableFrame(0x4_0000)).toBe(-1);
    expect(chipset.writableFrame(0xfed90)).toBe(-1);
    frames.watchCode(0x1_0000);
    expect(chipset.writableFrame(0x1_0000)).toBe(-1);
    expect(chipset.readableFrame(0x1_0000)).toBe(offset);
  });

  it('tells of every write to a frame with translated code, whichever way it goes', () => {
    const { chipset, frames } = bench();
    chipset.write(host(0x5000), 4, 1);
    frames.watchCode(5);
    const seen: number[][] = [];
    frames.onCodeWrite((frame, offset, length) => seen.push([frame, offset, length]));
    chipset.write(host(0x5010), 2, 1);
    chipset.write64(host(0x5020), 1n);
    chipset.write(host(0x4ffe), 4, 1);
    chipset.writeBytes(host(0x4ff0), new Uint8Array(0x20));
    expect(seen).toEqual([
      [5, 0x10, 2],
      [5, 0x20, 4],
      [5, 0x24, 4],
      [5, 0, 1],
      [5, 1, 1],
      [5, 0, 0x10],
    ]);
  });

  it('does not back frames for reading or peeking in bulk, and stops backing when the pool is full', () => {
    const { chipset, frames } = bench({}, 128 * 1024);
    chipset.readBytes(host(0), 64 * PAGE_SIZE);
    chipset.peek(host(0), 64 * PAGE_SIZE);
    expect(frames.touchedFrames).toBe(0);
    chipset.writeBytes(host(0), new Uint8Array(64 * PAGE_SIZE).fill(1));
    expect(frames.full).toBe(true);
    expect(chipset.read(host(0), 1)).toBe(1);
    expect(chipset.readableFrame(63)).toBe(-1);
    expect(chipset.read(host(63 * PAGE_SIZE), 4)).toBe(0);
  });
});

describe('chipset: nobody', () => {
  it('answers all ones, counts each access once and logs it', () => {
    const { chipset, log } = bench();
    expect(chipset.read(host(0x4000_0000), 4)).toBe(0xffff_ffff);
    expect(chipset.read(host(0x4000_0000), 1)).toBe(0xff);
    chipset.write(host(0x5000_0000), 2, 0x1234);
    expect(chipset.read(host(2 ** 36), 2)).toBe(0xffff);
    expect(chipset.counters.unansweredMemory).toBe(4);
    expect(chipset.unansweredAt(0x4000_0000)).toBe(2);
    expect(chipset.unansweredAddresses()).toEqual([
      [0x4000_0000, 2],
      [0x5000_0000, 1],
      [2 ** 36, 1],
    ]);
    expect(log.newest(2)[0]).toMatchObject({
      kind: 'unanswered',
      code: 'memory-write',
      address: { space: 'host', address: 0x5000_0000 },
      size: 2,
      value: 0x1234,
      outcome: 'nobody',
      at: 7,
    });
  });

  it('splits an access at the end of DRAM', () => {
    const { chipset } = bench();
    chipset.write(host(0x3fff_fffe), 4, 0x4433_2211);
    expect(chipset.read(host(0x3fff_fffe), 4)).toBe(0xffff_2211);
    expect(chipset.unansweredAt(0x4000_0000)).toBe(2);
  });

  it('peeks without counting', () => {
    const { chipset, log } = bench();
    expect([...chipset.peek(host(0x3fff_fffe), 4)]).toEqual([0, 0, 0xff, 0xff]);
    expect(chipset.counters.unansweredMemory).toBe(0);
    expect(log.total).toBe(0);
  });

  it('answers ports likewise', () => {
    const { chipset, log } = bench();
    expect([chipset.readPort(0x60, 1), chipset.readPort(0x60, 2), chipset.readPort(0x60, 4)]).toEqual([0xff, 0xffff, 0xffff_ffff]);
    chipset.writePort(0x80, 1, 1);
    expect(chipset.counters.unansweredPorts).toBe(4);
    expect(log.newest(1)[0]).toMatchObject({ kind: 'unanswered', code: 'port-write', data: { port: 0x80 }, outcome: 'nobody' });
  });
});

describe('chipset: conflicts', () => {
  it('lets both DIMMs answer: reads are the AND, writes reach both', () => {
    const { chipset, frames } = bench(overlap);
    const at = host(0x0800_0000);
    chipset.write(at, 4, 0xff00_ff00);
    expect(chipset.counters.conflicts).toBe(1);
    expect(chipset.readableFrame(0x8000)).toBe(-1);
    expect(frames.touchedFrames).toBe(2);
    const second = [...frames.entries()][1]!;
    frames.view.setUint32(second[1], 0x0ff0_0ff0, true);
    expect(chipset.read(at, 4)).toBe(0x0f00_0f00);
    expect([...chipset.peek(at, 4)]).toEqual([0x00, 0x0f, 0x00, 0x0f]);
    expect([...chipset.readBytes(at, 4)]).toEqual([0x00, 0x0f, 0x00, 0x0f]);
    expect(chipset.counters.conflicts).toBe(3);
  });

  it('keeps what only one DIMM answers apart from the conflict beside it', () => {
    const { chipset } = bench(overlap);
    chipset.writeBytes(host(0x07ff_fffe), Uint8Array.of(1, 2, 3, 4));
    expect([...chipset.readBytes(host(0x07ff_fffe), 4)]).toEqual([1, 2, 3, 4]);
    expect(chipset.readableFrame(0x7fff)).toBeGreaterThan(0);
    expect(chipset.readableFrame(0x1_0000)).toBeGreaterThan(0);
  });

  it('serves a DIMM whose base is in the middle of a frame byte by byte', () => {
    const { chipset } = bench({ slots: [{ id: 'A1', base: 0x800, dimm: 'ddr3-128m' }] });
    chipset.write(host(0x7fe), 4, 0x4433_2211);
    expect(chipset.read(host(0x7fe), 4)).toBe(0x4433_ffff);
    expect(chipset.readableFrame(0)).toBe(-1);
    expect(chipset.readableFrame(1)).toBeGreaterThan(0);
    expect([...chipset.readBytes(host(0x7fc), 8)]).toEqual([0xff, 0xff, 0xff, 0xff, 0x33, 0x44, 0, 0]);
  });
});

describe('chipset: registers and ports', () => {
  it('gives accesses inside a window to the device as they are, and logs them', () => {
    const { chipset, bus, log } = bench();
    const device = new RegisterFile('dma0', [{ name: 'bar0', kind: 'memory', size: 4096 }]);
    bus.attach(device, { bases: { bar0: 0xfe00_0000 } });
    chipset.write(host(0xfe00_0010), 4, 0xdead_beef);
    expect(chipset.read(host(0xfe00_0012), 2)).toBe(0xdead);
    expect(device.accesses).toEqual([
      ['write', 'bar0', 0x10, 4, 0xdead_beef],
      ['read', 'bar0', 0x12, 2],
    ]);
    expect(chipset.counters.registers).toBe(2);
    expect(log.newest()).toMatchObject([
      {
        kind: 'mmio-write',
        answeredBy: 'dma0',
        value: 0xdead_beef,
        data: { region: 'bar0', offset: 0x10 },
        matched: '0xFE00_0000 – 0xFE00_0FFF',
      },
      { kind: 'mmio-read', answeredBy: 'dma0', value: 0xdead },
    ]);
    chipset.peek(host(0xfe00_0000), 64);
    expect(device.accesses.length).toBe(2);
  });

  it('hides DRAM under a window, and shows it again when the window goes', () => {
    const { chipset, bus } = bench();
    chipset.write(host(0x1000), 4, 0x1111_1111);
    bus.attach(new RegisterFile('rom', [{ name: 'bar0', kind: 'memory', size: 4096 }]), { bases: { bar0: 0x1000 } });
    expect(chipset.readableFrame(1)).toBe(-1);
    expect(chipset.read(host(0x1000), 4)).toBe(0);
    expect(chipset.entryAt(0x1000)?.range).toMatchObject({ kind: 'mmio', device: 'rom', slots: ['A1'] });
    bus.move('rom', 'bar0', null);
    expect(chipset.read(host(0x1000), 4)).toBe(0x1111_1111);
    expect(chipset.readableFrame(1)).toBeGreaterThan(0);
  });

  it('lets the first device answer where two windows overlap, with true offsets in what is left of the other', () => {
    const { chipset, bus } = bench();
    const first = new RegisterFile('first', [{ name: 'bar0', kind: 'memory', size: 0x1000 }]);
    const second = new RegisterFile('second', [{ name: 'bar0', kind: 'memory', size: 0x3000 }]);
    bus.attach(first, { bases: { bar0: 0xfe00_1000 } });
    bus.attach(second, { bases: { bar0: 0xfe00_0000 } });
    chipset.read(host(0xfe00_1004), 4);
    chipset.read(host(0xfe00_2004), 4);
    chipset.read(host(0xfe00_0004), 4);
    expect(first.accesses).toEqual([['read', 'bar0', 4, 4]]);
    expect(second.accesses).toEqual([
      ['read', 'bar0', 0x2004, 4],
      ['read', 'bar0', 4, 4],
    ]);
  });

  it('gives port accesses to the device, and splits those that leave it', () => {
    const { chipset, bus } = bench();
    const device = new RegisterFile('com1', [{ name: 'ports', kind: 'port', size: 8, base: 0x3f8 }]);
    bus.attach(device);
    chipset.writePort(0x3f8, 1, 0x41);
    expect(chipset.readPort(0x3f8, 2)).toBe(0x0041);
    expect(chipset.readPort(0x3fe, 4)).toBe(0xffff_0000);
    expect(device.accesses.map(([kind, , offset, size]) => [kind, offset, size])).toEqual([
      ['write', 0, 1],
      ['read', 0, 2],
      ['read', 7, 1],
      ['read', 6, 1],
    ]);
    expect(chipset.counters.unansweredPorts).toBe(2);
  });
});

describe('chipset: explaining', () => {
  it('shows the decode-table entry that matched and changes nothing', () => {
    const { chipset, log } = bench({ iommu: { present: true } });
    const steps: JourneyStep[] = [];
    const recorder = { step: (step: JourneyStep) => steps.push(step) };
    const before = JSON.stringify(chipset.save());
    expect(chipset.explain(host(0x1234_5678), recorder)?.slots).toEqual(['A2']);
    expect(chipset.explain(host(0x4000_0000), recorder)?.kind).toBe('hole');
    expect(chipset.explain(host(2 ** 36), recorder)).toBeUndefined();
    expect(steps[0]).toMatchObject({
      room: 'chipset',
      structure: 'decode-entry',
      index: 1,
      fields: { base: 0x1000_0000n, end: 0x1fff_ffffn, kind: 'dram', slots: 'A2' },
      checks: [{ rule: 'answered', passed: true }],
    });
    expect(steps[1]).toMatchObject({ fields: { kind: 'hole' }, checks: [{ rule: 'answered', passed: false }] });
    expect(steps[1]!.to).toBeUndefined();
    expect(steps[2]).toMatchObject({ checks: [{ rule: 'address-lines', passed: false }] });
    expect(JSON.stringify(chipset.save())).toBe(before);
    expect(log.total).toBe(0);
  });
});
