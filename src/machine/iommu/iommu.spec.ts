/** The unit as a driver sees it: registers, the fault matrix, recording and overflow, caches and their invalidation. */
import { describe, expect, it } from 'vitest';
import type { JourneyStep } from '../journey/journey';
import { decodeFault } from './faults';
import { iommuBench, ROOT, summary } from './bench.spec-support';
import { GLOBAL, REGISTER } from './registers';

const CONTEXT = 0x2000;
const PML4 = 0x3000;
const PDPT = 0x4000;
const PD = 0x5000;
const PT = 0x6000;
const DEVFN = 0x20;
const AW48 = 2n;
const AW39 = 1n;
const DOMAIN = 7n;

/** Tables that map I/O virtual page 0x40_1000 to host page 0x12_3000, read and write, for device 00:04.0. */
function mapped(options: { leaf?: bigint } = {}) {
  const bench = iommuBench();
  bench.root(0, BigInt(CONTEXT) | 1n);
  bench.context(CONTEXT, DEVFN, BigInt(PML4) | 1n, AW48 | (DOMAIN << 8n));
  bench.word(PML4, BigInt(PDPT) | 3n);
  bench.word(PDPT, BigInt(PD) | 3n);
  bench.word(PD + 2 * 8, BigInt(PT) | 3n);
  bench.word(PT + 8, options.leaf ?? 0x12_3000n | 3n);
  bench.enable();
  return bench;
}
type Bench = ReturnType<typeof mapped>;
const IOVA = 0x40_1000;

function invalidateContexts(bench: Bench, granularity: number, low = 0, upperMore = 0): void {
  bench.write(REGISTER.contextCommand, low);
  bench.write(REGISTER.contextCommand + 4, 0x8000_0000 | (granularity << 29) | upperMore);
}
function invalidateIotlb(bench: Bench, granularity: number, domain = 0): void {
  bench.write(REGISTER.iotlbInvalidate, 0);
  bench.write(REGISTER.iotlbInvalidate + 4, 0x8000_0000 | (granularity << 28) | domain);
}

describe('IOMMU registers', () => {
  it('declares what drivers look for', () => {
    const { read } = iommuBench();
    expect(read(REGISTER.version)).toBe(0x10);
    const low = read(REGISTER.capability);
    const high = read(REGISTER.capability + 4);
    expect(low & 7).toBe(6);
    expect((low >>> 8) & 0x1f).toBe(0b0110);
    expect(((low >>> 16) & 0x3f) + 1).toBe(48);
    expect((((low >>> 24) | (high << 8)) & 0x3ff) * 16).toBe(REGISTER.faultRecording);
    expect(((high >>> 8) & 0xff) + 1).toBe(8);
    expect((read(REGISTER.extendedCapability) >>> 8) * 16 + 8).toBe(REGISTER.iotlbInvalidate);
    expect(read(REGISTER.extendedCapability) & 0b1010).toBe(0);
  });

  it('follows the GCMD and GSTS protocol: the root table is latched by SRTP, TE is a level', () => {
    const bench = iommuBench();
    bench.write(REGISTER.rootTableAddress, 0x1abc);
    expect(bench.read(REGISTER.rootTableAddress)).toBe(0x1000);
    expect(bench.iommu.rootTableAddress).toBe(0);
    bench.write(REGISTER.globalCommand, GLOBAL.setRootTable);
    expect(bench.read(REGISTER.globalStatus)).toBe(GLOBAL.setRootTable);
    expect(bench.iommu.rootTableAddress).toBe(0x1000);
    bench.write(REGISTER.globalCommand, GLOBAL.translation);
    expect(bench.read(REGISTER.globalStatus)).toBe((GLOBAL.translation | GLOBAL.setRootTable) >>> 0);
    expect(bench.iommu.enabled).toBe(true);
    bench.write(REGISTER.globalCommand, 0);
    expect(bench.iommu.enabled).toBe(false);
  });

  it('drops writes that are not aligned 4-byte ones, and reads any size', () => {
    const { iommu } = iommuBench();
    iommu.write('registers', REGISTER.faultEventData, 2, 0x1234);
    expect(iommu.read('registers', REGISTER.faultEventData, 4)).toBe(0);
    iommu.write('registers', REGISTER.faultEventData, 4, 0x1234_5678);
    expect(iommu.read('registers', REGISTER.faultEventData + 1, 1)).toBe(0x56);
    expect(iommu.read('registers', REGISTER.faultEventData + 2, 2)).toBe(0x1234);
  });
});

describe('IOMMU translation', () => {
  it('lets everything through untranslated while it is off', () => {
    const bench = iommuBench();
    expect(summary(bench.dma(0x1234))).toBe('host 1234');
    expect(summary(bench.dma(0x1234, 'read', { addressType: 'translated' }))).toBe('fault 0');
    expect(bench.iommu.rejectedTransactions()).toHaveLength(0);
  });

  it('walks root, context and four levels', () => {
    const bench = mapped();
    expect(summary(bench.dma(IOVA + 0x10, 'write'))).toBe('host 123010');
    expect(bench.iommu.cachedTranslations()).toMatchObject([{ domain: 7, page: IOVA, pageBytes: 4096, host: 0x12_3000 }]);
    expect(bench.iommu.cachedContexts()).toMatchObject([{ requester: 0x20, domain: 7, levels: 4 }]);
  });

  it('walks three levels for a 39-bit context', () => {
    const bench = mapped();
    bench.context(CONTEXT, DEVFN, BigInt(PDPT) | 1n, AW39 | (DOMAIN << 8n));
    expect(summary(bench.dma(IOVA))).toBe('host 123000');
    expect(summary(bench.dma(2 ** 39 - 4))).toBe('fault 6');
    expect(summary(bench.dma(2 ** 39))).toBe('fault 4');
  });

  it('maps 2 MiB and 1 GiB pages', () => {
    const bench = mapped();
    bench.word(PD + 2 * 8, 0x20_0000n | 0x83n);
    expect(summary(bench.dma(IOVA))).toBe('host 201000');
    bench.word(PDPT + 8, 0x4000_0000n | 0x83n);
    expect(summary(bench.dma(0x4000_0000 + 0x1234_5678))).toBe('host 52345678');
    expect(bench.iommu.cachedTranslations().map((entry) => entry.pageBytes)).toEqual([2 ** 21, 2 ** 30]);
  });

  it('lets a pass-through context keep its addresses', () => {
    const bench = mapped();
    bench.context(CONTEXT, DEVFN, (2n << 2n) | 1n, AW48);
    expect(summary(bench.dma(0x30_0000))).toBe('host 300000');
    expect(summary(bench.dma(2 ** 48))).toBe('fault 4');
  });

  it('never translates the interrupt range, where only an aligned 4-byte write means anything', () => {
    const bench = mapped();
    expect(summary(bench.dma(0xfee0_0000, 'write'))).toBe('host fee00000');
    expect(summary(bench.dma(0xfee0_0002, 'write'))).toBe('fault 0');
    expect(summary(bench.dma(0xfee0_0000, 'write', { length: 8 }))).toBe('fault 0');
    expect(summary(bench.dma(0xfee0_0000, 'read'))).toBe('fault 0');
    expect(bench.read(REGISTER.faultStatus)).toBe(0);
  });
});

describe('IOMMU faults', () => {
  const cases: [name: string, reason: string, arrange: (bench: Bench) => void, kind?: 'read' | 'write', address?: number][] = [
    ['root entry not present', '1', (b) => b.root(0, BigInt(CONTEXT))],
    ['context entry not present', '2', (b) => b.context(CONTEXT, DEVFN, BigInt(PML4), AW48)],
    ['context with an address width the unit has not', '3', (b) => b.context(CONTEXT, DEVFN, BigInt(PML4) | 1n, 3n)],
    ['context that needs a device TLB', '3', (b) => b.context(CONTEXT, DEVFN, BigInt(PML4) | (1n << 2n) | 1n, AW48)],
    ['pass-through context of less than the widest width', '3', (b) => b.context(CONTEXT, DEVFN, (2n << 2n) | 1n, AW39)],
    ['address beyond the width', '4', () => undefined, 'read', 2 ** 48],
    ['write to a page mapped read-only', '5', (b) => b.word(PT + 8, 0x12_3000n | 1n), 'write'],
    ['write where nothing is mapped', '5', (b) => b.word(PT + 8, 0n), 'write'],
    ['write through a read-only directory', '5', (b) => b.word(PDPT, BigInt(PD) | 1n), 'write'],
    ['read of a page mapped write-only', '6', (b) => b.word(PT + 8, 0x12_3000n | 2n), 'read'],
    ['read where nothing is mapped', '6', (b) => b.word(PML4, 0n), 'read'],
    ['paging table where no memory is', '7', (b) => b.word(PDPT, 0x8000_0000n | 3n)],
    ['context table where no memory is', '9', (b) => b.root(0, 0x8000_0000n | 1n)],
    ['reserved low bits of the root entry', 'a', (b) => b.root(0, BigInt(CONTEXT) | 3n)],
    ['reserved upper word of the root entry', 'a', (b) => b.root(0, BigInt(CONTEXT) | 1n, 1n)],
    ['root entry beyond the host width', 'a', (b) => b.root(0, (1n << 36n) | 1n)],
    ['reserved low bits of the context entry', 'b', (b) => b.context(CONTEXT, DEVFN, BigInt(PML4) | 0x11n, AW48)],
    ['reserved upper bits of the context entry', 'b', (b) => b.context(CONTEXT, DEVFN, BigInt(PML4) | 1n, AW48 | 0x80n)],
    ['paging entry beyond the host width', 'c', (b) => b.word(PT + 8, (1n << 36n) | 3n)],
    ['page size bit in the top level', 'c', (b) => b.word(PML4, BigInt(PDPT) | 0x83n)],
    ['superpage that is not aligned', 'c', (b) => b.word(PD + 16, 0x1000n | 0x83n)],
    ['snoop bit in a leaf of a unit without snoop control', 'c', (b) => b.word(PT + 8, 0x12_3000n | 0x803n)],
  ];
  it.each(cases)('%s: reason %s', (_name, reason, arrange, kind = 'read', address = IOVA) => {
    const bench = mapped();
    arrange(bench);
    expect(summary(bench.dma(address, kind))).toBe(`fault ${reason}`);
    expect(bench.iommu.pendingFaults()).toEqual([
      { requester: 0x20, address: address - (address % 4096), access: kind, reason: parseInt(reason, 16) },
    ]);
    expect(bench.iommu.cachedTranslations()).toHaveLength(0);
  });

  it('root table where no memory is: reason 8', () => {
    const bench = mapped();
    bench.enable(0x8000_0000);
    expect(summary(bench.dma(IOVA))).toBe('fault 8');
  });

  it('requests that claim to be translated, or ask to be told: reason d', () => {
    const bench = mapped();
    expect(summary(bench.dma(0x12_3000, 'write', { addressType: 'translated' }))).toBe('fault d');
    expect(summary(bench.dma(0, 'read', { kind: 'translate', addressType: 'translation-request' }))).toBe('fault d');
  });

  it('reports the permission before reserved bits of the same entry, and the context before the address', () => {
    const bench = mapped({ leaf: (1n << 36n) | 1n });
    expect(summary(bench.dma(IOVA, 'write'))).toBe('fault 5');
    bench.context(CONTEXT, DEVFN, 0n, 0n);
    invalidateContexts(bench, 1);
    expect(summary(bench.dma(2 ** 48))).toBe('fault 2');
  });

  it('FPD silences qualified faults of that device only', () => {
    const bench = mapped();
    bench.context(CONTEXT, DEVFN, BigInt(PML4) | 3n, AW48);
    expect(summary(bench.dma(0x9000))).toBe('fault 6');
    expect(summary(bench.dma(0x9000, 'read', { requester: 0x28 }))).toBe('fault 2');
    expect(bench.iommu.pendingFaults().map((fault) => fault.requester)).toEqual([0x28]);
    expect(bench.iommu.rejectedTransactions().map((fault) => fault.recorded)).toEqual([false, true]);
    bench.root(0, 0n);
    invalidateContexts(bench, 1);
    expect(summary(bench.dma(0x9000))).toBe('fault 1');
    expect(bench.iommu.pendingFaults()).toHaveLength(2);
  });
});

describe('IOMMU fault recording', () => {
  it('fills eight registers, one for each transaction, then overflows until software clears up', () => {
    const bench = mapped();
    for (let i = 0; i < 8; i++) bench.dma(0x10_0000 + i * 0x1000, 'write');
    expect(bench.read(REGISTER.faultStatus)).toBe(0x2);
    for (let i = 0; i < 8; i++) {
      const at = REGISTER.faultRecording + i * 16;
      const low = (BigInt(bench.read(at + 4)) << 32n) | BigInt(bench.read(at));
      const high = (BigInt(bench.read(at + 12)) << 32n) | BigInt(bench.read(at + 8));
      expect(decodeFault({ low, high })).toEqual({ requester: 0x20, address: 0x10_0000 + i * 0x1000, access: 'write', reason: 5 });
      expect(high & 0xffffn).toBe(0x20n);
    }
    bench.dma(0xbad_0000);
    expect(bench.read(REGISTER.faultStatus)).toBe(0x3);
    // a freed register does not help while the overflow stands
    bench.write(REGISTER.faultRecording + 12, 0x8000_0000);
    bench.dma(0xbad_1000);
    expect(bench.iommu.pendingFaults()).toHaveLength(7);
    bench.write(REGISTER.faultStatus, 1);
    bench.dma(0xbad_2000);
    expect(bench.iommu.pendingFaults()).toHaveLength(8);
    expect(bench.iommu.rejectedTransactions()).toHaveLength(11);
    for (let i = 0; i < 8; i++) bench.write(REGISTER.faultRecording + i * 16 + 12, 0x8000_0000);
    expect(bench.read(REGISTER.faultStatus) & 3).toBe(0);
    bench.dma(0xbad_3000);
    expect((bench.read(REGISTER.faultStatus) >>> 8) & 0xff).toBe(1);
  });

  it('sends the fault event when it may, or keeps it until the mask is lifted', () => {
    const bench = mapped();
    bench.write(REGISTER.faultEventAddress, 0xfee0_0000);
    bench.write(REGISTER.faultEventData, 0x31);
    bench.dma(0x9000);
    expect(bench.messages).toEqual([]);
    expect(bench.read(REGISTER.faultEventControl)).toBe(0xc000_0000);
    bench.write(REGISTER.faultEventControl, 0);
    expect(bench.messages).toEqual([{ address: 0xfee0_0000, data: 0x31 }]);
    bench.dma(0xa000);
    expect(bench.messages).toHaveLength(2);
  });
});

describe('IOMMU caches', () => {
  it('keeps a translation that memory no longer holds until it is invalidated', () => {
    const bench = mapped();
    expect(summary(bench.dma(IOVA))).toBe('host 123000');
    bench.word(PT + 8, 0x20_0000n | 3n);
    expect(summary(bench.dma(IOVA))).toBe('host 123000');
    invalidateIotlb(bench, 2, 8);
    expect(summary(bench.dma(IOVA))).toBe('host 123000');
    invalidateIotlb(bench, 2, 7);
    expect(summary(bench.dma(IOVA))).toBe('host 200000');
    expect(bench.read(REGISTER.iotlbInvalidate + 4) >>> 31).toBe(0);
    expect((bench.read(REGISTER.iotlbInvalidate + 4) >>> 25) & 3).toBe(2);
  });

  it('invalidates a range of pages by address mask', () => {
    const bench = mapped();
    for (let page = 0; page < 8; page++) bench.word(PT + page * 8, BigInt(0x10_0000 + page * 0x1000) | 3n);
    for (let page = 0; page < 8; page++) bench.dma(0x40_0000 + page * 0x1000);
    bench.write(REGISTER.invalidateAddress, 0x40_5000 | 1);
    bench.write(REGISTER.invalidateAddress + 4, 0);
    invalidateIotlb(bench, 3, 7);
    expect(bench.iommu.cachedTranslations().map((entry) => (entry.page >> 12) & 7)).toEqual([0, 1, 2, 3, 6, 7]);
  });

  it('keeps a context until it is invalidated: globally, by domain, or by device', () => {
    for (const [granularity, low, drops] of [
      [1, 0, true],
      [2, 7, true],
      [2, 8, false],
      [3, (0x20 << 16) | 7, true],
      [3, (0x21 << 16) | 7, false],
    ] as const) {
      const bench = mapped();
      bench.dma(IOVA);
      bench.context(CONTEXT, DEVFN, 0n, 0n);
      expect(summary(bench.dma(IOVA))).toBe('host 123000');
      invalidateContexts(bench, granularity, low);
      expect(summary(bench.dma(IOVA))).toBe(drops ? 'fault 2' : 'host 123000');
    }
    const bench = mapped();
    bench.dma(IOVA);
    invalidateContexts(bench, 3, (0x25 << 16) | 7, 3);
    expect(bench.iommu.cachedContexts()).toHaveLength(0);
  });

  it('tags translations by domain: two devices of one domain share them, whatever their tables say', () => {
    const bench = mapped();
    bench.context(CONTEXT, 0x28, 0x7000n | 1n, AW48 | (DOMAIN << 8n));
    bench.dma(IOVA);
    expect(summary(bench.dma(IOVA, 'read', { requester: 0x28 }))).toBe('host 123000');
    bench.context(CONTEXT, 0x30, 0x7000n | 1n, AW48 | (8n << 8n));
    expect(summary(bench.dma(IOVA, 'read', { requester: 0x30 }))).toBe('fault 6');
  });

  it('walks again when a cached translation forbids the access', () => {
    const bench = mapped({ leaf: 0x12_3000n | 1n });
    bench.dma(IOVA);
    bench.word(PT + 8, 0x12_3000n | 3n);
    expect(summary(bench.dma(IOVA, 'write'))).toBe('host 123000');
  });

  it('counts hits and misses', () => {
    const bench = mapped();
    for (let i = 0; i < 3; i++) bench.dma(IOVA + i);
    bench.dma(0x9000);
    expect(bench.iommu.counts).toEqual({ translated: 3, contextHits: 3, contextMisses: 1, iotlbHits: 2, iotlbMisses: 2, rejected: 1 });
  });
});

describe('IOMMU explanation', () => {
  const explain = (bench: Bench, address: number, access: 'read' | 'write' = 'read') => {
    const steps: JourneyStep[] = [];
    const result = bench.iommu.explainIova(0x20, address, access, { step: (step) => steps.push(step) });
    return { result, steps };
  };

  it('names every entry with its address, index, bytes and fields', () => {
    const { result, steps } = explain(mapped(), IOVA + 0x10);
    expect(result).toEqual({ outcome: 'host', address: 0x12_3010 });
    expect(steps.map(({ structure, index, entryHostAddress }) => [structure, index, entryHostAddress])).toEqual([
      ['root-entry', 0, BigInt(ROOT)],
      ['context-entry', 0x20, BigInt(CONTEXT + 0x200)],
      ['sl-pml4e', 0, BigInt(PML4)],
      ['sl-pdpte', 0, BigInt(PDPT)],
      ['sl-pde', 2, BigInt(PD + 16)],
      ['sl-pte', 1, BigInt(PT + 8)],
    ]);
    expect(steps[1]?.fields).toMatchObject({ P: true, TT: 0, AW: 2, DID: 7, SLPTPTR: BigInt(PML4) });
    expect(steps.at(-1)).toMatchObject({ to: { space: 'host', address: 0x12_3010n }, fields: { R: true, W: true } });
    expect([...steps.at(-1)!.entryBytes!]).toEqual([0x03, 0x30, 0x12, 0, 0, 0, 0, 0]);
  });

  it('is the walk of the access itself, step for step', () => {
    for (const address of [IOVA, 0x9000, 2 ** 48]) {
      const explained = explain(mapped(), address);
      const steps: JourneyStep[] = [];
      const request = { kind: 'read', address, addressType: 'untranslated', requester: 0x20, length: 4 } as const;
      mapped().iommu.handle(request, { step: (step) => steps.push(step) });
      expect(steps).toEqual(explained.steps);
    }
  });

  it('changes nothing: no cache, counter, record or history', () => {
    const bench = mapped();
    const before = bench.iommu.save();
    explain(bench, IOVA);
    explain(bench, 0x9000, 'write');
    expect(bench.iommu.save()).toEqual(before);
    expect(bench.memory.reads()).toBe(0);
  });

  it('shows a cached translation as such, with the entries as they were read', () => {
    const bench = mapped();
    bench.dma(IOVA);
    bench.word(PT + 8, 0n);
    const { result, steps } = explain(bench, IOVA);
    expect(result).toEqual({ outcome: 'host', address: 0x12_3000 });
    expect(steps.every((step) => step.cached)).toBe(true);
    expect(steps.at(-1)?.fields).toMatchObject({ address: 0x12_3000n });
  });

  it('says why nothing is translated: off, pass-through, interrupt range', () => {
    const off = iommuBench();
    const steps: JourneyStep[] = [];
    off.iommu.explainIova(0x20, 0x5000, 'read', { step: (step) => steps.push(step) });
    expect(steps).toMatchObject([{ structure: 'identity', fields: { reason: 'translation-disabled' } }]);
    expect(explain(mapped(), 0xfee0_1000).steps).toMatchObject([{ fields: { reason: 'interrupt-range' } }]);
    const bench = mapped();
    bench.context(CONTEXT, DEVFN, (2n << 2n) | 1n, AW48);
    expect(explain(bench, 0x5000).steps.at(-1)).toMatchObject({ structure: 'identity', fields: { reason: 'pass-through' } });
  });
});

describe('IOMMU snapshots', () => {
  it('keeps registers, caches, records and history through save and load', () => {
    const bench = mapped();
    bench.dma(IOVA);
    bench.dma(0x9000, 'write');
    const other = iommuBench();
    other.memory.bytes.set(bench.memory.bytes);
    other.iommu.load(bench.iommu.save());
    expect(other.iommu.save()).toEqual(bench.iommu.save());
    other.word(PT + 8, 0n);
    expect(summary(other.dma(IOVA))).toBe('host 123000');
    expect(other.iommu.pendingFaults()).toEqual(bench.iommu.pendingFaults());
    bench.iommu.reset();
    expect(bench.iommu.save()).toEqual(iommuBench().iommu.save());
  });
});
