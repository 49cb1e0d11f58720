import { describe, expect, it } from 'vitest';
import { runJob } from '../../assembly/assemble-job';
import { findSymbol, hoverText, operandText, type HoverSources } from './hover';

const program = runJob(
  { 'a.asm': 'SIZE equ 64\norg 0x7c00\nfirst:\n.wait:\n jmp .wait\nsecond:\n nop\n.wait:\n jmp .wait\n' },
  { main: 'a.asm', defines: {}, atPowerOn: [] },
);
const sources: HoverSources = {
  registers: () => null,
  programs: () => [program],
  explain: () => Promise.reject(new Error('not powered on')),
  colour: () => '#000000',
  t: (key: string) => key,
};

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
  it('shows the chain of an operand, and nothing when the session cannot say', async () => {
    const operand = { text: '[ebx]', startColumn: 1, endColumn: 6, segment: 'DS', offset: 16n, size: null } as const;
    expect(await operandText(operand, sources)).toBeNull();
    const explained = await operandText(operand, {
      ...sources,
      explain: ({ offset }) =>
        Promise.resolve({
          access: { space: 'logical', address: offset, size: 4, kind: 'read', at: 0 },
          steps: [],
          end: { kind: 'nobody', hostAddress: 16n },
        }),
    });
    expect(explained?.[1]).toContain('0x0000_0010');
    expect(explained?.[2]).toBe('programs.hoverNobody');
  });
});
