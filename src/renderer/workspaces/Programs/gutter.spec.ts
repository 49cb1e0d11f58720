import { describe, expect, it } from 'vitest';
import { runJob } from '../../assembly/assemble-job';
import { gutterLines } from './gutter';

const source = `org 0x7c00
bits 16
start:
    mov ax, 0x1234
    hlt
    db 1, 2, 3, 4, 5, 6, 7
    resb 4
`;
const result = runJob({ 'a.asm': source }, { main: 'a.asm', defines: {}, atPowerOn: [] });

describe('addresses and bytes beside the lines', () => {
  const lines = gutterLines([result], 'a.asm');
  it('come from the assembled program', () => {
    expect(result.ok).toBe(true);
    expect(lines.get(4)).toEqual({ address: 0x7c00, bytes: 'B8 34 12' });
    expect(lines.get(5)).toEqual({ address: 0x7c03, bytes: 'F4' });
  });
  it('are cut where a line became many bytes', () => {
    expect(lines.get(6)?.bytes).toBe('01 02 03 04 …');
  });
  it('leave lines alone that became nothing, and other files', () => {
    expect(lines.has(3)).toBe(false);
    expect(gutterLines([result], 'b.asm').size).toBe(0);
    expect(gutterLines([], 'a.asm').size).toBe(0);
  });
});

describe('one job', () => {
  it('reports symbols with their place, and diagnostics with theirs', () => {
    expect(result.symbols).toContainEqual({ name: 'start', value: 0x7c00, kind: 'label', file: 'a.asm', line: 3 });
    const broken = runJob({ 'a.asm': 'bits 32\n mov [ebx], 8\n' }, { main: 'a.asm', defines: {}, atPowerOn: [] });
    expect(broken.ok).toBe(false);
    expect(broken.diagnostics[0]?.line).toBe(2);
  });
  it('knows the symbols that the lab defines', () => {
    expect(runJob({ 'a.asm': 'bits 32\n mov eax, TARGET\n' }, { main: 'a.asm', defines: { TARGET: 0x1234_5678 }, atPowerOn: [] }).ok).toBe(
      true,
    );
  });
  it('leaves bytes open that are known only at power-on', () => {
    const made = runJob({ 'a.asm': 'bits 32\n mov ebx, TARGET + 8\n nop\n' }, { main: 'a.asm', defines: {}, atPowerOn: ['TARGET'] });
    const lines = gutterLines([made], 'a.asm');
    expect(lines.get(2)?.bytes).toBe('BB ·· ·· ·· ··');
    expect(lines.get(3)?.bytes).toBe('90');
  });
  it('keeps the labels of macros to itself', () => {
    const made = runJob(
      { 'a.asm': '%macro spin 0\n%%again: jmp %%again\n%endmacro\nstart: spin\n spin\n' },
      { main: 'a.asm', defines: {}, atPowerOn: [] },
    );
    expect(made.symbols.map((symbol) => symbol.name)).toEqual(['start']);
  });
});
