/** Each kind of check passes where it should and fails where it should; a kind without both cases here is not tested. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Check } from '../document/schema';
import { expectedBytes } from '../document/expected-bytes';
import { shownBytes } from './bytes';
import type { CheckContext } from './context';
import { evaluateChecks } from './evaluate';
import { Sha256, sha256 } from './sha256';

/** Host memory where every byte is the low byte of its address, except one page at 0x9000 that was overwritten. */
const context: CheckContext = {
  stop: 'halted',
  readHost: (host, bytes) => Uint8Array.from({ length: bytes }, (_, i) => (host >= 0x9000 && host < 0xa000 ? 0x66 : (host + i) & 0xff)),
  pieces(space, vm, from, bytes) {
    if (space === 'host') return [{ host: from, bytes }];
    if (vm === 'gone') return [{ host: null, bytes }];
    if (vm === 'split') return [{ host: from + 0x8000, bytes: 4096 }, { host: from + 0x2_0000, bytes: bytes - 4096 }];
    return [{ host: from + (vm === 'twin' ? 0x1_0000 : 0x2_0000), bytes }];
  },
  guestMemory: (vm) => (vm === 'gone' ? null : 0x10_0000),
  part: (name) => (name === 'ept' ? { base: 0x9000, bytes: 4096 } : name === 'secret' ? { base: 0x4000, bytes: 4096 } : null),
  before: (range) => (range.vm === 'gone' ? null : Uint8Array.from({ length: Math.min(range.bytes, 4096) }, (_, i) => i & 0xff)),
  locate: (host) => (host < 0x4000_0000 ? { channel: 0, subchannel: 0, slot: host < 0x1_0000 ? 'A1' : 'A2', rank: 0, bankGroup: 0, bank: 3, row: 7, column: 9, byte: 0 } : null),
  unanswered: (address) => (address === null ? 4 : address === 0x4000_0000 ? 2 : 0),
  serial: (vm) => (vm === 'one' ? 'hello from one\n' : ''),
  exits: (vm): Record<string, number> => (vm === 'one' ? { hlt: 1, 'io-instruction': 15 } : {}),
  dram: (count, slot, bank) => (slot === 'gone' ? null : count === 'conflicts' ? 100 : bank === 1 ? 7 : 0),
  instructions: (vm) => (vm === null ? 5000 : vm === 'one' ? 300 : null),
  exceptions: [{ vm: 'one', vector: 14, errorCode: 2, cr2: 0x40_0000 }, { vm: null, vector: 6, errorCode: null, cr2: null }],
  tlb: { accesses: 1000, misses: 40, evictions: 8, tableReads: 80 },
  faults: [
    { requester: '00:04.0', address: 0x5000_0000, access: 'write', reason: 5, text: { en: '', 'zh-CN': '' }, at: 1 },
    { requester: '00:04.0', address: 0x6000_0000, access: 'write', reason: 6, text: { en: '', 'zh-CN': '' }, at: 2 },
  ],
}; // prettier-ignore

const host = (address: number) => ({ space: 'host', address }) as const;
const CASES: [string, Check, Check][] = [
  ['memory, hex', { memory: { at: host(0x12), equals: '12 13 14' } }, { memory: { at: host(0x12), equals: '12 13 15' } }],
  ['memory, list', { memory: { at: host(0x12), equals: [0x12, 0x13] } }, { memory: { at: host(0x12), equals: [0] } }],
  ['memory, text', { memory: { at: host(0x41), equals: 'text:ABC' } }, { memory: { at: host(0x41), equals: 'text:ABD' } }],
  [
    'memory of a VM',
    { memory: { at: { space: 'guest', vm: 'one', address: 1 }, equals: '01' } },
    { memory: { at: { space: 'guest', vm: 'gone', address: 1 }, equals: '01' } },
  ],
  [
    'memory, hash',
    { memory: { at: host(0x9000), sha256: sha256(new Uint8Array(4096).fill(0x66)) } },
    { memory: { at: host(0x9000), sha256: sha256(new Uint8Array(4096)) } },
  ],
  [
    'memory, hash of so many bytes',
    { memory: { at: host(0x9000), sha256: sha256(new Uint8Array(16).fill(0x66)), bytes: 16 } },
    { memory: { at: host(0x9000), sha256: sha256(new Uint8Array(16).fill(0x66)), bytes: 17 } },
  ],
  ['unchanged', { unchanged: { range: { from: 0, bytes: 4096 } } }, { unchanged: { range: { from: 0x9000, bytes: 16 } } }],
  [
    'unchanged part',
    { unchanged: { range: { vmmPart: 'secret', from: 0, bytes: 4096 } } },
    { unchanged: { range: { vmmPart: 'ept', from: 0, bytes: 4096 } } },
  ],
  [
    'unchanged, no such part',
    { unchanged: { range: { vmmPart: 'secret', from: 0, bytes: 16 } } },
    { unchanged: { range: { vmmPart: 'nothing', from: 0, bytes: 16 } } },
  ],
  [
    'unchanged, unmapped',
    { unchanged: { range: { vm: 'one', from: 0, bytes: 16 } } },
    { unchanged: { range: { vm: 'gone', from: 0, bytes: 16 } } },
  ],
  ['located, slot', { located: { address: 0x10, slot: 'A1' } }, { located: { address: 0x10, slot: 'A2' } }],
  [
    'located, cell',
    { located: { address: 0x10, slot: 'A1', row: 7, column: 9, bank: 3, rank: 0 } },
    { located: { address: 0x10, slot: 'A1', row: 8 } },
  ],
  ['located, nobody', { located: { address: 0x10, slot: 'A1' } }, { located: { address: 0x4000_0000, slot: 'A1' } }],
  ['tlb', { tlb: { count: 'misses', min: 40 } }, { tlb: { count: 'misses', min: 41 } }],
  ['tlb, at most', { tlb: { count: 'tableReads', max: 80 } }, { tlb: { count: 'tableReads', max: 79 } }],
  ['tlb, at all', { tlb: { count: 'evictions' } }, { tlb: { count: 'evictions', max: 0 } }],
  ['unanswered', { unanswered: { count: 4 } }, { unanswered: { count: 3 } }],
  ['unanswered at', { unanswered: { count: 2, address: 0x4000_0000 } }, { unanswered: { count: 2, address: 0x5000_0000 } }],
  [
    'differs',
    {
      differs: {
        frames: [
          { vm: 'one', gpa: 0x5000 },
          { vm: 'twin', gpa: 0x5000 },
        ],
      },
    },
    {
      differs: {
        frames: [
          { vm: 'one', gpa: 0x5000 },
          { vm: 'two', gpa: 0x5008 },
        ],
      },
    },
  ],
  [
    'differs, unmapped',
    {
      differs: {
        frames: [
          { vm: 'one', gpa: 0 },
          { vm: 'twin', gpa: 0 },
        ],
      },
    },
    {
      differs: {
        frames: [
          { vm: 'one', gpa: 0 },
          { vm: 'gone', gpa: 0 },
        ],
      },
    },
  ],
  ['dram, at least', { dram: { count: 'conflicts', min: 100 } }, { dram: { count: 'conflicts', min: 101 } }],
  ['dram, at most', { dram: { count: 'flips', slot: 'A1', max: 0 } }, { dram: { count: 'conflicts', slot: 'A1', max: 99 } }],
  ['dram of a bank', { dram: { count: 'hits', slot: 'A1', bank: 1, min: 7, max: 7 } }, { dram: { count: 'hits', slot: 'A1', bank: 2 } }],
  ['dram, nothing counted', { dram: { count: 'flips', max: 0 } }, { dram: { count: 'flips', slot: 'gone', max: 0 } }],
  ['instructions', { instructions: { min: 5000, max: 5000 } }, { instructions: { max: 4999 } }],
  ['instructions of a VM', { instructions: { vm: 'one', max: 300 } }, { instructions: { vm: 'two', max: 300 } }],
  [
    'contiguous',
    { contiguous: { range: { vm: 'one', from: 0, bytes: 8192 }, in: 'host', expect: true } },
    { contiguous: { range: { vm: 'split', from: 0, bytes: 8192 }, in: 'host', expect: true } },
  ],
  [
    'not contiguous',
    { contiguous: { range: { vm: 'split', from: 0, bytes: 8192 }, in: 'host', expect: false } },
    { contiguous: { range: { vm: 'one', from: 0, bytes: 8192 }, in: 'host', expect: false } },
  ],
  [
    'contiguous in the guest',
    { contiguous: { range: { vm: 'split', from: 0, bytes: 8192 }, in: 'guest', expect: true } },
    { contiguous: { range: { vm: 'gone', from: 0, bytes: 8192 }, in: 'guest', expect: true } },
  ],
  [
    'in one slot',
    { contiguous: { range: { vm: 'one', from: 0, bytes: 8192 }, in: 'slot', expect: true } },
    { contiguous: { range: { vm: 'split', from: 0, bytes: 8192 }, in: 'slot', expect: true } },
  ],
  [
    'in more than one slot',
    { contiguous: { range: { vm: 'split', from: 0, bytes: 8192 }, in: 'slot', expect: false } },
    { contiguous: { range: { vm: 'one', from: 0, bytes: 8192 }, in: 'slot', expect: false } },
  ],
  ['serial contains', { serial: { vm: 'one', contains: 'from one' } }, { serial: { vm: 'two', contains: 'from one' } }],
  ['serial equals', { serial: { vm: 'one', equals: 'hello from one\n' } }, { serial: { vm: 'one', equals: 'hello' } }],
  [
    'exits at least',
    { exits: { vm: 'one', reason: 'io-instruction', min: 10 } },
    { exits: { vm: 'one', reason: 'io-instruction', min: 16 } },
  ],
  ['exits at most', { exits: { vm: 'one', reason: 'hlt', max: 1 } }, { exits: { vm: 'one', reason: 'io-instruction', max: 14 } }],
  ['exits at all', { exits: { vm: 'one', reason: 'hlt' } }, { exits: { vm: 'two', reason: 'hlt' } }],
  ['exception', { exception: { vector: 14 } }, { exception: { vector: 13 } }],
  [
    'exception with its details',
    { exception: { vm: 'one', vector: 14, errorCode: 2, cr2: 0x40_0000 } },
    { exception: { vm: 'one', vector: 14, errorCode: 0, cr2: 0x40_0000 } },
  ],
  ['exception of a VM', { exception: { vm: 'one', vector: 14 } }, { exception: { vm: 'one', vector: 6 } }],
  ['faults', { faults: { requester: '00:04.0', count: 2 } }, { faults: { requester: '00:05.0', count: 2 } }],
  [
    'faults by reason',
    { faults: { requester: '00:04.0', reason: 5, count: 1 } },
    { faults: { requester: '00:04.0', reason: 5, count: 2 } },
  ],
  ['stop', { stop: 'halted' }, { stop: 'limit' }],
];

describe('checks', () => {
  it.each(CASES)('%s: passes and fails', (_name, good, bad) => {
    const [passing, failing] = evaluateChecks([good, bad], context);
    expect(passing!.detail.en + passing!.detail['zh-CN']).not.toContain('undefined');
    expect([passing!.passed, failing!.passed]).toEqual([true, false]);
  });
});

it('shows bytes with their text where they are one', () => {
  expect(shownBytes(Uint8Array.from([0x68, 0x69]))).toBe('68 69 ("hi")');
  expect(shownBytes(Uint8Array.from([0x68, 0]))).toBe('68 00');
  expect(shownBytes(new Uint8Array(20).fill(0x41))).toBe('41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 … (+4) ("AAAAAAAAAAAAAAAA")');
});

describe('expectedBytes', () => {
  it('reads pairs of hex digits, lists and text', () => {
    expect([...expectedBytes('DEAD beef')]).toEqual([0xde, 0xad, 0xbe, 0xef]);
    expect([...expectedBytes('0x12_34')]).toEqual([0x12, 0x34]);
    expect([...expectedBytes('Hi')]).toEqual([0x48, 0x69]);
    expect([...expectedBytes('text:face')]).toEqual([...new TextEncoder().encode('face')]);
  });
});

describe('sha256', () => {
  it('agrees with OpenSSL on any bytes, in one piece or many', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
        const wanted = createHash('sha256').update(bytes).digest('hex');
        expect(sha256(bytes)).toBe(wanted);
        expect(new Sha256().update(bytes.subarray(0, cut)).update(bytes.subarray(cut)).digest()).toBe(wanted);
      }),
    );
  });
});
