import { describe, expect, it } from 'vitest';
import { DRAM_COUNTS, type Check } from '../../../lab/document/schema';
import en from '../../i18n/en/labs';
import { checkWords } from './check-words';

const all: Check[] = [
  { memory: { at: { space: 'host', address: 0 }, equals: 'x' } },
  { memory: { at: { space: 'guest', vm: 'a', address: 0x5000 }, equals: 'x' } },
  { memory: { at: { space: 'linear', address: 0x5000 }, equals: 'x' } },
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
