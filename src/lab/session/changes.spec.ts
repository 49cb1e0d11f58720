/** What a step changed, and what an edit may change while the power is on. */
import { describe, expect, it } from 'vitest';
import { loadLab } from '../document/load';
import type { RegistersView } from '../protocol';
import { changedRegisters } from './changed-registers';
import { mayChangeWhileRunning } from './live-changes';

const registers = (over: Partial<RegistersView> = {}): Omit<RegistersView, 'changed'> => ({
  vm: null, general: Array<bigint>(16).fill(0n), rip: 0x7c00n, flags: 2, segments: [{ name: 'DS', selector: 0, base: 0n, limit: 0xffff, attributes: 0x93 }],
  gdtr: { base: 0n, limit: 0 }, idtr: { base: 0n, limit: 0x3ff }, cr0: 0x10n, cr2: 0n, cr3: 0n, cr4: 0n, efer: 0n, debug: [], cpl: 0, mode: 'real', paging: false,
  activity: 'running', next: null, ...over,
}); // prettier-ignore

describe('changedRegisters', () => {
  it('names registers, flags, segments and control registers', () => {
    const general = Array<bigint>(16).fill(0n);
    general[3] = 5n;
    const after = registers({
      general, rip: 0x7c02n, flags: 2 | 0x41 | 0x3000, cr0: 0x11n, gdtr: { base: 0x800n, limit: 23 },
      segments: [{ name: 'DS', selector: 0x10, base: 0n, limit: 0xffff, attributes: 0x93 }],
    }); // prettier-ignore
    expect(changedRegisters(registers(), after)).toEqual(['RBX', 'RIP', 'CF', 'ZF', 'IOPL', 'DS', 'CR0', 'GDTR']);
    expect(changedRegisters(after, after)).toEqual([]);
    expect(changedRegisters(registers(), { ...after, vm: 'other' })).toEqual([]);
  });
});

describe('mayChangeWhileRunning', () => {
  const yaml = 'format: pagewalk.lab/1\ntitle: t\nboard: { slots: [{ id: A1, base: 0, dimm: ddr3-256m }] }\nmachine: { program: a.asm }\n';
  const lab = (text: string) => loadLab(text, { 'a.asm': '' }).document!;
  const check = (text: string, files: Record<string, string | Uint8Array> = { 'a.asm': 'hlt' }) =>
    mayChangeWhileRunning(lab(yaml), { 'a.asm': 'hlt' }, lab(text), files);

  it('words, limits, checks and how the board is drawn may', () => {
    expect(check(yaml.replace('board: {', "board: { canvas: { places: { 'slot:A1': [8, 16] } },"))).toBe(true);
    expect(check(yaml.replace('title: t', 'title: other'))).toBe(true);
    expect(check(yaml + 'limits: { instructions: 5 }\nchecks: [{ stop: halted }]\n')).toBe(true);
  });

  it('the board and programs may not', () => {
    expect(check(yaml.replace('256m', '512m'))).toBe(false);
    expect(check(yaml, { 'a.asm': 'nop' })).toBe(false);
    expect(check(yaml, { 'a.asm': 'hlt', 'b.asm': '' })).toBe(false);
  });
});
