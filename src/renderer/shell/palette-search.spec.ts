import { describe, expect, it } from 'vitest';
import { parseTarget, rank } from './palette-search';

describe('go to', () => {
  it('knows an address when it sees one', () => {
    expect(parseTarget('0x10_0000')).toBe(0x10_0000n);
    expect(parseTarget(' 7C00h ')).toBe(0x7c00n);
    expect(parseTarget('1048576')).toBe(1048576n);
    expect(parseTarget('0xFFFF_FFFF_FFFF_FFFF')).toBe(0xffff_ffff_ffff_ffffn);
    expect(parseTarget('0x1_FFFF_FFFF_FFFF_FFFF')).toBeNull();
    expect(parseTarget('42')).toBeNull();
    expect(parseTarget('dma')).toBeNull();
    expect(parseTarget('0x')).toBeNull();
  });
  it('finds all words and puts beginnings first', () => {
    const names = ['Power off', 'Reset layout', 'Run', 'Judge the checks'];
    expect(rank(names, 'r', String)[0]).toBe('Reset layout');
    expect(rank(names, 'the checks', String)).toEqual(['Judge the checks']);
    expect(rank(names, 'nothing', String)).toEqual([]);
    expect(rank(names, '', String)).toEqual(names);
  });
});
