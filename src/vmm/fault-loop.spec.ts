/** A guest whose fault handler faults for ever completes no instruction, so no budget would end it. */
import { describe, expect, it } from 'vitest';
import { setUpLab } from './vmm.spec-support';

const faultsForEver = `
  xor ax, ax
  mov ds, ax
  mov word [6 * 4], bad
  mov word [6 * 4 + 2], ax
  mov ax, 0x2000
  mov ss, ax
bad:
  ud2`;

describe('a guest in a fault loop', () => {
  it('is given up with the reason, and the other VM goes on', () => {
    const lab = setUpLab({
      vms: [
        { id: 'a', mode: 'real', source: faultsForEver },
        { id: 'b', source: 'again: inc ebx\njmp again' },
      ],
    });
    expect(lab.vmm.run(20_000)).toMatchObject({ reason: 'budget', executed: 20_000 });
    expect(lab.vm('a').state).toBe('crashed');
    expect(lab.vm('a').detail?.en).toMatch(/without completing an instruction/);
    expect(lab.vm('a').instructions).toBe(6);
    expect(lab.vm('b').instructions).toBe(20_000 - 6);
  });
});
