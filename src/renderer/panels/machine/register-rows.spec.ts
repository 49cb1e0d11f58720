import { describe, expect, it } from 'vitest';
import type { RegistersView } from '../../../lab/protocol';
import { flagRow, generalRows, pointerRow, sameRegisters } from './register-rows';

const view = (change: Partial<RegistersView>): RegistersView => ({
  vm: null, general: Array.from({ length: 16 }, (_, i) => BigInt(i)), rip: 0x7c31n, flags: 0x46, segments: [], gdtr: { base: 0n, limit: 0 }, idtr: { base: 0n, limit: 0 },
  cr0: 0n, cr2: 0n, cr3: 0n, cr4: 0n, efer: 0n, debug: [], cpl: 0, mode: 'protected', paging: false, activity: 'running', changed: [], next: null, ...change,
}); // prettier-ignore

describe('registers', () => {
  it('have their 32-bit names and widths outside long mode', () => {
    const rows = generalRows(view({}), null);
    expect(rows.map((row) => row.name)).toEqual(['EAX', 'EBX', 'ECX', 'EDX', 'ESI', 'EDI', 'EBP', 'ESP']);
    expect(rows.map((row) => row.value)).toEqual([
      '0000_0000',
      '0000_0003',
      '0000_0001',
      '0000_0002',
      '0000_0006',
      '0000_0007',
      '0000_0005',
      '0000_0004',
    ]);
    expect(generalRows(view({ mode: 'long' }), null)[0]).toMatchObject({ name: 'RAX', value: '0000_0000_0000_0000' });
  });

  it('tell the same moment, sent again, from the next', () => {
    expect(sameRegisters(view({}), view({ changed: ['RIP'] }))).toBe(true);
    for (const change of [{ rip: 1n }, { flags: 2 }, { vm: 'a' }, { general: Array.from({ length: 16 }, () => 7n) }])
      expect(sameRegisters(view({}), view(change))).toBe(false);
  });

  it('show what changed and what it was', () => {
    expect(pointerRow(view({ changed: ['RIP'], rip: 0x7c32n }), view({}))).toEqual({
      name: 'EIP',
      value: '0000_7C32',
      changed: true,
      before: '0000_7C31',
    });
    expect(pointerRow(view({ changed: ['RIP'], vm: 'a' }), view({ vm: 'b' })).before).toBeNull();
  });

  it('read the flags at their bits', () => {
    expect(flagRow(view({ flags: 0x46, changed: ['ZF'] })).filter((flag) => flag.set)).toEqual([
      { name: 'PF', set: true, changed: false },
      { name: 'ZF', set: true, changed: true },
    ]);
  });
});
