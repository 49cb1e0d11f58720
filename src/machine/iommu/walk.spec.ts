/** The walk against an independent reference: random tables, random addresses, the same host address or the same reason. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOST_BITS, iommuBench, ROOT, summary } from './bench.spec-support';

const TABLE_AREA = 0x10_000;
const TABLES = 24;
const MEMORY = 4 * 1024 * 1024;

/** The reference: the specification's rules written out on 64-bit words, sharing nothing with the walker. */
function reference(memory: Uint8Array, iova: number, write: boolean): string {
  const view = new DataView(memory.buffer);
  const word = (at: number): bigint | undefined => (at + 8 <= MEMORY ? view.getBigUint64(at, true) : undefined);
  const field = (value: bigint, high: number, low: number): bigint => (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
  const pointer = (value: bigint): number => Number(field(value, 51, 12)) * 4096;
  const rootLow = word(ROOT)!;
  if (!(rootLow & 1n)) return 'fault 1';
  if (field(rootLow, 11, 1) || field(rootLow, 63, HOST_BITS) || word(ROOT + 8)) return 'fault a';
  const low = word(pointer(rootLow) + 0x200);
  const high = word(pointer(rootLow) + 0x208);
  if (low === undefined || high === undefined) return 'fault 9';
  if (!(low & 1n)) return 'fault 2';
  if (field(low, 11, 4) || field(low, 63, HOST_BITS) || field(high, 7, 7) || field(high, 63, 24)) return 'fault b';
  const type = field(low, 3, 2);
  const width = field(high, 2, 0);
  if (type === 1n || type === 3n || (type === 2n && width !== 2n) || (width !== 1n && width !== 2n)) return 'fault 3';
  const bits = width === 1n ? 39 : 48;
  if (iova >= 2 ** bits) return 'fault 4';
  if (type === 2n) return `host ${iova.toString(16)}`;
  let table = pointer(low);
  for (let shift = bits - 9; ; shift -= 9) {
    const entry = word(table + Number((BigInt(iova) >> BigInt(shift)) & 511n) * 8);
    if (entry === undefined) return 'fault 7';
    if (!(entry & (write ? 2n : 1n))) return write ? 'fault 5' : 'fault 6';
    const page = shift === 12 || ((entry & 0x80n) !== 0n && shift < 39);
    if (field(entry, 51, HOST_BITS)) return 'fault c';
    if (shift === 39 && entry & 0x80n) return 'fault c';
    if (page && (entry & (1n << 11n) || entry & (1n << 62n))) return 'fault c';
    if (page && shift > 12 && field(entry, shift - 1, 12)) return 'fault c';
    if (page) return `host ${(pointer(entry) + (iova % 2 ** shift)).toString(16)}`;
    table = pointer(entry);
  }
}

/** Mostly good entries that point at other tables, with the mistakes and odd bits that make the interesting cases. */
const entry = fc
  .record({
    target: fc.oneof({ weight: 12, arbitrary: fc.integer({ min: 0, max: TABLES - 1 }).map((n) => BigInt(TABLE_AREA + n * 4096)) }, { weight: 1, arbitrary: fc.constantFrom(0x4000_0000n, 0x20_0000n, 1n << 36n, 0xf_0000_0000n) }),
    permissions: fc.oneof({ weight: 8, arbitrary: fc.constant(3n) }, { weight: 1, arbitrary: fc.bigInt(0n, 3n) }),
    odd: fc.oneof({ weight: 10, arbitrary: fc.constant(0n) }, { weight: 1, arbitrary: fc.constantFrom(0x80n, 0x800n, 1n << 62n, 1n << 60n, 1n << 63n, 0x400n) }),
  })
  .map(({ target, permissions, odd }) => target | permissions | odd); // prettier-ignore

const rare = (usual: bigint, odd: bigint[]): fc.Arbitrary<bigint> =>
  fc.oneof({ weight: 20, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

describe('second-level walk', () => {
  it('agrees with the reference on random tables', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: TABLES * 4, maxLength: TABLES * 4 }),
        rare(0x2000n | 1n, [0n, 0x2000n | 5n, (1n << 37n) | 1n, 0x7fff_f000n | 1n]),
        rare(1n, [0n, 0x11n, 9n, 5n, 3n, (1n << 40n) | 1n]),
        rare(2n, [0n, 1n, 3n, 0x82n, (1n << 30n) | 2n]),
        fc.array(fc.tuple(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 4095 }), fc.boolean(), fc.integer({ min: 0, max: 12 })), { minLength: 8, maxLength: 8 }),
        (entries, root, contextLow, contextHigh, accesses) => {
          const bench = iommuBench(MEMORY);
          bench.root(0, root);
          bench.context(0x2000, 0x20, BigInt(TABLE_AREA) | contextLow, contextHigh | 0x500n);
          entries.forEach((word, index) => bench.word(TABLE_AREA + (index >> 2) * 4096 + (index & 3) * 8, word));
          bench.enable();
          for (const [indices, offset, write, beyond] of accesses) {
            const [a = 0, b = 0, c = 0, d = 0] = indices;
            const iova = ((a * 512 + b) * 512 + c) * 2 ** 21 + d * 4096 + offset + (beyond === 0 ? 2 ** 48 : 0);
            const expected = reference(bench.memory.bytes, iova, write);
            reached.add(expected.startsWith('host') ? 'host' : expected);
            // the explanation first: it must not warm the caches that the access then uses
            const explained = bench.iommu.explainIova(0x20, iova, write ? 'write' : 'read', { step: () => undefined });
            expect(explained.outcome === 'host' ? `host ${explained.address.toString(16)}` : `fault ${explained.reason.toString(16)}`).toBe(expected);
            expect(summary(bench.dma(iova, write ? 'write' : 'read'))).toBe(expected);
          }
        },
      ),
      { numRuns: 300, seed: 20 },
    ); // prettier-ignore
    // the generator is only worth something if it reaches the outcomes
    for (const outcome of [
      'host',
      'fault 1',
      'fault 2',
      'fault 3',
      'fault 4',
      'fault 5',
      'fault 6',
      'fault 7',
      'fault 9',
      'fault a',
      'fault b',
      'fault c',
    ])
      expect(reached).toContain(outcome);
  });
});
