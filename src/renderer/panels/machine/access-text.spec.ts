import { describe, expect, it } from 'vitest';
import { parseAccess } from './access-text';

describe('access field', () => {
  it('reads hexadecimal with or without prefix and groups', () => {
    for (const text of ['0x0000_5010', '5010', '0x5010', ' 5010 '])
      expect(parseAccess(text, 'linear')).toEqual({ ok: true, segment: null, address: 0x5010n });
  });

  it('takes a segment, in any case', () => {
    expect(parseAccess('ds:0x5010', 'linear')).toEqual({ ok: true, segment: 'DS', address: 0x5010n });
  });

  it('says what is wrong', () => {
    expect(parseAccess('', 'host')).toEqual({ ok: false, reason: 'empty' });
    expect(parseAccess('0xZZ', 'host')).toEqual({ ok: false, reason: 'not-hex' });
    expect(parseAccess('XS:0x10', 'host')).toEqual({ ok: false, reason: 'segment' });
    expect(parseAccess('DS:0x1_0000_0000', 'linear')).toEqual({ ok: false, reason: 'too-wide' });
    expect(parseAccess('0x10_0000_0000_0000', 'host')).toEqual({ ok: false, reason: 'too-wide' });
  });
});
