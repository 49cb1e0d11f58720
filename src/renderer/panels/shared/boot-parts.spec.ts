import { describe, expect, it } from 'vitest';
import { bootParts } from './boot-parts';

describe('a sentence of the boot report', () => {
  it('has its addresses apart, and leaves offsets and selectors in the text', () => {
    expect(bootParts('GDT (0x08) at 0x0000_0500, offset 0x34')).toEqual([
      { text: 'GDT (0x08) at ' },
      { address: 0x500n },
      { text: ', offset 0x34' },
    ]);
    expect(bootParts('0x0010_0000–0x0001_0000_0FFF')).toEqual([{ address: 0x10_0000n }, { text: '–' }, { address: 0x1_0000_0fffn }]);
  });
  it('is one text where there is none, and nothing where there is nothing', () => {
    expect(bootParts('Jump')).toEqual([{ text: 'Jump' }]);
    expect(bootParts('')).toEqual([]);
  });
});
