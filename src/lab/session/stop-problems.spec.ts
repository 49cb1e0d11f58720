/** A run that ends badly says where and why, in both languages. */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import type { Computer } from './computer';
import { powerOn } from './power-on';

function computer(source: string, how: 'machine' | 'vm'): Computer {
  const program = 'program: { file: a.asm, mode: protected, load: 0x10_0000 }';
  const yaml = `format: pagewalk.lab/1
title: ends
board: { processor: p6-virtualization, slots: [{ id: A1, base: 0x0, dimm: ddr3-256m }] }
${how === 'machine' ? `machine: { ${program} }` : `vmm: { translation: ept }\nvms: [{ id: guest, memory: 16 MiB, ${program} }]`}
`;
  const files = { 'a.asm': `bits 32\norg 0x10_0000\n${source}\n` };
  const { document, problems } = loadLab(yaml, files);
  const power = powerOn(document!, files);
  expect(problems).toEqual([]);
  return power.computer!;
}

describe('an end that nobody asked for', () => {
  for (const how of ['machine', 'vm'] as const) {
    it(`${how}: a triple fault names the line and what to do`, () => {
      const on = computer('nop\nud2', how);
      const end = on.run(100);
      if (end.kind !== 'stopped') throw new Error('it should have stopped');
      expect(end.stop.kind).toBe('triple-fault');
      const [problem] = on.stopProblems('triple-fault');
      expect(problem).toMatchObject({ severity: 'error', code: 'run-triple-fault', file: 'a.asm', line: 4 });
      expect(problem!.message.en).toContain('0x0010_0001 (ud2)');
      expect(problem!.message['zh-CN']).toContain('三重故障');
      expect(problem!.remedy!.en).toContain('IDT');
    });
  }

  it('a jump into the void says that nobody answers there', () => {
    const on = computer('mov eax, 0xC000_0000\njmp eax', 'machine');
    on.run(100);
    expect(on.stopProblems('triple-fault')[0]!.message.en).toMatch(/0xC000_0000.*Nobody answers/);
  });

  it('the limit names the next instruction', () => {
    const on = computer('again: jmp again', 'machine');
    expect(on.run(1000).kind).toBe('budget');
    const { kind, detail } = on.limitReached();
    expect(kind).toBe('limit');
    expect(detail!.en).toContain('0x0010_0000');
    expect(on.stopProblems('limit')[0]).toMatchObject({ severity: 'warning', file: 'a.asm', line: 3 });
  });

  it('an end that was asked for is no problem', () => {
    const on = computer('cli\nhlt', 'machine');
    expect(on.run(100)).toMatchObject({ kind: 'stopped', stop: { kind: 'halted' } });
    expect(on.stopProblems('halted')).toEqual([]);
  });
});
