import { describe, expect, it } from 'vitest';
import { runJob } from '../../assembly/assemble-job';
import { findSymbol, hoverText } from './hover';

const program = runJob(
  { 'a.asm': 'SIZE equ 64\norg 0x7c00\nfirst:\n.wait:\n jmp .wait\nsecond:\n nop\n.wait:\n jmp .wait\n' },
  { main: 'a.asm', defines: {} },
);
const sources = { registers: () => null, programs: () => [program], t: (key: string) => key };

describe('hovering a word', () => {
  it('finds a label and a constant', () => {
    expect(hoverText('first', 5, sources)?.[0]).toBe('**first** `0x0000_7C00`');
    expect(hoverText('SIZE', 1, sources)?.[0]).toContain('0x0000_0040');
    expect(hoverText('nothing', 1, sources)).toBeNull();
  });
  it('takes the local label of the routine at hand', () => {
    expect(findSymbol([program], '.wait', 5)?.name).toBe('first.wait');
    expect(findSymbol([program], '.wait', 9)?.name).toBe('second.wait');
  });
});
