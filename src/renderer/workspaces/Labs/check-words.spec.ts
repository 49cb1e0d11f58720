import { describe, expect, it } from 'vitest';
import { DRAM_COUNTS, type Check } from '../../../lab/document/schema';
import en from '../../i18n/en/labs';
import { checkWords } from './check-words';

const all: Check[] = [
  { memory: { at: { space: 'host', address: 0 }, equals: 'x' } },
  { memory: { at: { space: 'guest', vm: 'a', address: 0x5000 }, equals: 'x' } },
  { memory: { at: { space: 'linear', address: 0x5000 }, equals: 'x' } },
  { memory: { at: { space: 'guest', address: 0x5000 }, equals: 'x' } },
  { memory: { at: { space: 'guest', address: 0x5000 }, sha256: '00' } },
  { memory: { at: { space: 'host', address: 0 }, sha256: '00' } },
  { memory: { at: { space: 'guest', vm: 'a', address: 0 }, sha256: '00' } },
  { memory: { at: { space: 'linear', address: 0 }, sha256: '00' } },
  { unchanged: { range: { vm: 'a', from: 0, bytes: 4096 } } },
  { unchanged: { range: { from: 0, bytes: 4096 } } },
  { unchanged: { range: { vmmPart: 'ept', vm: 'a', from: 0, bytes: 4096 } } },
  { located: { address: 0, slot: 'A1' } },
  { unanswered: { count: 1 } },
  { differs: { frames: [{ vm: 'a', gpa: 0 }, { vm: 'b', gpa: 0 }] } }, // prettier-ignore
  { contiguous: { range: { from: 0, bytes: 2 ** 30 }, in: 'host', expect: true } },
  { contiguous: { range: { vm: 'a', from: 0, bytes: 8192 }, in: 'guest', expect: true } },
  { contiguous: { range: { from: 0, bytes: 8192 }, in: 'host', expect: false } },
  { contiguous: { range: { vm: 'a', from: 0, bytes: 8192 }, in: 'guest', expect: false } },
  { contiguous: { range: { vm: 'a', from: 0, bytes: 8192 }, in: 'host', expect: false } },
  { contiguous: { range: { vm: 'a', from: 0, bytes: 8192 }, in: 'slot', expect: false } },
  { contiguous: { range: { from: 0, bytes: 8192 }, in: 'slot', expect: true } },
  { contiguous: { range: { vm: 'a', from: 0, bytes: 8192 }, in: 'slot', expect: true } },
  { contiguous: { range: { vm: 'a', from: 0, bytes: 8192 }, in: 'slot', expect: false } },
  { serial: { vm: 'a', contains: 'hello\n' } },
  { serial: { contains: 'hello' } },
  { exits: { vm: 'a', reason: 'hlt' } },
  { exception: { vector: 14 } },
  { exception: { vector: 14, errorCode: 2 } },
  { exception: { vector: 14, cr2: 0x1000 } },
  { exception: { vector: 14, errorCode: 2, cr2: 0x1000 } },
  { serial: { equals: '' } },
  { serial: { vm: 'a', equals: '' } },
  { tlb: { count: 'misses', min: 10 } },
  { tlb: { count: 'tableReads', max: 10 } },
  { faults: { requester: '00:04.0', count: 2 } },
  ...DRAM_COUNTS.map((count): Check => ({ dram: { count, slot: 'A1', min: 1 } })),
  { dram: { count: 'hits', slot: 'A1', bank: 2, max: 3 } },
  { instructions: { min: 1, max: 2 } },
  { instructions: { vm: 'a', max: 2 } },
  { stop: 'halted' },
];

describe('checks in words', () => {
  it('says what memory is to hold: text as text, bytes as bytes', () => {
    const what = (equals: string | number[]): unknown =>
      checkWords({ memory: { at: { space: 'host', address: 0 }, equals } }).named['what'];
    expect(what('text:one two ')).toBe('“one two ”');
    expect(what('Hi!')).toBe('“Hi!”');
    expect(what('e8 03')).toBe('E8 03');
    expect(what([0x57, 0])).toBe('57 00');
    expect(what(new Array<number>(20).fill(1))).toBe(`${'01 '.repeat(16)}…`);
    expect(checkWords({ memory: { at: { space: 'host', address: 0 }, sha256: '00' } }).key).toBe('labs.check.memoryHashHost');
  });
  it('has a sentence for every kind, and fills every gap in it', () => {
    for (const check of all) {
      const { key, named } = checkWords(check);
      const path = key.replace('labs.check.', '').split('.');
      const sentence = path.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], en.check) as string;
      expect(sentence, key).toBeTypeOf('string');
      for (const gap of sentence?.matchAll(/\{(\w+)\}/g) ?? []) expect(named, key).toHaveProperty(gap[1] ?? '');
    }
  });
});
