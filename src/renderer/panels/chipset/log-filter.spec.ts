import { describe, expect, it } from 'vitest';
import { parseWhere, queryOf } from './log-filter';

describe('the filter of the transaction log', () => {
  it('reads an address or a range as people type it', () => {
    expect(parseWhere('')).toEqual({});
    expect(parseWhere(' 0x3f8 ')).toEqual({ from: 0x3f8, to: 0x3f8 });
    expect(parseWhere('0xB_8000-0xB_FFFF')).toEqual({ from: 0xb_8000, to: 0xb_ffff });
    expect(parseWhere('fed9_0000 – fed9_0fff')).toEqual({ from: 0xfed9_0000, to: 0xfed9_0fff });
    for (const bad of ['here', '0x', '1-2-3', '5-', '-5']) expect(parseWhere(bad)).toBeNull();
  });

  it('asks for kinds, actors and what nobody answered', () => {
    expect(queryOf({ group: 'all', who: null, where: '' }, 10)).toEqual({ most: 10 });
    expect(queryOf({ group: 'ports', who: 'vm-a', where: '0x60' }, 10, 99)).toEqual({
      most: 10, before: 99, who: 'vm-a', kinds: ['port-read', 'port-write'], from: 0x60, to: 0x60,
    }); // prettier-ignore
    expect(queryOf({ group: 'nobody', who: null, where: '' }, 10)).toEqual({ most: 10, failed: true });
    expect(queryOf({ group: 'all', who: null, where: 'x' }, 10)).toBeNull();
  });
});
