/** Building programs: what the session says about them beyond the assembler's own diagnostics. */
import { describe, expect, it } from 'vitest';
import { labSchema } from '../document/schema';
import { buildAll } from './programs';

function build(program: unknown, source: string) {
  const document = labSchema.parse({
    format: 'pagewalk.lab/1',
    title: 'x',
    board: { slots: [{ id: 'A1', base: 0, dimm: 'ddr3-256m' }] },
    machine: { program },
  });
  return buildAll(document, { 'a.asm': source });
}
const codes = (program: unknown, source: string): string[] => build(program, source).problems.map(({ code, line }) => `${code} ${line}`);

describe('an org that differs from where the program is loaded', () => {
  it('is pointed out', () => {
    expect(codes('a.asm', 'org 0x100\nhlt')).toEqual(['asm-origin-differs 1']);
    expect(codes({ file: 'a.asm', mode: 'protected' }, 'hlt\norg 0x7C00')).toEqual(['asm-origin-differs 2']);
    const { problems, programs } = build({ file: 'a.asm', load: 0x2_0000 }, 'org 0x7C00\nhlt');
    expect(problems[0]).toMatchObject({ severity: 'warning', file: 'a.asm', column: 1 });
    expect(problems[0]!.message.en).toContain('0x0002_0000');
    expect(programs).toHaveLength(1);
  });

  it('is not, where they agree, where there is none, and for formats with addresses of their own', () => {
    expect(codes('a.asm', 'org 0x7C00\nhlt')).toEqual([]);
    expect(codes({ file: 'a.asm', mode: 'protected' }, 'org 0x10_0000\nhlt')).toEqual([]);
    expect(codes('a.asm', 'hlt')).toEqual([]);
    expect(codes({ file: 'a.asm', format: 'elf' }, 'org 0x10_0000\nhlt')).toEqual([]);
  });
});
