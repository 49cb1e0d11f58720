import { expect, it } from 'vitest';
import type { RegistersView } from '../../../lab/protocol';
import { controlRegisters, debugBreakpoints } from './control-bits';

const view = (change: Partial<RegistersView>): RegistersView => ({
  vm: null, general: [], rip: 0n, flags: 2, segments: [], gdtr: { base: 0n, limit: 0 }, idtr: { base: 0n, limit: 0 },
  cr0: 0n, cr2: 0n, cr3: 0n, cr4: 0n, efer: 0n, debug: [], cpl: 0, mode: 'protected', paging: false, activity: 'running', changed: [], next: null, ...change,
}); // prettier-ignore

it('names the bits that are set', () => {
  const [cr0, , , cr4] = controlRegisters(view({ cr0: 0x8001_0011n, cr4: 0x30n, changed: ['CR4'] }));
  expect(cr0!.bits.filter(({ set }) => set).map(({ name }) => name)).toEqual(['PE', 'ET', 'WP', 'PG']);
  expect(cr4!.bits.filter(({ set }) => set).map(({ name }) => name)).toEqual(['PSE', 'PAE']);
  expect([cr0!.changed, cr4!.changed]).toEqual([false, true]);
});

it('reads what DR7 says about each address register', () => {
  // DR1: global, write, 4 bytes
  const points = debugBreakpoints(view({ debug: [0n, 0x5000n, 0n, 0n, 0n, 0n, 0n, 0x00d0_0008n] }));
  expect(points[1]).toMatchObject({ address: 0x5000n, enabled: 'global', on: 'write', bytes: 4 });
  expect(points[0]).toMatchObject({ enabled: 'off', on: 'execute', bytes: 1 });
});
