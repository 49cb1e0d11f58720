import { describe, expect, it } from 'vitest';
import type { RegistersView } from '../../lab/protocol';
import { registerValue } from './register-values';

const view: RegistersView = {
  vm: null,
  general: [0x1122_3344_5566_7788n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 0xffff_0000_8000_0001n, 0n, 0n, 0n, 0n, 0n, 0n, 0n],
  rip: 0x7c31n,
  flags: 2,
  segments: [{ name: 'DS', selector: 0x10, base: 0n, limit: 0xfffff, attributes: 0 }],
  gdtr: { base: 0n, limit: 0 },
  idtr: { base: 0n, limit: 0 },
  cr0: 0x8000_0011n,
  cr2: 0n,
  cr3: 0x2000n,
  cr4: 0n,
  efer: 0n,
  debug: [],
  cpl: 0,
  mode: 'protected',
  paging: true,
  activity: 'running',
  changed: [],
  next: null,
};

describe('register values', () => {
  it('takes the part that the name means', () => {
    expect(registerValue('RAX', view)).toEqual({ value: 0x1122_3344_5566_7788n, bits: 64 });
    expect(registerValue('eax', view)?.value).toBe(0x5566_7788n);
    expect(registerValue('ax', view)?.value).toBe(0x7788n);
    expect(registerValue('ah', view)?.value).toBe(0x77n);
    expect(registerValue('al', view)?.value).toBe(0x88n);
    expect(registerValue('bx', view)?.value).toBe(3n);
    expect(registerValue('r8d', view)?.value).toBe(0x8000_0001n);
    expect(registerValue('eip', view)?.value).toBe(0x7c31n);
  });
  it('knows selectors and control registers', () => {
    expect(registerValue('ds', view)?.value).toBe(0x10n);
    expect(registerValue('cr3', view)).toEqual({ value: 0x2000n, bits: 32 });
  });
  it('does not take a label for a register', () => {
    expect(registerValue('start', view)).toBeUndefined();
    expect(registerValue('fs', view)).toBeUndefined();
  });
});
